"""What a Set's conditions say of what was found: kstatus' words, and events on transitions only."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.upload_set.bodies import Object, upload_set
from violet_operator.errors import OperatorError, Stalled, Transient, Waiting
from violet_operator.upload_set.outcome import Outcome
from violet_operator.upload_set.status import SetStatus
from violet_operator.upload_set.summary import summarize

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
READY = Outcome("Ready")
FAILED = Outcome("Failed", None, "TagExists", "It exists.")
STALLED = Outcome("Failed", None, "TagExists", "It exists.", stalled=True)
GOING = Outcome()


def fresh(last: Object | None = None) -> SetStatus:
    return SetStatus(upload_set() | ({"status": last} if last else {}), lambda: NOW)


def judged(*outcomes: Outcome, last: Object | None = None) -> SetStatus:
    status = fresh(last)
    known = {f"{number}.tgz": each for number, each in enumerate(outcomes)}
    summary = summarize(known, dict.fromkeys(known, "upload"), {}, 0)
    status.count(summary)
    status.judge(summary)
    return status


def said(status: SetStatus) -> dict[str, tuple[str, str]]:
    return {each["type"]: (each["status"], each["reason"]) for each in status.to_api()["conditions"]}


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([READY, READY], {"Ready": ("True", "AllReady")}),
        ([READY, GOING], {"Ready": ("False", "Progressing"), "Reconciling": ("True", "Progressing")}),
        ([READY, GOING, STALLED], {"Ready": ("False", "Progressing"), "Reconciling": ("True", "Progressing")}),
        ([READY, STALLED], {"Ready": ("False", "PackagesFailed"), "Stalled": ("True", "PackagesFailed")}),
        (
            [READY, STALLED, FAILED],
            {"Ready": ("False", "PackagesFailed"), "Reconciling": ("True", "ProgressingWithRetry")},
        ),
    ],
)
def test_conditions(outcomes: list[Outcome], expected: dict[str, Any]) -> None:
    first = judged(*outcomes)
    assert said(first) == expected
    for other in ([READY], [GOING], [STALLED], [FAILED]):  # nothing of an earlier verdict is left
        assert said(judged(*outcomes, last=judged(*other).to_api())) == expected


def test_a_message_names_some_failures() -> None:
    (ready, *_) = judged(READY, STALLED, STALLED, STALLED, STALLED).to_api()["conditions"]
    assert ready["message"] == (
        "1 of 5 packages are Ready, 4 have failed (1.tgz: TagExists, 2.tgz: TagExists, 3.tgz: TagExists, ...). "
        "See status.failures, and mend the causes."
    )


@pytest.mark.parametrize(
    ("error", "companion"),
    [
        (Stalled("TooManyPackages", "Too many."), ("Stalled", ("True", "TooManyPackages"))),
        (Waiting("NothingFound", "Nothing."), ("Reconciling", ("True", "ProgressingWithRetry"))),
        (Transient("SourceUnreachable", "No."), ("Reconciling", ("True", "ProgressingWithRetry"))),
    ],
)
def test_a_set_that_cannot_work_keeps_what_it_knows(error: OperatorError, companion: Any) -> None:
    last = judged(READY, STALLED).to_api()
    status = fresh(last)
    status.failed(error)
    assert said(status) == {"Ready": ("False", error.reason)} | dict([companion])
    assert {key: value for key, value in status.to_api().items() if key != "conditions"} == {
        key: value for key, value in last.items() if key != "conditions"
    }


def test_suspending_keeps_what_was_ready() -> None:
    ready, failed = fresh(judged(READY).to_api()), fresh(judged(FAILED).to_api())
    ready.suspended()
    failed.suspended()
    assert said(ready) == {"Ready": ("True", "AllReady")}
    assert said(failed) == {"Ready": ("False", "Suspended")}


def test_the_same_again_is_the_same_status() -> None:
    for outcomes in ([READY], [READY, GOING], [FAILED], [STALLED]):
        last = judged(*outcomes).to_api()
        again = judged(*outcomes, last=last)
        assert again.to_api() == last
        assert again.events() == []


def test_events_tell_of_transitions_only() -> None:
    going = judged(GOING)
    assert going.events() == []
    done = judged(READY, last=going.to_api())
    assert done.events() == [(False, "AllReady", "All packages are Ready (1).")]
    failed = judged(READY, STALLED, last=done.to_api())
    assert [event[:2] for event in failed.events()] == [(True, "PackagesFailed")]
    assert judged(READY, STALLED, STALLED, last=failed.to_api()).events() == []


def test_a_request_is_answered_once() -> None:
    status = fresh(judged(READY).to_api())
    status.handled(None)
    assert "lastHandledReconcileAt" not in status.to_api()
    status.handled("now")
    assert status.to_api()["lastHandledReconcileAt"] == "now"
