"""Which clusters of a platform packages can be published on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import groupby

from violet_operator.clients.kube import ARTIFACT_VERSIONS, ARTIFACTS, Kube
from violet_operator.clients.kube_rights import Right, lacking
from violet_operator.errors import OperatorError, Waiting

_AT_ONCE = 8
"""Clusters asked at the same time: one that does not answer costs half a minute."""

_KINDS = (ARTIFACTS, ARTIFACT_VERSIONS)
_NEEDED = tuple((verb, kind) for kind in _KINDS for verb in ("get", "list", "watch", "create", "patch"))
_WISHED = tuple(("delete", kind) for kind in _KINDS)
"""Rights without which nothing can be published and kept; and those without which nothing can be taken back."""


@dataclass(frozen=True, slots=True)
class ClusterState:
    """One cluster: ready, unless there is an error; `note` says what does not work there all the same."""

    name: str
    error: OperatorError | None = None
    note: str = ""


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
                note = await _check_rights(clusters[name], namespace, logged_in=logged_in)
                await clusters[name].identify()
            except OperatorError as error:
                return ClusterState(name, error)
        return ClusterState(name, note=note)

    return list(await asyncio.gather(*(look(name) for name in sorted(clusters))))


async def _check_rights(kube: Kube, namespace: str, *, logged_in: bool) -> str:
    """The account's role by what the API allows it: that is what counts, and no name of a role can be wrong.

    Returns a note on what the account may not do, and need not for most uploads.
    """
    lacks = await lacking(kube, namespace, (*_NEEDED, *_WISHED))
    if lacks is None:  # the cluster does not say what we may; whether it answers at all, it does by this
        async with aclosing(kube.pages(ARTIFACTS, namespace, limit="1")) as pages:
            await anext(pages)
        return ""
    needed = [right for right in lacks if right in _NEEDED]
    if not needed:
        who = f"Cluster {kube.name}: the account may not {_words(lacks, namespace)}"
        return f"{who}, which deletionPolicy: Delete and cleanups need." if lacks else ""
    if logged_in:
        raise Waiting(
            "NotPlatformAdmin",
            f"Cluster {kube.name}: the account may not {_words(needed, namespace)}. It needs the role "
            "platform-admin-system (type System); custom roles are not enough.",
        )
    raise Waiting(
        "TargetForbidden",
        f"Cluster {kube.name}: the operator's account may not {_words(needed, namespace)}. Give it that right (see the "
        "chart's ClusterRole).",
    )


def _words(rights: Sequence[Right], namespace: str) -> str:
    """Verbs by kind: "get, list artifacts; create artifactversions in namespace x"."""
    kinds = groupby(rights, key=lambda right: right[1].plural)
    said = [f"{', '.join(verb for verb, _ in each)} {kind}" for kind, each in kinds]
    return f"{'; '.join(said)} in namespace {namespace}"
