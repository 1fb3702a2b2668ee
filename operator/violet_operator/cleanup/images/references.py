"""Reading who names an image: on every cluster that the platform shows, whatever a run selects. It fails as a whole.

What cannot be read might name anything, so that nothing is known of images then. Nothing is remembered of documents but
the mentions in them: pods and ClusterServiceVersions of fifty clusters are gigabytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Container, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from violet_operator.cleanup.images.mentions import Watch
from violet_operator.cleanup.images.offers import Offer, of_artifacts, of_plugins
from violet_operator.cleanup.parse import is_read
from violet_operator.clients.kinds import Kinds
from violet_operator.clients.kube import ARTIFACT_VERSIONS, ARTIFACTS, ORIGINAL_CSVS, PACKAGE_UPLOADS, Kube, Resource
from violet_operator.errors import OperatorError, Waiting
from violet_operator.package.documents import mapping, objects, text

JsonObject = dict[str, Any]
T = TypeVar("T")

_SIDE_BY_SIDE = 8
"""Listings under way at once: a page of ClusterServiceVersions is some ten megabytes."""

_PAGE = {"limit": "100"}
_PODS = Resource("v1", "pods")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind whose objects may name images.

    Attributes:
        group: its API group.
        plural: its name in URLs.
        query: which objects, and how many at once.
        counts: whether an object names images that somebody may still need.
    """

    group: str
    plural: str
    query: Mapping[str, str] = field(default_factory=lambda: dict(_PAGE))
    counts: Callable[[JsonObject], bool] = lambda _: True


def _unfinished(job: JsonObject) -> bool:
    ended = {text(each, "type") for each in objects(job, "status", "conditions") if text(each, "status") == "True"}
    return not ended & {"Complete", "Failed"}


KINDS = (
    Kind("operators.coreos.com", "clusterserviceversions", {"labelSelector": ORIGINAL_CSVS, "limit": "20"}),
    Kind("operators.coreos.com", "catalogsources"),
    Kind("cluster.alauda.io", "moduleplugins"),
    Kind("cluster.alauda.io", "moduleconfigs"),
    Kind("cluster.alauda.io", "moduleinfoes"),
    Kind("app.alauda.io", "helmrequests"),
    Kind("apps", "deployments"),
    Kind("apps", "statefulsets"),
    Kind("apps", "daemonsets"),
    Kind("batch", "cronjobs"),
    Kind("batch", "jobs", counts=_unfinished),
)
"""Kinds of which every field is searched, where a cluster has them; beside pods that have not ended."""


Clusters = Mapping[str, Kinds]
"""By name for people: clusters of two Platforms may have the same name."""


async def ask(clusters: Mapping[str, Kube]) -> dict[str, Kinds]:
    """Which kinds these clusters have; for one look at all of them.

    Raises:
        OperatorError: one of them does not answer.
    """
    found = await _together(*(_told(name, kube, Kinds.of(kube)) for name, kube in clusters.items()))
    return dict(zip(clusters, found, strict=True))


async def offers(clusters: Clusters) -> list[Offer]:
    """What every ArtifactVersion of these clusters offers.

    Raises:
        OperatorError: one of them cannot be read.
    """

    async def of(name: str, kinds: Kinds) -> list[Offer]:
        artifacts, versions = [
            await kinds.all("app.alauda.io", each.plural) or [] for each in (ARTIFACTS, ARTIFACT_VERSIONS)
        ]
        return of_artifacts(name, artifacts, versions)

    return [offer for each in await _on_each(clusters, of) for offer in each]


async def charts(clusters: Clusters, prefix: str) -> list[Offer]:
    """What the plugins of these clusters offer.

    Raises:
        OperatorError: one of them cannot be read.
    """

    async def of(name: str, kinds: Kinds) -> list[Offer]:
        found: list[Offer] = []
        for kind, plural in (("ModulePlugin", "moduleplugins"), ("ModuleConfig", "moduleconfigs")):
            modules = await kinds.all("cluster.alauda.io", plural) or []
            found += of_plugins(name, prefix, [each | {"kind": kind} for each in modules])
        return found

    return [offer for each in await _on_each(clusters, of) for offer in each]


async def search(clusters: Clusters, watch: Watch) -> None:
    """Note whom the documents of these clusters name.

    Raises:
        OperatorError: one of them cannot be read.
    """
    slots = asyncio.Semaphore(_SIDE_BY_SIDE)

    async def listing(kube: Kube, resource: Resource, kind: Kind, where: str) -> None:
        async with slots:
            async for page in kube.pages(resource, **kind.query):
                documents = [each for each in page if kind.counts(each)]
                await asyncio.to_thread(_look_at, watch, documents, f"{resource.plural} of {where}")

    async def cluster(name: str, kinds: Kinds) -> None:
        pods = Kind("", "pods", _PAGE | {"fieldSelector": "status.phase!=Succeeded,status.phase!=Failed"})
        found = [(resource, kind) for kind in KINDS if (resource := await kinds.find(kind.group, kind.plural))]
        await _together(*(listing(kinds.kube, *each, name) for each in [(_PODS, pods), *found]))

    await _on_each(clusters, cluster)


