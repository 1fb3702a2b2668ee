"""Taking back what an upload has published when it is deleted, if `spec.deletionPolicy` says so.

What is installed, or shared with another upload, stays. Blobs are the registry's affair.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from violet_operator.api import FINALIZER
from violet_operator.api.conditions import PUBLISHED, Event
from violet_operator.clients.kube import PACKAGE_UPLOADS, Kube
from violet_operator.errors import OperatorError, Transient
from violet_operator.package.references import Destination, destination
from violet_operator.platform.report import tell
from violet_operator.platform.resolve import Connection
from violet_operator.publication.apply import Piece
from violet_operator.publication.fields import is_ours
from violet_operator.publication.publisher import Publisher
from violet_operator.support.requeue import Requeue
from violet_operator.upload.charts import take_back
from violet_operator.upload.context import JsonObject, Upload
from violet_operator.upload.publishers import publisher_for
from violet_operator.upload.report import write
from violet_operator.upload.threads import in_thread

_TRIES = 5
"""The platform writes into the status of what it owns at any time; each time it is judged again."""


async def mark(upload: Upload) -> None:
    """Have the API wait for us when the object is deleted, if there will be something to take back.

    Raises:
        OperatorError: the API does not let us.
    """
    present = upload.body["metadata"].get("finalizers") or []
    wanted = [item for item in present if item != FINALIZER]
    if upload.spec.deletion_policy == "Delete":
        wanted.append(FINALIZER)
    if sorted(wanted) != sorted(present):
        await upload.env.kube.set_finalizers(PACKAGE_UPLOADS, upload.body, wanted)


async def withdraw(upload: Upload) -> Requeue:
    """Take everything back that nobody needs, then let the object go; says when to try again."""
    upload.env.drift.forget(upload.key)
    try:
        if upload.spec.deletion_policy == "Delete" and not upload.spec.suspend:
            upload.status.working(PUBLISHED, "Withdrawing", "Taking back what was published, before the object goes.")
            await write(upload)
            done = await _take_back(upload)
            said = " ".join(done) or "Nothing of it was published."
            await tell(upload.env, upload.body, Event(False, "Withdrawn", said))
        finalizers = [item for item in upload.body["metadata"].get("finalizers") or [] if item != FINALIZER]
        await upload.env.kube.set_finalizers(PACKAGE_UPLOADS, await _as_it_is(upload), finalizers)
    except OperatorError as error:
        upload.status.failed(PUBLISHED, error)
        await write(upload)
        return Requeue(after=getattr(error, "after", None), failed=True)
    return Requeue()


async def _as_it_is(upload: Upload) -> JsonObject:
    """The object as our own status writes have left it."""
    return await upload.env.kube.get(PACKAGE_UPLOADS, upload.namespace, upload.name) or upload.body


async def _take_back(upload: Upload) -> list[str]:
    """What was done, a sentence for each place.

    Raises:
        OperatorError: a platform or cluster fails; what was done stays done.
    """
    if not upload.status.facts.get("targets") and not upload.status.facts.get("images"):
        return []
    others = [
        body
        for namespace in upload.env.settings.namespaces or (None,)
        for body in await upload.env.kube.list(PACKAGE_UPLOADS, namespace)
        if body["metadata"]["uid"] != upload.uid and not body["metadata"].get("deletionTimestamp")
    ]
    done: list[str] = []
    facts = upload.status.facts
    for name in sorted({item["platform"] for item in [*facts.get("images", []), *facts.get("targets", [])]}):
        try:
            connection = await upload.env.connect(upload.namespace, name)
        except OperatorError as error:
            if error.reason != "PlatformNotFound":
                raise
            done.append(f"Platform {name} is gone, so everything stays there.")  # nobody knows the way any more
        else:
            done += await _take_back_from(upload, connection, others)
    return done


async def _take_back_from(upload: Upload, connection: Connection, others: Sequence[JsonObject]) -> list[str]:
    done, kept = [], False
    published = [item for item in upload.status.facts.get("targets", []) if item["platform"] == connection.name]
    for target in published:
        if not target.get("objects"):
            continue
        kube, publisher = connection.cluster(target["cluster"]), publisher_for(upload, connection)
        users = [*sharers(upload.status.facts, target, others), *await publisher.users(kube)]
        if users:
            kept = True
            done.append(f"Kept on {target['cluster']}, as {', '.join(users[:3])} needs it.")
        else:
            removed = [*await _remove(kube, publisher), *await take_back(upload, connection)]
            done.append(f"Deleted on {target['cluster']}: {', '.join(removed) or 'nothing, it was gone'}.")
    if not kept:
        tags = removable_tags(upload.status.facts.get("images", []), connection, others)
        done += await in_thread(partial(_remove_tags, connection, tags), upload)
    return done


async def _remove(kube: Kube, publisher: Publisher) -> list[str]:
    """Delete the objects, the owner last and only if it owns nothing more; what was deleted."""
    return [
        f"{piece.body['kind']} {piece.name}"
        for piece in reversed(publisher.pieces)
        if await _remove_piece(kube, publisher, piece)
    ]


async def _remove_piece(kube: Kube, publisher: Publisher, piece: Piece) -> bool:
    """Whether it was there and has been deleted.

    Raises:
        OperatorError: the cluster fails, or the platform changes the object faster than we can judge it.
    """
    for more in reversed(range(_TRIES)):
        live = await kube.get(piece.resource, piece.namespace, piece.name)
        if live is None or not is_ours(live) or not await _is_free(kube, publisher, piece, live):
            return False
        try:
            await kube.delete(piece.resource, live)
        except Transient as error:
            if error.reason != "ObjectChanged" or not more:
                raise
            continue
        return True
    return False


async def _is_free(kube: Kube, publisher: Publisher, piece: Piece, live: JsonObject) -> bool:
    """Whether nothing else belongs to an object."""
    kinds = {each.resource for each in publisher.pieces if each.owned} - {piece.resource}
    owned = [body["metadata"] for kind in kinds for body in await kube.list(kind, piece.namespace)]
    return not any(
        owner["uid"] == live["metadata"]["uid"]
        for metadata in owned
        if "deletionTimestamp" not in metadata
        for owner in metadata.get("ownerReferences") or []
    )


def _remove_tags(connection: Connection, tags: Iterable[Destination]) -> list[str]:
    removed: list[str] = []
    left: list[str] = []
    for to in tags:
        (removed if connection.registry.delete_tag(to.repository, to.tag) else left).append(str(to))
    address = connection.registry.address
    return [
        *([f"Deleted tags in {address}: {', '.join(removed)}."] if removed else []),
        *([f"{address} does not let us delete tags, so these stay: {', '.join(left)}."] if left else []),
    ]


def sharers(facts: JsonObject, target: JsonObject, others: Iterable[JsonObject]) -> list[str]:
    """Other uploads that have published the same objects from the same registry on a cluster of the same name.

    Two platforms may both call a cluster `global`; what they pull tells them apart.
    """
    images = {item["destination"] for item in facts.get("images", []) if item["platform"] == target["platform"]}
    wanted = [(item["kind"], item["name"]) for item in target["objects"][-1:]]
    found = []
    for body in others:
        status = body.get("status") or {}
        objects = [
            (item["kind"], item["name"])
            for each in status.get("targets") or []
            if each["cluster"] == target["cluster"]
            for item in each.get("objects") or []
        ]
        shared = images & {item["destination"] for item in status.get("images") or []}
        chart = (facts.get("package") or {}).get("chart")
        same_chart = chart is not None and chart == (status.get("package") or {}).get("chart")
        if (shared or same_chart) and set(wanted) & set(objects):
            found.append(f"PackageUpload {body['metadata']['namespace']}/{body['metadata']['name']}")
    return found


def removable_tags(
    images: Iterable[JsonObject], connection: Connection, others: Iterable[JsonObject]
) -> list[Destination]:
    """Tags of a platform's registry that no other upload has pushed or found there."""
    needed = {item["destination"] for body in others for item in (body.get("status") or {}).get("images") or []}
    return [
        destination(item["source"], connection.prefix)
        for item in images
        if item["platform"] == connection.name and item["destination"] not in needed
    ]
