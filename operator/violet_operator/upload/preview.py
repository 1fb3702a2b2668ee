"""What an upload would do on the target clusters, and what the user is told of it; reads only."""

from __future__ import annotations

from violet_operator.api.conditions import READY
from violet_operator.clients.kube import ARTIFACT_VERSIONS, ARTIFACTS, Kube, Resource
from violet_operator.support.durations import human_bytes
from violet_operator.upload.context import JsonObject, Upload
from violet_operator.upload.inspection import ONLY_BUNDLES
from violet_operator.upload.plan import plan_hash
from violet_operator.upload.publish import agreed, includes, publication_for, targets
from violet_operator.upload.survey import registry_facts

_UNKNOWN_UID = ""
"""Stands for the uid of an Artifact that does not exist yet; its ArtifactVersion does not either."""


def still_holds(upload: Upload) -> bool:
    """Whether the last preview counts on: same spec, source, keys and registries, not asked for, package not at hand.

    A package that is at hand is previewed again at each look, as that costs some HEADs; one that would have to be
    read again is not, as nobody waits for it.
    """
    assert upload.source is not None
    ready = upload.status.conditions.get(READY) or {}
    previewed = upload.status.conditions.is_current(READY) and ready.get("reason") == "Previewed"
    at_hand = upload.env.packages.holds(upload.uid, upload.spec.source.url, upload.source)
    record = upload.status.facts.get("verification") or {}
    verified = upload.rules is not None and upload.rules.accept(record, upload.spec.source.sha256)
    plan = upload.status.facts.get("plan") or {}
    same_place = plan.get("registries") == registry_facts(upload.connections.values())
    return previewed and verified and same_place and not upload.forced and not at_hand


async def foresee(upload: Upload) -> None:
    """Find out which objects would be created or changed; completes the status' `plan`.

    Raises:
        OperatorError: a cluster refuses to be read.
    """
    objects: list[JsonObject] = []
    if not upload.spec.skip_resources and upload.status.facts["package"]["type"] == "bundle":
        for name, connection, cluster in targets(upload):
            publication = publication_for(upload, connection)
            kube, place = connection.cluster(cluster), {"platform": name, "cluster": cluster}
            artifact, live = await _foresee(kube, ARTIFACTS, publication.artifact())
            uid = live["metadata"]["uid"] if live else _UNKNOWN_UID
            version, _ = await _foresee(kube, ARTIFACT_VERSIONS, publication.version(uid))
            objects += [place | artifact, place | version]
    plan = upload.status.facts["plan"]
    plan["objects"] = objects
    plan["hash"] = plan_hash(upload.plans, objects)


async def _foresee(kube: Kube, resource: Resource, wanted: JsonObject) -> tuple[JsonObject, JsonObject | None]:
    metadata = wanted["metadata"]
    live = await kube.get(resource, metadata["namespace"], metadata["name"])
    action = "Create" if live is None else "Keep" if includes(live, agreed(live, wanted)) else "Change"
    about = {"kind": wanted["kind"], "namespace": metadata["namespace"], "name": metadata["name"], "action": action}
    return about, live


def summary(upload: Upload) -> str:
    """The plan in a sentence."""
    plan = upload.status.facts["plan"]
    actions = [item["action"] for item in plan.get("objects", [])]
    replaced = f", replace {len(plan['overwrites'])} tags" if plan["overwrites"] else ""
    return (
        f"Would push {plan['blobs']} blobs ({human_bytes(plan['bytes'])}; {plan['blobsPresent']} are there already), "
        f"write {len(plan['tags'])} tags{replaced}, create {actions.count('Create')} objects and change "
        f"{actions.count('Change')}. Nothing was written. {_next_step(upload)}"
    )


def _next_step(upload: Upload) -> str:
    kind = upload.status.facts["package"]["type"]
    return "Set spec.mode: Upload to do it." if kind == "bundle" else f"The package is a {kind}: {ONLY_BUNDLES}"
