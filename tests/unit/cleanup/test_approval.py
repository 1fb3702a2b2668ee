"""An approval that does not fit any more: both hashes, and what differs."""

from violet_operator.cleanup import approval
from violet_operator.cleanup.judge import Verdict
from violet_operator.cleanup.state import Ref


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
