"""One look at one CleanupPolicy: starts a run when one is due or asked for, one at a time, and forgets old ones."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from violet_operator.api import POLICY_LABEL
from violet_operator.api.cleanup_policy import CleanupPolicySpec
from violet_operator.api.conditions import READY, Conditions, Event, timestamp
from violet_operator.api.request import is_unanswered, requested_at
from violet_operator.cleanup import history
from violet_operator.cleanup.schedule import LAST, OBSERVED, SINCE, count_from, due, handled
from violet_operator.clients.kube import CLEANUP_POLICIES, CLEANUP_RUNS
from violet_operator.errors import OperatorError, Stalled, Waiting
from violet_operator.platform.environment import Environment, JsonObject
from violet_operator.platform.report import finished, report, tell
from violet_operator.platform.resolve import invalid_spec
from violet_operator.support.cron import Schedule
from violet_operator.support.redact import shorten
from violet_operator.support.requeue import Requeue

logger = logging.getLogger(__name__)

_WHILE_ACTIVE = 300.0
"""Seconds until the next look while a run is under way, whose end wakes its policy: in case that got lost."""

_LONGEST = timedelta(hours=1)
"""Until the next look, however far the next run is: clocks get corrected."""


async def reconcile(namespace: str, name: str, env: Environment, wake: Callable[[tuple[str, str]], None]) -> Requeue:
    """Bring one CleanupPolicy up to date; says when to look again. `wake` has a run of it looked at now."""
    try:
        body = await env.kube.get(CLEANUP_POLICIES, namespace, name)
        if body is None or body["metadata"].get("deletionTimestamp"):
            return Requeue()
        look = _Look(body, env, wake)
        result = await look.run()
        status = look.to_api()
        if status != body.get("status"):
            await report(env, CLEANUP_POLICIES, body, status, look.news)
    except OperatorError as error:
        logger.warning("CleanupPolicy %s/%s: %s", namespace, name, error.message)
        return Requeue(failed=True)
    return result


@dataclass(frozen=True, slots=True)
class _Start:
    """A run to make, and what that answers."""

    name: str
    facts: dict[str, str]


class _Look:
    """One look: what it found goes into the status."""

    def __init__(self, body: JsonObject, env: Environment, wake: Callable[[tuple[str, str]], None]) -> None:
        self._body = body
        self._wake = wake
        self._metadata: JsonObject = body["metadata"]
        self._env = env
        last: JsonObject = body.get("status") or {}
        self._facts: dict[str, Any] = {key: value for key, value in last.items() if key != "conditions"}
        generation = int(self._metadata.get("generation") or 0)
        self._conditions = Conditions(last.get("conditions", []), generation=generation, clock=env.clock)
        self._facts["observedGeneration"] = generation
        self.news: list[Event] = []

    def to_api(self) -> JsonObject:
        """The status."""
        return {**self._facts, "conditions": self._conditions.to_api()}

    async def run(self) -> Requeue:
        """Fill the status, make and forget runs; says when to look again."""
        self._conditions.at_rest()
        try:
            spec = self._spec()
            runs = await self._runs(spec)
            return await self._start(spec, runs)
        except OperatorError as error:
            self._conditions.failed(error)
            return Requeue() if isinstance(error, Stalled) else Requeue(failed=True)

    def _spec(self) -> CleanupPolicySpec:
        try:
            spec = CleanupPolicySpec.model_validate(self._body["spec"])
        except ValidationError as error:
            raise invalid_spec(error) from None
        return spec

    async def _runs(self, spec: CleanupPolicySpec) -> list[JsonObject]:
        """The policy's runs, without those that history has no place for."""
        label = f"{POLICY_LABEL}={history.label_of(self._metadata['name'])}"
        found = await self._env.kube.list(CLEANUP_RUNS, self._metadata["namespace"], labels=label)
        runs = history.of_policy(found, self._metadata["uid"])
        last = history.last_success(runs)
        if last:
            self._facts["lastSuccessfulTime"] = max(last, self._facts.get("lastSuccessfulTime", last))
        if result := history.last_result(runs):
            self._facts["lastResult"] = shorten(result)
        old = history.superfluous(
            runs, successful=spec.successful_runs_history_limit, failed=spec.failed_runs_history_limit
        )
        for run in old:
            await self._env.kube.delete(CLEANUP_RUNS, run)
        return [run for run in runs if run not in old]

    async def _start(self, spec: CleanupPolicySpec, runs: list[JsonObject]) -> Requeue:
        under_way = history.active(runs)
        now = self._env.clock()
        coming, start = self._next(spec, now)
        if spec.suspend:
            self._suspended()
        else:
            self._tell(spec, coming)
        if start and not spec.suspend and (under_way is None or history.waits(under_way)):
            waiting, under_way = under_way, await self._make(start, under_way)
            coming, _ = self._next(spec, now)
            if waiting:  # it finds that it is not the last any more, and ends
                self._wake((waiting["metadata"]["namespace"], waiting["metadata"]["name"]))
        if under_way is None:
            self._facts.pop("active", None)
            return Requeue(after=min(coming - now, _LONGEST).total_seconds() if coming and not spec.suspend else None)
        self._facts["active"] = under_way["metadata"]["name"]
        until = min(coming - now, _LONGEST).total_seconds() if coming and history.waits(under_way) else _WHILE_ACTIVE
        return Requeue(after=min(until, _WHILE_ACTIVE))

    def _next(self, spec: CleanupPolicySpec, now: datetime) -> tuple[datetime | None, _Start | None]:
        """When the next run is due, and the one that is to be started now."""
        name = self._metadata["name"]
        requested, start = requested_at(self._metadata), None
        if requested and is_unanswered(self._metadata, self._facts):
            start = _Start(history.requested_name(self._body, requested), {"lastHandledReconcileAt": requested})
        if spec.schedule is None:
            self._facts.pop(OBSERVED, None)
            return None, start
        self._count_from(spec, now)
        try:
            schedule = Schedule(spec.schedule, spec.time_zone)
            found = due(
                schedule,
                since=handled(self._facts),
                moment=now,
                deadline=spec.starting_deadline_seconds,
            )
        except ValueError as error:
            raise Stalled("InvalidSchedule", f"spec.schedule or spec.timeZone: {error}. Correct it.") from None
        if found.missed and not spec.suspend:
            self._missed(timestamp(found.missed))
        if start is None and found.now:
            stamp = timestamp(found.now)
            start = _Start(history.scheduled_name(name, found.now), {"lastScheduleTime": stamp})
        return found.next, start

    def _count_from(self, spec: CleanupPolicySpec, now: datetime) -> None:
        """Note since when the schedule counts; the spec that the policy was made with counts since then."""
        made = datetime.fromisoformat(self._metadata["creationTimestamp"])
        first = self._metadata.get("generation") == 1 and OBSERVED not in self._facts
        written = f"{spec.schedule} {spec.time_zone or 'UTC'}"
        known = count_from(self._facts, written=written, since=made if first else now, moment=now)
        for key in (OBSERVED, SINCE, LAST):
            self._facts.pop(key, None)
        self._facts |= known

    def _missed(self, time: str) -> None:
        if self._facts.get("lastMissedTime") != time:
            self._facts["lastMissedTime"] = time
            said = f"No run was started for {time}: it would have been too late, or another was under way."
            self.news.append(Event(True, "MissedSchedule", said))

    def _suspended(self) -> None:
        """No run is started; a request that comes meanwhile must not begin to delete at the end of it."""
        self._facts.pop("nextScheduleTime", None)
        said = "spec.suspend is true: no run is started until it is false."
        self._conditions.set(READY, "False", "Suspended", said)
        if is_unanswered(self._metadata, self._facts):
            self._facts["lastHandledReconcileAt"] = requested_at(self._metadata)
            self.news.append(Event(True, "Suspended", "The requested run is not started: spec.suspend is true."))

    def _tell(self, spec: CleanupPolicySpec, coming: datetime | None) -> None:
        if coming is None:
            self._facts.pop("nextScheduleTime", None)
            self._conditions.set(READY, "True", "OnRequest", "Without spec.schedule a run is started on request only.")
        else:
            self._facts["nextScheduleTime"] = timestamp(coming)
            said = f"A run in mode {spec.mode} is started by spec.schedule ({spec.schedule}), and on request."
            self._conditions.set(READY, "True", "Scheduled", said)

    async def _create(self, run: JsonObject) -> None:
        await self._env.kube.create(CLEANUP_RUNS, self._metadata["namespace"], run)
        await tell(self._env, self._body, Event(False, "RunStarted", f"Started CleanupRun {run['metadata']['name']}."))

    async def _make(self, start: _Start, waiting: JsonObject | None) -> JsonObject | None:
        """Make the run; our own of that name was made before we could note it, and may have ended since."""
        wanted = history.new_run(self._body, start.name, waiting)
        run: JsonObject | None = wanted
        try:
            await finished(self._create(wanted))
        except Stalled as error:
            if error.reason != "Conflict":
                raise
            run = await self._made_before(start.name)
        self._facts |= {**start.facts, "lastRun": start.name}
        return run

    async def _made_before(self, name: str) -> JsonObject | None:
        """The run of this name, if it is under way.

        Raises:
            Waiting: it is somebody else's.
        """
        found = await self._env.kube.get(CLEANUP_RUNS, self._metadata["namespace"], name)
        if found is None or not history.of_policy([found], self._metadata["uid"]):
            said = f"CleanupRun {name} is to be started, and one of that name is there that is not of this policy"
            raise Waiting("RunExists", f"{said}. Delete that one.")
        return None if history.has_ended(found) else found
