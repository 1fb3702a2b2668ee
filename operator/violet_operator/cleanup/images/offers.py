"""What the platform's objects offer to install: each an image in the registry that tells which others it needs. Pure.

Tolerant of every field that is missing: an object that names no repository offers nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from violet_operator.package.chart_image import chart_tag
from violet_operator.package.documents import mapping, objects, text
from violet_operator.package.references import Destination

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Offer:
    """A bundle or chart that can be installed.

    Attributes:
        who: the object that offers it, in words for people.
        uid: of that object.
        registry: HOST[:PORT] that the object names; empty: the platform's own.
        places: where its image may be: one of these.
    """

    who: str
    uid: str
    registry: str
    places: tuple[Destination, ...]


def of_artifacts(cluster: str, artifacts: Iterable[JsonObject], versions: Iterable[JsonObject]) -> list[Offer]:
    """What the ArtifactVersions of a cluster offer; one without an Artifact has no repository, and so no image."""
    by_uid: dict[str, JsonObject] = {}
    by_label: dict[tuple[str, str], JsonObject] = {}
    for artifact in artifacts:
        by_uid[text(artifact, "metadata", "uid")] = artifact
        namespace = text(artifact, "metadata", "namespace")
        labels = mapping(artifact, "spec", "artifactVersionSelector", "matchLabels")
        for name in filter(None, (text(artifact, "metadata", "name"), labels.get(_OWNER))):
            by_label[namespace, str(name)] = artifact
    found = []
    for version in versions:
        metadata = mapping(version, "metadata")
        owners = (by_uid.get(text(owner, "uid")) for owner in objects(metadata, "ownerReferences"))
        label = (text(metadata, "namespace"), str(mapping(metadata, "labels").get(_OWNER) or ""))
        owner = next(filter(None, owners), None) or by_label.get(label)
        repository, tag = text(owner, "spec", "repository"), text(version, "spec", "tag")
        if repository and tag:
            who = f"ArtifactVersion {text(metadata, 'name')} of {cluster}"
            place = Destination(repository.strip("/"), tag)
            found.append(Offer(who, text(metadata, "uid"), text(owner, "spec", "registry"), (place,)))
    return found


def of_plugins(cluster: str, prefix: str, modules: Iterable[JsonObject]) -> list[Offer]:
    """What ModulePlugins and ModuleConfigs offer: their main charts, and those that are released with them."""
    found = []
    for module in modules:
        metadata, spec = mapping(module, "metadata"), mapping(module, "spec")
        who = f"{text(module, 'kind')} {text(metadata, 'name')} of {cluster}"
        for path, version in sorted(set(_charts(module, spec))):
            places = [Destination(f"{prefix}/{path}" if prefix else path, chart_tag(version))]
            places += [Destination(path, chart_tag(version))] if prefix else []
            found.append(Offer(f"{who} (chart {path} {version})", text(metadata, "uid"), "", tuple(places)))
    return found


def _charts(module: JsonObject, spec: JsonObject) -> Iterator[tuple[str, str]]:
    released = [
        (text(chart, "name"), text(chart, "version"))
        for release in objects(spec, "appReleases")
        for chart in objects(release, "chartVersions")
    ]
    yield from ((path.strip("/"), version) for path, version in released if path and version)
    main = text(spec, "mainChart").strip("/")
    version = text(spec, "version") or text(module, "status", "latestVersion")
    if main and version and main not in {path for path, _ in released}:
        yield main, version


_OWNER = "cpaas.io/artifact-version"
