"""What an upload would do on the target clusters, and what the user is told of it; reads only."""

from __future__ import annotations

from violet_operator.api.conditions import READY
from violet_operator.support.durations import human_bytes
from violet_operator.upload.context import JsonObject, Upload
from violet_operator.upload.plan import plan_hash
from violet_operator.upload.publishers import publisher_for
from violet_operator.upload.shared import check_alone
from violet_operator.upload.survey import registry_facts
from violet_operator.upload.targets import client, passed_over, places


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
    if not upload.spec.skip_resources:
        for to in places(upload):
            check_alone(upload, to)
            publisher, kube = publisher_for(upload, to.connection), client(upload, to)
            await publisher.prepare(kube)
            about = {"platform": to.connection.name, "cluster": to.cluster}
            objects += [about | item for item in await publisher.compare(kube)]
    plan = upload.status.facts["plan"]
    plan["objects"] = objects
    plan["hash"] = plan_hash(upload.plans, objects)


def summary(upload: Upload) -> str:
    """The plan in a sentence."""
    plan = upload.status.facts["plan"]
    actions = [item["action"] for item in plan.get("objects", [])]
    replaced = f", replace {len(plan['overwrites'])} tags" if plan["overwrites"] else ""
    return (
        f"Would push {plan['blobs']} blobs ({human_bytes(plan['bytes'])}; {plan['blobsPresent']} are there already), "
        f"write {len(plan['tags'])} tags{replaced}, create {actions.count('Create')} objects and change "
        f"{actions.count('Change')}.{passed_over(upload)} Nothing was written. Set spec.mode: Upload to do it."
    )
