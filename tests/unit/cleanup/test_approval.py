"""An approval that does not fit any more: both hashes, and what differs."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from violet_operator.api.cleanup_run import CleanupRunSpec
from violet_operator.cleanup import approval, execution
from violet_operator.cleanup.backup import Index
from violet_operator.cleanup.judge import Verdict
from violet_operator.cleanup.record import Record
from violet_operator.cleanup.state import Ref
from violet_operator.errors import Stalled


def verdict(name: str, action: str = "Delete") -> Verdict:
    return Verdict(Ref("Artifact", "c", "s", name, f"uid-{name}"), action, "NotInstalled", "")  # type: ignore[arg-type]


def item(name: str, action: str = "Delete") -> dict[str, str]:
    return {"kind": "Artifact", "name": name, "cluster": "c", "uid": f"uid-{name}", "action": action}


def test_what_differs_is_named() -> None:
    before = [item("stays"), item("gone"), item("kept", "Keep")]
    error = approval.changed("a" * 64, "b" * 64, before, [verdict("stays"), verdict("new"), verdict("kept", "Keep")])
    assert error.reason == "PlanChanged"
    assert "a" * 64 in error.message
    assert "b" * 64 in error.message
    assert "New in it: Artifact new (c). No longer in it: Artifact gone (c)." in error.message


def test_many_differences_are_counted() -> None:
    error = approval.changed("a", "b", [item("x")], [verdict(f"n{number}") for number in range(9)])
    assert "Artifact n4 (c) and 4 more." in error.message


def test_a_hash_of_another_run_leads_to_the_items() -> None:
    error = approval.changed("a", "b", [], [verdict("new")])
    assert "See status.items" in error.message


def test_an_approval_that_was_withdrawn_stops_the_run() -> None:
    body = {"metadata": {"name": "r", "namespace": "n", "uid": "u"}}
    record = Record(body, SimpleNamespace(clock=lambda: datetime.now(UTC)))  # type: ignore[arg-type]
    index = Index("u", "default", "0" * 64, 1, 1, {})
    spec = CleanupRunSpec.model_validate({"mode": "Approve"})
    with pytest.raises(Stalled, match="withdrawn") as caught:
        execution.check(record, spec, index)
    assert caught.value.reason == "ApprovalWithdrawn"
    execution.check(record, spec.model_copy(update={"approved_plan": index.hash}), index)
    execution.check(record, spec.model_copy(update={"restore": True}), index)
