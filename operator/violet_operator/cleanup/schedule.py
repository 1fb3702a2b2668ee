"""When a CleanupPolicy's next run is due: pure, in CronJob's words and meaning.

Of the runs missed meanwhile (the operator was down, another run was under way) the last one is made up for, if it is
not later than `startingDeadlineSeconds`; the others are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from violet_operator.api.conditions import timestamp
from violet_operator.support.cron import Schedule

OBSERVED, SINCE, LAST = "observedSchedule", "scheduledSince", "lastScheduleTime"
"""Fields of a policy's status."""

MOST_MISSED = 100
"""Times looked through one by one; a policy that has missed more starts anew from now, as a CronJob's would not."""


@dataclass(frozen=True, slots=True)
class Due:
    """What a schedule says at a moment.

    Attributes:
        now: the time for which a run is to be started now, or None.
        next: the first time that lies in the future.
        missed: the last time that passed and is not made up for, or None.
    """

    now: datetime | None
    next: datetime
    missed: datetime | None


def count_from(last: Mapping[str, Any], *, written: str, since: datetime, moment: datetime) -> dict[str, str]:
    """What a policy's status says of its schedule, brought up to date; `handled` tells from when on runs are due.

    A schedule that is new, or was changed, counts from when it is seen: it must not start a run for a time before
    it was written. A time in the future, left by a clock that was wrong, would stop all runs until then.

    Args:
        last: the status.
        written: the schedule as the spec has it now.
        since: from when on a schedule counts that is new.
        moment: now.
    """
    facts = {key: last[key] for key in (SINCE, LAST) if last.get(key)}
    ahead = any(datetime.fromisoformat(time) > moment for time in facts.values())
    if last.get(OBSERVED) != written or SINCE not in facts or ahead:
        facts = {key: time for key, time in facts.items() if datetime.fromisoformat(time) <= moment}
        facts[SINCE] = timestamp(moment if ahead else min(since, moment))
    return facts | {OBSERVED: written}


def handled(facts: Mapping[str, str]) -> datetime:
    """Until when all that was due has been handled."""
    return max(datetime.fromisoformat(facts[key]) for key in (SINCE, LAST) if key in facts)


def due(schedule: Schedule, *, since: datetime, moment: datetime, deadline: int | None) -> Due:
    """What is due at `moment`, if `since` was handled last.

    Args:
        schedule: the policy's.
        since: the time of the last scheduled run, or when the schedule was first seen.
        moment: now.
        deadline: seconds that a run may be late; None: any number.

    Raises:
        ValueError: the schedule names no further time.
    """
    passed: list[datetime] = []
    found = schedule.after(since)
    while found <= moment:
        passed.append(found)
        if len(passed) > MOST_MISSED:
            last = _last(schedule, moment)
            before = last and _last(schedule, last - timedelta(seconds=1))
            passed = [each for each in (before, last) if each]
            found = schedule.after(moment)
            break
        found = schedule.after(found)
    now = passed.pop() if passed and (deadline is None or moment - passed[-1] <= timedelta(seconds=deadline)) else None
    return Due(now, found, passed[-1] if passed else None)


def _last(schedule: Schedule, moment: datetime) -> datetime | None:
    """The last time not after a moment, looked for further and further back."""
    for back in (timedelta(hours=2), timedelta(days=2), timedelta(days=60), timedelta(days=800)):
        found, last = schedule.after(moment - back), None
        while found <= moment:
            last, found = found, schedule.after(found)
        if last:
            return last
    return None
