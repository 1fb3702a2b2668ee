"""Publishing a bundle on its clusters and waiting until each of them can install it."""

from __future__ import annotations

from typing import Any

from violet_operator.api import FIELD_MANAGER
from violet_operator.api.artifact import VERIFIED_AT, Publication
from violet_operator.api.conditions import PUBLISHED
from violet_operator.clients.kube import ARTIFACT_VERSIONS, ARTIFACTS, Kube
from violet_operator.errors import OperatorError, Waiting
from violet_operator.platform.resolve import Connection
from violet_operator.upload.context import JsonObject, Upload
from violet_operator.upload.plan import destination
from violet_operator.upload.report import write

_FIRST_LOOK = 0.5
_SLOWEST_LOOK = 5.0
"""Seconds between two looks at an ArtifactVersion: the marketplace needs from one second to minutes."""

_FAILED_GRACE = 30.0
"""Seconds a `Failed` may stand: the marketplace says it too while it has not looked again."""


async def rehearse(upload: Upload) -> None:
    """See whether any target cluster would take the objects, before anything is pushed.

    Raises:
        OperatorError: none would; one that fails does not hold back the others.
    """
    failures: list[OperatorError] = []
    wanted = [] if upload.spec.skip_resources else targets(upload)
    for _, connection, cluster in wanted:
        kube, publication = connection.cluster(cluster), publication_for(upload, connection)
        try:
            owner = await _ensure(kube, ARTIFACTS, publication.artifact(), dry_run=True)
            await _ensure(kube, ARTIFACT_VERSIONS, publication.version(owner["metadata"]["uid"]), dry_run=True)
        except OperatorError as error:
            failures.append(error)
    if failures and len(failures) == len(wanted):
        raise failures[0]


async def publish(upload: Upload) -> None:
    """Bring the package to every target cluster; one that fails does not hold back the others.

    Raises:
        OperatorError: at least one failed; the others are done.
    """
    failures: list[OperatorError] = []
    wanted = [(name, cluster) for name, _, cluster in targets(upload)]
    upload.status.keep_targets(set(wanted))
    for name, connection, cluster in targets(upload):
        publication = publication_for(upload, connection)
        try:
            await _publish_on(upload, connection.cluster(cluster), publication, (name, cluster))
        except OperatorError as error:
            upload.status.target(name, cluster, phase="Failed", message=error.message, objects=[])
            failures.append(error)
    if failures:
        raise failures[0]
    count = len(wanted)
    upload.status.done(PUBLISHED, "Installable", f"{count} of {count} clusters can install the package.")


def targets(upload: Upload) -> list[tuple[str, Connection, str]]:
    """(Platform, its connection, cluster) for every target cluster."""
    return [
        (target.platform_ref.name, upload.connections[target.platform_ref.name], cluster)
        for target in upload.spec.targets
        for cluster in target.clusters
    ]


def publication_for(upload: Upload, connection: Connection) -> Publication:
    """What to publish, from the facts in the status: they outlive the reading of the package."""
    package = upload.status.facts["package"]
    to = destination(package["artifact"], connection.prefix)
    return Publication(
        name=package["name"],
        display_name=package["displayName"],
        registry=connection.pull_address,
        repository=to.repository,
        tag=to.tag,
        namespace=upload.env.settings.system_namespace,
        library=upload.spec.catalog_source,
        channels=tuple(package.get("channels", [])),
        default_channel=package.get("defaultChannel"),
        record=upload.status.facts["verification"],
    )


async def _publish_on(upload: Upload, kube: Kube, publication: Publication, target: tuple[str, str]) -> None:
    artifact = await _ensure(kube, ARTIFACTS, publication.artifact())
    version = await _ensure(kube, ARTIFACT_VERSIONS, publication.version(artifact["metadata"]["uid"]))
    objects = [
        {"kind": item["kind"], "namespace": publication.namespace, "name": item["metadata"]["name"]}
        for item in (artifact, version)
    ]
    if not installable(version):
        await _wait(upload, kube, publication, target, objects)
    message = f"ArtifactVersion {publication.version_name} is Present."
    upload.status.target(*target, phase="Ready", message=message, objects=objects)


