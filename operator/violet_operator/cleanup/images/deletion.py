"""Deleting a plan's manifests, and putting them back while the registry still has their blobs. Blocking: for threads.

Each step can be done twice: a manifest that is gone is deleted, one that is there is back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Literal

from violet_operator.cleanup.images.model import Deletion, ImagePlan
from violet_operator.clients.registry import Registry
from violet_operator.errors import OperatorError, Transient
from violet_operator.support.digests import Digest


@dataclass(frozen=True, slots=True)
class ImageStep:
    """What became of a manifest.

    Attributes:
        deletion: which.
        outcome: Deleted; Skipped: it stays, as something needs it now; Failed; Restored.
        message: why, for people.
        again: whether another try may help.
    """

    deletion: Deletion
    outcome: Literal["Deleted", "Skipped", "Failed", "Restored"]
    message: str
    again: bool = False


def delete(
    planned: Sequence[Deletion], now: ImagePlan, registry: Registry, deleted: Callable[[], None]
) -> list[ImageStep]:
    """Delete what was planned and may still go; a registry that refuses once is not asked again.

    Args:
        planned: all of the plan.
        now: the judgement of it as things are now.
        registry: where.
        deleted: is called for each deletion.
    """
    if now.unknown is not None:
        said = f"Nothing of images is deleted: {now.unknown}"
        return [ImageStep(each, "Failed", said, again=True) for each in planned]
    goes = [(each.repository, each.manifest.digest) for each in now.deletions]
    stays = {(each.image.repository, each.digest): each.message for each in now.verdicts if each.action == "Keep"}
    steps: list[ImageStep] = []
    refused: OperatorError | None = None
    for each in sorted(planned, key=lambda each: _place(goes, each)):
        key = (each.repository, each.manifest.digest)
        if key in goes and refused is None:
            try:
                registry.delete_manifest(each.repository, each.manifest.digest)
            except OperatorError as error:
                refused = error
            else:
                deleted()
        if key in stays:
            steps.append(ImageStep(each, "Skipped", stays[key]))
        elif key in goes and refused is not None:
            steps.append(ImageStep(each, "Failed", refused.message, again=isinstance(refused, Transient)))
        else:
            steps.append(ImageStep(each, "Deleted", "It is gone."))
    return steps


def restore(saved: Iterable[Deletion], registry: Registry) -> list[ImageStep]:
    """Put manifests and tags back, children before their index; what has another content now is left.

    Raises:
        Transient: the registry fails; what was put back stays.
    """
    known = {(each.repository, each.manifest.digest): each for each in saved}
    order = TopologicalSorter[tuple[str, Digest]]()
    for (repository, digest), each in known.items():
        children = ((repository, child) for child in each.manifest.children)
        order.add((repository, digest), *(key for key in children if key in known))
    return [_put_back(known[key], registry) for key in order.static_order()]


def _put_back(it: Deletion, registry: Registry) -> ImageStep:
    where, manifest = it.repository, it.manifest
    try:
        if registry.manifest_digest(where, manifest.digest) is None:
            lost = [digest for digest in manifest.blobs if not registry.has_blob(where, digest)]
            if lost:
                return ImageStep(it, "Failed", f"The registry has collected {len(lost)} of its blobs: {_AGAIN}")
            registry.put_manifest(where, manifest.digest, manifest.raw, manifest.media_type)
        taken = [tag for tag in it.tags if not _put_tag(it, tag, registry)]
    except Transient:
        raise
    except OperatorError as error:
        return ImageStep(it, "Failed", f"{error.message} If its blobs are gone, {_AGAIN}")
    left = f" Left as they are, with another image: {', '.join(taken)}." if taken else ""
    return ImageStep(it, "Restored", f"It is there.{left}")


def _put_tag(it: Deletion, tag: str, registry: Registry) -> bool:
    """Whether a tag points at the manifest now."""
    found = registry.manifest_digest(it.repository, tag)
    if found is None:
        registry.put_manifest(it.repository, tag, it.manifest.raw, it.manifest.media_type)
    return found in (None, it.manifest.digest)


def _place(goes: Sequence[tuple[str, str]], each: Deletion) -> int:
    """Where a deletion comes in the order of the judgement."""
    key = (each.repository, each.manifest.digest)
    return goes.index(key) if key in goes else -1


_AGAIN = "upload the package again."
