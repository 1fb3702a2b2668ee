"""Durations mean what Kubernetes means; waiting grows to a limit; sizes read well."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from violet_operator.support.durations import backoff, human_bytes, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1m", 60), ("90s", 90), ("1h30m", 5400), ("0s", 0), ("1500ms", 1.5), ("1h1m1s1ms", 3661.001), ("1m1h", 3660)],
)
def test_a_duration_is_so_many_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "1", "m", "1d", "1.5h", "-1h", "+1h", " 1h", "1h ", "1h\n", "1 h", "1H", "1h30", "1us", "\u0661m"]
)
def test_what_the_crd_refuses_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


@given(st.integers(0, 10**6), st.integers(0, 59), st.integers(0, 59))
def test_parts_add_up(hours: int, minutes: int, seconds: int) -> None:
    assert parse_duration(f"{hours}h{minutes}m{seconds}s") == hours * 3600 + minutes * 60 + seconds


@given(st.integers(0, 10**6), st.floats(0.1, 100), st.floats(100, 10_000))
def test_a_wait_doubles_up_to_the_longest_with_little_jitter(attempt: int, first: float, longest: float) -> None:
    full = min(longest, first * 2.0 ** min(attempt, 30))
    assert 0.8 * full <= backoff(attempt, first=first, longest=longest) <= full


def test_waits_of_many_objects_are_spread() -> None:
    assert len({backoff(3, first=5, longest=600) for _ in range(100)}) > 90


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (5 * 1024**2, "5.0 MiB"),
        (2_040_109_466, "1.9 GiB"),
        (3 * 1024**4, "3.0 TiB"),
        (5000 * 1024**4, "5000.0 TiB"),
    ],
)
def test_a_size_for_people(count: int, text: str) -> None:
    assert human_bytes(count) == text
