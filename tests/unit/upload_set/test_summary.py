"""What uploads mean for their Set: counts that add up, the classes of `violet verify`, and a size that stays small."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.upload_set.bodies import Object, as_stored, ready, upload_set
from violet_operator.errors import Stalled, Transient
from violet_operator.upload_set.children import wanted
from violet_operator.upload_set.outcome import Outcome, gist, outcome
from violet_operator.upload_set.summary import Summary, summarize
from violet_operator.verification.classes import VerificationClass

STALLED = {"type": "Stalled", "status": "True", "reason": "A", "message": ""}
VERIFIED = {"type": "Verified", "status": "True", "reason": "ChecksumMatches", "message": ""}


def upload(**status: Any) -> Object:
    return as_stored(wanted(upload_set(), "vendor-a", "s3://packages/vendor/a.tgz"), **status)


@pytest.mark.parametrize(
    ("status", "phase", "stalled"),
    [
        ({}, "Progressing", False),
        (ready("True", "Installable"), "Ready", False),
        (ready("True", "Previewed"), "Ready", False),
        (ready("True", "Installable") | {"observedGeneration": 0}, "Progressing", False),
        (ready("False", "Fetching"), "Progressing", False),
        (ready("False", "Suspended"), "Progressing", False),
        (ready("False", "SourceUnreachable"), "Failed", False),
        (ready("False", "TagExists", conditions=[STALLED]), "Failed", True),
        (ready("False", "TagExists", conditions=[STALLED]) | {"observedGeneration": 0}, "Progressing", False),
    ],
)
def test_how_an_upload_fares(status: Object, phase: str, stalled: bool) -> None:
    found = outcome(upload(**status))
    assert (found.phase, found.stalled) == (phase, stalled)


def test_one_that_is_being_deleted_is_under_way() -> None:
    body = upload(**ready("True", "Installable"))
    body["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:05Z"
    assert outcome(body).phase == "Progressing"


def test_a_verdict_counts_before_the_rest_is_done() -> None:
    status = ready("False", "Pushing", conditions=[VERIFIED], verification={"method": "GPG"})
    assert outcome(upload(**status)).verified is VerificationClass.GPG


def test_progress_is_no_reason_to_look_again_and_everything_else_is() -> None:
    body = upload(**ready("False", "Pushing"), progress={"percent": 1})
    before = gist(body)
    assert gist(body | {"status": body["status"] | {"progress": {"percent": 2}}}) == before
    for status in (
        ready("True", "Installable"),
        ready("False", "TagExists"),
        ready("False", "Pushing", conditions=[VERIFIED]),
    ):
        assert gist(body | {"status": status | {"verification": {"method": "GPG"}}}) != before
    for key in ("generation", "uid", "deletionTimestamp"):
        assert gist(body | {"metadata": body["metadata"] | {key: 7}}) != before
    for key in ("labels", "annotations"):
        assert gist(body | {"metadata": body["metadata"] | {key: {"a": "b"}}}) != before


def test_a_summary_says_what_there_is() -> None:
    outcomes = {
        "a.tgz": Outcome("Ready", VerificationClass.GPG),
        "b.tgz": Outcome("Ready", VerificationClass.CHECKSUM),
        "c.tgz": Outcome("Failed", VerificationClass.FAILED, "BadSignature", "It does not fit.", stalled=True),
        "d.tgz": Outcome("Failed", VerificationClass.NO_FILE, "ChecksumMissing", "There is none."),
        "e.tgz": Outcome("Progressing"),
        "g.tgz": Outcome("Ready", VerificationClass.GPG),
    }
    names = {package: f"vendor-{package[0]}" for package in (*outcomes, "f.tgz", "h.tgz")}
    refused = Stalled("TargetRefused", "It is refused.")
    found = summarize(outcomes, names, {"f.tgz": Stalled("NameTaken", "Taken."), "g.tgz": refused}, 3)
    assert found.facts == {
        "found": 8,
        "ready": 2,
        "failed": 4,
        "progressing": 2,
        "gone": 3,
        "failures": [
            {"package": "c.tgz", "upload": "vendor-c", "reason": "BadSignature", "message": "It does not fit."},
            {"package": "d.tgz", "upload": "vendor-d", "reason": "ChecksumMissing", "message": "There is none."},
            {"package": "f.tgz", "upload": "vendor-f", "reason": "NameTaken", "message": "Taken."},
            {"package": "g.tgz", "upload": "vendor-g", "reason": "TargetRefused", "message": "It is refused."},
        ],
        "verification": {
            "gpg": {"count": 2, "packages": ["a.tgz", "g.tgz"]},
            "checksum": {"count": 1, "packages": ["b.tgz"]},
            "failed": {"count": 1, "packages": ["c.tgz"]},
            "noFile": {"count": 1, "packages": ["d.tgz"]},
        },
    }
    assert not found.stalled  # d is tried again
    assert found.examples == "c.tgz: BadSignature, d.tgz: ChecksumMissing, f.tgz: NameTaken, ..."


@pytest.mark.parametrize(
    ("failures", "stalled"),
    [
        ({}, False),
        ({"a.tgz": Stalled("NameTaken", "")}, True),
        ({"a.tgz": Stalled("NameTaken", ""), "b.tgz": Transient("TargetUnreachable", "")}, False),
    ],
)
def test_a_set_is_stalled_only_if_nothing_is_tried_again(failures: dict[str, Any], stalled: bool) -> None:
    assert summarize({}, dict.fromkeys(failures, "u"), failures, 0).stalled is stalled


outcomes = st.builds(
    Outcome,
    st.sampled_from(["Ready", "Failed", "Progressing"]),
    st.one_of(st.none(), st.sampled_from(list(VerificationClass))),
    st.just("Reason"),
    st.text(),
    st.booleans(),
)
packages = st.sampled_from([f"{letter}.tgz" for letter in "abcdefgh"])


@given(
    st.dictionaries(packages, outcomes), st.dictionaries(packages, st.just(Stalled("NameTaken", ""))), st.sets(packages)
)
def test_counts_add_up(known: dict[str, Outcome], failures: dict[str, Any], more: set[str]) -> None:
    names = dict.fromkeys({*known, *failures, *more}, "upload")
    found = summarize(known, names, failures, 0)
    assert found["ready"] + found["failed"] + found["progressing"] == found["found"] == len(names)
    assert min(found["ready"], found["failed"], found["progressing"]) >= 0
    assert [each["package"] for each in found.facts["failures"]] == sorted(
        {*failures, *(package for package, each in known.items() if each.phase == "Failed")}
    )
    classes = found.facts["verification"].values()
    assert sum(each["count"] for each in classes) == sum(each.verified is not None for each in known.values())
    assert all(each["count"] == len(each["packages"]) for each in classes)


def crowd(count: int, length: int, message: str) -> Summary:
    """So many packages with names of so many bytes, all of which have failed verification."""
    known = {
        f"{number:05}".ljust(length - 4, "é"[: number % 2] or "x") + ".tgz": Outcome(
            "Failed", VerificationClass.FAILED, "BadSignature", message
        )
        for number in range(count)
    }
    return summarize(known, dict.fromkeys(known, "u" * 100), {}, 0)


@pytest.mark.parametrize("count", [500, 5000])
@pytest.mark.parametrize("length", [40, 1024])
def test_a_status_stays_far_below_the_limit_of_etcd(count: int, length: int) -> None:
    found = crowd(count, length, "m" * 5000)
    assert (found["found"], found["failed"]) == (count, count)
    assert found.facts["verification"]["failed"]["count"] == count
    assert found.facts["verification"]["failed"]["packages"]
    assert found.facts["failures"]
    assert len(json.dumps(found.facts, ensure_ascii=False).encode()) < 200 << 10


def test_of_500_packages_with_usual_names_each_is_named() -> None:
    found = crowd(500, 60, "It does not fit.")
    assert len(found.facts["verification"]["failed"]["packages"]) == 500
    assert len(found.facts["failures"]) == 100
