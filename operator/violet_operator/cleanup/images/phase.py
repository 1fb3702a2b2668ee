"""Images in the life of a run: what goes is planned with its objects, deleted after them, and put back before them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from violet_operator.api.cleanup_run import CleanupRunSpec
from violet_operator.cleanup import metrics
from violet_operator.cleanup.backup import Index
from violet_operator.cleanup.identity import strangers
from violet_operator.cleanup.images import deletion, report
from violet_operator.cleanup.images.deletion import ImageStep
from violet_operator.cleanup.images.left import may_be_gone
from violet_operator.cleanup.images.model import ImagePlan
from violet_operator.cleanup.images.plan import again, plan
from violet_operator.cleanup.judge import Verdict
from violet_operator.cleanup.record import Record
from violet_operator.cleanup.vault import Backup
from violet_operator.errors import OperatorError
from violet_operator.platform.environment import Environment
from violet_operator.platform.resolve import Connection
from violet_operator.support.cancel import CancelToken
from violet_operator.support.threads import shielded


async def look(
    record: Record, spec: CleanupRunSpec, going: Sequence[Verdict], connection: Connection, env: Environment
) -> ImagePlan:
    """What goes with these objects, if images are to go at all."""
    if spec.images != "Delete":
        return ImagePlan()
    return await plan({each.ref.uid for each in going}, connection, record.metadata["namespace"], env)


def tell(record: Record, spec: CleanupRunSpec, found: ImagePlan) -> None:
    """Note in the status what goes."""
    if spec.images == "Delete":
        record.facts["images"] = report.planned(found)


async def delete(
    record: Record, backup: Backup, connection: Connection, env: Environment, *, gone: bool
) -> list[ImageStep]:
    """Delete what was planned and may still go, once all objects of the plan are gone."""
    planned = backup.images
    if not planned:
        return []
    if not gone:
        said = "Not all objects of the plan are gone: those that are left may need it."
        steps = [ImageStep(each, "Skipped", said) for each in planned]
    elif other := _another(backup.index, connection):
        steps = [ImageStep(each, "Failed", other) for each in planned]
    else:
        deleted = metrics.MANIFESTS.labels(*record.where).inc
        cancel = CancelToken()
        with env.pushes.watch() as uploads:
            now = await again(planned, connection, record.metadata["namespace"], env)
            if wrong := await _elsewhere(backup.index, connection, record.metadata["namespace"], env):
                now = ImagePlan(unknown=wrong)
            work = partial(deletion.delete, planned, now, connection.registry, uploads, deleted, cancel)
            steps = await shielded(work, cancel)
    _note(record, steps)
    return steps


async def _elsewhere(index: Index, connection: Connection, namespace: str, env: Environment) -> str | None:
    """Why those who were asked may not be those who need the images: a cluster is another one now, or not shown."""
    try:
        clusters = dict(await env.enter(namespace, connection.name, anew=False))
    except OperatorError as error:
        return error.message
    if missing := sorted(index.clusters.keys() - clusters.keys()):
        return f"Platform {connection.name} does not show cluster {missing[0]} of the plan any more."
    wrong = await strangers(index.clusters, clusters, connection.name)
    return next((error.message for error in wrong.values()), None)


async def put_back(record: Record, backup: Backup, connection: Connection) -> list[ImageStep]:
    """Put back what the run may have deleted of the manifests of the backup.

    Raises:
        OperatorError: they are lost.
    """
    if backup.fault:
        raise backup.fault
    before = (record.facts.get("images") or {}) if record.tells_all else {}
    planned = may_be_gone(backup.images, before)
    if not planned:
        return []
    if other := _another(backup.index, connection):
        steps = [ImageStep(each, "Failed", other) for each in planned]
    else:
        cancel = CancelToken()
        steps = await shielded(partial(deletion.restore, planned, connection.registry, cancel), cancel)
    _note(record, steps)
    if skipped := (before.get("outcomes") or {}).get("skipped"):
        record.facts["images"]["outcomes"]["skipped"] = skipped
    return steps


def _another(index: Index, connection: Connection) -> str | None:
    """Why the backup's images are not to be touched, if the Platform has another registry now."""
    now = connection.registry.address
    if now == index.registry:
        return None
    return f"The plan is about registry {index.registry}, and Platform {connection.name} has {now} now: change it back."


def _note(record: Record, steps: Sequence[ImageStep]) -> None:
    before = record.facts.get("images") or {"complete": True, "manifests": len(steps), "bytes": 0}
    record.facts["images"] = report.acted(before, steps)
