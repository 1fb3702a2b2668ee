"""What the last run of each policy found, and what was deleted."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from prometheus_client import Counter, Gauge

CANDIDATES = Gauge(
    "violet_cleanup_candidates", "Objects that the last run of a policy would delete.", ["namespace", "policy"]
)
KEPT = Gauge(
    "violet_cleanup_kept", "Objects that the last run of a policy kept, by reason.", ["namespace", "policy", "reason"]
)

DELETED = Counter(
    "violet_cleanup_deleted_total", "Objects that the runs of a policy have deleted.", ["namespace", "policy"]
)

IMAGE_BYTES = Gauge(
    "violet_cleanup_image_bytes",
    "Bytes that the registry's garbage collection would free after the last run of a policy (an estimate).",
    ["namespace", "policy"],
)

MANIFESTS = Counter(
    "violet_cleanup_manifests_deleted_total",
    "Manifests that the runs of a policy have deleted in registries.",
    ["namespace", "policy"],
)


def report(where: tuple[str, str], candidates: int, kept: Mapping[str, int], image_bytes: int) -> None:
    """The numbers of a run of the policy `where` (namespace and name) replace those of the run before."""
    CANDIDATES.labels(*where).set(candidates)
    IMAGE_BYTES.labels(*where).set(image_bytes)
    for labels in [labels for labels in _told if labels[:2] == where and labels[2] not in kept]:
        KEPT.remove(*labels)
        _told.discard(labels)
    for reason, count in kept.items():
        KEPT.labels(*where, reason).set(count)
        _told.add((*where, reason))


def forget(namespace: str, policy: str) -> None:
    """A policy is gone, and what its last run found with it."""
    where = (namespace, policy)
    with suppress(KeyError):
        CANDIDATES.remove(*where)
    for metric in (DELETED, MANIFESTS, IMAGE_BYTES):
        with suppress(KeyError):
            metric.remove(*where)
    for labels in [labels for labels in _told if labels[:2] == where]:
        KEPT.remove(*labels)
        _told.discard(labels)


_told: set[tuple[str, str, str]] = set()
"""Series of KEPT that exist."""
