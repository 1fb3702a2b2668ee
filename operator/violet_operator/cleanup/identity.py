"""Which cluster a name stands for: a Platform can be pointed elsewhere, and a standby answer in its cluster's place."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from violet_operator.clients.kube import Kube
from violet_operator.errors import OperatorError, Waiting

_UNKNOWN = "So it is not known which cluster this is, and nothing of it is deleted or put back. The account has to be "
_UNKNOWN += "able to get namespace kube-system."


async def identities(clusters: Mapping[str, Kube]) -> tuple[dict[str, str], dict[str, OperatorError]]:
    """The identity of each cluster by its name, and why it is not known."""
    known: dict[str, str] = {}
    unknown: dict[str, OperatorError] = {}

    async def ask(name: str) -> None:
        try:
            known[name] = await clusters[name].identity()
        except OperatorError as error:
            unknown[name] = error.told(f"{error.message} {_UNKNOWN}")

    await asyncio.gather(*map(ask, clusters))
    return known, unknown


async def strangers(meant: Mapping[str, str], clusters: Mapping[str, Kube], platform: str) -> dict[str, OperatorError]:
    """Of the clusters that a plan is about those that are others now, or may be.

    Args:
        meant: identity of each cluster, by its name.
        clusters: those of the platform as it is now; what it does not show at all is not told of.
        platform: its name.
    """
    there = {name: kube for name, kube in clusters.items() if name in meant}
    known, unknown = await identities(there)
    others = {
        name: Waiting("ClusterChanged", _another(name, platform, meant[name], uid))
        for name, uid in known.items()
        if uid != meant[name]
    }
    return unknown | others


def _another(name: str, platform: str, meant: str, now: str) -> str:
    return (
        f"Cluster {name} of Platform {platform} is another cluster now: its namespace kube-system has uid {now}, and "
        f"had {meant} when the plan was made. Nothing is deleted or put back there. Have the Platform's address lead "
        "to the cluster of the plan again; if that is gone for good, start another run."
    )
