"""Cron schedules with a time zone, in CronJob's words; pure, the clock is passed in.

cronsim does the calendar: a time that daylight saving skips comes as soon as it is over, one that comes twice counts
once. Here it is held to what a CronJob takes (robfig/cron v3, ParseStandard): five fields or one of the macros.
"""

from __future__ import annotations

import re
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

_FIELDS = ("minute", "hour", "day-of-month", "month", "day-of-week")
_TERM = re.compile(r"(\*|\w+(-\w+)?)(/\d+)?", re.ASCII)
_EVERY = re.compile(r"\*(/0*1)?")
_DAYS = {
    "day-of-month": ("1-31", re.compile(r"LW?")),
    "day-of-week": ("0-6", re.compile(r"\d*L|\w+-7|7(-\d+)?")),
}
"""Fields of days: all of them, and what cronsim takes that a CronJob does not."""

_OF_THE_HOST = {"localtime", "posixrules", "Factory"}
"""Names in some copies of the database that mean whatever a pod has."""

_FOLD = 61
"""Times within an hour that comes twice, and one more: cronsim may name those of its first pass again."""


class Schedule:
    """A cron expression in a time zone."""

    def __init__(self, expression: str, time_zone: str | None = None) -> None:
        """`time_zone` is a name of the IANA database; None: UTC.

        Raises:
            ValueError: the expression or the time zone is none; says which.
        """
        fields = MACROS.get(expression.strip(), expression).upper().split()
        if len(fields) != len(_FIELDS):
            raise ValueError(f"schedule {expression!r} has not five fields (minute hour day month weekday)")
        self._zone = _zone(time_zone or "UTC")
        try:
            self._expression = " ".join(map(_as_cronsim_means_it, _FIELDS, fields))
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


def _zone(name: str) -> ZoneInfo:
    try:
        if name not in _OF_THE_HOST:
            return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # not found is a KeyError; a directory, an OSError
        pass
    raise ValueError(f"time zone {name!r} is not in the IANA database, such as Asia/Shanghai")


def _as_cronsim_means_it(name: str, field: str) -> str:
    """A field of a CronJob for cronsim.

    Where both days are restricted, one of them is enough. To cronsim, as to Debian's cron, a field that begins with `*`
    restricts nothing; to a CronJob `*/2` does.

    Raises:
        CronSimError: a CronJob does not take it, such as cronsim's `L`, `LW` and `6#1`, and 7 for Sunday.
    """
    terms = field.replace("?", "*").split(",")
    for term in terms:
        if not _TERM.fullmatch(term):
            raise CronSimError(f"Bad {name}")
    if name not in _DAYS:
        return ",".join(terms)
    every, unknown = _DAYS[name]
    if any(unknown.fullmatch(term.partition("/")[0]) for term in terms):
        raise CronSimError(f"Bad {name}")
    return "*" if any(map(_EVERY.fullmatch, terms)) else ",".join(term.replace("*", every) for term in terms)
