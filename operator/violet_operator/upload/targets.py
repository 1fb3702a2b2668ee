"""One package for several platforms and clusters: one that fails does not hold back the others.

A platform that fails at some step drops out of the run, and its failure is kept for the end, when the worst of all
failures says what the object is told and when it is looked at again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from violet_operator.api.conditions import READY
from violet_operator.clients.kube import Kube
from violet_operator.errors import OperatorError, Stalled
from violet_operator.platform.kubeconfig import GLOBAL
from violet_operator.platform.resolve import Connection
from violet_operator.platform.verdict import BARRED
from violet_operator.upload.context import Failure, Upload


@dataclass(frozen=True, slots=True)
class Place:
    """One target cluster."""

    connection: Connection
    cluster: str

    @property
    def key(self) -> tuple[str, str]:
        """Platform and cluster, as the status names them."""
        return self.connection.name, self.cluster

    def __str__(self) -> str:
        return f"{self.cluster} of {self.connection.name}"


def named(upload: Upload) -> list[tuple[str, str]]:
    """(Platform, cluster) of every target that the spec names, or that the type of package makes of it."""
    return [
        (target.platform_ref.name, cluster)
        for target in upload.spec.targets
        for cluster in ((GLOBAL,) if _is_global(upload) else target.clusters)
    ]


def intact(upload: Upload) -> frozenset[tuple[str, str]]:
    """The targets on which the package was installable when the spec as it is now was judged last."""
    facts = upload.status.facts
    if upload.status.conditions.is_current(READY):
        return frozenset(named(upload))
    if facts.get("observedGeneration") != upload.generation:
        return frozenset()
    return frozenset(
        (item["platform"], item["cluster"]) for item in facts.get("targets", []) if item["phase"] == "Ready"
    )


def places(upload: Upload) -> list[Place]:
    """Every target cluster of the platforms that are still in the run, in the order of the spec."""
    return [
        Place(upload.connections[platform], cluster)
        for platform, cluster in named(upload)
        if platform in upload.connections
    ]


def passed_over(upload: Upload) -> str:
    """A sentence on clusters that the spec names in vain; empty where there are none."""
    clusters = {cluster for target in upload.spec.targets for cluster in target.clusters} - {GLOBAL}
    if not clusters or not _is_global(upload):
        return ""
    kind = upload.status.facts["package"]["type"]
    return f" A {kind} is published on cluster {GLOBAL} only, for all clusters: not on {', '.join(sorted(clusters))}."


def client(upload: Upload, to: Place) -> Kube:
    """The client of a target cluster.

    Raises:
        Stalled: the platform does not show it.
    """
    if to.cluster in to.connection.clusters or not _is_global(upload):
        return to.connection.cluster(to.cluster)
    kind, shown = upload.status.facts["package"]["type"], ", ".join(to.connection.clusters) or "none"
    raise Stalled(
        "UnknownCluster",
        f"Platform {to.connection.name} does not show cluster {GLOBAL}, where each {kind} is published, only {shown}. "
        f"Give the Platform a login that may see {GLOBAL}, or a kubeconfig that has it.",
    )


def _is_global(upload: Upload) -> bool:
    """Whether the package goes to the global cluster alone, whatever clusters the spec names (`platform.md` 2.1)."""
    return (upload.status.facts.get("package") or {}).get("type") in ("plugin", "chart")


async def each_platform(
    upload: Upload, step: str | None, work: Callable[[str], Awaitable[None]], names: Iterable[str] | None = None
) -> None:
    """Do something for every platform that is still in the run, side by side; one that fails drops out."""

    async def guarded(name: str) -> None:
        try:
            await work(name)
        except OperatorError as error:
            drop(upload, name, step, error)

    await asyncio.gather(*(guarded(name) for name in list(upload.connections if names is None else names)))


def drop(upload: Upload, platform: str, step: str | None, error: OperatorError) -> None:
    """Go on without a platform."""
    suspect(upload, platform, error)
    upload.connections.pop(platform, None)
    upload.plans.pop(platform, None)
    upload.failures.append(Failure(step, error, f"Platform {platform}", platform))


def suspect(upload: Upload, platform: str, error: OperatorError) -> None:
    """Have a Platform looked at if others may soon fail as we did: they wait then, and its status says for what."""
    if error.reason in BARRED:
        upload.env.suspect(upload.namespace, platform)


def state_dropped(upload: Upload) -> None:
    """Say of each cluster of the platforms that have dropped out why."""
    out = {failure.platform: failure.error for failure in upload.failures}
    for name, cluster in named(upload):
        if name in out:
            upload.status.target_failed(name, cluster, out[name])


def overall(failures: Sequence[Failure], targets: int) -> Failure | None:
    """The failure that the object is told: one that may pass comes before one that needs the user.

    Args:
        failures: everything that failed.
        targets: clusters in all; of several, the message says how many and which.
    """
    worst = min(failures, key=lambda failure: isinstance(failure.error, Stalled), default=None)
    if worst is None or targets < 2 or not worst.where:  # noqa: PLR2004
        return worst
    others = f" (and {len(failures) - 1} more, see status.targets)" if len(failures) > 1 else ""
    where = "" if worst.error.message.startswith(worst.where) else f"{worst.where}: "
    return worst._replace(error=worst.error.told(f"{where}{worst.error.message}{others}"))
