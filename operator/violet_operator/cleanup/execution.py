"""The second phase of a run: save, delete, wait for finalizers, and say what became of each object.

The backup is the plan. With its index in the cluster a run does nothing but carry that out, however often the operator
is killed; each pass finds out from the platform itself what is done.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from violet_operator.api import RUN_LABEL
from violet_operator.api.cleanup_run import CleanupRunSpec
from violet_operator.api.conditions import COMPLETE, FAILED, PLANNED, RECONCILING
from violet_operator.cleanup import backup, metrics, vault
from violet_operator.cleanup.act import Orders, act
from violet_operator.cleanup.backup import Entry
from violet_operator.cleanup.decide import Step
from violet_operator.cleanup.history import label_of
from violet_operator.cleanup.identity import strangers
from violet_operator.cleanup.images import phase
from violet_operator.cleanup.images.report import became
from violet_operator.cleanup.images.saved import pack
from violet_operator.cleanup.plan import too_many
from violet_operator.cleanup.planning import Planned, scope
from violet_operator.cleanup.progress import Progress
from violet_operator.cleanup.record import Record
from violet_operator.cleanup.report import acted, saved, updated
from violet_operator.cleanup.vault import Backup
from violet_operator.errors import OperatorError, Stalled
from violet_operator.platform.environment import Environment
from violet_operator.platform.kubeconfig import GLOBAL
from violet_operator.platform.resolve import Connection
from violet_operator.support.requeue import Requeue

logger = logging.getLogger(__name__)

_SOONEST, _LATEST = 5.0, 60.0
"""Seconds between two passes: an eighth of the time already waited, within these."""

_LOST = "The backup was lost before this pass came to it."


async def save(
    record: Record, spec: CleanupRunSpec, planned: Planned, connection: Connection, env: Environment
) -> None:
    """Write the backup of a plan; after it the plan stands.

    Raises:
        OperatorError: an object cannot be read, or the backup not be written; nothing is deleted.
    """
    entries = await vault.fetch(connection.clusters, planned.deletions)
    parts, oversize = await asyncio.to_thread(backup.split, entries)
    if oversize:
        ref = oversize[0].ref
        said = f"{ref.kind} {ref.name} of cluster {ref.cluster} is too large for a ConfigMap"
        raise Stalled("BackupTooLarge", f"{said}, so it cannot be saved, and nothing is deleted. Exclude it.")
    platform = (spec.platform_ref.name, planned.clusters)
    index = backup.index(record.body, platform, planned.hash, parts, len(entries))
    if planned.images.deletions:
        manifests = pack(planned.images.deletions)
        index = backup.with_images(index, record.body, connection.registry.address, manifests)
        parts = [*parts, *manifests]
    await vault.store(env.kube, record.body, index, parts)


def check(record: Record, spec: CleanupRunSpec, found: Backup) -> None:
    """Go on only with the run's own backup, of its own platform, and of the plan in its status.

    Raises:
        Stalled: it is another's, or of another plan.
    """
    index, name = found.index, backup.index_name(record.metadata["name"])
    if index.platform != spec.platform_ref.name:
        said = f"ConfigMap {name} is the backup of a run on Platform {index.platform}, not {spec.platform_ref.name}"
        raise Stalled("BackupExists", f"{said}. Nothing is deleted or put back: set spec.platformRef.name to that one.")
    if spec.restore:
        return
    if spec.mode == "Approve" and not spec.approved_plan:
        said = f"spec.approvedPlan does not name plan {index.hash} any more: the approval was withdrawn"
        raise Stalled(
            "ApprovalWithdrawn", f"{said}. Nothing more is deleted; spec.restore: true puts back what is gone."
        )
    planned = (record.facts.get("plan") or {}).get("hash", "none")
    if record.facts.get("backup") and (index.run, index.hash) != (record.metadata["uid"], planned):
        raise lost(record, f"ConfigMap {name} has plan {index.hash} of another run now")
    if spec.approved_plan and index.hash != spec.approved_plan:
        said = f"ConfigMap {name} has plan {index.hash}, which is not the approved one"
        raise Stalled("BackupExists", f"{said}. Nothing is deleted: start another run.")
    if index.run != record.metadata["uid"]:
        said = (
            f"ConfigMap {name} is the backup of an earlier run of this name, and the only copy of what that has deleted"
        )
        advice = (
            "Use another name for this run, or remove that backup; spec.restore: true would put back what is in it."
        )
        raise Stalled("BackupExists", f"{said}. Nothing is deleted. {advice}")
    if index.hash != planned:  # the status is written first: somebody else has made this
        said = f"ConfigMap {name} has plan {index.hash}, and status.plan.hash of the run is {planned}"
        raise Stalled("BackupExists", f"{said}. Nothing is deleted: find out who made it, and start another run.")
    if broken := too_many(len(found.entries), len(found.images), spec.limits):
        raise Stalled("LimitExceeded", f"{broken}: nothing is deleted.")


def lost(record: Record, said: str) -> Stalled:
    """The error for a run that has begun to delete, and whose backup is not there any more."""
    namespace, name = record.metadata["namespace"], record.metadata["name"]
    left = f"kubectl -n {namespace} get configmaps -l {RUN_LABEL}={label_of(name)}"
    return Stalled(
        "BackupDamaged",
        f"{said}. Nothing more is deleted, as it could not be put back. What is left of the backup, with the objects "
        f"in it: {left}. Bring ConfigMap {backup.index_name(name)} back from a backup of your own; then spec.restore: "
        "true puts back what is gone. To clean up the rest, start another run.",
    )


async def execute(
    record: Record, spec: CleanupRunSpec, found: Backup, connection: Connection, env: Environment
) -> Requeue:
    """Carry out the plan as far as it goes; says when to go on.

    Raises:
        OperatorError: the run cannot go on now.
    """
    record.facts["backup"] = saved(record.metadata["name"], found.index)
    total = len(found.entries)
    progress = Progress(total, record.facts)

    def note(count: dict[str, Any]) -> None:
        record.facts["outcomes"] = count
        record.conditions.set(COMPLETE, "False", "Deleting", f"{count['deleted']} of {total} objects are deleted.")

    async def tell(steps: Sequence[Step]) -> bool:
        steps = progress.remembered(steps)
        record.facts["items"] = updated(record.facts.get("items") or [], steps)
        note(progress.count(steps))
        await _written(record)
        return await is_saved()

    async def is_saved() -> bool:
        return await vault.holds(env.kube, record.metadata["namespace"], record.metadata["name"], found.index)

    def deleted() -> None:
        metrics.DELETED.labels(*record.where).inc()

    record.conditions.set(PLANNED, "True", "Planned", f"{total} objects are saved, and are deleted now.")
    note(progress.count([]))
    await record.write()  # where the backup is, above all: once it is gone, nobody else knows that there was one
    orders = Orders(spec, scope(connection, spec, env), env.clock, deleted, tell)
    steps = progress.remembered(await _act(found, orders, connection))
    if not await is_saved():
        known = {each.entry.ref.uid for each in steps}
        rest = [Step(each, "Failed", "BackupDamaged", _LOST) for each in found.entries if each.ref.uid not in known]
        record.facts |= acted([*steps, *rest], record.facts.get("items") or [])
        raise lost(record, f"ConfigMap {backup.index_name(record.metadata['name'])} of the backup has gone meanwhile")
    record.facts |= acted(steps, record.facts.get("items") or [])
    record.facts["outcomes"] = count = progress.count(steps)
    said = _said(count, total)
    waiting = next((each.message for each in steps if each.again), None)
    if waiting and record.trying_again(f"{said} {waiting}"):
        return await _later(record)
    images = await phase.delete(record, found, connection, env, gone=all(each.outcome == "Deleted" for each in steps))
    said += became(record.facts.get("images"), images)
    waiting = next((each.message for each in images if each.again), None)
    if waiting and record.trying_again(said):
        return await _later(record)
    advice = "status.items says what became of each; spec.restore: true puts back what is gone."
    if count["failed"] or count["deleting"] or any(each.outcome == "Failed" for each in images):
        record.end(FAILED, "Incomplete", f"{said} {advice}")
    else:
        record.end(COMPLETE, "Deleted", f"{said} {advice}")
    return Requeue()


async def _act(found: Backup, orders: Orders, connection: Connection) -> list[Step]:
    """One pass over the clusters of the plan. What another one says in a cluster's name is of no meaning.

    That who uses what is read from `global` as well, so nothing goes anywhere while that is another.
    """
    names = {GLOBAL, *(each.cluster for each in found.entries)}
    meant = {name: uid for name, uid in found.index.clusters.items() if name in names}
    wrong = await strangers(meant, connection.clusters, connection.name)
    steps = await act([each for each in found.entries if not _fault(wrong, each)], orders)
    wrong |= await strangers(meant, connection.clusters, connection.name)  # it may have become another one meanwhile
    lost = [(each, error) for each in found.entries if (error := _fault(wrong, each))]
    failed = [Step(each, "Failed", error.reason, error.message, again=True) for each, error in lost]
    return [*failed, *(each for each in steps if not _fault(wrong, each.entry))]


def _fault(wrong: Mapping[str, OperatorError], entry: Entry) -> OperatorError | None:
    return wrong.get(GLOBAL) or wrong.get(entry.cluster)


async def _later(record: Record) -> Requeue:
    await _written(record)
    return Requeue(after=min(max(record.since(RECONCILING).total_seconds() / 8, _SOONEST), _LATEST))


async def _written(record: Record) -> None:
    """A status that cannot be written now is written later: what is done is seen on the platform."""
    try:
        await record.write()
    except OperatorError as error:
        logger.warning("CleanupRun %s: status not written: %s", record.metadata["name"], error.message)


def _said(count: dict[str, Any], total: int) -> str:
    rest = [f"{count[key]} {key}" for key in ("deleting", "skipped", "failed") if count[key]]
    return f"{count['deleted']} of {total} objects deleted{''.join(f', {each}' for each in rest)}."
