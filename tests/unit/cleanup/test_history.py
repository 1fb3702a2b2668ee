"""The runs of a policy: names, what is under way, what may be forgotten, what was seen."""

from datetime import UTC, datetime
from typing import Any

import pytest

from violet_operator.api.cleanup_run import CleanupRunSpec
from violet_operator.cleanup import history

Object = dict[str, Any]
POLICY: Object = {
    "metadata": {"name": "weekly", "namespace": "packages", "uid": "policy-uid"},
    "spec": {"schedule": "@daily", "suspend": False, "mode": "DryRun", "kinds": ["Artifact"], "images": "Retain"},
}
DUE = datetime(2026, 6, 1, 3, 30, tzinfo=UTC)


def run(number: int, ending: str = "", items: list[Object] | None = None, owner: str = "policy-uid") -> Object:
    """The run made on day `number`."""
    time = f"2026-06-{number:02}T00:00:00Z"
    status: Object = {"conditions": [{"type": ending, "status": "True"}] if ending else [], "items": items or []}
    status |= {"completionTime": time} if ending else {}
    owners = [{"kind": "CleanupPolicy", "uid": owner, "controller": True}]
    metadata = {"name": f"r{number}", "uid": f"u{number}", "creationTimestamp": time, "ownerReferences": owners}
    return {"metadata": metadata, "spec": {}, "status": status}


def names(runs: list[Object]) -> list[str]:
    return [each["metadata"]["name"] for each in runs]


def test_only_the_policys_own_runs_count_oldest_first() -> None:
    mine = [run(3), run(1), run(2, owner="another")]
    assert names(history.of_policy(mine, "policy-uid")) == ["r1", "r3"]
    del mine[0]["metadata"]["ownerReferences"][0]["controller"]
    assert names(history.of_policy(mine, "policy-uid")) == ["r1"]


def test_a_run_is_active_until_it_has_ended() -> None:
    assert history.active([run(1, "Complete"), run(2, "Failed")]) is None
    assert history.active([run(1, "Complete"), run(2, "Planned")]) == run(2, "Planned")


def test_history_keeps_the_newest_of_each_kind_and_what_is_active() -> None:
    runs = [run(1, "Complete"), run(2, "Failed"), run(3, "Complete"), run(4, "Failed"), run(5, "Complete"), run(6)]
    assert names(history.superfluous(runs, successful=2, failed=1)) == ["r1", "r2"]
    assert names(history.superfluous(runs, successful=0, failed=0)) == ["r1", "r3", "r5", "r2", "r4"]
    assert history.superfluous(runs, successful=3, failed=9) == []


def restoring(number: int, restored: str = "", generation: int = 2, reason: str = "") -> Object:
    body = run(number, "Complete") | {"spec": {"restore": True}}
    body["metadata"]["generation"] = 2
    if restored:
        condition = {"type": "Restored", "status": restored, "reason": reason, "observedGeneration": generation}
        body["status"]["conditions"] += [condition]
    return body


@pytest.mark.parametrize("body", [restoring(1), restoring(1, "False"), restoring(1, "True", generation=1)])
def test_history_never_removes_a_run_that_puts_things_back(body: Object) -> None:
    assert history.superfluous([body, run(2, "Complete")], successful=1, failed=1) == []
    assert history.active([body, run(2, "Complete")]) == body


def test_a_run_that_has_put_everything_back_has_ended() -> None:
    done = restoring(1, "True")
    hopeless = restoring(1, "False", reason="NoBackup")
    assert history.superfluous([hopeless, run(2, "Complete")], successful=1, failed=1) == [hopeless]
    assert history.active([hopeless, run(2, "Complete")]) is None
    assert history.superfluous([done, run(2, "Complete")], successful=1, failed=1) == [done]
    assert history.active([done, run(2, "Complete")]) is None


def test_the_last_success() -> None:
    assert history.last_success([run(1, "Complete"), run(3, "Complete"), run(4, "Failed")]) == "2026-06-03T00:00:00Z"
    assert history.last_success([run(1)]) is None


def test_what_was_seen_is_that_of_the_last_run_that_has_ended() -> None:
    seen = [{"uid": "a", "observed": 2}, {"uid": "b"}]
    runs = [run(1, "Complete", [{"uid": "x", "observed": 9}]), run(2, "Complete", seen), run(3)]
    assert history.observed(runs, but="none") == {"a": 2}
    assert history.observed(runs, but="u2") == {"x": 9}
    assert history.observed([run(3)], but="none") == {}


