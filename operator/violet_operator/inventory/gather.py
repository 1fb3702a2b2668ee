"""Reading what is installed: every cluster for itself, side by side, and what its management cluster knows of all.

What cannot be read is told apart from what is not there, by cluster and type: an export must never lose packages
because an API did not answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from violet_operator.clients.kinds import Kinds
from violet_operator.clients.kube import ORIGINAL_CSVS, Kube
from violet_operator.errors import OperatorError, Waiting
from violet_operator.inventory import objects
from violet_operator.inventory.applications import Area
from violet_operator.inventory.objects import Listing
from violet_operator.platform.kubeconfig import GLOBAL

JsonObject = dict[str, Any]

APP, OLM, MODULES, APPLICATIONS = "app.alauda.io", "operators.coreos.com", "cluster.alauda.io", "app.k8s.io"

_AT_ONCE = 8
"""Clusters read at once: each may bring some megabytes of objects."""


@dataclass(slots=True)
class Gathered:
    """What a look has found.

    Attributes:
        listing: what is installed, where it could be read.
        unread: what could not be read, and why.
        notes: what the user should know of how it was read.
    """

    listing: Listing = field(default_factory=Listing)
    unread: dict[Area, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def failures(self, cluster: str) -> list[str]:
        """Why a cluster could not be read whole; each reason once."""
        return list(dict.fromkeys(said for (name, _), said in self.unread.items() if name == cluster))


@dataclass(slots=True)
class _World:
    """What the management cluster tells of all clusters; a string says why it does not."""

    views: list[JsonObject] = field(default_factory=list)
    plugins: list[JsonObject] | str = field(default_factory=list)
    requests: list[JsonObject] | str = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Cluster:
    """What one cluster tells of itself."""

    subscriptions: list[JsonObject]
    csvs: list[JsonObject]
    applications: list[JsonObject]


async def gather(clusters: Mapping[str, Kube], wanted: list[str], catalog_namespace: str) -> Gathered:
    """What is installed on the wanted clusters of a platform; raises nothing, as what fails is part of the answer."""
    slots = asyncio.Semaphore(_AT_ONCE)
    world, found = await asyncio.gather(
        _read_world(clusters.get(GLOBAL)),
        asyncio.gather(*(_read_cluster(clusters[name], slots) for name in wanted)),
    )
    gathered = Gathered(notes=world.notes)
    for name, own in zip(wanted, found, strict=True):
        _add_cluster(gathered, name, own, world, catalog_namespace)
    if isinstance(world.plugins, str):
        gathered.unread |= {(name, "ModulePlugin"): world.plugins for name in wanted}
    else:
        gathered.listing.update(objects.plugins(world.plugins, wanted))
    return gathered


def _add_cluster(gathered: Gathered, name: str, own: _Cluster | str, world: _World, catalog_namespace: str) -> None:
    if isinstance(own, str):
        gathered.unread |= {(name, "OperatorBundle"): own, (name, "Chart"): own}
        return
    gathered.listing.update(objects.operators(name, world.views, own.subscriptions, own.csvs, catalog_namespace))
    if isinstance(world.requests, str):
        gathered.unread[name, "Chart"] = world.requests
    else:
        gathered.listing.update(objects.charts(name, own.applications, world.requests, GLOBAL))


async def _read_cluster(kube: Kube, slots: asyncio.Semaphore) -> _Cluster | str:
    """A cluster without OLM has no operators, and one without Applications has none."""
    async with slots:
        try:
            kinds = await Kinds.of(kube)
            return _Cluster(
                await kinds.all(OLM, "subscriptions") or [],
                await kinds.all(OLM, "clusterserviceversions", labels=ORIGINAL_CSVS) or [],
                await kinds.all(APPLICATIONS, "applications") or [],
            )
        except OperatorError as error:
            return error.message


async def _read_world(kube: Kube | None) -> _World:
    world = _World()
    if kube is None:
        world.plugins = world.requests = f"The platform shows no cluster named {GLOBAL}, which knows of plugins."
        return world
    try:
        kinds = await Kinds.of(kube)
    except OperatorError as error:
        world.plugins = world.requests = error.message
        return world
    try:
        world.views = await _view(kinds, "operatorviews", kube)
    except OperatorError as error:
        world.notes.append(f"Operators are taken from Subscriptions alone: {error.message}")
    world.plugins = await _read_plugins(kinds, kube, world)
    try:
        world.requests = await kinds.all(APP, "helmrequests") or []
    except OperatorError as error:
        world.requests = error.message
    return world


async def _read_plugins(kinds: Kinds, kube: Kube, world: _World) -> list[JsonObject] | str:
    """ModulePluginViews, or the ModulePlugins themselves: both say what is installed where."""
    try:
        return await _view(kinds, "modulepluginviews", kube)
    except OperatorError as error:
        why = error.message
    try:
        found = await kinds.all(MODULES, "moduleplugins")
    except OperatorError as error:
        return error.message
    if found is None:
        return why
    world.notes.append(f"Plugins are taken from ModulePlugins: {why}")
    return found


async def _view(kinds: Kinds, plural: str, kube: Kube) -> list[JsonObject]:
    found = await kinds.all(APP, plural)
    if found is None:
        raise Waiting("KindMissing", f"cluster {kube.name} does not serve {plural} ({APP}).")
    return found
