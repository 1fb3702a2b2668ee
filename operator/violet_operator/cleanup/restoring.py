"""The last phase of a run, on request: everything that it has deleted is put back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from violet_operator.api.conditions import COMPLETE, FAILED, RECONCILING, RESTORED
from violet_operator.cleanup import backup
from violet_operator.cleanup.backup import Entry
from violet_operator.cleanup.identity import strangers
from violet_operator.cleanup.images import phase
from violet_operator.cleanup.images.deletion import ImageStep
from violet_operator.cleanup.putback import PutBack
from violet_operator.cleanup.record import Record
from violet_operator.cleanup.report import put_back, saved
from violet_operator.cleanup.restore import restore
from violet_operator.cleanup.vault import Backup
from violet_operator.errors import OperatorError, Stalled
from violet_operator.platform.environment import Environment
from violet_operator.platform.resolve import Connection
from violet_operator.support.requeue import Requeue

JsonObject = dict[str, Any]


def is_done(record: Record) -> bool:
    """Whether the wish of this very spec was fulfilled."""
    return record.conditions.is_current(RESTORED)


def nothing_saved(record: Record) -> OperatorError:
    """The error for a run that has no backup."""
    name = backup.index_name(record.metadata["name"])
    said = f"There is no backup of this run (ConfigMap {name}): it has deleted nothing, or somebody has removed it."
    if record.facts.get("backup"):
        said = f"ConfigMap {name} of the backup is gone. Bring it back, then set spec.restore to false and to true."
    return Stalled("NoBackup", f"{said} Until then nothing can be put back.")


async def put_everything_back(record: Record, found: Backup, connection: Connection, env: Environment) -> Requeue:
    """Put back what can be; what cannot is tried again."""
    items = record.facts.get("items") or []
    entries = deleted(found.entries, items) if record.tells_all else found.entries
    record.facts["backup"] = saved(record.metadata["name"], found.index)
    images, fault = await _images(record, found, connection)  # first: the platform pulls what its objects name
    results = await _put_back(entries, found.index.clusters, connection, env)
    record.facts |= put_back(results, items)
    record.facts["outcomes"] = {
        **(record.facts.get("outcomes") or {"deleted": 0, "deleting": 0, "skipped": 0, "failed": 0}),
        "restored": sum(each.outcome == "Restored" for each in results),
    }
    said = _said(results, images) + (f"; images are not: {fault}" if fault else "")
    if fault or any(each.outcome == "Failed" for each in results):
        record.conditions.set(RESTORED, "False", "RestoreIncomplete", said)
        if not record.is_over:  # whatever comes, it deletes nothing more
            record.end(FAILED, "RestoreIncomplete", said)
        record.trying_again(said)
        return Requeue(failed=True)
    record.conditions.remove(RECONCILING)
    record.conditions.set(RESTORED, "True", "Restored", f"{said}.")
    ended_by = (record.conditions.get(FAILED) or record.conditions.get(COMPLETE) or {}).get("reason")
    if ended_by in (None, "Deleting", "RestoreIncomplete"):
        record.end(COMPLETE, "Restored", f"{said}.")
    return Requeue()


async def _put_back(
    entries: Sequence[Entry], clusters: Mapping[str, str], connection: Connection, env: Environment
) -> list[PutBack]:
    """Put back what was deleted, each on the very cluster that it comes from."""
    meant = {each.cluster: clusters[each.cluster] for each in entries}
    wrong = await strangers(meant, connection.clusters, connection.name)
    there = [each for each in entries if each.cluster not in wrong]
    results = await restore(there, connection.clusters, env.settings.system_namespace)
    wrong |= await strangers(meant, connection.clusters, connection.name)
    lost = [PutBack(each, "Failed", wrong[each.cluster].message) for each in entries if each.cluster in wrong]
    return [*lost, *(each for each in results if each.entry.cluster not in wrong)]


async def _images(record: Record, found: Backup, connection: Connection) -> tuple[list[ImageStep], str | None]:
    """What became of images, and why they are not all back; whatever keeps them from it keeps no object."""
    try:
        steps = await phase.put_back(record, found, connection)
    except OperatorError as error:
        return [], error.message
    lost = next((each for each in steps if each.outcome == "Failed"), None)
    return steps, f"{lost.deletion.repository}@{lost.deletion.manifest.digest}: {lost.message}" if lost else None


def _said(results: Sequence[PutBack], images: Sequence[ImageStep]) -> str:
    count = Counter[str](each.outcome for each in results)
    said = f"{count['Restored']} of {len(results)} objects are back"
    if images:
        said += f", and {sum(each.outcome == 'Restored' for each in images)} of {len(images)} manifests"
    for outcome, what in (("Skipped", "left alone"), ("Failed", "not")):
        if first := next((each for each in results if each.outcome == outcome), None):
            ref = first.entry.ref
            said += f"; {count[outcome]} {what}: {ref.kind} {ref.name}: {first.message.rstrip('.')}"
    return said


def deleted(entries: Sequence[Entry], items: Sequence[JsonObject]) -> list[Entry]:
    """What the run may have deleted: not what its items say that it has left alone, whoever deletes that later.

    What restore itself leaves alone keeps the reason for which it was deleted.
    """
    reasons = {each["uid"]: each["reason"] for each in items if "uid" in each and each.get("outcome") == "Skipped"}
    return [each for each in entries if reasons.get(each.ref.uid, each.reason) == each.reason]


def failed(record: Record, error: OperatorError) -> Requeue:
    """It could not even be tried."""
    record.conditions.set(RESTORED, "False", error.reason, error.message)
    if isinstance(error, Stalled):
        record.conditions.remove(RECONCILING)
        if not record.is_over:
            record.end(FAILED, error.reason, error.message)
        return Requeue()
    record.trying_again(error.message)
    return Requeue(failed=True)
