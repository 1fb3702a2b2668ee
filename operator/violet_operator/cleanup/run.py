"""One CleanupRun, from its start to its end: gather, judge, plan, tell. A dry run writes nothing but its own status."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from violet_operator.api import POLICY_LABEL
from violet_operator.api.cleanup_run import CleanupRunSpec
from violet_operator.api.conditions import COMPLETE, FAILED, PLANNED, RECONCILING, Conditions, timestamp, transition
from violet_operator.cleanup import gate, history, metrics
from violet_operator.cleanup.gather import Scope, gather
from violet_operator.cleanup.judge import Verdict, judge, tally
from violet_operator.cleanup.plan import broken_limit, deletions
from violet_operator.cleanup.report import results
from violet_operator.cleanup.state import State
from violet_operator.clients.kube import CLEANUP_RUNS
from violet_operator.errors import OperatorError, Stalled
from violet_operator.platform.environment import Environment, JsonObject
from violet_operator.platform.report import report
from violet_operator.platform.resolve import invalid_spec
from violet_operator.support.requeue import Requeue

logger = logging.getLogger(__name__)

_PATIENCE = 900.0
"""Seconds for which a run tries to get at its platform; then it has failed, and makes way for the next."""


async def reconcile(namespace: str, name: str, env: Environment) -> Requeue:
    """Bring one CleanupRun to its end; says when to try again."""
    try:
        body = await env.kube.get(CLEANUP_RUNS, namespace, name)
        if body is None or body["metadata"].get("deletionTimestamp"):
            return Requeue()
        if history.has(body, COMPLETE) or history.has(body, FAILED):
            return Requeue()
        return await _Run(body, env).go()
    except OperatorError as error:
        logger.warning("CleanupRun %s/%s: %s", namespace, name, error.message)
        return Requeue(failed=True)


class _Run:
    """One run while it is under way."""

    def __init__(self, body: JsonObject, env: Environment) -> None:
        self._body = body
        self._metadata: JsonObject = body["metadata"]
        self._env = env
        self._last: JsonObject = body.get("status") or {}
        self._facts: dict[str, Any] = {key: value for key, value in self._last.items() if key != "conditions"}
        generation = int(self._metadata.get("generation") or 0)
        self._conditions = Conditions(self._last.get("conditions", []), generation=generation, clock=env.clock)
        self._facts["observedGeneration"] = generation

    async def go(self) -> Requeue:
        """Start or go on; leaves the status written."""
        self._facts.setdefault("startTime", timestamp(self._env.clock()))
        result = Requeue()
        try:
            await self._run()
        except OperatorError as error:
            result = self._failed(error)
        await self._write()
        return result

    async def _run(self) -> None:
        spec = self._spec()
        self._conditions.set(PLANNED, "Unknown", "Gathering", "Reading what the platform holds and uses.")
        await self._write()
        connection = await self._env.connect(self._metadata["namespace"], spec.platform_ref.name)
        settings = self._env.settings
        state = await gather(
            Scope(
                clusters=connection.clusters,
                selected=spec.clusters,
                own=self._env.kube,
                namespaces=settings.namespaces,
                system=settings.system_namespace,
            )
        )
        verdicts = judge(state, spec, self._env.clock(), await self._observed(spec))
        self._planned(spec, state, verdicts)
        self._count(verdicts)

    def _spec(self) -> CleanupRunSpec:
        try:
            spec = CleanupRunSpec.model_validate(self._body["spec"])
        except ValidationError as error:
            raise invalid_spec(error) from None
        gate.check_supported(spec)
        return spec

    async def _observed(self, spec: CleanupRunSpec) -> dict[str, int]:
        """What the policy's runs before have seen; nothing for a run of no policy."""
        owners = self._metadata.get("ownerReferences") or ()
        policy = next((str(owner["uid"]) for owner in owners if owner.get("controller")), None)
        label = (self._metadata.get("labels") or {}).get(POLICY_LABEL)
        if policy is None or label is None or spec.retention.observations == 1:
            return {}
        found = await self._env.kube.list(CLEANUP_RUNS, self._metadata["namespace"], labels=f"{POLICY_LABEL}={label}")
        return history.observed(history.of_policy(found, policy), self._metadata["uid"])

    def _planned(self, spec: CleanupRunSpec, state: State, verdicts: list[Verdict]) -> None:
        """The plan stands; a dry run ends with it."""
        self._facts |= results(spec.platform_ref.name, state, verdicts)
        count = len(deletions(verdicts))
        said = f"{count} of {len(verdicts)} objects would be deleted"
        self._conditions.set(PLANNED, "True", "Planned", f"{said}; status.items says which and why.")
        self._conditions.remove(RECONCILING)
        self._facts["completionTime"] = timestamp(self._env.clock())
        if broken := broken_limit(verdicts, spec.limits):
            self._conditions.set(FAILED, "True", "LimitExceeded", f"{broken}: nothing is deleted.")
        else:
            self._conditions.set(COMPLETE, "True", "DryRun", f"{said}. Mode DryRun: nothing was deleted.")

    def _failed(self, error: OperatorError) -> Requeue:
        now = self._env.clock()
        self._conditions.set(PLANNED, "False", error.reason, error.message)
        waited = (now - datetime.fromisoformat(self._facts["startTime"])).total_seconds()
        if isinstance(error, Stalled) or waited > _PATIENCE:
            self._conditions.remove(RECONCILING)
            self._conditions.set(FAILED, "True", error.reason, error.message)
            self._facts["completionTime"] = timestamp(now)
            return Requeue()
        self._conditions.set(RECONCILING, "True", "ProgressingWithRetry", f"Trying again: {error.message}")
        return Requeue(failed=True)

    def _count(self, verdicts: list[Verdict]) -> None:
        policy = (self._metadata.get("labels") or {}).get(POLICY_LABEL, "")
        where = (str(self._metadata["namespace"]), str(policy))
        metrics.report(where, len(deletions(verdicts)), tally(verdicts))

    async def _write(self) -> None:
        """Write the status if it has changed, and an event at the end."""
        status = {**self._facts, "conditions": self._conditions.to_api()}
        if status == self._last:
            return
        ended = [each for kind in (COMPLETE, FAILED) for each in transition(self._last, status, kind)]
        await report(self._env, CLEANUP_RUNS, self._body, status, ended)
        self._last = status
