"""When a run goes on with a backup, and when it must not: whose it is, whether it is there, whether that was noted."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from violet_operator.api.cleanup_run import CleanupRunSpec
from violet_operator.cleanup import backup, execution
from violet_operator.cleanup.act import Orders
from violet_operator.cleanup.backup import Entry, Index
from violet_operator.cleanup.decide import Step
from violet_operator.cleanup.record import Record
from violet_operator.cleanup.vault import Backup
from violet_operator.clients.kube import Resource
from violet_operator.errors import OperatorError, Stalled, Transient
from violet_operator.platform.tries import Tries
from violet_operator.settings import Settings

Object = dict[str, Any]
SPEC = CleanupRunSpec.model_validate({"mode": "Delete"})
INDEX = Index("uid-r", "default", {}, "a" * 64, 1, 1, {})
ENTRY = backup.entry("c", "Artifact", ("NotInstalled", "", 1), {"metadata": {"name": "a", "uid": "u"}})
OTHER = backup.entry("d", "Artifact", ("NotInstalled", "", 1), {"metadata": {"name": "b", "uid": "v"}})


@dataclass
class Api:
    """The operator's own cluster: a backup, and statuses."""

    index: Index | None = INDEX
    writes: bool = True
    statuses: list[Object] = field(default_factory=list)

    async def get(self, _: Resource, __: str, name: str) -> Object | None:
        assert name == "r-backup"
        body = {"metadata": {"name": "r", "namespace": "n"}}
        return backup.config_maps(body, self.index, [])[-1] if self.index else None

    async def write_status(self, _: Resource, __: Object, status: Object) -> None:
        if not self.writes:
            raise Transient("TargetUnavailable", "The API does not answer.")
        self.statuses.append(status)


def record(api: Api, **status: Any) -> Record:
    metadata = {"name": "r", "namespace": "n", "uid": "uid-r"}
    env = SimpleNamespace(clock=lambda: datetime.now(UTC), tries=Tries(), kube=api)
    body = {"kind": "CleanupRun", "metadata": metadata, "status": status}
    return Record(body, env)  # type: ignore[arg-type]


def execute(api: Api, monkeypatch: pytest.MonkeyPatch, meanwhile: Index | None = INDEX) -> tuple[list[bool], Record]:
    """One pass; what it was told when it asked whether to go on, once for each try to delete."""
    told: list[bool] = []

    async def act(entries: Sequence[Entry], orders: Orders) -> list[Step]:
        assert api.statuses[-1]["backup"]["configMap"] == "r-backup", "it may delete only once this is noted"
        api.index = meanwhile
        steps = [Step(each, "Deleted", each.reason, each.message) for each in entries[:1]]
        told.append(await orders.tell(steps))
        return steps

    monkeypatch.setattr(execution, "act", act)
    run = record(api)
    env = SimpleNamespace(kube=api, settings=Settings(), clock=lambda: datetime.now(UTC))
    connection = SimpleNamespace(clusters={}, name="p")
    given = cast("tuple[Any, ...]", (run, SPEC, Backup(INDEX, [ENTRY, OTHER], []), connection, env))
    try:
        asyncio.run(execution.execute(*given))
    except OperatorError as error:
        run.failed(error)
    return told, run


def test_a_backup_that_stays_is_carried_out(monkeypatch: pytest.MonkeyPatch) -> None:
    told, run = execute(Api(), monkeypatch)
    assert (told, run.is_true("Complete")) == ([True], True)


def test_nothing_is_deleted_before_the_status_says_where_the_backup_is(monkeypatch: pytest.MonkeyPatch) -> None:
    told, run = execute(Api(writes=False), monkeypatch)
    assert (told, run.is_true("Failed"), run.is_true("Reconciling")) == ([], False, True)


@pytest.mark.parametrize(
    "meanwhile", [None, Index("uid-r", "default", {}, "b" * 64, 1, 1, {})], ids=["gone", "another"]
)
def test_a_backup_that_is_lost_in_the_middle_ends_the_run(
    meanwhile: Index | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, run = execute(Api(), monkeypatch, meanwhile)
    assert told == [False]
    failed = run.conditions.get("Failed") or {}
    assert failed["reason"] == "BackupDamaged"
    assert "kubectl -n n get configmaps -l violet.alauda.io/cleanup-run=r." in failed["message"]
    assert run.facts["outcomes"]["deleted"] == 1
    assert [each["outcome"] for each in run.facts["items"]] == ["Failed", "Deleted"]


@pytest.mark.parametrize(
    ("index", "status", "reason"),
    [
        (Index("uid-r", "other", {}, "a" * 64, 1, 1, {}), {}, "BackupExists"),
        (Index("another", "default", {}, "a" * 64, 1, 1, {}), {}, "BackupExists"),
        (Index("uid-r", "default", {}, "b" * 64, 1, 1, {}), {}, "BackupExists"),
        (Index("uid-r", "default", {}, "b" * 64, 1, 1, {}), {"backup": {}}, "BackupExists"),
        (Index("uid-r", "default", {}, "b" * 64, 1, 1, {}), {"backup": {"configMap": "r-backup"}}, "BackupDamaged"),
        (Index("another", "default", {}, "a" * 64, 1, 1, {}), {"backup": {"configMap": "r-backup"}}, "BackupDamaged"),
    ],
    ids=["platform", "run", "plan", "not begun", "plan since", "run since"],
)
def test_only_its_own_backup_is_carried_out(index: Index, status: Object, reason: str) -> None:
    plan = {"plan": {"hash": "a" * 64}}
    with pytest.raises(Stalled) as caught:
        execution.check(record(Api(), **plan, **status), SPEC, Backup(index, [ENTRY], []))
    assert caught.value.reason == reason
    execution.check(record(Api(), **plan, **status), SPEC, Backup(INDEX, [ENTRY], []))


def test_a_restore_takes_the_backup_of_its_own_platform_alone() -> None:
    wish = SPEC.model_copy(update={"restore": True})
    execution.check(record(Api()), wish, Backup(Index("another", "default", {}, "b" * 64, 1, 1, {}), [ENTRY], []))
    with pytest.raises(Stalled, match="of a run on Platform other, not default"):
        execution.check(record(Api()), wish, Backup(Index("uid-r", "other", {}, "a" * 64, 1, 1, {}), [ENTRY], []))
