"""What a schedule says at a moment: due, next, and what was missed, as CronJob means it."""

from datetime import UTC, datetime, timedelta

import pytest

from violet_operator.cleanup.schedule import Due, count_from, due, handled
from violet_operator.support.cron import Schedule

BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}:00+00:00")


@pytest.mark.parametrize(
    ("expression", "since", "now", "deadline", "expected"),
    [
        ("0 3 * * *", "01-02T02:00", "01-02T02:59", None, (None, "01-02T03:00", None)),
        ("0 3 * * *", "01-02T02:00", "01-02T03:00", None, ("01-02T03:00", "01-03T03:00", None)),
        ("0 3 * * *", "01-02T03:00", "01-02T03:01", None, (None, "01-03T03:00", None)),
        ("0 3 * * *", "01-02T02:00", "01-05T04:00", None, ("01-05T03:00", "01-06T03:00", "01-04T03:00")),
        ("0 3 * * *", "01-02T02:00", "01-05T04:00", 3600, ("01-05T03:00", "01-06T03:00", "01-04T03:00")),
        ("0 3 * * *", "01-02T02:00", "01-05T04:01", 3600, (None, "01-06T03:00", "01-05T03:00")),
        ("0 3 * * *", "01-02T02:00", "01-02T03:00", 0, ("01-02T03:00", "01-03T03:00", None)),
        ("* * * * *", "01-02T02:00", "03-02T02:00", None, ("03-02T02:00", "03-02T02:01", "03-02T01:59")),
        ("* * * * *", "01-02T02:00", "03-02T02:00", 10, ("03-02T02:00", "03-02T02:01", "03-02T01:59")),
        ("*/5 * 1 * *", "01-02T02:00", "06-30T02:00", None, ("06-01T23:55", "07-01T00:00", "06-01T23:50")),
    ],
)
def test_what_is_due(
    expression: str, since: str, now: str, deadline: int | None, expected: tuple[str | None, str, str | None]
) -> None:
    passed, coming, missed = expected
    found = due(Schedule(expression), since=at(since), moment=at(now), deadline=deadline)
    assert found == Due(at(passed) if passed else None, at(coming), at(missed) if missed else None)


def test_a_night_without_half_past_two_has_its_run_and_one_with_two_of_them_has_one() -> None:
    schedule = Schedule("30 2 * * *", BERLIN)
    spring = due(schedule, since=at("03-28T12:00"), moment=at("03-29T12:00"), deadline=None)
    assert (spring.now, spring.missed) == (at("03-29T01:00"), None)
    autumn = due(schedule, since=at("10-24T12:00"), moment=at("10-25T12:00"), deadline=None)
    assert (autumn.now, autumn.missed) == (at("10-25T00:30"), None)


def test_a_run_that_was_handled_is_not_due_again() -> None:
    schedule = Schedule("*/15 * * * *", BERLIN)
    moment = datetime(2026, 10, 25, 0, 50, tzinfo=UTC)
    first = due(schedule, since=at("10-25T00:00"), moment=moment, deadline=None)
    assert first.now is not None
    assert due(schedule, since=first.now, moment=moment, deadline=None) == Due(None, first.next, None)


MADE, NOW = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 6, 3, 12, tzinfo=UTC)
SATURDAYS = "0 3 * * 6 UTC"


def status(**times: str) -> dict[str, str]:
    """What a policy's status says at `NOW`, which is a Wednesday, if it said this before."""
    return count_from(times, written=SATURDAYS, since=NOW, moment=NOW)


def is_due(facts: dict[str, str], now: datetime = NOW) -> bool:
    return due(Schedule("0 3 * * 6"), since=handled(facts), moment=now, deadline=None).now is not None


@pytest.mark.parametrize(
    "before",
    [
        {},
        {"lastScheduleTime": "2026-01-03T03:00:00Z"},
        {"scheduledSince": "2026-01-01T00:00:00Z", "observedSchedule": "0 3 * * 5 UTC"},
        {"scheduledSince": "2026-01-01T00:00:00Z", "observedSchedule": "0 3 * * 6 Asia/Shanghai"},
        {"scheduledSince": "2026-01-01T00:00:00Z"},  # it had none meanwhile
    ],
)
def test_a_schedule_that_is_set_later_does_not_start_a_run_at_once(before: dict[str, str]) -> None:
    facts = status(**before)
    assert not is_due(facts)
    assert facts["scheduledSince"] == "2026-06-03T12:00:00Z"
    assert is_due(facts, NOW + timedelta(days=3))


def test_a_schedule_that_the_policy_was_made_with_counts_since_then() -> None:
    facts = count_from({}, written=SATURDAYS, since=MADE, moment=NOW)
    assert handled(facts) == MADE
    assert is_due(facts)


def test_a_schedule_that_stays_the_same_makes_up_for_what_was_missed() -> None:
    before = {"scheduledSince": "2026-01-01T00:00:00Z", "observedSchedule": SATURDAYS}
    assert is_due(status(**before))
    assert status(**before) == before
    assert is_due(status(**before, lastScheduleTime="2026-05-23T03:00:00Z"))
    assert not is_due(status(**before, lastScheduleTime="2026-05-30T03:00:00Z"))


@pytest.mark.parametrize("key", ["lastScheduleTime", "scheduledSince"])
def test_a_clock_that_was_ahead_stops_no_runs(key: str) -> None:
    before = {"scheduledSince": "2026-01-01T00:00:00Z", "observedSchedule": SATURDAYS}
    facts = status(**before | {key: "2036-01-01T00:00:00Z"})
    assert handled(facts) == NOW
    assert not is_due(facts)
    assert is_due(facts, NOW + timedelta(days=3))
