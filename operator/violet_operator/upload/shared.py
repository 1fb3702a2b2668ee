"""What several uploads, or several targets of one, share on a cluster: they must not take turns in writing it.

A cluster has one Artifact for all versions of a package, and it names one registry, repository and catalog. Whoever
is there first keeps it; who would say something else is told so.
"""

from __future__ import annotations

from violet_operator.clients.kube import PACKAGE_UPLOADS
from violet_operator.errors import Stalled, Waiting
from violet_operator.package.references import destination
from violet_operator.package.versions import same_version
from violet_operator.platform.resolve import Connection
from violet_operator.publication.apply import uploaded_by
from violet_operator.upload.context import JsonObject, Upload
from violet_operator.upload.publishers import publisher_for
from violet_operator.upload.targets import Place, client, places


def check_alone(upload: Upload, to: Place) -> None:
    """Of several Platforms that lead to one cluster the first that the spec names counts.

    Raises:
        Stalled: this one comes later, and would publish something else there.
    """
    kube = client(upload, to)
    for first in places(upload):
        if first.key == to.key:
            return
        same = kube.uid is not None and client(upload, first).uid == kube.uid
        if same and _bodies(upload, first.connection) != _bodies(upload, to.connection):
            raise Stalled(
                "SameCluster",
                f"Cluster {to.cluster} of Platform {to.connection.name} is the same cluster as {first.cluster} of "
                f"Platform {first.connection.name}, but would pull from {_pulls(to.connection)}, not from "
                f"{_pulls(first.connection)}; a package has one Artifact on a cluster. Take one of the two out of "
                "spec.targets, or correct the address or the registry of a Platform.",
            )


def _bodies(upload: Upload, connection: Connection) -> list[JsonObject]:
    return [piece.body for piece in publisher_for(upload, connection).pieces]


def _pulls(connection: Connection) -> str:
    where = "/".join(filter(None, (connection.pull_address, connection.prefix)))
    return f"{where} (imagePullSecrets: {', '.join(connection.pull_secrets) or 'none'})"


BEFORE = "has published the same version before; one of the two is not needed."
"""What a target's message says of an upload that came first."""


async def may_take_over(upload: Upload, to: Place, live: JsonObject | None, wanted: JsonObject) -> bool:
    """Whether an object that says something else becomes ours; if not, it keeps the name of its upload.

    Raises:
        Waiting: another upload says what is there now, and would say it again.
    """
    if live is None or live["kind"] != "Artifact" or _place(live) == _place(wanted):
        return False
    first = uploaded_by(live)
    if first in ("", "/".join(upload.key)):
        return False
    other = await _read(upload, first)
    if other is None or not publishes(other, live):
        return True
    if _agree(upload, to, other):
        return False
    raise Waiting(
        "PublishedDifferently",
        f"All versions of a package share one Artifact: {live['metadata']['name']} of {to} has {_words(live)}, as "
        f"PackageUpload {first} wants it; this upload would make it {_words(wanted)}. Give both the same Platform and "
        "catalogSource, or delete one of them.",
    )


def publishes(body: JsonObject, live: JsonObject) -> bool:
    """Whether an upload is there to stay, and says that it has published an object."""
    if "deletionTimestamp" in body["metadata"]:
        return False
    targets = (body.get("status") or {}).get("targets") or []
    objects = [(item["kind"], item["name"]) for target in targets for item in target.get("objects") or []]
    return (live["kind"], live["metadata"]["name"]) in objects


async def still_publishes(upload: Upload, first: str, live: JsonObject) -> bool:
    """Whether another upload is there and says that it has published what we would, too."""
    other = await _read(upload, first)
    if other is None or (live["kind"] == "ModulePlugin" and not _same_version(upload, other)):
        return False  # a plugin has one object for all versions
    return publishes(other, live)


async def _read(upload: Upload, other: str) -> JsonObject | None:
    """Another upload, by its namespace/name; None where there is none any more."""
    namespace, _, name = other.partition("/")
    return await upload.env.kube.get(PACKAGE_UPLOADS, namespace, name)


async def earlier_chart(upload: Upload, to: Place) -> str:
    """An upload that has published the same chart there before, namespace/name; empty where none has.

    A Chart is the platform's own, and names no upload: all of them have to be listed. So that is done for a chart that
    was just uploaded, and where there was such an upload at the last look.
    """
    last = [item for item in upload.status.facts.get("targets", []) if (item["platform"], item["cluster"]) == to.key]
    if upload.settled and any(item["phase"] == "Ready" and BEFORE not in str(item.get("message")) for item in last):
        return ""
    found = [
        body
        for body in await upload.env.kube.list(PACKAGE_UPLOADS, upload.namespace)
        if _age(body) < _age(upload.body) and _same_chart(upload, to, body)
    ]
    return f"{upload.namespace}/{min(found, key=_age)['metadata']['name']}" if found else ""


def _age(body: JsonObject) -> tuple[str, str]:
    return body["metadata"]["creationTimestamp"], body["metadata"]["name"]


def _same_chart(upload: Upload, to: Place, other: JsonObject) -> bool:
    targets = [item for item in (other.get("status") or {}).get("targets") or [] if item.get("objects")]
    return (
        "deletionTimestamp" not in other["metadata"]
        and _package(other).get("chart") == upload.status.facts["package"]["chart"]
        and other["spec"].get("chartRepository") == upload.spec.chart_repository
        and to.key in [(item["platform"], item["cluster"]) for item in targets]
    )


def _same_version(upload: Upload, other: JsonObject) -> bool:
    return same_version(str(_package(other).get("version", "")), str(upload.status.facts["package"]["version"]))


def _agree(upload: Upload, to: Place, other: JsonObject) -> bool:
    """Whether two uploads say the same of a package once their Platform is read anew: it changes for both."""
    spec, theirs = other["spec"], _package(other).get("artifact")
    platforms = [target["platformRef"]["name"] for target in spec.get("targets") or []]
    return (
        other["metadata"]["namespace"] == upload.namespace
        and to.connection.name in platforms
        and spec.get("catalogSource") == upload.spec.catalog_source
        and theirs is not None
        and _repository(theirs) == _repository(upload.status.facts["package"]["artifact"])
    )


def _repository(reference: str) -> str:
    return destination(reference, "").repository


def _package(body: JsonObject) -> JsonObject:
    package: JsonObject = (body.get("status") or {}).get("package") or {}
    return package


def _place(artifact: JsonObject) -> JsonObject:
    """What an Artifact says of where its versions come from and go to."""
    spec, labels = artifact["spec"], artifact["metadata"].get("labels") or {}
    place = {key: spec.get(key) for key in ("registry", "repository")}
    secrets = spec.get("imagePullSecrets") or []
    return place | {"imagePullSecrets": secrets, "library": labels.get("cpaas.io/library")}


def _words(artifact: JsonObject) -> str:
    place = _place(artifact)
    secrets = ", ".join(place["imagePullSecrets"]) or "none"
    where = f"{place['registry']}/{place['repository']}"
    return f"{where} (imagePullSecrets: {secrets}) in catalog {place['library']}"
