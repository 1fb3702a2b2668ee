"""A run goes on with its own backup alone: of this platform, of this run, of the plan that it may carry out."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from violet_operator.api.cleanup_run import CleanupRunSpec
from violet_operator.cleanup import backup, execution
from violet_operator.cleanup.record import Record
from violet_operator.cleanup.vault import Backup
from violet_operator.errors import Stalled

PLAN, OTHER = "0" * 64, "1" * 64
ENTRY = backup.entry("c", "Artifact", ("NotInstalled", "", 1), {"metadata": {"name": "a", "uid": "u"}})
OWN = {"run": "run-uid", "platform": "default", "hash": PLAN}


def check(status: dict[str, Any] | None = None, index: dict[str, str] | None = None, **spec: Any) -> None:
    """Hold a backup of two objects against a run."""
    metadata = {"name": "r", "namespace": "n", "uid": "run-uid"}
    body = {"metadata": metadata, "status": {"plan": {"hash": PLAN}} if status is None else status}
    record = Record(body, SimpleNamespace(clock=lambda: datetime.now(UTC)))  # type: ignore[arg-type]
    known: dict[str, Any] = {"clusters": {}, "objects": 2, "size": 1, "parts": {}}
    found = Backup(backup.Index(**known, **(OWN | (index or {}))), [ENTRY, ENTRY], [])
    execution.check(record, CleanupRunSpec.model_validate({"mode": "Delete"} | spec), found)


@pytest.mark.parametrize(
    "spec",
    [{}, {"mode": "Approve", "approvedPlan": PLAN}, {"limits": {"maxDeletions": 2}}, {"limits": {"maxPercent": 0}}],
)
def test_its_own_backup_is_carried_out(spec: dict[str, Any]) -> None:
    check(**spec)


@pytest.mark.parametrize(
    ("given", "reason", "said"),
    [
        ({"index": {"platform": "x"}}, "BackupExists", "is the backup of a run on Platform x, not default"),
        ({"index": {"platform": "x"}, "restore": True}, "BackupExists", "a run on Platform x, not default"),
        ({"mode": "Approve"}, "ApprovalWithdrawn", "the approval was withdrawn"),
        ({"mode": "Approve", "approvedPlan": OTHER}, "BackupExists", f"plan {PLAN}, which is not the approved one"),
        ({"index": {"run": "another"}}, "BackupExists", "is the backup of an earlier run of this name"),
        ({"status": {}}, "BackupExists", "status.plan.hash of the run is none"),
        ({"index": {"hash": OTHER}}, "BackupExists", f"has plan {OTHER}, and status.plan.hash of the run is {PLAN}"),
        (
            {"index": {"hash": OTHER}, "mode": "Approve", "approvedPlan": OTHER},
            "BackupExists",
            f"has plan {OTHER}, and status.plan.hash of the run is {PLAN}",
        ),
        ({"limits": {"maxDeletions": 1}}, "LimitExceeded", "2 objects would be deleted, and"),
    ],
)
def test_another_backup_carries_out_nothing(given: dict[str, Any], reason: str, said: str) -> None:
    with pytest.raises(Stalled) as caught:
        check(**given)
    assert caught.value.reason == reason
    assert said in caught.value.message


@pytest.mark.parametrize(
    "given",
    [
        {"mode": "Approve"},
        {"mode": "Approve", "approvedPlan": OTHER},
        {"index": {"run": "another"}},
        {"status": {}},
        {"limits": {"maxDeletions": 1}},
    ],
)
def test_what_stops_deletions_stops_no_restore(given: dict[str, Any]) -> None:
    check(**given, restore=True)