async def search_uploads(own: Kube, namespaces: Sequence[str], watch: Watch) -> set[tuple[str, str]]:
    """Note which images live PackageUploads have pushed, or will push; the charts (name, version) that they brought.

    Raises:
        Waiting: it is not known yet what one of them brings.
        OperatorError: they cannot be read.
    """
    brought = set()
    async for body in _uploads(own, namespaces):
        who = f"PackageUpload {text(body, 'metadata', 'namespace')}/{text(body, 'metadata', 'name')}"
        if text(body, "spec", "mode") != "Preview" and not is_read(body):
            raise Waiting("ImagesUnknown", f"It is not known yet what {who} brings: let it become Ready, or delete it.")
        await asyncio.to_thread(watch.look, _images(body), who)
        chart = mapping(body, "status", "package", "chart")
        brought.add((text(chart, "name"), text(chart, "version")))
    return brought


async def check_charts(clusters: Clusters, brought: Container[tuple[str, str]]) -> None:
    """Look whether each chart of the platform's own repositories was brought by an upload, which knows its images.

    Raises:
        Waiting: one was not.
        OperatorError: they cannot be read.
    """
    for name, found in zip(clusters, await _on_each(clusters, _own_charts), strict=True):
        for chart in found:
            if chart not in brought:
                raise Waiting(
                    "ImagesUnknown",
                    f"It is not known which images chart {' '.join(chart)} of {name} needs, as no PackageUpload has "
                    "brought it. Upload it, or delete it.",
                )


async def check_clusters(clusters: Clusters) -> None:
    """Look whether the platform speaks of a cluster that it does not show us: whoever runs there may need any image.

    Raises:
        Waiting: it does.
        OperatorError: they cannot be read.
    """
    shown = {name.partition(" ")[0] for name in clusters}
    for name, found in zip(clusters, await _on_each(clusters, _spoken_of), strict=True):
        if hidden := sorted(found - shown):
            said = f"{name} speaks of cluster {hidden[0]}, which no Platform with this registry shows"
            advice = "Let the Platform's account see it, or make a Platform for it"
            raise Waiting("ImagesUnknown", f"{said}: so it is not known which images it needs. {advice}.")


async def _spoken_of(_: str, kinds: Kinds) -> set[str]:
    """The clusters with OperatorViews (namespace by namespace) and ModuleInfos."""
    views = await kinds.all("app.alauda.io", "operatorviews") or []
    infos = await kinds.all("cluster.alauda.io", "moduleinfoes") or []
    found = {text(each, "metadata", "namespace") for each in views}
    return (found | {text(each, "metadata", "labels", "cpaas.io/cluster-name") for each in infos}) - {""}


async def _own_charts(_: str, kinds: Kinds) -> list[tuple[str, str]]:
    """The charts (name, version) of a cluster's repositories that uploads fill; a Chart is called NAME.REPOSITORY."""
    repositories = await kinds.all("app.alauda.io", "chartrepos") or []
    own = tuple(f".{text(each, 'metadata', 'name')}" for each in repositories if _is_filled_by_uploads(each))
    found = await kinds.all("app.alauda.io", "charts") or []
    charts = [each for each in found if text(each, "metadata", "name").endswith(own)]
    return [
        (text(each, "name"), text(each, "version")) for chart in charts for each in objects(chart, "spec", "versions")
    ]


def _is_filled_by_uploads(repository: JsonObject) -> bool:
    """Charts of other repositories come from outside, and so do their images."""
    kind = text(repository, "spec", "type").lower()
    return kind == "local" or "oci" in kind


def _images(upload: JsonObject) -> list[object]:
    """What an upload says of images: those in registries, and those of its package."""
    status = mapping(upload, "status")
    pushed = [f"{text(each, 'destination')}@{text(each, 'digest')}" for each in objects(status, "images")]
    return [pushed, status.get("images"), mapping(status, "package"), status.get("plan")]


async def _uploads(own: Kube, namespaces: Sequence[str]) -> AsyncIterator[JsonObject]:
    for namespace in namespaces or (None,):
        async for page in own.pages(PACKAGE_UPLOADS, namespace):
            for body in page:
                if not mapping(body, "metadata").get("deletionTimestamp"):
                    yield body


async def _on_each(clusters: Clusters, work: Callable[[str, Kinds], Coroutine[Any, Any, T]]) -> list[T]:
    """The same work on every cluster, side by side."""
    return await _together(*(_told(name, kinds.kube, work(name, kinds)) for name, kinds in clusters.items()))


async def _told(name: str, kube: Kube, work: Coroutine[Any, Any, T]) -> T:
    """Some work; a failure says on which cluster, if its own name for itself does not."""
    try:
        return await work
    except OperatorError as error:
        raise error if kube.name == name else error.told(f"{name}: {error.message}") from None


async def _together(*work: Coroutine[Any, Any, T]) -> list[T]:
    """All of it side by side; the first failure calls the rest off."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _look_at(watch: Watch, documents: list[JsonObject], what: str) -> None:
    for document in documents:
        metadata = mapping(document, "metadata")
        name = "/".join(filter(None, (text(metadata, "namespace"), text(metadata, "name"))))
        watch.look(document, f"{name} ({what})")
