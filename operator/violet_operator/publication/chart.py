"""A Helm chart in one of the platform's chart repositories, as the global cluster shows it (`platform.md` 1.8, 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from violet_operator.clients.kube import CHART_REPOS, CHARTS, Kube, Resource
from violet_operator.errors import Stalled, Waiting
from violet_operator.publication.apply import Piece
from violet_operator.publication.publisher import Publisher, Standing

JsonObject = dict[str, Any]

_OLDER_VERSION = "app.alauda.io/v1alpha1"
"""Of ChartRepo and Chart, on platforms without v1beta1."""


@dataclass(frozen=True, slots=True)
class ChartEntry:
    """One version of a chart in a repository.

    Attributes:
        name: of the chart.
        version: of the chart.
        digest: of the archive, hex; empty where the repository may tell another one (an OCI registry: its manifest's).
        repository: name of the ChartRepo.
        namespace: the platform's system namespace.
    """

    name: str
    version: str
    digest: str
    repository: str
    namespace: str

    @property
    def object_name(self) -> str:
        """Name of its Chart object."""
        return f"{self.name}.{self.repository}"


class ChartPublisher(Publisher):
    """Waits until the platform lists a chart that was uploaded: it makes the Chart object itself."""

    def __init__(self, chart: ChartEntry) -> None:
        self._chart = chart

    @property
    def pieces(self) -> Sequence[Piece]:
        """None of ours."""
        return ()

    @property
    def objects(self) -> Sequence[JsonObject]:
        """The Chart."""
        return [{"kind": "Chart", "namespace": self._chart.namespace, "name": self._chart.object_name}]

    async def compare(self, kube: Kube) -> list[JsonObject]:
        """What an upload would do with the Chart: another version, or other content, changes it.

        Raises:
            OperatorError: the cluster refuses to be read.
        """
        found = await find_chart(kube, self._chart)
        listed = found and find_version(found, self._chart)
        action = "Create" if found is None else "Keep" if listed and self._is_ours(listed) else "Change"
        return [{**self.objects[0], "action": action}]

    async def prepare(self, kube: Kube) -> None:
        """The chart repository must exist.

        Raises:
            Stalled: it does not, but others do.
            Waiting: there is none at all.
            OperatorError: the cluster cannot be asked.
        """
        chart, repos = self._chart, await served(kube, CHART_REPOS)
        if await kube.get(repos, chart.namespace, chart.repository):
            return
        there = sorted(item["metadata"]["name"] for item in await kube.list(repos, chart.namespace))
        if not there:
            raise Waiting(
                "NoChartRepository",
                f"Cluster {kube.name} has no ChartRepo in {chart.namespace}: is the platform's catalog installed "
                "there, and done with starting?",
            )
        raise Stalled(
            "UnknownChartRepository",
            f"Cluster {kube.name} has no ChartRepo {chart.repository!r} in {chart.namespace}, only "
            f"{', '.join(there)}. Correct spec.chartRepository, or create it.",
        )

    async def standing(self, kube: Kube, live: Sequence[JsonObject]) -> Standing:  # noqa: ARG002 - nothing is ours
        """Whether the Chart lists the version, with this content.

        Raises:
            OperatorError: the cluster cannot be asked.
        """
        chart = self._chart
        found = await find_chart(kube, chart)
        listed = found and find_version(found, chart)
        name = f"Chart {found['metadata']['name'] if found else chart.object_name}"
        if listed and self._is_ours(listed):
            return Standing(True, f"{name} lists {chart.version}")
        said = f"lists {chart.version} with other content" if listed else f"does not list {chart.version}"
        repo = await kube.get(await served(kube, CHART_REPOS), chart.namespace, chart.repository)
        return Standing(
            False,
            f"{name} {said}" if found else f"There is no {name} yet",
            advice=f"Look at ChartRepo {chart.repository} of {kube.name} ({_health(repo)}) and at captain, which lists "
            "its charts",
        )

    def _is_ours(self, listed: JsonObject) -> bool:
        return not self._chart.digest or listed.get("digest") in (None, "", self._chart.digest)


async def served(kube: Kube, resource: Resource) -> Resource:
    """A kind in the newest version that the cluster has.

    Raises:
        Transient: the API does not answer as it should.
    """
    return resource if await kube.serves(resource) else Resource(_OLDER_VERSION, resource.plural)


async def find_chart(kube: Kube, chart: ChartEntry) -> JsonObject | None:
    """The Chart object. Charts of an OCI repository may be named otherwise: of those, the one that lists it.

    Raises:
        OperatorError: the cluster cannot be asked.
    """
    charts = await served(kube, CHARTS)
    found = await kube.get(charts, chart.namespace, chart.object_name)
    if found is not None or chart.digest:
        return found
    same = await kube.list(charts, chart.namespace, labels=f"repo={chart.repository}")
    return next((item for item in same if find_version(item, chart)), None)


def find_version(found: JsonObject, chart: ChartEntry) -> JsonObject | None:
    """The entry of a Chart object for this version; of an OCI repository, its name may be a path."""
    entries: list[JsonObject] = (found.get("spec") or {}).get("versions") or []
    same = (item for item in entries if item.get("version") == chart.version)
    return next((item for item in same if str(item.get("name", "")).rpartition("/")[2] in ("", chart.name)), None)


def _health(repo: JsonObject | None) -> str:
    status = (repo or {}).get("status") or {}
    said = ", ".join(str(status[key]) for key in ("phase", "reason") if status.get(key))
    return said or "it reports nothing"
