"""Looking at what is to be taken back, on its cluster: every answer is the API server's own, or an error."""

from __future__ import annotations

from collections.abc import Sequence

from violet_operator.api.module_plugin import MODULE_NAME
from violet_operator.clients.kinds import Kinds
from violet_operator.clients.kube import ARTIFACT_VERSIONS, ARTIFACTS, MODULE_PLUGINS, Resource
from violet_operator.package.plugin import module_version
from violet_operator.package.versions import same_version
from violet_operator.platform.resolve import Connection
from violet_operator.publication.chart import ChartEntry
from violet_operator.publication.installed import every, users_of_chart, users_of_operator, users_of_plugin
from violet_operator.upload.chart_backends import ChartBackend, chart_backend
from violet_operator.upload.context import JsonObject, Upload
from violet_operator.upload.ledger import Version
from violet_operator.upload.withdraw_judge import Sight

KINDS = {"Artifact": ARTIFACTS, "ArtifactVersion": ARTIFACT_VERSIONS, "ModulePlugin": MODULE_PLUGINS}
"""Kinds of what is deleted."""


async def look(upload: Upload, connection: Connection, version: Version, ours: Sequence[Version]) -> Sight:
    """What there is of a version, and who uses it.

    Args:
        upload: the run.
        connection: the way in to its platform.
        version: which.
        ours: all versions that the upload has published.

    Raises:
        OperatorError: something of it cannot be seen; so nobody knows.
    """
    backend = await backend_of(upload, connection, version)
    found = await backend.find() if backend else None
    kinds = await Kinds.of(connection.cluster(version.cluster))  # after the chart: a way that is lost shows here
    if backend:
        users = await users_of_chart(kinds, version.repository or "", version.name, version.version)
        there = found is not None and connection.charts.backend != "oci"  # there it is a tag
        return Sight(tuple(users), chart=there, obstacle=backend.obstacle(found))
    if version.type == "plugin":
        return await _look_at_plugin(kinds, version, ours)
    return await _look_at_bundle(kinds, version, upload.env.settings.system_namespace)


async def backend_of(upload: Upload, connection: Connection, version: Version) -> ChartBackend | None:
    """The way to a chart; None for what is none.

    Raises:
        OperatorError: there is no way.
    """
    if version.type != "chart":
        return None
    entry = ChartEntry(
        version.name,
        version.version,
        version.digest or "",
        version.repository or "",
        upload.env.settings.system_namespace,
    )
    return await chart_backend(upload, connection, entry)


async def _look_at_bundle(kinds: Kinds, version: Version, namespace: str) -> Sight:
    live = await _find(kinds, ARTIFACT_VERSIONS, version.object, namespace)
    owner = await _find(kinds, ARTIFACTS, version.name, namespace)
    status = (live or {}).get("status") or {}
    packages, csvs = _told(version.name, status.get("name")), _told(version.csv, status.get("version"))
    users = await users_of_operator(kinds, packages, csvs)
    others: set[str] = set()
    if owner is not None:
        every_version = await every(kinds, ARTIFACT_VERSIONS, namespace)
        others = {each["metadata"]["uid"] for each in every_version if _belongs(each, owner)}
    others -= {live["metadata"]["uid"]} if live else set()
    return Sight(tuple(dict.fromkeys(users)), _present(live), _present(owner), frozenset(others))


async def _look_at_plugin(kinds: Kinds, version: Version, ours: Sequence[Version]) -> Sight:
    live = await _find(kinds, MODULE_PLUGINS, version.object)
    labels = (live or {"metadata": {}})["metadata"].get("labels") or {}
    versions = [each.version for each in ours if (each.platform, each.subject) == (version.platform, version.subject)]
    names = _told(version.module or version.name, labels.get(MODULE_NAME))
    users = await users_of_plugin(kinds, names, versions)
    if live is not None and not any(same_version(module_version(live), each) for each in versions):
        users.append(f"version {module_version(live)}")
    return Sight(tuple(dict.fromkeys(users)), _present(live))


async def _find(kinds: Kinds, resource: Resource, name: str, namespace: str | None = None) -> JsonObject | None:
    """By a list: a 404 for an object may mean that the way to its cluster is lost."""
    found = await every(kinds, resource, namespace, fields=f"metadata.name={name}")
    return found[0] if found else None


def _told(*names: str | None) -> list[str]:
    """What it may be called: as we have recorded it, and as the cluster says."""
    return [name for name in dict.fromkeys(names) if name]


def _present(body: JsonObject | None) -> JsonObject | None:
    """An object that is not going already."""
    return None if body is None or "deletionTimestamp" in body["metadata"] else body


def _belongs(body: JsonObject, owner: JsonObject) -> bool:
    """Whether a version is the Artifact's: it says so itself, or the Artifact selects it."""
    metadata = body["metadata"]
    owners = {each["uid"] for each in metadata.get("ownerReferences") or []}
    wanted = ((owner.get("spec") or {}).get("artifactVersionSelector") or {}).get("matchLabels") or {}
    selected = bool(wanted) and wanted.items() <= (metadata.get("labels") or {}).items()
    return (owner["metadata"]["uid"] in owners or selected) and "deletionTimestamp" not in metadata
