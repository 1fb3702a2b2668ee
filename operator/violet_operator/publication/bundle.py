"""An operator bundle on a cluster: Artifact and ArtifactVersion, and what the marketplace and OLM make of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from violet_operator.api.artifact import Publication
from violet_operator.clients.kube import ARTIFACT_VERSIONS, ARTIFACTS, CATALOG_SOURCES, PACKAGE_MANIFESTS, Kube
from violet_operator.errors import Stalled, Waiting
from violet_operator.publication.apply import Piece
from violet_operator.publication.publisher import Publisher, Standing

JsonObject = dict[str, Any]


class BundlePublisher(Publisher):
    """Publishes an operator bundle on each target cluster (`platform.md` 1.1 to 1.3)."""

    def __init__(self, publication: Publication, csv: str | None) -> None:
        self._publication = publication
        self._csv = csv

    @property
    def pieces(self) -> Sequence[Piece]:
        """The Artifact, and the ArtifactVersion that it owns."""
        publication = self._publication
        return (
            Piece(ARTIFACTS, publication.artifact()),
            Piece(ARTIFACT_VERSIONS, publication.version(), owned=True),
        )

    async def prepare(self, kube: Kube) -> None:
        """The catalog must exist: the platform takes objects of any, and lists those of unknown ones nowhere.

        Raises:
            Stalled: it does not, but others do.
            Waiting: there is no catalog at all.
            OperatorError: the cluster cannot be asked.
        """
        namespace, library = self._publication.namespace, self._publication.library
        if await kube.get(CATALOG_SOURCES, namespace, library) or not await kube.serves(CATALOG_SOURCES):
            return
        there = sorted(item["metadata"]["name"] for item in await kube.list(CATALOG_SOURCES, namespace))
        if not there:
            raise Waiting(
                "NoCatalogSource",
                f"Cluster {kube.name} has no CatalogSource in {namespace}: is the "
                "platform's marketplace installed there, and done with starting?",
            )
        raise Stalled(
            "UnknownCatalogSource",
            f"Cluster {kube.name} has no CatalogSource {library!r} in {namespace}, only {', '.join(there)}. "
            "Correct spec.catalogSource, or create it.",
        )

    async def standing(self, kube: Kube, live: Sequence[JsonObject]) -> Standing:
        """Whether the marketplace has taken the version, and OLM lists its CSV where there is OLM.

        Raises:
            OperatorError: the cluster cannot be asked.
        """
        version = live[-1]
        said = f"ArtifactVersion {version['metadata']['name']} is {_words(version)}"
        if not is_present(version):
            rejected = _phase(version) == "failed"
            return Standing(False, said, rejected, f"Look at the marketplace controller of {kube.name}")
        return await self._listed(kube, version.get("status") or {}, said)

    async def _listed(self, kube: Kube, status: JsonObject, said: str) -> Standing:
        publication = self._publication
        package, csv = status.get("name") or publication.name, status.get("version") or self._csv
        manifest = await self._package_manifest(kube, package)
        if csv in listed_csvs(manifest) or not await kube.serves(PACKAGE_MANIFESTS):
            return Standing(True, said)
        catalog = await kube.get(CATALOG_SOURCES, publication.namespace, publication.library)
        return Standing(
            False,
            f"{said}, but PackageManifest {package} of catalog {publication.library} does not list {csv}",
            advice=f"Look at CatalogSource {publication.library} of {kube.name} ({health(catalog)}) and its "
            f"Deployment olm-registry-{publication.library}",
        )

    async def _package_manifest(self, kube: Kube, package: str) -> JsonObject | None:
        """The package as our catalog has it: two catalogs may have packages of one name, and a GET finds either."""
        namespace, library = self._publication.namespace, self._publication.library
        found = await kube.get(PACKAGE_MANIFESTS, namespace, package)
        if found is None or (found.get("status") or {}).get("catalogSource") == library:
            return found
        same = await kube.list(PACKAGE_MANIFESTS, namespace, labels=f"catalog={library}")
        return next((item for item in same if item["metadata"]["name"] == package), None)


def is_present(version: JsonObject) -> bool:
    """The marketplace's sign: phase Present and reason Success (`platform.md` 1.2, 9)."""
    status = version.get("status") or {}
    return _phase(version) == "present" and status.get("reason") == "Success"


def listed_csvs(manifest: JsonObject | None) -> set[str]:
    """Names of the CSVs that a PackageManifest offers, in any channel."""
    channels = ((manifest or {}).get("status") or {}).get("channels") or []
    entries = [entry["name"] for channel in channels for entry in channel.get("entries") or []]
    return {*entries, *(channel["currentCSV"] for channel in channels if channel.get("currentCSV"))}


def health(catalog: JsonObject | None) -> str:
    """A CatalogSource's own words on its state."""
    if catalog is None:
        return "it does not exist"
    state = ((catalog.get("status") or {}).get("connectionState") or {}).get("lastObservedState")
    return f"its connection is {state or 'not reported'}"


def _phase(version: JsonObject) -> str:
    return str((version.get("status") or {}).get("phase", "")).lower()


def _words(version: JsonObject) -> str:
    status = version.get("status") or {}
    parts = [status.get(key) for key in ("phase", "reason", "message")]
    return ", ".join(str(part) for part in parts if part) or "without a status yet"
