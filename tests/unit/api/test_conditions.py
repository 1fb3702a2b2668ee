"""Conditions: when a transition time moves, in which order they stand, what their messages may hold."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from violet_operator.api.conditions import (
    COMPLETE,
    FAILED,
    FETCHED,
    PUBLISHED,
    PUSHED,
    READY,
    RECONCILING,
    STALLED,
    VERIFIED,
    Conditions,
    Status,
    find,
    is_true,
    timestamp,
    transition,
)

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Clock:
    """A clock that stands still until told."""

    now = START

    def __call__(self) -> datetime:
        return self.now


def after_a_minute(first: Status, then: Status, reason: str = "Other") -> str:
    """The transition time of a condition set at the start, and again a minute later in another reconcile."""
    clock = Clock()
    before = Conditions([], generation=1, clock=clock)
    before.set(READY, first, "First", "First.")
    clock.now += timedelta(minutes=1)
    later = Conditions(before.to_api(), generation=2, clock=clock)
    later.set(READY, then, reason, "Then.")
    (condition,) = later.to_api()
    assert (condition["reason"], condition["message"], condition["observedGeneration"]) == (reason, "Then.", 2)
    return str(condition["lastTransitionTime"])


@pytest.mark.parametrize("status", ["True", "False", "Unknown"])
def test_the_transition_time_stays_while_the_status_stays(status: Status) -> None:
    assert after_a_minute(status, status) == "2026-01-02T03:04:05Z"


@pytest.mark.parametrize(("first", "then"), [("True", "False"), ("False", "True"), ("Unknown", "True")])
def test_the_transition_time_moves_with_the_status(first: Status, then: Status) -> None:
    assert after_a_minute(first, then) == "2026-01-02T03:05:05Z"


def test_the_order_is_that_of_the_work_whatever_was_set_first() -> None:
    order = [FETCHED, VERIFIED, PUSHED, PUBLISHED, READY, RECONCILING, STALLED]
    conditions = Conditions([], generation=1, clock=Clock())
    for kind in reversed(order):
        conditions.set(kind, "True", "A", "a")
    assert [item["type"] for item in conditions.to_api()] == order


def test_a_removed_condition_is_gone_and_may_be_removed_twice() -> None:
    conditions = Conditions([], generation=1, clock=Clock())
    conditions.set(STALLED, "True", "A", "a")
    conditions.remove(STALLED)
    conditions.remove(STALLED)
    assert conditions.to_api() == []
    assert conditions.get(STALLED) is None


def test_the_last_status_is_not_changed_in_place() -> None:
    last: list[dict[str, Any]] = [{"type": READY, "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]
    conditions = Conditions(last, generation=1, clock=Clock())
    conditions.set(READY, "False", "A", "a")
    assert last == [{"type": READY, "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]


@pytest.mark.parametrize(
    ("status", "generation", "current"), [("True", 2, True), ("True", 1, False), ("False", 2, False)]
)
def test_only_a_true_condition_of_this_generation_is_current(status: str, generation: int, current: bool) -> None:
    last = [{"type": READY, "status": status, "observedGeneration": generation}]
    conditions = Conditions(last, generation=2, clock=Clock())
    assert conditions.is_current(READY) is current
    assert conditions.is_current(PUSHED) is False


def test_a_message_is_one_redacted_line_that_a_terminal_can_show() -> None:
    conditions = Conditions([], generation=1, clock=Clock())
    conditions.set(READY, "False", "A", "GET https://user:hidden@host/a?X-Amz-Signature=hidden\nfailed " + "x" * 40_000)
    (condition,) = conditions.to_api()
    assert condition["message"].startswith("GET https://host/a failed xxx")
    assert len(condition["message"]) == 1024
    assert condition["message"].endswith("x…")


def test_find_and_is_true() -> None:
    conditions = [{"type": READY, "status": "False"}, {"type": PUSHED, "status": "True"}]
    assert find(conditions, READY) == {"type": READY, "status": "False"}
    assert find(conditions, STALLED) is None
    assert [is_true(conditions, kind) for kind in (READY, PUSHED, STALLED)] == [False, True, False]


def test_a_timestamp_is_utc_in_seconds() -> None:
    shanghai = timezone(timedelta(hours=8))
    assert timestamp(datetime(2026, 1, 2, 3, 4, 5, 999_999, tzinfo=shanghai)) == "2026-01-01T19:04:05Z"


@pytest.mark.parametrize(
    ("kind", "status", "warning"),
    [(READY, "True", False), (READY, "False", True), (COMPLETE, "True", False), (FAILED, "True", True)],
)
def test_news_of_a_transition_are_good_or_bad(kind: str, status: str, warning: bool) -> None:
    now = {"conditions": [{"type": kind, "status": status, "reason": "Why", "message": "What."}]}
    assert transition({}, now, kind) == [(warning, "Why", "What.")]
    assert transition({}, now, kind, silent=["Why"]) == []
    assert transition(now, now, kind) == []
    assert transition(now, {}, kind) == []
