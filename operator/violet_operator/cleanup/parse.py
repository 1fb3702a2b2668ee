"""From the platform's objects to facts, as the judgement needs them. Pure.

Names and places of fields: `platform.md` 1.1 to 1.7. How fields are read, and what becomes of odd ones: `fields.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from violet_operator.cleanup.fields import ShapeError, at, flag, items, reader, require, text, texts
from violet_operator.cleanup.state import (
    CSV,
    Artifact,
    ArtifactVersion,
    InstallPlan,
    Meta,
    ModuleConfig,
    ModuleInfo,
    ModulePlugin,
    OperatorView,
    PluginView,
    Ref,
    Subscription,
    Upload,
)

JsonObject = dict[str, Any]

LIFECYCLE = "cpaas.io/lifecycle-type"
MODULE = "cpaas.io/module-name"


@reader
def artifact(cluster: str, body: JsonObject) -> Artifact:
    """An Artifact."""
    return Artifact(_meta("Artifact", cluster, body), text(body, "spec", "type"))


@reader
def artifact_version(cluster: str, body: JsonObject) -> ArtifactVersion:
    """An ArtifactVersion."""
    meta = _meta("ArtifactVersion", cluster, body)
    owners = (owner for owner in items(body, "metadata", "ownerReferences") if text(owner, "kind") == "Artifact")
    return ArtifactVersion(
        meta=meta,
        owner_uid=next((text(owner, "uid") for owner in owners), None),
        artifact=meta.labels.get("cpaas.io/artifact-version"),
        tag=text(body, "spec", "tag"),
        phase=text(body, "status", "phase"),
        package=text(body, "status", "name"),
        csv=text(body, "status", "version"),
    )


@reader
def operator_view(body: JsonObject) -> OperatorView:
    """An OperatorView."""
    installation = ("status", "operatorStatus", "installation")
    return OperatorView(
        cluster=text(body, "metadata", "namespace"),
        name=text(body, "metadata", "name"),
        phase=text(body, "status", "operatorStatus", "phase"),
        artifact=text(body, *installation, "artifactName"),
        installed_csv=text(body, *installation, "subscription", "installedCSV"),
        lifecycle=texts(body, "metadata", "labels").get(LIFECYCLE),
    )


@reader
def subscription(body: JsonObject) -> Subscription:
    """A Subscription; one that names no package might be of any."""
    require(body, "spec", "name")
    return Subscription(
        namespace=text(body, "metadata", "namespace"),
        name=text(body, "metadata", "name"),
        package=text(body, "spec", "name"),
        state=text(body, "status", "state"),
        installed_csv=text(body, "status", "installedCSV"),
        current_csv=text(body, "status", "currentCSV"),
        starting_csv=text(body, "spec", "startingCSV"),
    )


@reader
def install_plan(body: JsonObject) -> InstallPlan:
    """An InstallPlan; one that names nothing might install anything."""
    require(body, "spec", "clusterServiceVersionNames")
    return InstallPlan(
        namespace=text(body, "metadata", "namespace"),
        name=text(body, "metadata", "name"),
        phase=text(body, "status", "phase"),
        csvs=tuple(items(body, "spec", "clusterServiceVersionNames", of=str)),
    )


@reader
def csv(body: JsonObject) -> CSV:
    """A ClusterServiceVersion."""
    return CSV(
        namespace=text(body, "metadata", "namespace"),
        name=text(body, "metadata", "name"),
        phase=text(body, "status", "phase"),
        labels=texts(body, "metadata", "labels"),
    )


@reader
def module_plugin(cluster: str, body: JsonObject) -> ModulePlugin:
    """A ModulePlugin."""
    meta = _meta("ModulePlugin", cluster, body)
    charts = (chart for release in items(body, "spec", "appReleases") for chart in items(release, "chartVersions"))
    return ModulePlugin(
        meta=meta,
        module=_module(meta) or meta.ref.name,
        version=text(body, "status", "latestVersion")
        or text(body, "spec", "version")
        or next((text(chart, "version") for chart in charts), ""),
        deletable=flag(body, "spec", "deleteable") is not False,
        installed=_installed(body),
        needs=_needs(body),
    )


@reader
def module_config(cluster: str, body: JsonObject) -> ModuleConfig:
    """A ModuleConfig; its version is never read from its name."""
    meta = _meta("ModuleConfig", cluster, body)
    return ModuleConfig(
        meta=meta,
        module=_module(meta) or text(body, "spec", "name"),
        version=text(body, "spec", "version"),
        deletable=flag(body, "spec", "deleteable") is not False,
        ready=at(body, "status", "readyForDeploy") is True,
        needs=_needs(body),
    )


@reader
def module_info(body: JsonObject) -> ModuleInfo:
    """A ModuleInfo: the platform renames it, so labels alone say what it is of."""
    labels = texts(body, "metadata", "labels")
    return ModuleInfo(
        name=text(body, "metadata", "name"),
        module=labels.get(MODULE, ""),
        lifecycle=labels.get(LIFECYCLE),
        phase=text(body, "status", "phase"),
        wanted=text(body, "spec", "version"),
        current=text(body, "status", "version"),
        transit=text(body, "status", "transitVersion"),
    )


@reader
def plugin_view(body: JsonObject) -> PluginView:
    """A ModulePluginView; one without a status, or with an odd one, says nothing; without a list in it, nowhere."""
    labels = texts(body, "metadata", "labels")
    name = text(body, "metadata", "name")
    try:
        installed = None if at(body, "status") is None else _installed(body)
    except ShapeError:
        installed = None
    return PluginView(name, labels.get(MODULE) or name, labels.get(LIFECYCLE), installed)


@reader
def is_read(body: JsonObject) -> bool:
    """Whether the status of a PackageUpload speaks of the package that its spec names now.

    A generation is noted as observed also by a look that read nothing, as the upload is suspended or has failed: what
    was read must be what the spec asks for.
    """
    url, pin = text(body, "spec", "source", "url").partition("?")[0], text(body, "spec", "source", "sha256")
    return (
        bool(text(body, "status", "package", "name"))
        and at(body, "metadata", "generation") == at(body, "status", "observedGeneration")
        and url == text(body, "status", "source", "url")
        and pin in ("", text(body, "status", "source", "sha256"))
    )


@reader
def upload(body: JsonObject) -> Upload | None:
    """What a PackageUpload wants; None: nothing."""
    if at(body, "metadata", "deletionTimestamp"):
        return None
    if at(body, "spec", "mode") == "Preview" or at(body, "spec", "skipResources") is True:
        return None
    found = at(body, "status", "package") if is_read(body) else None
    clusters = {name for target in items(body, "spec", "targets") for name in items(target, "clusters", of=str)}
    objects = {
        (text(target, "cluster"), text(item, "kind"), text(item, "name"))
        for target in items(body, "status", "targets")
        for item in items(target, "objects")
    }
    tag = text(found, "artifact").partition("@")[0].rpartition("/")[2].partition(":")[2]
    versions = {text(found, "version"), tag, text(found, "csv")} - {""}
    return Upload(
        name=f"{text(body, 'metadata', 'namespace')}/{text(body, 'metadata', 'name')}",
        clusters=frozenset(clusters or {"global"}),
        package=text(found, "name"),
        versions=frozenset(versions),
        objects=frozenset(objects),
    )


READERS: dict[str, Callable[[str, JsonObject], Artifact | ArtifactVersion | ModulePlugin | ModuleConfig]] = {
    "Artifact": artifact,
    "ArtifactVersion": artifact_version,
    "ModulePlugin": module_plugin,
    "ModuleConfig": module_config,
}
"""How the kinds are read that may be deleted."""


def _meta(kind: str, cluster: str, body: JsonObject) -> Meta:
    namespace, name, uid = (text(body, "metadata", key) for key in ("namespace", "name", "uid"))
    ref = Ref(kind, cluster, namespace or None, name, uid)
    return Meta(
        ref=ref,
        created=_time(text(body, "metadata", "creationTimestamp")),
        deleting=bool(at(body, "metadata", "deletionTimestamp")),
        labels=texts(body, "metadata", "labels"),
        annotations=texts(body, "metadata", "annotations"),
        version=text(body, "metadata", "resourceVersion"),
        generation=at(body, "metadata", "generation"),
        finalizers=tuple(items(body, "metadata", "finalizers", of=str)),
    )


def _module(meta: Meta) -> str:
    return meta.labels.get(MODULE) or meta.annotations.get(MODULE, "")


def _installed(body: JsonObject) -> tuple[str, ...]:
    return tuple(text(each, "version") for each in items(body, "status", "installed"))


def _needs(body: JsonObject) -> frozenset[str]:
    """Every text below the dependencies: what is no plugin's name is that of none, and protects nothing."""
    fields = ("dependencies", "pluginDependencies", "upgradeBefore")
    return frozenset(word for field in fields for word in _below(at(body, "spec", field)))


def _below(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value.strip()
    elif isinstance(value, Mapping | list):
        for below in value.values() if isinstance(value, Mapping) else value:
            yield from _below(below)


def _time(said: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(said)
    except ValueError:
        return None
    return found if found.tzinfo else None
