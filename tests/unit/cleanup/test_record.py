"""Patience: for how long a run tries in vain, and which time counts."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from violet_operator.cleanup import record as record_module
from violet_operator.cleanup.record import PATIENCE, Record

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def trying(record: Record, after: timedelta) -> tuple[Record, bool]:
    """The run as it is found again after some time, and whether it is tried once more."""
    status: dict[str, Any] = {"conditions": record.conditions.to_api()}
    again = run(NOW + after, status)
    return again, again.trying_again("The API does not answer.")


def run(now: datetime, status: dict[str, Any] | None = None) -> Record:
    body = {"metadata": {"name": "r", "namespace": "n", "uid": "patient"}, "status": status or {}}
    return Record(body, SimpleNamespace(clock=lambda: now))  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_module, "_TRYING", set())


def test_a_run_ends_when_it_has_tried_in_vain_for_too_long() -> None:
    first = run(NOW)
    assert first.trying_again("The API does not answer.")
    second, goes_on = trying(first, PATIENCE)
    assert goes_on
    assert not trying(second, PATIENCE + timedelta(seconds=1))[1]


def test_time_in_which_no_operator_was_there_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(NOW)
    assert first.trying_again("The API does not answer.")
    monkeypatch.setattr(record_module, "_TRYING", set())
    second, goes_on = trying(first, timedelta(hours=3))
    assert goes_on
    assert trying(second, timedelta(hours=3) + PATIENCE)[1]
    assert not trying(second, timedelta(hours=3, seconds=1) + PATIENCE)[1]
