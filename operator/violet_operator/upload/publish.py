"""Publishing a package on its clusters, side by side, and waiting until each of them can install it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from functools import partial

from violet_operator.api.conditions import PUBLISHED
from violet_operator.clients.kube import Kube
from violet_operator.errors import OperatorError, Waiting
from violet_operator.publication.apply import Applied, apply_all, read, uploaded_by
from violet_operator.publication.publisher import Publisher, Standing
from violet_operator.upload.context import Failure, JsonObject, Upload
from violet_operator.upload.ledger import record
from violet_operator.upload.publishers import publisher_for
from violet_operator.upload.report import write
from violet_operator.upload.shared import BEFORE, check_alone, earlier_chart, may_take_over, still_publishes
from violet_operator.upload.targets import Place, client, drop, named, passed_over, places, state_dropped, suspect

_FIRST_LOOK = 0.5
_SLOWEST_LOOK = 5.0
"""Seconds between two looks at what a cluster says: the platform needs from one second to minutes."""

_REJECTION_GRACE = 30.0
"""Seconds a rejection may stand: the marketplace says `Failed` too while it has not looked again."""


async def rehearse(upload: Upload) -> None:
    """See whether the target clusters would take the objects, before anything is pushed.

    A platform of which no cluster would drops out of the run.
    """
    if upload.spec.skip_resources:
        return
    failures: dict[str, list[OperatorError]] = {}

    async def look(to: Place) -> None:
        try:
            check_alone(upload, to)
            kube, publisher = client(upload, to), publisher_for(upload, to.connection)
            permit = partial(may_take_over, upload, to)
            await apply_all(kube, publisher.pieces, dry_run=True, permit=permit)
            await publisher.prepare(kube)
        except OperatorError as error:
            failures.setdefault(to.connection.name, []).append(error)

    everywhere = places(upload)
    await asyncio.gather(*map(look, everywhere))
    for platform, errors in failures.items():
        if len(errors) == sum(to.connection.name == platform for to in everywhere):
            drop(upload, platform, PUBLISHED, errors[0])


def begin(upload: Upload, platform: str) -> None:
    """Start publishing on the clusters of a platform that has its images, beside whatever others still push."""
    if upload.spec.skip_resources:
        return
    if not upload.publishing:
        upload.env.drift.forget(upload.key)
        upload.status.keep_targets(set(named(upload)))
    for to in places(upload):
        if to.connection.name == platform and to.key not in upload.publishing:
            upload.publishing[to.key] = asyncio.create_task(_tell(upload, to), name=f"publish {upload.name} on {to}")


async def publish(upload: Upload) -> None:
    """Bring the package to every target cluster; what fails is noted in `failures`, and holds back nothing else."""
    if upload.spec.skip_resources:
        upload.status.keep_targets(set())
        upload.status.done(PUBLISHED, "Skipped", "spec.skipResources is true: no objects are created on the targets.")
        return
    await record(upload)
    for platform in upload.connections:
        begin(upload, platform)
    state_dropped(upload)
    results = await asyncio.gather(*upload.publishing.values())
    notes = [note for note in results if note is not None]
    said = f"{len(notes)} of {len(named(upload))} clusters can install the package"
    if upload.failures:
        upload.partly = Waiting("PartiallyPublished", f"{said}; status.targets says what the others lack.")
    else:
        upload.status.done(PUBLISHED, "Installable", f"{said}.{''.join(sorted(set(notes)))}")


async def call_off(upload: Upload) -> None:
    """End what was begun and has not ended; a run that is over changes nothing more."""
    for task in upload.publishing.values():
        task.cancel()
    await asyncio.gather(*upload.publishing.values(), return_exceptions=True)


async def _tell(upload: Upload, to: Place) -> str | None:
    """Publish on one cluster, and say how that went while others are under way; the last one is told with the run."""
    note = await _publish_on(upload, to)
    if sum(task.done() for task in upload.publishing.values()) + 1 < len(places(upload)):
        state_dropped(upload)
        await write(upload)
    return note


async def _publish_on(upload: Upload, to: Place) -> str | None:
    """Once one cluster can install the package: what else there is to say; None if it cannot."""
    try:
        check_alone(upload, to)
        kube, publisher = client(upload, to), publisher_for(upload, to.connection)
        applied, note = await _apply(upload, to, kube, publisher)
        upload.status.target(*to.key, objects=list(publisher.objects))
        upload.env.drift.follow(upload.key, kube, applied)
        note += passed_over(upload)
        standing = await publisher.standing(kube, [item.live for item in applied])
        if not standing.installable:
            standing = await _wait(upload, to, kube, publisher, standing)
        if to.key in upload.intact:
            upload.repairs += [f"{told(item)} on {to}" for item in applied if item.action != "Keep"]
        upload.status.target(*to.key, phase="Ready", message=f"{standing.said}.{note}")
    except OperatorError as error:
        upload.status.target_failed(*to.key, error)
        upload.failures.append(Failure(PUBLISHED, error, f"Cluster {to}"))
        suspect(upload, to.connection.name, error)
        return None
    return note


async def _apply(upload: Upload, to: Place, kube: Kube, publisher: Publisher) -> tuple[list[Applied], str]:
    """The objects as we want them, all or none, and a note where another upload keeps them too."""

    async def permit(live: JsonObject | None, wanted: JsonObject) -> bool:
        await publisher.prepare(kube)
        return await may_take_over(upload, to, live, wanted)

    applied = await apply_all(kube, publisher.pieces, dry_run=True, permit=permit)
    if any(item.action != "Keep" for item in applied):
        applied = await apply_all(kube, publisher.pieces, permit=permit)
    if not applied:
        first = await earlier_chart(upload, to)
        return applied, f" PackageUpload {first} {BEFORE}" if first else ""
    first = uploaded_by(applied[-1].live)
    if first in ("", "/".join(upload.key)):
        return applied, ""
    if await still_publishes(upload, first, applied[-1].live):
        return applied, f" PackageUpload {first} {BEFORE}"
    return await apply_all(kube, publisher.pieces, take_over=True), ""


def told(item: Applied) -> str:
    """What was found of an object that is not as it was, in words."""
    state = "was missing" if item.action == "Create" else "was altered"
    return f"{item.piece.body['kind']} {item.piece.name} {state}"


async def _wait(upload: Upload, to: Place, kube: Kube, publisher: Publisher, standing: Standing) -> Standing:
    """Wait for the platform's sign, reporting what it says meanwhile.

    Raises:
        Waiting: it rejects the package, or the deadline has passed; the message says where to look.
        OperatorError: the cluster fails, or lacks what the objects refer to.
    """
    await publisher.prepare(kube)
    rejected: datetime | None = None
    delay, shown = _FIRST_LOOK, ""
    while not standing.installable:
        now = upload.env.clock()
        rejected = (rejected or now) if standing.rejected else None
        if rejected and (now - rejected).total_seconds() > _REJECTION_GRACE:
            raise Waiting("PlatformRejected", f"The platform rejects it: {standing.said}. {standing.advice}.")
        waited = (now - upload.status.target_waits(*to.key, f"{standing.said}.")).total_seconds()
        if waited > upload.env.settings.publish_deadline:
            raise Waiting(
                "NotInstallable", f"Not installable after {waited:.0f} s: {standing.said}. {standing.advice}."
            )
        if standing.said != shown:
            shown = standing.said
            upload.status.working(PUBLISHED, "Publishing", f"Waiting for {to}: {shown}.")
            await write(upload)
        await upload.pacer.sleep(delay)
        delay = min(delay * 1.5, _SLOWEST_LOOK)
        standing = await publisher.standing(kube, await _read(kube, publisher))
    return standing


async def _read(kube: Kube, publisher: Publisher) -> Sequence[JsonObject]:
    """The objects as they are now.

    Raises:
        Waiting: one was deleted meanwhile.
    """
    live = []
    for piece in publisher.pieces:
        found = await read(kube, piece)
        if found is None:
            raise Waiting(
                "ObjectGone", f"{piece.body['kind']} {piece.name} was deleted on {kube.name} while we waited for it."
            )
        live.append(found)
    return live
