"""Taking back what an upload has published when it is deleted, if `spec.deletionPolicy` says so.

What is there and who uses it is looked at, judged (`withdraw_judge`), and acted upon: the objects first, each cluster
for itself; then the tags. Blobs are the registry's affair.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from violet_operator.api import FINALIZER
from violet_operator.api.conditions import PUBLISHED, Event
from violet_operator.clients.kube import PACKAGE_UPLOADS
from violet_operator.clients.registry import Registry
from violet_operator.errors import OperatorError, Stalled, Transient
from violet_operator.platform.report import tell
from violet_operator.platform.resolve import Connection
from violet_operator.support.requeue import Requeue
from violet_operator.upload.context import JsonObject, Upload
from violet_operator.upload.ledger import Ledger, Tag, Version
from violet_operator.upload.report import write
from violet_operator.upload.threads import in_thread
from violet_operator.upload.withdraw_judge import Claim, Fate, Sight, judge_tag, judge_version, not_deleted, references
from violet_operator.upload.withdraw_look import KINDS, backend_of, look
from violet_operator.upload.withdraw_words import Outcome, TagOutcome, sentences

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
            await _take_back(upload)
        body = await _as_it_is(upload)
        finalizers = [item for item in body["metadata"].get("finalizers") or [] if item != FINALIZER]
        await upload.env.kube.set_finalizers(PACKAGE_UPLOADS, body, finalizers)
    except OperatorError as error:
        upload.status.failed(PUBLISHED, error)
        await write(upload)
        return Requeue(after=getattr(error, "after", None), failed=True)
    return Requeue()


async def _as_it_is(upload: Upload) -> JsonObject:
    """The object as our own status writes have left it."""
    return await upload.env.kube.get(PACKAGE_UPLOADS, upload.namespace, upload.name) or upload.body


@dataclass(frozen=True, slots=True)
class _Case:
    """What is judged, and by what.

    Attributes:
        ledger: what the upload has published.
        claims: what all others need.
        ways: the ways in, by name of Platform; or why there is none.
    """

    ledger: Ledger
    claims: Sequence[Claim]
    ways: dict[str, Connection | OperatorError]


async def _take_back(upload: Upload) -> None:
    """Take back what may go, and say what was done.

    Raises:
        OperatorError: something cannot be judged yet; what was done stays done.
    """
    case = await _gather(upload)
    places = dict.fromkeys((each.platform, each.cluster) for each in case.ledger.versions)
    results = await asyncio.gather(*(_take_from(upload, case, *place) for place in places))
    objects = [each for result in results for each in result]
    tags = await _take_tags(upload, case, objects)
    fates = [*(each.fate for each in objects), *(each.fate for each in tags)]
    errors = [fate.error for fate in fates if fate.error]
    said = sentences(objects, tags, finished=not errors)
    if said:
        await tell(upload.env, upload.body, Event(False, "Withdrawn", said))
    if errors:
        left = Ledger(
            tuple(each.tag for each in tags if not each.fate.goes),
            tuple(each.version for each in objects if not each.fate.goes),
        )
        upload.status.facts["published"] = left.to_api()
        raise min(errors, key=lambda error: isinstance(error, Stalled))


async def _gather(upload: Upload) -> _Case:
    """What was published, who else needs it, and the ways to it.

    Raises:
        OperatorError: the other uploads cannot be read.
    """
    claims = [
        Claim.of(body)
        for namespace in upload.env.settings.namespaces or (None,)
        for body in await upload.env.kube.list(PACKAGE_UPLOADS, namespace)
        if body["metadata"]["uid"] != upload.uid and not body["metadata"].get("deletionTimestamp")
    ]
    ledger = Ledger.of(upload.status.facts)
    names = sorted({tag.platform for tag in ledger.tags} | {version.platform for version in ledger.versions})
    ways = await asyncio.gather(*(_connect(upload, name) for name in names))
    return _Case(ledger, claims, dict(zip(names, ways, strict=True)))


async def _connect(upload: Upload, platform: str) -> Connection | OperatorError:
    try:
        return await upload.env.connect(upload.namespace, platform)
    except OperatorError as error:
        return error


async def _take_from(upload: Upload, case: _Case, platform: str, cluster: str) -> list[Outcome]:
    """Everything from one cluster, one after the other."""
    here = [each for each in case.ledger.versions if (each.platform, each.cluster) == (platform, cluster)]
    return [await _take_version(upload, case, version) for version in here]


async def _take_version(upload: Upload, case: _Case, version: Version) -> Outcome:
    """Judge a version on its cluster and delete what may go, until nothing is left to delete."""
    removed: list[str] = []
    way = case.ways[version.platform]
    mine = references(case.ledger.tags, upload.status.facts.get("images") or [], version.platform)
    for _ in range(_TRIES):
        seen = await _look(upload, way, version, case.ledger)
        fate = judge_version(version, seen, "/".join(upload.key), mine, case.claims)
        if isinstance(way, OperatorError) or not (fate.remove or fate.chart):
            return Outcome(version, fate, removed)
        try:
            gone = await _delete(upload, way, version, fate)
        except OperatorError as error:
            if error.reason != "ObjectChanged":
                return Outcome(version, Fate(error=error), removed)
            continue
        if fate.chart and not gone:
            return Outcome(version, not_deleted(version))
        removed += gone
    changing = f"Cluster {version.cluster}: {version.object} changes faster than it can be judged."
    return Outcome(version, Fate(error=Transient("ObjectChanged", changing)), removed)


async def _look(
    upload: Upload, way: Connection | OperatorError, version: Version, ledger: Ledger
) -> Sight | OperatorError:
    if isinstance(way, OperatorError):
        return way
    try:
        return await look(upload, way, version, ledger.versions)
    except OperatorError as error:
        return error


async def _delete(upload: Upload, way: Connection, version: Version, fate: Fate) -> list[str]:
    """Carry a judgement out; what was deleted, in words.

    Raises:
        OperatorError: something has changed since it was judged (`ObjectChanged`), or cannot be deleted.
    """
    removed = []
    kube = way.cluster(version.cluster)
    for body in fate.remove:
        await kube.delete(KINDS[body["kind"]], body)
        removed.append(f"{body['kind']} {body['metadata']['name']}")
    backend = await backend_of(upload, way, version) if fate.chart else None
    if backend and await backend.remove():
        removed.append(f"chart {version.name} {version.version} of {version.repository}")
    return removed


async def _take_tags(upload: Upload, case: _Case, objects: Iterable[Outcome]) -> list[TagOutcome]:
    """Judge every tag by what became of the objects, and delete those that may go."""
    published = [(each.version, each.fate) for each in objects]
    found = []
    for tag in case.ledger.tags:
        way = case.ways[tag.platform]
        fate = judge_tag(tag, way if isinstance(way, OperatorError) else way.registry.address, published, case.claims)
        if fate.goes and isinstance(way, Connection):
            fate = await in_thread(partial(_delete_tag, way.registry, tag), upload)
        found.append(TagOutcome(tag, fate))
    return found


def _delete_tag(registry: Registry, tag: Tag) -> Fate:
    """Delete a tag that still points at what we have pushed."""
    try:
        digest = registry.manifest_digest(tag.repository, tag.tag)
        if digest not in (None, tag.digest):
            return Fate("they have other content by now")
        if digest is not None and not registry.delete_tag(tag.repository, tag.tag):
            return Fate("the registry does not let us delete tags")
    except OperatorError as error:
        return Fate(error=error)
    return Fate()
