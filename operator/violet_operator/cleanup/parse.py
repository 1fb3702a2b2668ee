"""From the platform's objects to facts: pure, and tolerant of every field that is missing or of another type.

A missing field becomes empty, and the judgement keeps what it knows too little of. Names and places of fields:
`platform.md` 1.1 to 1.7.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

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


def artifact(cluster: str, body: JsonObject) -> Artifact:
    """An Artifact."""
    return Artifact(_meta("Artifact", cluster, body), _text(body, "spec", "type"))


def artifact_version(cluster: str, body: JsonObject) -> ArtifactVersion:
    """An ArtifactVersion."""
    meta = _meta("ArtifactVersion", cluster, body)
    owners = (owner for owner in _dicts(body, "metadata", "ownerReferences") if owner.get("kind") == "Artifact")
    return ArtifactVersion(
        meta=meta,
        owner_uid=next((str(owner.get("uid")) for owner in owners), None),
        artifact=meta.labels.get("cpaas.io/artifact-version"),
        tag=_text(body, "spec", "tag"),
        phase=_text(body, "status", "phase"),
        package=_text(body, "status", "name"),
        csv=_text(body, "status", "version"),
    )


def operator_view(body: JsonObject) -> OperatorView:
    """An OperatorView."""
    installation = ("status", "operatorStatus", "installation")
    return OperatorView(
        cluster=_text(body, "metadata", "namespace"),
        name=_text(body, "metadata", "name"),
        phase=_text(body, "status", "operatorStatus", "phase"),
        artifact=_text(body, *installation, "artifactName"),
        installed_csv=_text(body, *installation, "subscription", "installedCSV"),
        lifecycle=_texts(body, "metadata", "labels").get(LIFECYCLE),
    )


def subscription(body: JsonObject) -> Subscription:
    """A Subscription."""
    return Subscription(
        namespace=_text(body, "metadata", "namespace"),
        name=_text(body, "metadata", "name"),
        package=_text(body, "spec", "name"),
        state=_text(body, "status", "state"),
        installed_csv=_text(body, "status", "installedCSV"),
        current_csv=_text(body, "status", "currentCSV"),
        starting_csv=_text(body, "spec", "startingCSV"),
    )


def install_plan(body: JsonObject) -> InstallPlan:
    """An InstallPlan."""
    return InstallPlan(
        namespace=_text(body, "metadata", "namespace"),
        name=_text(body, "metadata", "name"),
        phase=_text(body, "status", "phase"),
        csvs=tuple(str(name) for name in _items(body, "spec", "clusterServiceVersionNames")),
    )


def csv(body: JsonObject) -> CSV:
    """A ClusterServiceVersion."""
    return CSV(
        namespace=_text(body, "metadata", "namespace"),
        name=_text(body, "metadata", "name"),
        phase=_text(body, "status", "phase"),
        labels=_texts(body, "metadata", "labels"),
    )


def module_plugin(cluster: str, body: JsonObject) -> ModulePlugin:
    """A ModulePlugin."""
    meta = _meta("ModulePlugin", cluster, body)
    charts = (chart for release in _dicts(body, "spec", "appReleases") for chart in _dicts(release, "chartVersions"))
    return ModulePlugin(
        meta=meta,
        module=_module(meta) or meta.ref.name,
        version=_text(body, "status", "latestVersion")
        or _text(body, "spec", "version")
        or next((_text(chart, "version") for chart in charts), ""),
        deletable=_at(body, "spec", "deleteable") is not False,
        installed=tuple(_text(item, "version") for item in _dicts(body, "status", "installed")),
        needs=_needs(body),
    )


def module_config(cluster: str, body: JsonObject) -> ModuleConfig:
    """A ModuleConfig; its version is never read from its name."""
    meta = _meta("ModuleConfig", cluster, body)
    return ModuleConfig(
        meta=meta,
        module=_module(meta) or _text(body, "spec", "name"),
        version=_text(body, "spec", "version"),
        deletable=_at(body, "spec", "deleteable") is not False,
        ready=_at(body, "status", "readyForDeploy") is True,
        needs=_needs(body),
    )


def module_info(body: JsonObject) -> ModuleInfo:
    """A ModuleInfo: the platform renames it, so labels alone say what it is of."""
    labels = _texts(body, "metadata", "labels")
    return ModuleInfo(
        name=_text(body, "metadata", "name"),
        module=labels.get(MODULE, ""),
        lifecycle=labels.get(LIFECYCLE),
        phase=_text(body, "status", "phase"),
        wanted=_text(body, "spec", "version"),
        current=_text(body, "status", "version"),
        transit=_text(body, "status", "transitVersion"),
    )


def plugin_view(body: JsonObject) -> PluginView:
    """A ModulePluginView; one without a status says nothing, one whose status has no list says: nowhere."""
    labels = _texts(body, "metadata", "labels")
    name = _text(body, "metadata", "name")
    told = isinstance(body.get("status"), Mapping) and isinstance(_at(body, "status", "installed"), list | None)
    installed = tuple(_text(item, "version") for item in _dicts(body, "status", "installed"))
    return PluginView(name, labels.get(MODULE) or name, labels.get(LIFECYCLE), installed if told else None)


def is_read(body: JsonObject) -> bool:
    """Whether the status of a PackageUpload speaks of the package that its spec names now.

    A generation is noted as observed also by a look that read nothing, as the upload is suspended or has failed: what
    was read must be what the spec asks for.
    """
    url, pin = _text(body, "spec", "source", "url").partition("?")[0], _text(body, "spec", "source", "sha256")
    return (
        bool(_text(body, "status", "package", "name"))
        and _at(body, "metadata", "generation") == _at(body, "status", "observedGeneration")
        and url == _text(body, "status", "source", "url")
        and pin in ("", _text(body, "status", "source", "sha256"))
    )


def upload(body: JsonObject) -> Upload | None:
    """What a PackageUpload wants; None: nothing."""
    if _at(body, "metadata", "deletionTimestamp"):
        return None
    if _at(body, "spec", "mode") == "Preview" or _at(body, "spec", "skipResources") is True:
        return None
    found = _at(body, "status", "package") if is_read(body) else None
    clusters = {str(name) for target in _dicts(body, "spec", "targets") for name in _items(target, "clusters")}
    objects = {
        (_text(target, "cluster"), _text(item, "kind"), _text(item, "name"))
        for target in _dicts(body, "status", "targets")
        for item in _dicts(target, "objects")
    }
    tag = _text(found, "artifact").partition("@")[0].rpartition("/")[2].partition(":")[2]
    versions = {_text(found, "version"), tag, _text(found, "csv")} - {""}
    return Upload(
        name=f"{_text(body, 'metadata', 'namespace')}/{_text(body, 'metadata', 'name')}",
        clusters=frozenset(clusters or {"global"}),
        package=_text(found, "name"),
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
    namespace, name, uid = (_text(body, "metadata", key) for key in ("namespace", "name", "uid"))
    ref = Ref(kind, cluster, namespace or None, name, uid)
    return Meta(
        ref=ref,
        created=_time(_text(body, "metadata", "creationTimestamp")),
        deleting=bool(_at(body, "metadata", "deletionTimestamp")),
        labels=_texts(body, "metadata", "labels"),
        annotations=_texts(body, "metadata", "annotations"),
        version=_text(body, "metadata", "resourceVersion"),
        generation=_at(body, "metadata", "generation"),
        finalizers=tuple(str(each) for each in _items(body, "metadata", "finalizers")),
    )


def _module(meta: Meta) -> str:
    return meta.labels.get(MODULE) or meta.annotations.get(MODULE, "")


def _needs(body: JsonObject) -> frozenset[str]:
    """Plugins that this one names as needed, wherever below its dependencies."""
    fields = ("dependencies", "pluginDependencies", "upgradeBefore")
    return frozenset(name for field in fields for name in _named(_at(body, "spec", field)))


def _named(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from (str(value[key]) for key in ("moduleName", "pluginName") if value.get(key))
        for below in value.values():
            yield from _named(below)
    elif isinstance(value, list):
        for below in value:
            yield from _named(below)


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


def _at(body: object, *path: str) -> object:
    for step in path:
        if not isinstance(body, Mapping):
            return None
        body = body.get(step)
    return body


def _text(body: object, *path: str) -> str:
    found = _at(body, *path)
    return found.strip() if isinstance(found, str) else ""


def _texts(body: object, *path: str) -> dict[str, str]:
    found = _at(body, *path)
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, Mapping) else {}


def _items(body: object, *path: str) -> list[Any]:
    found = _at(body, *path)
    return found if isinstance(found, list) else []


def _dicts(body: object, *path: str) -> list[Mapping[str, Any]]:
    return [item for item in _items(body, *path) if isinstance(item, Mapping)]
