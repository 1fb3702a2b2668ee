"""One CleanupRun while it is worked on: what its status says, and how that is written and told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from violet_operator.api import POLICY_LABEL
from violet_operator.api.conditions import (
    AWAITING_APPROVAL,
    COMPLETE,
    FAILED,
    PLANNED,
    RECONCILING,
    RESTORED,
    Conditions,
    timestamp,
    transition,
)
from violet_operator.cleanup.report import bounded
from violet_operator.clients.kube import CLEANUP_RUNS
from violet_operator.errors import OperatorError, Stalled
from violet_operator.platform.environment import Environment, JsonObject
from violet_operator.platform.report import report
from violet_operator.support.requeue import Requeue

PATIENCE = timedelta(minutes=15)
"""For so long a run tries in vain what it cannot do; then it ends, and makes way for the next."""

_TOLD = {AWAITING_APPROVAL: ("Approved",), COMPLETE: ("Deleting",), FAILED: (), RESTORED: ()}
"""Conditions that are worth an event, and reasons that are no news."""

_WHOLE = {"Deleted", "Incomplete", "Restored", "RestoreIncomplete"}
"""Reasons for which a run ends at the end of a pass. By any other it may end in the middle of one."""


class Record:
    """The run's status as it is to be."""

    def __init__(self, body: JsonObject, env: Environment) -> None:
        self.body = body
        self.metadata: JsonObject = body["metadata"]
        self.facts: dict[str, Any] = {}
        self._env = env
        self._last: JsonObject = body.get("status") or {}
        self.facts |= {key: value for key, value in self._last.items() if key != "conditions"}
        generation = int(self.metadata.get("generation") or 0)
        self.conditions = Conditions(self._last.get("conditions", []), generation=generation, clock=env.clock)
        self.facts["observedGeneration"] = generation
        self.facts.setdefault("startTime", timestamp(env.clock()))

    @property
    def where(self) -> tuple[str, str]:
        """Namespace and policy, as metrics name them."""
        return str(self.metadata["namespace"]), str((self.metadata.get("labels") or {}).get(POLICY_LABEL, ""))

    @property
    def _key(self) -> tuple[str, str]:
        return str(self.metadata["namespace"]), str(self.metadata["name"])

    @property
    def clock(self) -> Callable[[], datetime]:
        """The time."""
        return self._env.clock

    @property
    def is_over(self) -> bool:
        """Whether the run has ended."""
        return self.is_true(COMPLETE) or self.is_true(FAILED)

    @property
    def tells_all(self) -> bool:
        """Whether it has ended by itself, so that its status has what became of everything, and nothing older."""
        return any(
            self.is_true(kind) and (self.conditions.get(kind) or {}).get("reason") in _WHOLE
            for kind in (COMPLETE, FAILED)
        )

    def is_true(self, condition: str) -> bool:
        """Whether a condition of the run is true."""
        return (self.conditions.get(condition) or {}).get("status") == "True"

    def since(self, condition: str) -> timedelta:
        """For how long a condition has been what it is."""
        found = self.conditions.get(condition)
        return self.clock() - datetime.fromisoformat(found["lastTransitionTime"]) if found else timedelta(0)

    def trying_again(self, said: str) -> bool:
        """Note that something is tried again; False: that has gone on for too long, and in this very process."""
        if self._env.tries.first(self._key, self.metadata["uid"]):
            self.conditions.remove(RECONCILING)
        self.conditions.set(RECONCILING, "True", "ProgressingWithRetry", f"Trying again: {said}")
        return self.since(RECONCILING) <= PATIENCE

    def end(self, condition: str, reason: str, message: str) -> None:
        """The run is over, Complete or Failed."""
        self._env.tries.end(self._key)
        self.conditions.remove(RECONCILING)
        if self.is_true(AWAITING_APPROVAL):
            self.conditions.remove(AWAITING_APPROVAL)
        self.conditions.remove(FAILED if condition == COMPLETE else COMPLETE)
        self.conditions.set(condition, "True", reason, message)
        self.facts["completionTime"] = timestamp(self.clock())

    def failed(self, error: OperatorError) -> Requeue:
        """Something failed: it is tried again, or the run is over."""
        if not self.is_true(PLANNED):
            self.conditions.set(PLANNED, "False", error.reason, error.message)
        if isinstance(error, Stalled) or not self.trying_again(error.message):
            self.end(FAILED, error.reason, error.message)
            return Requeue()
        return Requeue(failed=True)

    async def write(self) -> None:
        """Write the status if it has changed, and the events that go with it."""
        status = bounded({**self.facts, "conditions": self.conditions.to_api()})
        if status == self._last:
            return
        events = [
            each for kind, silent in _TOLD.items() for each in transition(self._last, status, kind, silent=silent)
        ]
        await report(self._env, CLEANUP_RUNS, self.body, status, events)
        self._last = status
