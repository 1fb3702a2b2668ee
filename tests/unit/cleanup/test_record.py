"""Patience: for how long a run tries in vain, and which time counts."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from violet_operator.cleanup.record import PATIENCE, Record
from violet_operator.platform.tries import Tries

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def trying(record: Record, after: timedelta, process: Tries) -> tuple[Record, bool]:
    """The run as it is found again after some time, and whether it is tried once more."""
    status: dict[str, Any] = {"conditions": record.conditions.to_api()}
    again = run(NOW + after, process, status)
    return again, again.trying_again("The API does not answer.")


def run(now: datetime, process: Tries, status: dict[str, Any] | None = None) -> Record:
    body = {"metadata": {"name": "r", "namespace": "n", "uid": "patient"}, "status": status or {}}
    return Record(body, SimpleNamespace(clock=lambda: now, tries=process))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("condition", "reason", "tells"),
    [
        ("Complete", "Deleted", True),
        ("Failed", "Incomplete", True),
        ("Failed", "ApprovalWithdrawn", False),
        ("Failed", "BackupDamaged", False),
        ("Failed", "PlatformNotReady", False),
    ],
)
def test_a_run_that_was_ended_in_the_middle_has_told_things_that_are_not_so_any_more(
    condition: str, reason: str, tells: bool
) -> None:
    record = run(NOW, Tries())
    assert not record.tells_all
    record.end(condition, reason, "Over.")
    assert record.is_over
    assert record.tells_all == tells


def test_a_run_ends_when_it_has_tried_in_vain_for_too_long() -> None:
    process = Tries()
    first = run(NOW, process)
    assert first.trying_again("The API does not answer.")
    second, goes_on = trying(first, PATIENCE, process)
    assert goes_on
    assert not trying(second, PATIENCE + timedelta(seconds=1), process)[1]


def test_time_in_which_no_operator_was_there_does_not_count() -> None:
    first = run(NOW, Tries())
    assert first.trying_again("The API does not answer.")
    process = Tries()
    second, goes_on = trying(first, timedelta(hours=3), process)
    assert goes_on
    assert trying(second, timedelta(hours=3) + PATIENCE, process)[1]
    assert not trying(second, timedelta(hours=3, seconds=1) + PATIENCE, process)[1]


def test_another_run_of_the_same_name_has_its_own_patience() -> None:
    process = Tries()
    assert process.first(("n", "r"), "one")
    assert not process.first(("n", "r"), "one")
    assert process.first(("n", "r"), "two")
    process.end(("n", "r"))
    process.end(("n", "r"))
    assert process.first(("n", "r"), "two")
