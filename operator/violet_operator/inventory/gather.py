"""Reading what is installed: every cluster for itself, side by side, and what its management cluster knows of all.

What cannot be read is told apart from what is not there, by cluster and type: an export must never lose packages
because an API did not answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Mapping
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
        views: kinds of views that the platform has.
        notes: what the user should know of how it was read.
    """

    listing: Listing = field(default_factory=Listing)
    unread: dict[Area, str] = field(default_factory=dict)
    views: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    def failures(self, cluster: str) -> list[str]:
        """Why a cluster could not be read whole; each reason once."""
        return list(dict.fromkeys(said for (name, _), said in self.unread.items() if name == cluster))


@dataclass(frozen=True, slots=True)
class _World:
    """What the management cluster tells of all clusters; a string says why it does not."""

    operators: list[JsonObject] | str
    plugins: list[JsonObject] | str
    requests: list[JsonObject] | str
    views: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Cluster:
    """What one cluster tells of itself."""

    subscriptions: list[JsonObject]
    csvs: list[JsonObject]
    applications: list[JsonObject]


async def gather(
    clusters: Mapping[str, Kube], wanted: list[str], catalog_namespace: str, expected: Collection[str]
) -> Gathered:
    """What is installed on the wanted clusters of a platform; raises nothing, as what fails is part of the answer.

    `expected` are the views that the platform had before.
    """
    slots = asyncio.Semaphore(_AT_ONCE)
    world, found = await asyncio.gather(
        _read_world(clusters.get(GLOBAL), expected),
        asyncio.gather(*(_read_cluster(clusters[name], slots) for name in wanted)),
    )
    gathered = Gathered(views=world.views, notes=world.notes)
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
    if isinstance(world.operators, str):
        gathered.unread[name, "OperatorBundle"] = world.operators
    else:
        gathered.listing.update(
            objects.operators(name, world.operators, own.subscriptions, own.csvs, catalog_namespace)
        )
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


async def _read_world(kube: Kube | None, expected: Collection[str]) -> _World:
    if kube is None:
        why = f"The platform shows no cluster named {GLOBAL}, which knows what all of them have."
        return _World(why, why, why)
    try:
        teller = _Teller(await Kinds.of(kube), kube.name, expected)
    except OperatorError as error:
        return _World(error.message, error.message, error.message)
    return _World(
        await _or_why(teller.operators()),
        await _or_why(teller.plugins()),
        await _or_why(teller.requests()),
        teller.views,
        teller.notes,
    )


async def _or_why(reading: Awaitable[list[JsonObject]]) -> list[JsonObject] | str:
    """What is read, or why nothing is."""
    try:
        return await reading
    except OperatorError as error:
        return error.message


@dataclass(frozen=True, slots=True)
class _Teller:
    """The management cluster. A platform may have no views; but one that it had before and that is missing is unread.

    Attributes:
        kinds: what it serves.
        name: its name.
        expected: views that were there before.
        views: views that are there.
        notes: what is read in place of the others.
    """

    kinds: Kinds
    name: str
    expected: Collection[str]
    views: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    async def operators(self) -> list[JsonObject]:
        return await self._view("operatorviews", "Operators are taken from Subscriptions alone") or []

    async def plugins(self) -> list[JsonObject]:
        """ModulePluginViews, or the ModulePlugins themselves: both say what is installed where."""
        found = await self._view("modulepluginviews", "Plugins are taken from ModulePlugins")
        if found is None:
            found = await self.kinds.all(MODULES, "moduleplugins")
        if found is None:
            raise Waiting("KindMissing", f"Cluster {self.name} serves neither modulepluginviews nor moduleplugins.")
        return found

    async def requests(self) -> list[JsonObject]:
        return await self.kinds.all(APP, "helmrequests") or []

    async def _view(self, plural: str, instead: str) -> list[JsonObject] | None:
        found = await self.kinds.all(APP, plural)
        if found is not None:
            self.views.add(plural)
        elif plural in self.expected:
            raise Waiting(
                "KindMissing",
                f"Cluster {self.name} no longer serves {plural} ({APP}). If that is for good, delete the "
                "PackageInventory and create it again.",
            )
        else:
            self.notes.append(f"{instead}: cluster {self.name} does not serve {plural} ({APP}).")
        return found
