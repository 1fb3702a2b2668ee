"""Which clusters of a platform packages can be published on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from violet_operator.clients.kube import ARTIFACT_VERSIONS, ARTIFACTS, Kube
from violet_operator.errors import OperatorError, Waiting

_AT_ONCE = 8
"""Clusters asked at the same time: one that does not answer costs half a minute."""

_NEEDED = tuple((verb, kind) for kind in (ARTIFACTS, ARTIFACT_VERSIONS) for verb in ("get", "create", "patch"))


@dataclass(frozen=True, slots=True)
class ClusterState:
    """One cluster: ready, unless there is an error."""

    name: str
    error: OperatorError | None = None


async def probe(clusters: dict[str, Kube], namespace: str, *, logged_in: bool) -> list[ClusterState]:
    """The state of every cluster, by name.

    Args:
        clusters: their clients.
        namespace: the platform's system namespace.
        logged_in: as a user of the platform, and not with an account of the cluster.
    """
    turn = asyncio.Semaphore(_AT_ONCE)

    async def look(name: str) -> ClusterState:
        async with turn:
            try:
                await _check_rights(clusters[name], namespace, logged_in=logged_in)
                await clusters[name].identify()
            except OperatorError as error:
                return ClusterState(name, error)
        return ClusterState(name)

    return list(await asyncio.gather(*(look(name) for name in sorted(clusters))))


async def _check_rights(kube: Kube, namespace: str, *, logged_in: bool) -> None:
    """The account's role by what the API allows it: that is what counts, and no name of a role can be wrong."""
    for verb, resource in _NEEDED:
        if await kube.allowed(verb, resource, namespace):
            continue
        lacks = f"may not {verb} {resource.plural} in namespace {namespace}"
        if logged_in:
            raise Waiting(
                "NotPlatformAdmin",
                f"Cluster {kube.name}: the account {lacks}. It needs the role platform-admin-system (type System); "
                "custom roles are not enough.",
            )
        raise Waiting(
            "TargetForbidden",
            f"Cluster {kube.name}: the operator's account {lacks}. Give it that right (see the chart's ClusterRole).",
        )
