"""What a part of a plan depends on: all of it, and then, again and again while it is carried out, what protects.

An operator depends on its own cluster, on its views and on the PackageUploads: what happens on another cluster neither
stops its deletion nor can make that wrong. A plugin may be in use on any cluster.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, replace

from violet_operator.cleanup.backup import Entry
from violet_operator.cleanup.gather import Reader, Scope, gather, require
from violet_operator.cleanup.state import ArtifactVersion, Listing, State, assemble
from violet_operator.platform.kubeconfig import GLOBAL


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """The deletions that depend on the same; plugins, which depend on the most, come last.

    Attributes:
        plugins: whether it is those, or the operators
        cluster: of this cluster.
    """

    plugins: bool
    cluster: str

    @classmethod
    def of(cls, entry: Entry) -> Part:
        """Where a deletion belongs."""
        return cls(entry.ref.kind in ("ModulePlugin", "ModuleConfig"), entry.cluster)

    def __str__(self) -> str:
        """How people call what is read for it."""
        return "the platform" if self.plugins else f"cluster {self.cluster}"


class Look:
    """What is known of the platform, as far as one part of the plan depends on it."""

    def __init__(self, scope: Scope, part: Part) -> None:
        self._scope = scope
        self._part = part
        self._reader = Reader()

    async def whole(self) -> State:
        """Everything.

        Raises:
            Waiting: the platform does not show one of the clusters.
        """
        if self._part.plugins:
            return await gather(self._scope, self._reader)
        require(self._scope, [self._part.cluster])
        return await self._operators()

    async def again(self, state: State, gone: Collection[str]) -> State:
        """What protects as it is now, which takes some small listings; the versions are those of the whole look.

        Args:
            state: of the last look.
            gone: uids of what was deleted since.
        """
        if self._part.plugins:
            world = self._scope.clusters[GLOBAL]
            state, uploads = await asyncio.gather(self._reader.modules(world, state), self._reader.uploads(self._scope))
            return replace(state, uploads=uploads)
        (cluster,) = state.clusters
        left = tuple(each for each in cluster.versions.items if each.meta.ref.uid not in gone)
        return await self._operators(Listing(left))

    async def _operators(self, versions: Listing[ArtifactVersion] | None = None) -> State:
        reader, scope = self._reader, self._scope
        cluster, views, uploads = await asyncio.gather(
            reader.cluster(self._part.cluster, scope, versions),
            reader.operator_views(scope.clusters[GLOBAL]),
            reader.uploads(scope),
        )
        return assemble([cluster], State(operator_views=views, uploads=uploads))


def protecting(state: State) -> State:
    """A state without the versions: as long as that is the same, the same is protected."""
    return replace(state, clusters=tuple(replace(each, versions=Listing()) for each in state.clusters))
