"""One run for one PackageUploadSet: list, compare, put right, and say how the packages fare."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Protocol

from pydantic import ValidationError

from violet_operator.api.conditions import Event
from violet_operator.api.package_upload_set import PackageUploadSetSpec
from violet_operator.api.request import is_unanswered, requested_at
from violet_operator.clients.kube import PACKAGE_UPLOAD_SETS, PACKAGE_UPLOADS, Kube, Resource
from violet_operator.errors import OperatorError, Stalled, Waiting, defect
from violet_operator.platform.environment import Teller
from violet_operator.platform.report import report, tell
from violet_operator.platform.resolve import invalid_spec
from violet_operator.support.durations import parse_duration
from violet_operator.support.requeue import Requeue
from violet_operator.upload_set.children import Plan, plan
from violet_operator.upload_set.listing import Listing, Listings, look
from violet_operator.upload_set.outcome import KIND, outcome
from violet_operator.upload_set.status import SetStatus
from violet_operator.upload_set.summary import summarize

logger = logging.getLogger(__name__)

JsonObject = dict[str, Any]

_AT_ONCE = 8
"""Requests to the API at the same time: hundreds of new uploads must not crowd out everything else."""

_CHANGED = "ObjectChanged"
"""An upload, or the quota that counts it, has changed at the same moment."""


class Environment(Teller, Protocol):
    """What the process gives a run."""

    @property
    def listings(self) -> Listings:
        """What was found under each prefix."""
        ...

    def turn(self, namespace: str) -> asyncio.Lock:
        """Held while uploads are compared and made: two Sets may want the same name."""
        ...

    async def get(self, resource: Resource, namespace: str | None, name: str) -> JsonObject | None:
        """A referenced object (Secret, ConfigMap); may be some seconds old."""
        ...


async def reconcile(namespace: str, name: str, env: Environment) -> Requeue:
    """Bring one PackageUploadSet closer to its spec; says when to look again."""
    try:
        body = await env.kube.get(PACKAGE_UPLOAD_SETS, namespace, name)
        if body is None or body["metadata"].get("deletionTimestamp"):
            return Requeue()
        status = SetStatus(body, env.clock)
        result = await _guarded(body, status, env)
        if (now := status.to_api()) != status.last:
            await report(env, PACKAGE_UPLOAD_SETS, body, now, status.events())
    except OperatorError as error:
        logger.warning("PackageUploadSet %s/%s: %s", namespace, name, error.message)
        return Requeue(failed=True)
    return result


async def _guarded(body: JsonObject, status: SetStatus, env: Environment) -> Requeue:
    """A run whose failures are told in the status, defects too."""
    metadata, interval = body["metadata"], None
    try:
        spec = PackageUploadSetSpec.model_validate(body["spec"])
        if spec.suspend:
            status.suspended()
            return Requeue()
        interval = parse_duration(spec.interval)
        return await _run(body, spec, status, env)
    except ValidationError as error:  # an object older than a rule of the CRD
        status.failed(invalid_spec(error))
        return Requeue()
    except OperatorError as error:
        status.failed(error)
        if isinstance(error, Stalled):
            return Requeue(after=interval)
        return Requeue(after=getattr(error, "after", None), failed=True)
    except Exception as error:
        logger.exception("PackageUploadSet %s/%s: defect in the operator", metadata["namespace"], metadata["name"])
        status.failed(defect(error))
        return Requeue(failed=True)


async def _run(body: JsonObject, spec: PackageUploadSetSpec, status: SetStatus, env: Environment) -> Requeue:
    """Gather, judge, act; leaves the status complete.

    A listing that fails stops nothing but the search: what was found before is kept in order.
    """
    listing, failure = await _listed(body, spec, status, env)
    if listing is None:
        assert failure is not None
        raise failure
    async with env.turn(body["metadata"]["namespace"]):
        to_do = plan(body, listing.packages, await env.kube.list(PACKAGE_UPLOADS, body["metadata"]["namespace"]))
        failure = await _apply(to_do, env.kube) or failure
    if spec.prune and failure is None:
        failure = await _prune(to_do, body, env)
    outcomes = {package: outcome(upload) for package, upload in to_do.uploads.items()}
    summary = summarize(outcomes, to_do.names, to_do.failures, len(to_do.gone))
    status.count(summary)
    if failure is not None:
        raise failure
    status.judge(summary)
    return Requeue(after=max(0.0, parse_duration(spec.interval) - listing.age))


async def _listed(
    body: JsonObject, spec: PackageUploadSetSpec, status: SetStatus, env: Environment
) -> tuple[Listing | None, OperatorError | None]:
    """The packages, as listed in this interval or, where that fails, before; and the failure."""
    metadata = body["metadata"]
    identity = str(metadata["uid"]), int(metadata.get("generation") or 0)
    forced = is_unanswered(metadata, status.last)
    status.handled(requested_at(metadata))
    listing, interval = env.listings.find(*identity), parse_duration(spec.interval)
    if listing is None or forced or listing.age >= interval:
        try:
            listing = await look(spec, env, metadata["namespace"], f"{KIND} {metadata['name']}")
        except OperatorError as error:
            return listing, error
        env.listings.put(*identity, listing)
    if listing.packages:
        return listing, None
    return listing, Waiting(
        "NothingFound",
        f"There is no package under {spec.source.url} that include and exclude select (suffixes .tgz, .tar.gz, "
        ".tar.zst, .tar). Upload one, or correct these. Uploads of before are kept, also with prune.",
        max(0.0, interval - listing.age),
    )


async def _apply(to_do: Plan, kube: Kube) -> OperatorError | None:
    """Make and correct uploads. One that is refused holds up no other; what would meet all ends it, for now."""
    slots = asyncio.Semaphore(_AT_ONCE)
    failures: list[OperatorError] = []

    async def apply(package: str, body: JsonObject) -> None:
        async with slots:
            if any(each.reason != _CHANGED for each in failures):
                return
            try:
                owned = "uid" in body["metadata"]  # of a new one somebody else's fields are not taken over
                to_do.uploads[package] = await kube.apply(PACKAGE_UPLOADS, body, force=owned)
            except OperatorError as error:
                if _concerns_one(error):
                    to_do.failures[package] = error
                else:
                    failures.append(error)

    async with asyncio.TaskGroup() as group:
        for package, body in to_do.apply.items():
            group.create_task(apply(package, body))
    return failures[0] if failures else None


def _concerns_one(error: OperatorError) -> bool:
    """Whether the API objects to this upload, and not to whatever we ask of it."""
    return isinstance(error, Stalled) or error.reason == "TargetRefused"


async def _prune(to_do: Plan, body: JsonObject, env: Environment) -> OperatorError | None:
    """Delete the uploads whose package is gone. Only after a listing that has succeeded and found something.

    One that may not be deleted holds up no other; the first failure is given back.
    """
    deleted: list[str] = []
    failures: list[OperatorError] = []
    for upload in [each for each in to_do.gone if not each["metadata"].get("deletionTimestamp")]:
        try:
            await env.kube.delete(PACKAGE_UPLOADS, upload)
        except OperatorError as error:
            if error.reason == _CHANGED:  # which is followed by another run
                continue
            failures.append(error)
            if not _concerns_one(error):
                break
            continue
        to_do.gone.remove(upload)
        deleted.append(str(upload["metadata"]["name"]))
    if deleted:
        message = f"Deleted {len(deleted)} PackageUploads whose packages are gone: {', '.join(deleted[:5])}"
        await tell(env, body, Event(False, "Pruned", message + (", ..." if deleted[5:] else "")))
    return failures[0] if failures else None
