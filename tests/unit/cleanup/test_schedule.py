"""What a schedule says at a moment: due, next, and what was missed, as CronJob means it."""

from datetime import UTC, datetime

import pytest

from violet_operator.cleanup.schedule import Due, due
from violet_operator.support.cron import Schedule

BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}:00+00:00")


@pytest.mark.parametrize(
    ("expression", "since", "now", "deadline", "expected"),
    [
        ("0 3 * * *", "01-02T02:00", "01-02T02:59", None, (None, "01-02T03:00", 0)),
        ("0 3 * * *", "01-02T02:00", "01-02T03:00", None, ("01-02T03:00", "01-03T03:00", 0)),
        ("0 3 * * *", "01-02T03:00", "01-02T03:01", None, (None, "01-03T03:00", 0)),
        ("0 3 * * *", "01-02T02:00", "01-05T04:00", None, ("01-05T03:00", "01-06T03:00", 3)),
        ("0 3 * * *", "01-02T02:00", "01-05T04:00", 3600, ("01-05T03:00", "01-06T03:00", 3)),
        ("0 3 * * *", "01-02T02:00", "01-05T04:01", 3600, (None, "01-06T03:00", 4)),
        ("0 3 * * *", "01-02T02:00", "01-02T03:00", 0, ("01-02T03:00", "01-03T03:00", 0)),
        ("* * * * *", "01-02T02:00", "03-02T02:00", None, ("03-02T02:00", "03-02T02:01", 0)),
        ("* * * * *", "01-02T02:00", "03-02T02:00", 10, ("03-02T02:00", "03-02T02:01", 0)),
        ("*/5 * 1 * *", "01-02T02:00", "06-30T02:00", None, ("06-01T23:55", "07-01T00:00", 0)),
    ],
)
def test_what_is_due(
    expression: str, since: str, now: str, deadline: int | None, expected: tuple[str | None, str, int]
) -> None:
    passed, coming, left_out = expected
    found = due(Schedule(expression), since=at(since), moment=at(now), deadline=deadline)
    assert found == Due(at(passed) if passed else None, at(coming), left_out)


def test_a_night_without_half_past_two_has_its_run_and_one_with_two_of_them_has_one() -> None:
    schedule = Schedule("30 2 * * *", BERLIN)
    spring = due(schedule, since=at("03-28T12:00"), moment=at("03-29T12:00"), deadline=None)
    assert (spring.now, spring.left_out) == (at("03-29T01:00"), 0)
    autumn = due(schedule, since=at("10-24T12:00"), moment=at("10-25T12:00"), deadline=None)
    assert (autumn.now, autumn.left_out) == (at("10-25T00:30"), 0)


def test_a_run_that_was_handled_is_not_due_again() -> None:
    schedule = Schedule("*/15 * * * *", BERLIN)
    moment = datetime(2026, 10, 25, 0, 50, tzinfo=UTC)
    first = due(schedule, since=at("10-25T00:00"), moment=moment, deadline=None)
    assert first.now is not None
    assert due(schedule, since=first.now, moment=moment, deadline=None) == Due(None, first.next, 0)
