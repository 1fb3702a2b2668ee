"""What a status says: conditions derived in one place, progress that never falls, events on transitions alone."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from violet_operator.errors import Stalled, Transient, Waiting
from violet_operator.support.meter import Reading
from violet_operator.upload.status import UploadStatus, advance, complete, transitions

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ERRORS = [Stalled("Bad", "mend it"), Waiting("Later", "wait"), Transient("Fault", "again")]


def fresh(last: dict[str, Any] | None = None, generation: int = 1) -> UploadStatus:
    body = {"metadata": {"generation": generation}, **({"status": last} if last else {})}
    return UploadStatus(body, lambda: NOW)


def said(status: UploadStatus) -> dict[str, tuple[str, str]]:
    return {item["type"]: (item["status"], item["reason"]) for item in status.to_api()["conditions"]}


def ready_status() -> UploadStatus:
    status = fresh()
    for step in ("Fetched", "Verified", "Pushed", "Published"):
        status.done(step, "Done", "done")
    status.ready("All of it.")
    return status


def test_work_under_way() -> None:
    status = fresh()
    status.working("Fetched", "Fetching", "reading")
    assert said(status) == {
        "Fetched": ("Unknown", "Fetching"),
        "Ready": ("False", "Fetching"),
        "Reconciling": ("True", "Fetching"),
    }
    assert "observedGeneration" not in status.to_api()


def test_ready() -> None:
    status = ready_status()
    assert said(status)["Ready"] == ("True", "Installable")
    assert not {"Reconciling", "Stalled"} & said(status).keys()
    assert status.to_api()["observedGeneration"] == 1
    assert all(item["observedGeneration"] == 1 for item in status.to_api()["conditions"])


def test_a_ready_object_stays_ready_while_it_is_looked_at_again() -> None:
    status = fresh(ready_status().to_api())
    status.working("Pushed", "Pushing", "pushing again")
    assert said(status)["Ready"] == ("True", "Installable")
    assert said(status)["Pushed"] == ("True", "Done")
    assert said(status)["Reconciling"] == ("True", "Pushing")


def test_a_new_spec_is_not_ready_yet() -> None:
    status = fresh(ready_status().to_api(), generation=2)
    status.working("Fetched", "Fetching", "reading")
    assert said(status)["Ready"] == ("False", "Fetching")
    assert said(status)["Fetched"] == ("Unknown", "Fetching")


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.reason)
@pytest.mark.parametrize("step", ["Fetched", "Verified", "Pushed", "Published", None])
def test_a_failure(step: str | None, error: Any) -> None:
    status = fresh()
    status.working("Fetched", "Fetching", "reading")
    status.failed(step, error)
    found = said(status)
    assert found["Ready"] == ("False", error.reason)
    if step:
        assert found[step] == ("False", error.reason)
    if isinstance(error, Stalled):
        assert found["Stalled"] == ("True", error.reason)
        assert "Reconciling" not in found
    else:
        assert found["Reconciling"] == ("True", "ProgressingWithRetry")
        assert "Stalled" not in found
    assert status.to_api()["observedGeneration"] == 1


def test_what_follows_a_failed_step_is_not_known_any_more() -> None:
    status = fresh(ready_status().to_api(), generation=2)
    status.done("Fetched", "Done", "done")
    status.failed("Verified", Stalled("ChecksumMismatch", "other"))
    assert set(said(status)) == {"Fetched", "Verified", "Ready", "Stalled"}


@pytest.mark.parametrize("error", ERRORS)
def test_what_is_not_verified_keeps_no_good_record(error: Any) -> None:
    good, bad = {"method": "GPG", "sha256": "a"}, {"method": "None", "evidence": "e"}
    kept = isinstance(error, Transient)
    for record, left in ((good, good if kept else {"method": "None"}), (bad, bad)):
        for fail in (UploadStatus.failed, UploadStatus.degraded):
            status = fresh(ready_status().to_api() | {"verification": record})
            fail(status, "Fetched", error)
            assert status.facts["verification"] == record
            fail(status, "Verified", error)
            assert status.facts["verification"] == left


def test_a_stalled_object_that_is_tried_again_is_not_stalled() -> None:
    status = fresh()
    status.failed("Fetched", Stalled("Bad", "bad"))
    again = fresh(status.to_api())
    again.working("Fetched", "Fetching", "reading")
    assert "Stalled" not in said(again)
    again.failed("Fetched", Waiting("Later", "later"))
    assert "Stalled" not in said(again)


def test_suspension_keeps_ready_but_ends_the_rest() -> None:
    status = fresh(ready_status().to_api())
    status.working("Pushed", "Pushing", "pushing")
    status.suspended()
    assert said(status)["Ready"] == ("True", "Installable")
    assert "Reconciling" not in said(status)
    unfinished = fresh()
    unfinished.suspended()
    assert said(unfinished) == {"Ready": ("False", "Suspended")}


def test_another_package_starts_over() -> None:
    status = ready_status()
    status.progress(Reading(10, 10, 1, 1, 0))
    status.facts.update({"source": {}, "package": {}, "images": [], "targets": [], "plan": {}})
    status.forget_package()
    assert set(status.facts) == {"observedGeneration"}
    assert set(said(status)) == {"Ready"}


def test_targets_are_one_per_cluster_in_order() -> None:
    status = fresh()
    for platform, cluster, phase in [
        ("b", "x", "Ready"),
        ("a", "y", "Failed"),
        ("a", "y", "Ready"),
        ("a", "x", "Ready"),
    ]:
        status.target(platform, cluster, phase=phase, message="m" * 5000, objects=[])
    found = [(item["platform"], item["cluster"], item["phase"]) for item in status.facts["targets"]]
    assert found == [("a", "x", "Ready"), ("a", "y", "Ready"), ("b", "x", "Ready")]
    assert all(len(item["message"]) <= 1024 for item in status.facts["targets"])
    status.keep_targets({("a", "x")})
    assert len(status.facts["targets"]) == 1


def test_the_last_status_is_not_changed() -> None:
    last = ready_status().to_api()
    status = fresh(last)
    before = repr(last)
    status.failed("Pushed", Stalled("Bad", "bad"))
    status.target("a", "b", phase="Ready", message="", objects=[])
    assert repr(status.last) == before


counts = st.integers(0, 10_000)
readings = st.builds(Reading, counts, st.integers(-100, 10_000), counts, counts, counts)


@given(st.lists(readings, min_size=1, max_size=8))
def test_progress_never_falls(steps: list[Reading]) -> None:
    last: dict[str, Any] = {}
    for reading in steps:
        now = advance(last, reading)
        for key in ("percent", "bytesDone", "blobsDone", "blobsTotal"):
            assert now[key] >= last.get(key, 0)
        assert 0 <= now["bytesDone"] <= now["bytesTotal"]
        assert 0 <= now["percent"] <= 99
        last = now
    ended = complete(last)
    assert (ended["percent"], ended["bytesDone"]) == (100, last["bytesTotal"])


def test_progress_of_a_plain_transfer() -> None:
    assert advance({}, Reading(200, 50, 4, 1, 1)) == {
        "bytesTotal": 200,
        "bytesDone": 50,
        "blobsTotal": 4,
        "blobsDone": 1,
        "blobsSkipped": 1,
        "percent": 25,
    }
    assert advance({}, Reading(200, 200, 4, 4, 0))["percent"] == 99
    assert advance({}, Reading(0, 0, 0, 0, 0))["percent"] == 0


def condition(kind: str, status: str, reason: str) -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason, "message": f"about {reason}"}


FETCHING = [condition("Ready", "False", "Fetching"), condition("Reconciling", "True", "Fetching")]
READY = [condition("Verified", "True", "Match"), condition("Ready", "True", "Installable")]
FAILED = [condition("Ready", "False", "Bad"), condition("Stalled", "True", "Bad")]
RETRYING = [condition("Ready", "False", "Gone"), condition("Reconciling", "True", "ProgressingWithRetry")]
SUSPENDED = [condition("Ready", "False", "Suspended")]
DEGRADED = [*READY, condition("Fetched", "False", "SourceGone")]


@pytest.mark.parametrize(
    ("last", "now", "events"),
    [
        ([], FETCHING, []),
        ([], READY, [(False, "Match"), (False, "Installable")]),
        (READY, READY, []),
        (FETCHING, [*FETCHING, condition("Verified", "True", "Match")], [(False, "Match")]),
        (FETCHING, FAILED, [(True, "Bad")]),
        (FAILED, FAILED, []),
        (FETCHING, RETRYING, [(True, "Gone")]),
        (RETRYING, RETRYING, []),
        (RETRYING, FAILED, [(True, "Bad")]),
        (READY, SUSPENDED, []),
        ([], SUSPENDED, []),
        (READY, FAILED, [(True, "Bad")]),
        (FAILED, READY, [(False, "Match"), (False, "Installable")]),
        (READY, DEGRADED, [(True, "SourceGone")]),
        (DEGRADED, DEGRADED, []),
        (DEGRADED, READY, []),
    ],
)
def test_events(last: list[dict[str, str]], now: list[dict[str, str]], events: list[tuple[bool, str]]) -> None:
    assert transitions(last, now) == [(warning, reason, f"about {reason}") for warning, reason in events]
