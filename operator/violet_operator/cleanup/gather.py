"""Reading all that a judgement depends on, clusters side by side. What fails is noted as unknown, and ends nothing.

Pages are turned into facts as they come: a ClusterServiceVersion has hundreds of kilobytes, of which some names count.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from violet_operator.cleanup import parse
from violet_operator.cleanup.state import GLOBAL, Cluster, Listing, State
from violet_operator.clients.kube import ARTIFACT_VERSIONS, ARTIFACTS, PACKAGE_UPLOADS, Kube, Resource
from violet_operator.errors import OperatorError, Waiting

logger = logging.getLogger(__name__)

JsonObject = dict[str, Any]
T = TypeVar("T")

SUBSCRIPTIONS = Resource("operators.coreos.com/v1alpha1", "subscriptions")
INSTALL_PLANS = Resource("operators.coreos.com/v1alpha1", "installplans")
CSVS = Resource("operators.coreos.com/v1alpha1", "clusterserviceversions")
MODULE_PLUGINS = Resource("cluster.alauda.io/v1alpha1", "moduleplugins")
MODULE_CONFIGS = Resource("cluster.alauda.io/v1alpha1", "moduleconfigs")
MODULE_INFOS = Resource("cluster.alauda.io/v1alpha1", "moduleinfoes")

OPERATOR_VIEWS = "operatorviews"
PLUGIN_VIEWS = "modulepluginviews"
_VIEW_GROUP = "alauda.io"
"""What the group of the views ends in; group and version are the platform's secret (`platform.md` 1.6)."""

_SIDE_BY_SIDE = 16
"""Listings under way at once: fifty clusters in parallel would be three hundred connections."""

_LARGE_PAGE = 20
"""Objects per page of ClusterServiceVersions: some ten megabytes."""


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
    slots = asyncio.Semaphore(_SIDE_BY_SIDE)
    world = scope.clusters[GLOBAL]
    with_plugins = GLOBAL in names
    clusters, operator_views, plugin_views, plugins, configs, infos, uploads = await asyncio.gather(
        asyncio.gather(*(_cluster(name, scope, slots) for name in names)),
        _view(world, OPERATOR_VIEWS, parse.operator_view, slots),
        _view(world, PLUGIN_VIEWS, parse.plugin_view, slots, wanted=with_plugins),
        _listed(world, MODULE_PLUGINS, partial(parse.module_plugin, GLOBAL), slots, wanted=with_plugins),
        _listed(world, MODULE_CONFIGS, partial(parse.module_config, GLOBAL), slots, wanted=with_plugins),
        _listed(world, MODULE_INFOS, parse.module_info, slots, wanted=with_plugins),
        _uploads(scope, slots),
    )
    return assemble(
        clusters,
        State(
            operator_views=operator_views,
            plugin_views=plugin_views,
            plugins=plugins,
            configs=configs,
            infos=infos,
            uploads=uploads,
        ),
    )


def assemble(clusters: Iterable[Cluster], rest: State) -> State:
    """The state: a cluster of which nothing could be read is unreachable. Pure."""
    read, unreachable = [], {}
    for cluster in clusters:
        listings = (cluster.artifacts, cluster.versions, cluster.subscriptions, cluster.csvs, cluster.plans)
        if all(listing.unknown for listing in listings):
            unreachable[cluster.name] = str(cluster.artifacts.unknown)
        else:
            read.append(cluster)
    return State(
        clusters=tuple(read),
        operator_views=rest.operator_views,
        plugin_views=rest.plugin_views,
        plugins=rest.plugins,
        configs=rest.configs,
        infos=rest.infos,
        uploads=rest.uploads,
        unreachable=unreachable,
    )


async def _cluster(name: str, scope: Scope, slots: asyncio.Semaphore) -> Cluster:
    kube = scope.clusters[name]
    artifacts, versions, subscriptions, csvs, plans = await asyncio.gather(
        _listed(kube, ARTIFACTS, partial(parse.artifact, name), slots, namespace=scope.system),
        _listed(kube, ARTIFACT_VERSIONS, partial(parse.artifact_version, name), slots, namespace=scope.system),
        _listed(kube, SUBSCRIPTIONS, parse.subscription, slots),
        _listed(kube, CSVS, parse.csv, slots, labels="!olm.copiedFrom", limit=_LARGE_PAGE),
        _listed(kube, INSTALL_PLANS, parse.install_plan, slots),
    )
    return Cluster(name, artifacts, versions, subscriptions, csvs, plans)


async def _view(
    kube: Kube, plural: str, read: Callable[[JsonObject], T], slots: asyncio.Semaphore, *, wanted: bool = True
) -> Listing[T]:
    """A view, wherever the platform serves it."""
    if not wanted:
        return Listing()
    try:
        for version in await kube.versions():
            resource = Resource(version, plural)
            if version.partition("/")[0].endswith(_VIEW_GROUP) and await kube.serves(resource):
                return await _listed(kube, resource, read, slots)
    except OperatorError as error:
        return Listing(unknown=error.message)
    return Listing(unknown=f"cluster {kube.name} serves no {plural}")


async def _listed(
    kube: Kube,
    resource: Resource,
    read: Callable[[JsonObject], T],
    slots: asyncio.Semaphore,
    *,
    wanted: bool = True,
    namespace: str | None = None,
    labels: str | None = None,
    limit: int = 500,
) -> Listing[T]:
    """Every object of a kind as facts, or why they are not known."""
    if not wanted:
        return Listing()
    items: list[T] = []
    try:
        async with slots:
            async for page in kube.pages(resource, namespace, labels=labels, limit=limit):
                items += [read(body) for body in page]
    except OperatorError as error:
        logger.warning("Cleanup: %s", error.message)
        return Listing(unknown=error.message)
    return Listing(tuple(items))


async def _uploads(scope: Scope, slots: asyncio.Semaphore) -> Listing[Any]:
    """What the live PackageUploads want, wherever this operator serves them."""
    namespaces = scope.namespaces or (None,)
    found = await asyncio.gather(
        *(_listed(scope.own, PACKAGE_UPLOADS, parse.upload, slots, namespace=name) for name in namespaces)
    )
    unknown = next((listing.unknown for listing in found if listing.unknown), None)
    return Listing(tuple(item for listing in found for item in listing.items if item), unknown)
