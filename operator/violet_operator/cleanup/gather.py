"""Reading all that a judgement depends on, clusters side by side. What fails is noted as unknown, and ends nothing.

Pages are turned into facts as they come: a ClusterServiceVersion has hundreds of kilobytes, of which some names count.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from violet_operator.cleanup import parse
from violet_operator.cleanup.state import Cluster, Listing, State, Upload, assemble
from violet_operator.clients.kinds import Kinds
from violet_operator.clients.kube import (
    ARTIFACT_VERSIONS,
    ARTIFACTS,
    CSVS,
    INSTALL_PLANS,
    MODULE_CONFIGS,
    MODULE_INFOS,
    MODULE_PLUGINS,
    ORIGINAL_CSVS,
    PACKAGE_UPLOADS,
    SUBSCRIPTIONS,
    Kube,
    Resource,
)
from violet_operator.errors import OperatorError, Waiting
from violet_operator.platform.kubeconfig import GLOBAL

logger = logging.getLogger(__name__)

JsonObject = dict[str, Any]
T = TypeVar("T")

OPERATOR_VIEWS = "operatorviews"
PLUGIN_VIEWS = "modulepluginviews"
_VIEW_GROUP = "app.alauda.io"
"""Group of the views; in which version they are served is the platform's to say (`platform.md` 1.6)."""

_SIDE_BY_SIDE = 16
"""Listings under way at once: fifty clusters in parallel would be three hundred connections."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Where to look.

    Attributes:
        clusters: clients of every cluster that the platform shows, by name.
        selected: clusters to judge; None: all.
        own: the cluster that has the PackageUploads.
        namespaces: namespaces with PackageUploads; empty: all.
        system: the platform's system namespace on each cluster.
    """

    clusters: Mapping[str, Kube]
    selected: Sequence[str] | None
    own: Kube
    namespaces: Sequence[str]
    system: str


async def gather(scope: Scope) -> State:
    """All that is known of the platform.

    Raises:
        Waiting: the platform does not show one of the clusters that are selected, or no `global`.
    """
    names = list(scope.selected or scope.clusters)
    missing = sorted({*names, GLOBAL} - set(scope.clusters))
    if missing:
        raise Waiting(
            "UnknownCluster",
            f"The platform shows no cluster {', '.join(missing)}, only {', '.join(sorted(scope.clusters))}. "
            "Correct spec.clusters, or wait until it is there.",
        )
    reader = _Reader()
    world = scope.clusters[GLOBAL]
    clusters, uploads, operator_views = await asyncio.gather(
        asyncio.gather(*(reader.cluster(name, scope) for name in names)),
        reader.uploads(scope),
        reader.view(world, OPERATOR_VIEWS, parse.operator_view),
    )
    if GLOBAL not in names:  # plugins live there, and are not to be judged
        return assemble(clusters, State(operator_views=operator_views, uploads=uploads))
    plugin_views, plugins, configs, infos = await asyncio.gather(
        reader.view(world, PLUGIN_VIEWS, parse.plugin_view),
        reader.all(world, MODULE_PLUGINS, partial(parse.module_plugin, GLOBAL)),
        reader.all(world, MODULE_CONFIGS, partial(parse.module_config, GLOBAL)),
        reader.all(world, MODULE_INFOS, parse.module_info),
    )
    rest = State((), operator_views, plugin_views, plugins, configs, infos, uploads)
    return assemble(clusters, rest)


@dataclass(frozen=True, slots=True)
class _Part:
    """Which objects of a kind, and how many at once."""

    namespace: str | None = None
    query: Mapping[str, str] = field(default_factory=dict)


_EVERYTHING = _Part()
_ORIGINALS = _Part(query={"labelSelector": ORIGINAL_CSVS, "limit": "20"})
"""ClusterServiceVersions without their copies; twenty are some ten megabytes."""


class _Reader:
    """Reads listings, some of them side by side."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(_SIDE_BY_SIDE)

    async def cluster(self, name: str, scope: Scope) -> Cluster:
        """What one cluster holds."""
        kube, system = scope.clusters[name], _Part(scope.system)
        artifacts, versions, subscriptions, csvs, plans = await asyncio.gather(
            self.all(kube, ARTIFACTS, partial(parse.artifact, name), system),
            self.all(kube, ARTIFACT_VERSIONS, partial(parse.artifact_version, name), system),
            self.all(kube, SUBSCRIPTIONS, parse.subscription),
            self.all(kube, CSVS, parse.csv, _ORIGINALS),
            self.all(kube, INSTALL_PLANS, parse.install_plan),
        )
        return Cluster(name, artifacts, versions, subscriptions, csvs, plans)

    async def view(self, kube: Kube, plural: str, read: Callable[[JsonObject], T]) -> Listing[T]:
        """A view, in whatever version the platform serves it."""
        try:
            resource = await (await Kinds.of(kube)).find(_VIEW_GROUP, plural)
        except OperatorError as error:
            return Listing(unknown=error.message)
        if resource is None:
            return Listing(unknown=f"cluster {kube.name} serves no {plural}")
        return await self.all(kube, resource, read)

    async def uploads(self, scope: Scope) -> Listing[Upload]:
        """What the live PackageUploads want, wherever this operator serves them."""
        parts = [_Part(namespace) for namespace in scope.namespaces] or [_Part()]
        found = await asyncio.gather(*(self.all(scope.own, PACKAGE_UPLOADS, parse.upload, part) for part in parts))
        unknown = next((listing.unknown for listing in found if listing.unknown), None)
        return Listing(tuple(item for listing in found for item in listing.items if item), unknown)

    async def all(
        self, kube: Kube, resource: Resource, read: Callable[[JsonObject], T], part: _Part = _EVERYTHING
    ) -> Listing[T]:
        """Every object of a kind as facts, or why they are not known."""
        items: list[T] = []
        try:
            async with self._slots:
                async for page in kube.pages(resource, part.namespace, **part.query):
                    items += [read(body) for body in page]
        except OperatorError as error:
            logger.warning("Cleanup: %s", error.message)
            return Listing(unknown=error.message)
        return Listing(tuple(items))