async def _ensure(kube: Kube, resource: Any, wanted: JsonObject, *, dry_run: bool = False) -> JsonObject:  # noqa: ANN401
    """Apply, unless the object already says all that we say: an unchanged object costs a read."""
    metadata = wanted["metadata"]
    live = await kube.get(resource, metadata["namespace"], metadata["name"])
    wanted = agreed(live, wanted)
    if live is not None and includes(live, wanted) and not live["metadata"].get("deletionTimestamp"):
        return live
    return await kube.apply(resource, wanted, force=live is not None and not is_claimed(live), dry_run=dry_run)


def agreed(live: JsonObject | None, wanted: JsonObject) -> JsonObject:
    """What we want, with the display name that an Artifact has already.

    Versions that name their package differently share it, and must not take turns in renaming it.
    """
    name = ((live or {}).get("spec") or {}).get("displayName")
    if name and "displayName" in wanted["spec"]:
        return wanted | {"spec": wanted["spec"] | {"displayName": name}}
    return wanted


def is_claimed(live: JsonObject) -> bool:
    """Whether somebody else applies this object too: he declares what he wants, so we do not overrule him.

    Whoever merely updated it (`kubectl edit`, `kubectl label`, the marketplace itself) left drift, which is repaired.
    """
    managers = live["metadata"].get("managedFields", [])
    return any(each["operation"] == "Apply" and each["manager"] != FIELD_MANAGER for each in managers)


async def _wait(
    upload: Upload, kube: Kube, publication: Publication, target: tuple[str, str], objects: list[JsonObject]
) -> None:
    """Wait for the platform's sign, reporting what it says meanwhile."""
    name, waited, failing, delay, shown = publication.version_name, 0.0, 0.0, _FIRST_LOOK, ""
    while True:
        version = await kube.get(ARTIFACT_VERSIONS, publication.namespace, name)
        if version is None:
            raise Waiting("ObjectGone", f"ArtifactVersion {name} was deleted on {kube.name} while we waited for it.")
        if installable(version):
            return
        said = _said(version)
        failing = failing + delay if _phase(version) == "failed" else 0.0
        if failing > _FAILED_GRACE:
            raise Waiting("PlatformRejected", f"The platform on {kube.name} rejects ArtifactVersion {name}: {said}.")
        if waited > upload.env.settings.publish_deadline:
            raise Waiting(
                "NotInstallable",
                f"ArtifactVersion {name} on {kube.name} is not Present after {waited:.0f} s: {said}. Look at the "
                "marketplace controller and the CatalogSource of that cluster.",
            )
        if said != shown:
            shown = said
            upload.status.working(
                PUBLISHED, "Publishing", f"Waiting for ArtifactVersion {name} on {kube.name}: {said}."
            )
            upload.status.target(*target, phase="Publishing", message=said, objects=objects)
            await write(upload)
        await upload.pacer.sleep(delay)
        waited += delay
        delay = min(delay * 1.5, _SLOWEST_LOOK)


def installable(version: JsonObject) -> bool:
    """The platform's sign: phase Present and reason Success (`platform.md` 1.2, 9)."""
    status = version.get("status") or {}
    return _phase(version) == "present" and status.get("reason") == "Success"


def _phase(version: JsonObject) -> str:
    return str((version.get("status") or {}).get("phase", "")).lower()


def _said(version: JsonObject) -> str:
    status = version.get("status") or {}
    parts = [status.get(key) for key in ("phase", "reason", "message")]
    return ", ".join(str(part) for part in parts if part) or "no status yet"


def includes(live: Any, wanted: Any) -> bool:  # noqa: ANN401 - JSON values
    """Whether `live` says everything that `wanted` says; what others added, and when we verified, does not matter."""
    if isinstance(wanted, dict):
        told = wanted.keys() - {VERIFIED_AT}
        return isinstance(live, dict) and all(key in live and includes(live[key], wanted[key]) for key in told)
    if isinstance(wanted, list):
        return isinstance(live, list) and all(any(includes(item, each) for item in live) for each in wanted)
    return bool(live == wanted)
