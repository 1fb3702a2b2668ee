"""When a schedule is due: CronJob's expressions, time zones, and days with 23 or 25 hours."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from violet_operator.support.cron import MACROS, Schedule

BERLIN, SHANGHAI = "Europe/Berlin", "Asia/Shanghai"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("expression", "zone", "moment", "expected"),
    [
        ("0 3 * * *", None, "2026-01-02T03:04:05Z", "2026-01-03T03:00:00Z"),
        ("0 3 * * *", None, "2026-01-02T03:00:00Z", "2026-01-03T03:00:00Z"),
        ("0 3 * * *", None, "2026-01-02T02:59:59Z", "2026-01-02T03:00:00Z"),
        ("0 3 * * 6", SHANGHAI, "2026-01-02T00:00:00Z", "2026-01-02T19:00:00Z"),
        ("0 3 * * 1", None, "2026-01-02T00:00:00Z", "2026-01-05T03:00:00Z"),
        ("0 0 13 * 5", None, "2026-01-02T01:00:00Z", "2026-01-09T00:00:00Z"),
        ("*/15 * * * *", None, "2026-01-02T00:01:00Z", "2026-01-02T00:15:00Z"),
        ("0 0 29 2 *", None, "2026-01-02T00:00:00Z", "2028-02-29T00:00:00Z"),
        ("0 0 */2 * 1", None, "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"),  # an odd day, or a Monday
        ("0 0 */2 * 1", None, "2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z"),
        ("0 0 1-7 * */7", None, "2026-03-03T00:00:00Z", "2026-03-04T00:00:00Z"),
        ("0 0 7 * */7", None, "2026-03-01T00:00:00Z", "2026-03-07T00:00:00Z"),
        ("0 0 * * */2", None, "2026-03-01T00:00:00Z", "2026-03-03T00:00:00Z"),
        ("0 0 */1 * mon", None, "2026-03-02T00:00:00Z", "2026-03-09T00:00:00Z"),
        ("0 0 ? * MON-FRI", None, "2026-03-06T00:00:00Z", "2026-03-09T00:00:00Z"),
        ("@weekly", None, "2026-01-02T00:00:00Z", "2026-01-04T00:00:00Z"),
        ("30 2 * * *", BERLIN, "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"),  # 02:30 does not exist
        ("30 2 * * *", BERLIN, "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"),
        ("30 2 * * *", BERLIN, "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),  # 02:30 comes twice
        ("30 2 * * *", BERLIN, "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),
        ("30 2 * * *", BERLIN, "2026-10-25T01:10:00Z", "2026-10-26T01:30:00Z"),  # within the second one
        ("*/30 * * * *", BERLIN, "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z"),
    ],
)
def test_the_next_time_is(expression: str, zone: str | None, moment: str, expected: str) -> None:
    assert Schedule(expression, zone).after(at(moment)) == at(expected)


@pytest.mark.parametrize("macro", MACROS)
def test_every_macro_is_known(macro: str) -> None:
    assert Schedule(macro).after(at("2026-06-01T00:00:01Z")) > at("2026-06-01T00:00:01Z")


@pytest.mark.parametrize(
    ("expression", "zone", "said"),
    [
        ("0 3 * *", None, "five fields"),
        ("0 0 3 * * *", None, "five fields"),
        ("@reboot", None, "five fields"),
        ("", None, "five fields"),
        ("61 3 * * *", None, "minute"),
        ("0 3 31 2 *", None, "Bad day-of-month"),
        ("0 3 * * 7", None, "Bad day-of-week"),
        ("0 3 * * 5-7", None, "Bad day-of-week"),
        ("0 3 * * 6#1", None, "Bad day-of-week"),
        ("0 3 * * 6L", None, "Bad day-of-week"),
        ("0 3 L * *", None, "Bad day-of-month"),
        ("0 3 LW/2 * *", None, "Bad day-of-month"),
        ("0 3 1- * *", None, "Bad day-of-month"),
        ("0 3 * * *", "localtime", "time zone 'localtime'"),
        ("0 3 * * *", "Mars/Olympus", "time zone 'Mars/Olympus'"),
        ("0 3 * * *", "../../etc/passwd", "time zone"),
        ("0 3 * * *", "Europe", "time zone"),
    ],
)
def test_what_is_no_schedule_is_refused(expression: str, zone: str | None, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Schedule(expression, zone)


MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(
    MOMENTS,
    st.sampled_from(["30 2 * * *", "*/30 * * * *", "0 */2 * * *", "59 1,2,3 * * *", "0 0 1 * *"]),
    st.sampled_from([BERLIN, SHANGHAI, "America/St_Johns", "Australia/Lord_Howe", "UTC"]),
)
def test_time_goes_forward_and_nothing_lies_between(moment: datetime, expression: str, zone: str) -> None:
    schedule = Schedule(expression, zone)
    found = schedule.after(moment)
    assert found > moment
    assert schedule.after(found - timedelta(seconds=1)) == found
    between = moment + (found - moment) / 2
    assert schedule.after(between) == found
