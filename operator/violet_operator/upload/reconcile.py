"""One run for one PackageUpload: an ordered list of steps, ended by the first that fails, and a status in any case."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import ValidationError

from violet_operator.api import FINALIZER
from violet_operator.api.conditions import FETCHED, PUBLISHED, PUSHED, READY, VERIFIED, Event, is_true
from violet_operator.api.package_upload import PackageUploadSpec
from violet_operator.clients.kube import PACKAGE_UPLOADS
from violet_operator.errors import Cancelled, OperatorError, Stalled, defect
from violet_operator.platform.kubeconfig import GLOBAL
from violet_operator.platform.resolve import invalid_spec
from violet_operator.support.durations import parse_duration
from violet_operator.support.requeue import Requeue
from violet_operator.upload import charts, decide, fetch, gate, preview, verification
from violet_operator.upload.context import Environment, Failure, Pacer, Upload
from violet_operator.upload.inspection import inspect
from violet_operator.upload.publish import call_off, publish, rehearse
from violet_operator.upload.push import push
from violet_operator.upload.report import write
from violet_operator.upload.status import UploadStatus
from violet_operator.upload.survey import in_place, knock, survey
from violet_operator.upload.targets import each_platform, intact, named, overall, state_dropped
from violet_operator.upload.transfer import announced
from violet_operator.upload.withdraw import mark, withdraw

logger = logging.getLogger(__name__)

JsonObject = dict[str, Any]
Step = Callable[[Upload], Awaitable[None]]


async def reconcile(namespace: str, name: str, env: Environment, pacer: Pacer) -> Requeue:
    """Bring one PackageUpload closer to its spec; says when to look again."""
    try:
        body = await env.kube.get(PACKAGE_UPLOADS, namespace, name)
    except OperatorError as error:
        logger.warning("PackageUpload %s/%s cannot be read: %s", namespace, name, error.message)
        return Requeue(failed=True)
    deleting = body is not None and "deletionTimestamp" in body["metadata"]
    if body is None or (deleting and FINALIZER not in body["metadata"].get("finalizers", [])):
        return Requeue()
    try:
        spec = PackageUploadSpec.model_validate(body["spec"])
    except ValidationError as error:  # an object older than a rule of the CRD
        return await _refuse(body, invalid_spec(error), env)
    upload = Upload(body, spec, UploadStatus(body, env.clock), env, pacer)
    upload.intact = intact(upload)
    try:
        return await withdraw(upload) if deleting else await _run(upload)
    finally:
        upload.cancel.cancel()  # a thread that is still at work has no one to work for
        env.pushes.end(upload.uid)


async def _refuse(body: JsonObject, error: Stalled, env: Environment) -> Requeue:
    """The answer to a spec that cannot even be read."""
    status = UploadStatus(body, env.clock)
    status.failed(None, error)
    try:
        await env.kube.write_status(PACKAGE_UPLOADS, body, status.to_api())
    except OperatorError:
        return Requeue(failed=True)
    return Requeue()


async def _run(upload: Upload) -> Requeue:
    if upload.spec.suspend:
        upload.status.suspended()
        return Requeue() if await write(upload) else Requeue(failed=True)
    upload.status.handled(upload.requested_at)
    async with announced(upload):
        result = await _take_steps(upload)
    news = []
    if upload.repairs:
        news = [Event(False, "Repaired", f"Put right: {'; '.join(upload.repairs)}.")]
    return result if await write(upload, *news) else Requeue(failed=True)


async def _take_steps(upload: Upload) -> Requeue:
    """Every step in order, to the first that fails; leaves the status complete but not written."""
    try:
        await _until_one_fails(upload)
    finally:
        await call_off(upload)
    failure = overall(upload.failures, len(named(upload)))
    if failure is None:
        _finish(upload)
        return Requeue(after=parse_duration(upload.spec.interval))
    return _fail(upload, failure)


async def _until_one_fails(upload: Upload) -> None:
    for condition, step in PREVIEW if upload.preview else STEPS:
        try:
            await _guarded(step, upload)
        except OperatorError as error:
            upload.failures.append(Failure(error.condition or condition, error))
            return
        if not upload.connections:  # every platform has dropped out
            return


async def _guarded(step: Step, upload: Upload) -> None:
    """A step whose defects are told like any other failure: an object never goes without an answer."""
    try:
        await step(upload)
    except (OperatorError, Cancelled):
        raise
    except Exception as error:
        logger.exception("PackageUpload %s/%s: defect in the operator", upload.namespace, upload.name)
        raise defect(error) from None


def _fail(upload: Upload, failure: Failure) -> Requeue:
    """Something has gone wrong, on one target at least."""
    state_dropped(upload)
    upload.status.failed(failure.step, failure.error)
    if upload.outdated is not None:
        upload.status.degraded(VERIFIED, upload.outdated)
    if upload.partly is not None:
        upload.status.degraded(PUBLISHED, upload.partly)
    for step, error, _, _ in (*upload.failures, failure):
        if step is not None:
            upload.status.degraded(step, error)
    if isinstance(failure.error, Stalled):
        return Requeue(after=parse_duration(upload.spec.interval))
    return Requeue(after=getattr(failure.error, "after", None), failed=True)


def _finish(upload: Upload) -> None:
    """Every step has gone well."""
    if upload.preview:
        if not upload.settled:
            upload.status.previewed(preview.summary(upload))
        return
    upload.env.packages.drop(upload.uid)
    upload.status.ready(_summary(upload))


async def _prepare(upload: Upload) -> None:
    """Refuse what is not supported; open the ways in to every target."""
    gate.check_supported(upload.spec)
    if not upload.preview:
        await mark(upload)

    async def connect(name: str) -> None:
        connection = await upload.env.connect(upload.namespace, name)
        clusters = [cluster for platform, cluster in named(upload) if platform == name]
        if not connection.clusters.keys() & {*clusters, *unnamed}:
            connection.cluster(clusters[0])
        upload.connections[name] = connection

    unnamed = () if "package" in upload.status.facts else (GLOBAL,)  # it may be a plugin, which goes there in any case
    await each_platform(upload, None, connect, [target.platform_ref.name for target in upload.spec.targets])


async def _find(upload: Upload) -> None:
    """Find the object, and whether the registries still have what it holds.

    An installable package does without its source until something has to be repaired.
    """
    status, facts = upload.status, upload.status.facts
    assert upload.rules is not None
    known = not upload.preview and decide.is_known(status.last, upload.spec, upload.rules)
    try:
        await fetch.locate(upload)
    except OperatorError as error:
        if not decide.same_address(facts, upload.spec.source.url):  # what is known is another package's
            status.forget_package()
            raise
        upload.outdated = decide.outdated(status.last, upload.spec, upload.rules)
        if not (known and is_true(status.last.get("conditions", []), READY)) or not await in_place(upload):
            raise
        status.degraded(FETCHED, error)
        upload.settled = True
        return
    assert upload.source is not None
    if not decide.same_source(facts, upload.spec.source.url, upload.source):
        status.forget_package()
        upload.intact = frozenset()
    elif upload.preview:
        upload.settled = preview.still_holds(upload)
    elif known and await in_place(upload):
        upload.settled = True
        fetch.fetched(upload)


def _unless_settled(step: Step) -> Step:
    async def run(upload: Upload) -> None:
        if not upload.settled:
            await step(upload)

    return run


async def _settle(upload: Upload) -> None:
    """A package that did not have to be read again keeps its conditions, for the spec as it is now."""
    if upload.settled:
        verification.confirm(upload)
        if found := upload.status.conditions.get(PUSHED):
            upload.status.done(PUSHED, found["reason"], found["message"])


_READ: tuple[tuple[str | None, Step], ...] = (
    (None, _prepare),
    (VERIFIED, verification.demand),
    (FETCHED, _find),
    (VERIFIED, _unless_settled(verification.expect)),
    (PUSHED, _unless_settled(knock)),
    (FETCHED, _unless_settled(fetch.read)),
    (VERIFIED, _unless_settled(verification.verify)),
    (FETCHED, _unless_settled(inspect)),
    (PUSHED, _unless_settled(survey)),
    (PUSHED, _unless_settled(charts.survey)),
)

STEPS = (
    *_READ,
    (PUBLISHED, _unless_settled(rehearse)),
    (PUSHED, _unless_settled(push)),
    (VERIFIED, _settle),
    (PUBLISHED, publish),
)
"""What happens, in order, and the condition that says whether it did."""

PREVIEW = (*_READ, (PUBLISHED, _unless_settled(preview.foresee)))
"""The same without everything that writes."""


def _summary(upload: Upload) -> str:
    package = upload.status.facts["package"]
    where = ", ".join(f"{item['cluster']} of {item['platform']}" for item in upload.status.facts.get("targets", []))
    return f"{package['name']} {package['version']} can be installed on {where or 'no cluster: spec.skipResources'}."
