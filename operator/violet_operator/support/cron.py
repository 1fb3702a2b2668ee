"""Cron schedules with a time zone, in CronJob's words; pure, the clock is passed in.

cronsim does the calendar: a time that daylight saving skips comes as soon as it is over, one that comes twice counts
once. Here it is held to what a CronJob takes: five fields or one of the macros.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

_FIELDS = 5
_FOLD = 61
"""Times within an hour that comes twice, and one more: cronsim may name those of its first pass again."""


class Schedule:
    """A cron expression in a time zone."""

    def __init__(self, expression: str, time_zone: str | None = None) -> None:
        """`time_zone` is a name of the IANA database; None: UTC.

        Raises:
            ValueError: the expression or the time zone is none; says which.
        """
        fields = MACROS.get(expression.strip(), expression).split()
        if len(fields) != _FIELDS:
            raise ValueError(f"schedule {expression!r} has not five fields (minute hour day month weekday)")
        try:
            self._zone = ZoneInfo(time_zone or "UTC")
        except (OSError, ValueError, KeyError):  # not found is a KeyError; a directory, an OSError
            raise ValueError(f"time zone {time_zone!r} is not in the IANA database, such as Asia/Shanghai") from None
        self._expression = " ".join(fields)
        try:
            CronSim(self._expression, datetime(2000, 1, 1, tzinfo=UTC))
        except CronSimError as error:
            raise ValueError(f"schedule {expression!r}: {error}") from None

    def after(self, moment: datetime) -> datetime:
        """The first time after a moment (any time zone), in UTC.

        Raises:
            ValueError: there is none within cronsim's fifty years.
        """
        for found in islice(self._times(moment), _FOLD):
            if found > moment:
                return found
        raise ValueError(f"schedule {self._expression!r} names no time after {moment}")

    def _times(self, moment: datetime) -> Iterator[datetime]:
        for found in CronSim(self._expression, moment.astimezone(self._zone)):
            yield found.astimezone(UTC)
