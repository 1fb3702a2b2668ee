"""One CleanupRun: plan, wait for approval where it has to, delete, restore on request. Each phase has its module."""

from __future__ import annotations

import logging

from pydantic import ValidationError

from violet_operator.api.cleanup_run import CleanupRunSpec
from violet_operator.api.conditions import AWAITING_APPROVAL, PLANNED, RECONCILING
from violet_operator.cleanup import approval, execution, history, restoring, vault
from violet_operator.cleanup.planning import plan, siblings
from violet_operator.cleanup.record import Record
from violet_operator.clients.kube import CLEANUP_RUNS
from violet_operator.errors import OperatorError, Waiting
from violet_operator.platform.environment import Environment, JsonObject
from violet_operator.platform.resolve import Connection, invalid_spec
from violet_operator.support.requeue import Requeue

logger = logging.getLogger(__name__)

_WHILE_WAITING = 600.0
"""Seconds between two looks at a plan that waits: an approval wakes it at once, this one ends it in time."""


async def reconcile(namespace: str, name: str, env: Environment) -> Requeue:
    """Bring one CleanupRun to its end; says when to try again."""
    try:
        body = await env.kube.get(CLEANUP_RUNS, namespace, name)
        if body is None or body["metadata"].get("deletionTimestamp"):
            return Requeue()
        record = Record(body, env)
        result = await _Run(body, record, env).go()
        await record.write()
    except OperatorError as error:
        logger.warning("CleanupRun %s/%s: %s", namespace, name, error.message)
        return Requeue(failed=True)
    return result


class _Run:
    """One run while it is under way."""

    def __init__(self, body: JsonObject, record: Record, env: Environment) -> None:
        self._body = body
        self._record = record
        self._env = env

    async def go(self) -> Requeue:
        """Start or go on."""
        wants_back = (self._body.get("spec") or {}).get("restore") is True
        if wants_back:
            if restoring.is_done(self._record):
                return Requeue()
            try:
                return await self._restore(self._spec())
            except OperatorError as error:
                return restoring.failed(self._record, error)
        if history.has_ended(self._body):
            return Requeue()
        try:
            return await self._run(self._spec())
        except OperatorError as error:
            return self._record.failed(error)

    def _spec(self) -> CleanupRunSpec:
        try:
            return CleanupRunSpec.model_validate(self._body["spec"])
        except ValidationError as error:
            raise invalid_spec(error) from None

    async def _run(self, spec: CleanupRunSpec) -> Requeue:
        record, metadata = self._record, self._record.metadata
        where = (metadata["namespace"], metadata["name"])
        if spec.mode != "DryRun" and (found := await vault.load(self._env.kube, *where)):
            execution.check(record, spec, found)
            return await execution.execute(record, spec, found, await self._connect(spec), self._env)
        if backup := record.facts.get("backup"):
            raise execution.lost(record, f"ConfigMap {backup['configMap']} of the backup is gone")
        if record.is_true(AWAITING_APPROVAL) and await self._still_waits(spec):
            record.conditions.remove(RECONCILING)
            return Requeue(after=_WHILE_WAITING)
        if not record.is_true(PLANNED):
            record.conditions.set(PLANNED, "Unknown", "Gathering", "Reading what the platform holds and uses.")
            await record.write()
        connection = await self._connect(spec)
        planned = await plan(record, spec, connection, self._env)
        if planned is None:
            record.conditions.remove(RECONCILING)
            return Requeue(after=_WHILE_WAITING) if record.is_true(AWAITING_APPROVAL) else Requeue()
        await record.write()
        await execution.save(record, spec, planned, connection, self._env)
        found = await vault.load(self._env.kube, *where)
        if found is None:
            raise Waiting("BackupNotWritten", "The backup was written and is not there: nothing is deleted.")
        execution.check(record, spec, found)
        record.conditions.remove(RECONCILING)
        return await execution.execute(record, spec, found, connection, self._env)

    async def _still_waits(self, spec: CleanupRunSpec) -> bool:
        """Whether there is nothing to do but wait for the approval.

        Raises:
            Stalled: it has waited for too long, or in vain.
        """
        if history.has_successor(await siblings(self._record, self._env), self._body):
            raise approval.superseded()
        if self._record.since(AWAITING_APPROVAL) > approval.LONGEST:
            raise approval.expired()
        return spec.approved_plan is None

    async def _restore(self, spec: CleanupRunSpec) -> Requeue:
        metadata = self._record.metadata
        found = await vault.load(self._env.kube, metadata["namespace"], metadata["name"], lenient=True)
        if found is None:
            raise restoring.nothing_saved(self._record)
        execution.check(self._record, spec, found)
        connection = await self._connect(spec, registry=False)
        return await restoring.put_everything_back(self._record, found, connection, self._env)

    async def _connect(self, spec: CleanupRunSpec, *, registry: bool = True) -> Connection:
        return await self._env.connect(self._record.metadata["namespace"], spec.platform_ref.name, registry=registry)
