"""What was last found out of a Platform; uploads go on only where it was good."""

from __future__ import annotations

from dataclasses import dataclass

from violet_operator.errors import Waiting


@dataclass(frozen=True, slots=True)
class Verdict:
    """One judgement of one Platform.

    Attributes:
        uid: which object was judged; another one of the same name has another.
        generation: the spec that was judged.
        ready: whether packages can go there.
        reason: reason of the condition.
        message: its message.
        clusters: clusters that packages can be published on.
    """

    uid: str
    generation: int
    ready: bool
    reason: str = ""
    message: str = ""
    clusters: frozenset[str] = frozenset()

    def opens(self, earlier: Verdict | None) -> bool:
        """Whether something that waited for this Platform can go on now, and could not before."""
        before = earlier is not None and earlier.ready and earlier.uid == self.uid
        return self.ready and not (before and earlier is not None and self.clusters <= earlier.clusters)

    def check(self, name: str, *, registry: bool = True) -> None:
        """Go on only with a Platform that is ready; for whoever needs no `registry`, a cluster that works is enough.

        Raises:
            Waiting: it is not; whoever waits is woken when it is.
        """
        if not self.ready and (registry or not self.clusters):
            raise not_ready(name, f"{self.reason}: {self.message}")


BARRED = frozenset(
    {
        "NotPlatformAdmin",
        "RegistryUnauthorized",
        "RegistryUnavailable",
        "RegistryUnreachable",
        "RegistryUntrusted",
        "TargetUnauthorized",
        "TargetUnavailable",
        "TargetUnreachable",
        "Unauthorized",
        "Unreachable",
        "UntrustedCertificate",
    }
)
"""Reasons of failures that may not be those of one user of a Platform, but of everybody: it is looked at soon."""


def not_ready(name: str, why: str) -> Waiting:
    """The error for whoever needs a Platform that is not ready."""
    return Waiting("PlatformNotReady", f"Platform {name} is not Ready: {why}")