def test_a_failed_run_does_not_count_and_what_it_saw_in_use_begins_anew() -> None:
    first = run(1, "Complete", [{"uid": "a", "observed": 1}, {"uid": "b", "observed": 1}])
    failed = run(2, "Failed", [{"uid": "a", "observed": 2}, {"uid": "b", "reason": "Contradicted"}])
    assert history.observed([first, failed], but="none") == {"a": 1}
    assert history.observed([first, failed, run(3, "Failed")], but="none") == {}


@pytest.mark.parametrize("policy", ["weekly", "a" * 253, "a" * 242 + "." * 1 + "b" * 10])
def test_names_are_made_once_for_one_cause_and_are_valid(policy: str) -> None:
    body = {"metadata": {"name": policy, "uid": "u"}}
    made = {history.scheduled_name(policy, DUE), history.requested_name(body, "now")}
    assert len(made | {history.scheduled_name(policy, DUE)}) == 2
    for name in made:
        assert len(name) <= 253
        assert ".-" not in name
    assert len(history.label_of(policy)) <= 63


def test_a_request_that_comes_again_has_a_run_of_its_own() -> None:
    metadata, names = {"name": "weekly", "uid": "u"}, []
    for request in ("x1", "x2", "x1", "x2"):
        body = {"metadata": metadata, "status": {"lastRun": names[-1]} if names else {}}
        names.append(history.requested_name(body, request))
        assert history.requested_name(body, request) == names[-1]
    anew = {"metadata": metadata | {"uid": "another"}}
    assert len({*names, history.requested_name(anew, "x1")}) == 5


def test_long_names_that_differ_at_the_end_stay_two() -> None:
    assert history.label_of("a" * 253) != history.label_of("a" * 252 + "b")
    assert history.scheduled_name("weekly", DUE) == "weekly-202606010330"


def test_a_run_has_the_wishes_of_its_policy_and_nothing_else() -> None:
    made = history.new_run(POLICY, "weekly-1")
    assert made["spec"] == {"mode": "DryRun", "kinds": ["Artifact"], "images": "Retain"}
    assert CleanupRunSpec.model_validate(made["spec"]).kinds == ["Artifact"]
    assert history.of_policy([made | {"metadata": made["metadata"] | {"creationTimestamp": ""}}], "policy-uid")
    assert made["metadata"]["labels"] == {"violet.alauda.io/cleanup-policy": "weekly"}


def waiting(number: int, approved: str = "") -> Object:
    body = run(number)
    body["status"]["conditions"] = [{"type": "AwaitingApproval", "status": "True"}]
    body["spec"] = {"approvedPlan": approved} if approved else {}
    return body


def test_a_run_that_waits_makes_way() -> None:
    assert history.waits(waiting(1))
    assert not history.waits(waiting(1, "f" * 64))
    assert not history.waits(run(1))
    assert history.active([waiting(1), run(2)]) == run(2)
    assert history.active([waiting(1), run(2, "Complete")]) == waiting(1)


def test_a_run_knows_what_has_taken_its_place() -> None:
    made = history.new_run(POLICY, "r9", waiting(1))
    assert history.has_successor([waiting(1), made], waiting(1))
    assert not history.has_successor([waiting(1), run(2), history.new_run(POLICY, "r9")], waiting(1))


def test_a_policy_looks_again_only_at_what_concerns_it() -> None:
    body = run(1)
    body["metadata"]["ownerReferences"][0]["name"] = "weekly"
    assert history.owner(body) == "weekly"
    assert history.owner(run(1) | {"metadata": {}}) is None
    assert history.gist(run(1)) == history.gist(run(1) | {"spec": {"mode": "Delete"}})
    assert history.gist(run(1)) != history.gist(run(1) | {"spec": {"restore": True}})
    assert len({history.gist(each) for each in (run(1), waiting(1), run(1, "Complete"), run(1, "Failed"))}) == 4


def test_the_last_result_is_that_of_the_run_that_ended_last() -> None:
    failed = run(3, "Failed")
    failed["status"]["conditions"][0] |= {"reason": "Incomplete", "message": "2 of 3 objects deleted."}
    assert (
        history.last_result([run(1, "Complete"), failed, run(4)]) == "r3: Failed (Incomplete): 2 of 3 objects deleted."
    )
    assert history.last_result([run(4)]) is None
