"""A run acts on the very clusters of its plan: what answers in their names is asked who it is, before and after."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.unit.cleanup.images_world import image
from violet_operator.cleanup import backup, execution, restoring
from violet_operator.cleanup.backup import Entry, Index
from violet_operator.cleanup.decide import Step
from violet_operator.cleanup.identity import strangers
from violet_operator.cleanup.images import phase
from violet_operator.cleanup.images.model import Deletion, ImagePlan
from violet_operator.cleanup.putback import PutBack
from violet_operator.cleanup.vault import Backup
from violet_operator.clients.kube import Kube
from violet_operator.errors import Transient
from violet_operator.platform.pushes import Pushes
from violet_operator.platform.resolve import Connection

MEANT = {"global": "g", "region1": "r"}


class Answers:
    """A cluster's name; each look at who answers to it brings the next answer, None an outage."""

    def __init__(self, *uids: str | None) -> None:
        self._uids = list(uids)

    async def identity(self) -> str:
        uid = self._uids.pop(0) if len(self._uids) > 1 else self._uids[0]
        if uid is None:
            raise Transient("TargetUnavailable", "Cluster x: 502.")
        return uid


def platform(**clusters: Sequence[str | None]) -> Connection:
    registry = SimpleNamespace(address="registry.example.com")
    kubes = {name: Answers(*uids) for name, uids in clusters.items()}
    return cast("Connection", SimpleNamespace(name="p", clusters=kubes, registry=registry))


def entry(cluster: str) -> Entry:
    metadata = {"name": "a", "uid": f"uid-{cluster}"}
    return backup.entry(cluster, "Artifact", ("NotInstalled", "", 1), {"metadata": metadata})


BACKUP = Backup(
    Index("u", "p", MEANT, "0" * 64, 2, 1, {}, "registry.example.com"),
    [entry("global"), entry("region1")],
    [Deletion("acp/demo", image("one"), ("v1",))],
)


def test_who_answers_is_held_against_who_was_meant() -> None:
    given = platform(**{"global": ["g"], "region1": ["another"], "region2": ["whatever"]})
    found = asyncio.run(strangers(MEANT | {"gone": "x"}, given.clusters, given.name))
    assert {name: error.reason for name, error in found.items()} == {"region1": "ClusterChanged"}
    assert "has uid another, and had r when" in found["region1"].message
    given = platform(**{"global": ["g"], "region1": [None]})
    found = asyncio.run(strangers(MEANT, given.clusters, given.name))
    assert {name: error.reason for name, error in found.items()} == {"region1": "TargetUnavailable"}
    assert "502. So it is not known which cluster this is" in found["region1"].message


CASES = pytest.mark.parametrize(
    ("one", "other", "touched", "believed"),
    [
        (["g"], ["r"], {"global", "region1"}, {"global", "region1"}),
        (["g"], ["x"], {"global"}, {"global"}),
        (["g"], [None], {"global"}, {"global"}),
        (["g"], ["x", "r"], {"global"}, {"global"}),
        (["g"], ["r", "x"], {"global", "region1"}, {"global"}),
        (["g"], ["r", None], {"global", "region1"}, {"global"}),
        (["x"], ["r"], {"region1"}, {"region1"}),
        (["g", "x"], ["r"], {"global", "region1"}, {"region1"}),
    ],
)
"""Who answers to `global` and to region1, before and after; which may be touched, and which results are believed."""


@CASES
def test_a_pass_counts_for_clusters_that_stay_the_same(
    monkeypatch: pytest.MonkeyPatch, one: list[str], other: list[str], touched: set[str], believed: set[str]
) -> None:
    """Who uses what is read from `global`: while that is another, nothing counts."""
    asked: list[Entry] = []

    async def act(entries: Sequence[Entry], _: object) -> list[Step]:
        asked.extend(entries)
        return [Step(each, "Deleted", each.reason, "It is gone.") for each in entries]

    monkeypatch.setattr(execution, "act", act)
    given = platform(**{"global": one, "region1": other})
    steps = asyncio.run(execution._act(BACKUP, cast("Any", None), given))
    assert {each.cluster for each in asked} == (touched if "global" in touched else set())
    assert {each.entry.cluster for each in steps} == {"global", "region1"}
    assert {each.entry.cluster for each in steps if each.outcome == "Deleted"} == (
        believed if "global" in believed else set()
    )
    assert all(each.again for each in steps if each.outcome == "Failed")


@CASES
def test_restore_counts_for_clusters_that_stay_the_same(
    monkeypatch: pytest.MonkeyPatch, one: list[str], other: list[str], touched: set[str], believed: set[str]
) -> None:
    asked: list[Entry] = []

    async def restore(entries: Sequence[Entry], *_: object) -> list[PutBack]:
        asked.extend(entries)
        return [PutBack(each, "Restored", "It was put back.") for each in entries]

    monkeypatch.setattr(restoring, "restore", restore)
    env = cast("Any", SimpleNamespace(settings=SimpleNamespace(system_namespace="s")))
    given = platform(**{"global": one, "region1": other})
    results = asyncio.run(restoring._put_back(BACKUP.entries, MEANT, given, env))
    assert {each.cluster for each in asked} == touched
    assert {each.entry.cluster: each.outcome for each in results} == {
        name: "Restored" if name in believed else "Failed" for name in MEANT
    }


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ({"global": ["g"], "region1": ["x"]}, "is another cluster now"),
        ({"global": ["g"]}, "does not show cluster region1 of the plan any more"),
    ],
)
def test_images_stay_when_others_were_asked_who_needs_them(
    monkeypatch: pytest.MonkeyPatch, shown: dict[str, list[Any]], said: str
) -> None:
    """The ways in may have been opened anew since the pass began: what was asked is what they lead to now."""

    async def again(planned: list[Deletion], *_: object) -> ImagePlan:
        return ImagePlan(deletions=tuple(planned))

    async def enter(*_: object, **__: object) -> dict[str, Kube]:
        return platform(**shown).clusters

    monkeypatch.setattr(phase, "again", again)
    record = SimpleNamespace(where=("ns", "images-stay"), metadata={"namespace": "ns", "name": "r"}, facts={})
    given = (cast("Any", record), BACKUP, platform(**{"global": ["g"], "region1": ["r"]}))
    env = cast("Any", SimpleNamespace(pushes=Pushes(), enter=enter))
    steps = asyncio.run(phase.delete(*given, env, gone=True))
    assert [(each.outcome, each.again) for each in steps] == [("Failed", True)]
    assert said in steps[0].message
