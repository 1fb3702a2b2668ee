"""Reading all that a judgement depends on, clusters side by side. What fails is noted as unknown, and ends nothing.

Pages are turned into facts as they come: a ClusterServiceVersion has hundreds of kilobytes, of which some names count.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from violet_operator.cleanup import parse
from violet_operator.cleanup.state import (
    ArtifactVersion,
    Cluster,
    Listing,
    OperatorView,
    State,
    Upload,
    assemble,
)
from violet_operator.clients.kinds import Kinds
from violet_operator.clients.kube import (
    ARTIFACT_VERSIONS,
    ARTIFACTS,
    CSVS,
    INSTALL_PLANS,
    METADATA,
    MODULE_CONFIGS,
    MODULE_INFOS,
    MODULE_PLUGINS,
    ORIGINAL_CSVS,
    PACKAGE_UPLOADS,
    SUBSCRIPTIONS,
    Kube,
    Resource,
)
from violet_operator.errors import OperatorError, Transient, Waiting
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

_ANSWER = 10.0
"""Seconds for one answer: less than a look may take that is to count for a deletion (`act.py`)."""

_Head = tuple[str | None, str, str]
"""Namespace, name and resourceVersion."""


class _SilentError(Transient):
    """A cluster does not answer in time."""


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


async def gather(scope: Scope, reader: Reader | None = None) -> State:
    """All that is known of the platform.

    Args:
        scope: where to look.
        reader: one that has read before, and need not read everything again.

    Raises:
        Waiting: the platform does not show one of the clusters that are selected, or no `global`.
    """
    names = list(scope.selected or scope.clusters)
    require(scope, names)
    reader, world = reader or Reader(), scope.clusters[GLOBAL]
    clusters, uploads, operator_views = await asyncio.gather(
        asyncio.gather(*(reader.cluster(name, scope) for name in names)),
        reader.uploads(scope),
        reader.operator_views(world),
    )
    state = State(operator_views=operator_views, uploads=uploads)
    if GLOBAL in names:  # else plugins, which live there, are not to be judged
        state = await reader.modules(world, state)
    return assemble(clusters, state)


def require(scope: Scope, names: Iterable[str]) -> None:
    """See to it that the platform shows these clusters, and `global`.

    Raises:
        Waiting: it does not.
    """
    missing = sorted({*names, GLOBAL} - set(scope.clusters))
    if missing:
        raise Waiting(
            "UnknownCluster",
            f"The platform shows no cluster {', '.join(missing)}, only {', '.join(sorted(scope.clusters))}. "
            "Correct spec.clusters, or wait until it is there.",
        )


@dataclass(frozen=True, slots=True)
class _Part:
    """Which objects of a kind, how many at once, and what of them."""

    namespace: str | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    accept: str = "application/json"


_EVERYTHING = _Part()
_ORIGINALS = _Part(query={"labelSelector": ORIGINAL_CSVS, "limit": "20"})
"""ClusterServiceVersions without their copies; twenty are some ten megabytes."""


class Reader:
    """Reads listings, some of them side by side; remembers objects that are too large to be read each time."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(_SIDE_BY_SIDE)
        self._silent: set[str] = set()
        self._large: dict[tuple[str, Resource], dict[_Head, Any]] = {}
        self._views: dict[str, Resource] = {}

    async def cluster(self, name: str, scope: Scope, versions: Listing[ArtifactVersion] | None = None) -> Cluster:
        """What one cluster holds; with `versions`, those are not read."""
        kube, system = scope.clusters[name], _Part(scope.system)
        self._silent.discard(name)
        artifacts = await self.all(kube, ARTIFACTS, partial(parse.artifact, name), system)
        if name in self._silent:  # one request is enough: the others would hold up those to other clusters
            nothing: Listing[Any] = Listing(unknown=artifacts.unknown)
            return Cluster(name, nothing, nothing, nothing, nothing, nothing)
        found, subscriptions, csvs, plans = await asyncio.gather(
            self._versions(kube, system, versions),
            self.all(kube, SUBSCRIPTIONS, parse.subscription),
            self.large(kube, CSVS, parse.csv, _ORIGINALS),
            self.large(kube, INSTALL_PLANS, parse.install_plan),
        )
        return Cluster(name, artifacts, found, subscriptions, csvs, plans)

    async def _versions(
        self, kube: Kube, system: _Part, known: Listing[ArtifactVersion] | None
    ) -> Listing[ArtifactVersion]:
        if known is not None:
            return known
        return await self.all(kube, ARTIFACT_VERSIONS, partial(parse.artifact_version, kube.name), system)

    async def modules(self, world: Kube, state: State) -> State:
        """A state with all that is known of plugins as it is now."""
        views, plugins, configs, infos = await asyncio.gather(
            self._view(world, PLUGIN_VIEWS, parse.plugin_view),
            self.all(world, MODULE_PLUGINS, partial(parse.module_plugin, GLOBAL)),
            self.all(world, MODULE_CONFIGS, partial(parse.module_config, GLOBAL)),
            self.all(world, MODULE_INFOS, parse.module_info),
        )
        return replace(state, plugin_views=views, plugins=plugins, configs=configs, infos=infos)

    async def operator_views(self, world: Kube) -> Listing[OperatorView]:
        """The platform's word on the operators of every cluster."""
        return await self._view(world, OPERATOR_VIEWS, parse.operator_view)

    async def _view(self, kube: Kube, plural: str, read: Callable[[JsonObject], T]) -> Listing[T]:
        """A view, in whatever version the platform serves it."""
        if plural not in self._views:
            try:
                kinds = await _answered(kube, Kinds.of(kube))
                resource = await _answered(kube, kinds.find(_VIEW_GROUP, plural))
            except OperatorError as error:
                return Listing(unknown=error.message)
            if resource is None:
                return Listing(unknown=f"cluster {kube.name} serves no {plural}")
            self._views[plural] = resource
        return await self.all(kube, self._views[plural], read)

    async def uploads(self, scope: Scope) -> Listing[Upload]:
        """What the live PackageUploads want, wherever this operator serves them."""
        parts = [_Part(namespace) for namespace in scope.namespaces] or [_Part()]
        found = await asyncio.gather(*(self.all(scope.own, PACKAGE_UPLOADS, parse.upload, part) for part in parts))
        unknown = next((listing.unknown for listing in found if listing.unknown), None)
        return Listing(tuple(item for listing in found for item in listing.items if item), unknown)

    async def large(
        self, kube: Kube, resource: Resource, read: Callable[[JsonObject], T], part: _Part = _EVERYTHING
    ) -> Listing[T]:
        """As `all`; but what is as it was when it was read (by its resourceVersion) is not read again."""
        known = self._large.get((kube.name, resource))
        if known is None:
            found = await self.all(kube, resource, lambda body: (_head(body), read(body)), part)
        else:
            found = await self._changed(kube, resource, read, part, known)
        if found.unknown:
            return Listing(unknown=found.unknown)
        self._large[kube.name, resource] = dict(found.items)
        return Listing(tuple(fact for _, fact in found.items))

    async def _changed(
        self,
        kube: Kube,
        resource: Resource,
        read: Callable[[JsonObject], T],
        part: _Part,
        known: Mapping[_Head, T],
    ) -> Listing[tuple[_Head, T]]:
        heads = await self.all(kube, resource, _head, replace(part, accept=METADATA))
        items = [(head, known[head]) for head in heads.items if head in known]
        try:
            for namespace, name, _ in (head for head in heads.items if head not in known):
                body = await _answered(kube, kube.get(resource, namespace, name))
                if body:  # else it has gone meanwhile
                    items.append((_head(body), read(body)))
        except OperatorError as error:
            return Listing(unknown=error.message)
        return Listing(tuple(items), heads.unknown)

    async def all(
        self, kube: Kube, resource: Resource, read: Callable[[JsonObject], T], part: _Part = _EVERYTHING
    ) -> Listing[T]:
        """Every object of a kind as facts, or why they are not known."""
        items: list[T] = []
        pages = kube.pages(resource, part.namespace, accept=part.accept, **part.query)
        try:
            async with self._slots, aclosing(pages):
                while (page := await _answered(kube, anext(pages, None))) is not None:
                    items += [read(body) for body in page]
        except OperatorError as error:
            if isinstance(error, _SilentError):
                self._silent.add(kube.name)
            logger.warning("Cleanup: %s", error.message)
            return Listing(unknown=error.message)
        return Listing(tuple(items))


def _head(body: JsonObject) -> _Head:
    metadata = body["metadata"]
    return metadata.get("namespace"), str(metadata["name"]), str(metadata.get("resourceVersion"))


async def _answered(kube: Kube, request: Awaitable[T]) -> T:
    """One answer, or an error: who takes a connection and says nothing must not hold up all others."""
    try:
        async with asyncio.timeout(_ANSWER):
            return await request
    except TimeoutError:
        advice = "Check that it runs, its address, DNS, firewalls and proxies."
        said = f"The API of {kube.name} does not answer within {_ANSWER:.0f} s. {advice}"
        raise _SilentError("TargetUnreachable", said) from None
