"""Carrying out a plan in one cluster: in which order, how old a look may be, and what counts as gone."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.simulation.cleanup.acting import plan
from tests.simulation.cleanup.world import World
from tests.unit.cleanup.platforms import REGION, platform
from violet_operator.api.cleanup import Cleanup
from violet_operator.cleanup import act as act_module
from violet_operator.cleanup.act import Orders, act
from violet_operator.cleanup.decide import Step
from violet_operator.cleanup.gather import Scope
from violet_operator.cleanup.state import State
from violet_operator.clients.kube import Resource
from violet_operator.errors import Transient

Object = dict[str, Any]
PLANNED = ["idle.v1.0.0", "idle.v2.0.0", "idle", "busy.v1.0.0"]


@dataclass
class Region:
    """The cluster, with an API in front of it: answers as an API server and its garbage collector would."""

    world: World = field(default_factory=platform)
    seconds: float = 0.0
    wall: datetime = datetime(2026, 6, 1, tzinfo=UTC)
    reading: Callable[[], float] = lambda: 0.0
    writing: float = 0.0
    looks: list[float] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    ages: list[float] = field(default_factory=list)
    before: Callable[[Object], object] = lambda _: None
    answers: bool = True
    goes_on: bool = True

    async def look(self, _: object) -> State:
        self.looks.append(self.seconds)
        state = self.world.state()
        self.seconds += self.reading()
        return state

    async def get(self, _: Resource, __: str | None, name: str) -> Object | None:
        bodies = [each for (cluster, _), found in self.world.objects.items() if cluster == REGION for each in found]
        return next((each for each in bodies if each["metadata"]["name"] == name), None)

    async def delete(self, _: Resource, body: Object, *, orphan: bool = False) -> tuple[str, ...] | None:
        self.ages.append(self.seconds - self.looks[-1])
        self.seconds += self.writing
        self.before(body)
        if not self.answers:
            return None
        mine = self.world.objects[REGION, body["kind"]]
        there = next((each for each in mine if each["metadata"]["uid"] == body["metadata"]["uid"]), None)
        if there is None or there["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"]:
            raise Transient("ObjectChanged", "It has changed.")
        mine.remove(there)
        self.gone.append(body["metadata"]["name"])
        if not orphan:
            self._collect(body["metadata"]["uid"])
        return ()

    def _collect(self, owner: str) -> None:
        versions = self.world.objects[REGION, "ArtifactVersion"]
        for each in [each for each in versions if _belongs(each, owner)]:
            versions.remove(each)
            self.gone.append(each["metadata"]["name"])

    def clean(self, monkeypatch: pytest.MonkeyPatch) -> list[Step]:
        """One pass over the plan for this cluster."""
        entries = [each for each in plan(self.world, {"retention": {}}, {}) if each.cluster == REGION]
        monkeypatch.setattr(act_module, "gather", self.look)

        async def tell(_: Sequence[Step]) -> bool:
            return self.goes_on

        scope: Any = Scope({REGION: self}, [REGION], self, (), "cpaas-system")  # type: ignore[dict-item, arg-type]
        orders = Orders(Cleanup(), scope, lambda: self.wall, lambda: None, tell, lambda: self.seconds)
        return asyncio.run(act(entries, orders))


def _belongs(body: Object, owner: str) -> bool:
    return any(each["uid"] == owner for each in body["metadata"].get("ownerReferences") or ())


def outcomes(steps: list[Step]) -> set[str]:
    return {each.outcome for each in steps}


def test_an_artifact_goes_by_a_look_that_shows_none_of_its_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    region = Region()
    assert outcomes(region.clean(monkeypatch)) == {"Deleted"}
    assert sorted(region.gone) == sorted(PLANNED)
    assert region.gone[-1] == "idle"
    assert len(region.looks) == 3  # versions, Artifacts, and that nothing is left


def test_nothing_more_goes_once_the_backup_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    region = Region(goes_on=False)
    region.clean(monkeypatch)
    assert sorted(region.gone) == sorted(set(PLANNED) - {"idle"})


@pytest.mark.parametrize("just_before", ["ArtifactVersion", "Artifact"])
def test_a_version_that_comes_in_the_window_does_not_go_with_its_owner(
    just_before: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    region = Region()
    owner = region.world.get(REGION, "Artifact", "idle")

    def publish(body: Object) -> None:
        if body["kind"] == just_before and "idle.v9.0.0" not in names(region.world):
            region.world.version(REGION, owner, "9.0.0", "idle")

    region.before = publish
    steps = {each.entry.ref.name: each for each in region.clean(monkeypatch)}
    assert "idle.v9.0.0" in names(region.world)
    if just_before == "ArtifactVersion":
        assert (steps["idle"].outcome, steps["idle"].reason) == ("Skipped", "NotInPlan")
        assert "idle" not in region.gone


def names(world: World) -> set[str]:
    return {each["metadata"]["name"] for each in world.objects[REGION, "ArtifactVersion"]}


def test_an_artifact_on_which_the_platform_has_noted_that_a_version_is_gone_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    region = Region()
    owner = region.world.get(REGION, "Artifact", "idle")

    def note(body: Object) -> None:
        if body["metadata"]["name"] == "idle.v1.0.0":
            owner["metadata"]["resourceVersion"] = "77"

    region.before = note
    assert outcomes(region.clean(monkeypatch)) == {"Deleted"}
    assert "idle" in region.gone


def test_an_artifact_that_somebody_has_edited_meanwhile_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    region = Region()
    owner = region.world.get(REGION, "Artifact", "idle")
    owner.setdefault("spec", {})

    def edit(body: Object) -> None:
        if body["metadata"]["name"] == "idle.v1.0.0":
            owner["metadata"] |= {"resourceVersion": "77", "labels": owner["metadata"].get("labels", {}) | {"a": "b"}}

    region.before = edit
    steps = {each.entry.ref.name: each for each in region.clean(monkeypatch)}
    assert (steps["idle"].outcome, steps["idle"].reason) == ("Skipped", "ObjectChanged")


def test_a_look_is_as_old_as_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    """The platform is slow: what was read is too old when it can be used, and another pass looks again."""
    region = Region(reading=lambda: 300.0)
    steps = region.clean(monkeypatch)
    assert region.gone == []
    assert {(each.outcome, each.reason, each.again) for each in steps} == {("Failed", "ClusterUnknown", True)}
    assert "longer than 20 s" in steps[0].message
    region.reading = lambda: 15.0
    region.writing = 4.0
    assert outcomes(region.clean(monkeypatch)) == {"Deleted"}
    assert max(region.ages) <= 20


def test_a_clock_that_is_set_back_makes_no_look_younger(monkeypatch: pytest.MonkeyPatch) -> None:
    region = Region(writing=60.0)

    def back(_: Object) -> None:
        region.wall -= timedelta(hours=1)

    region.before = back
    assert outcomes(region.clean(monkeypatch)) == {"Deleted"}
    assert max(region.ages) <= 20


def test_a_404_for_a_deletion_is_not_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway answers so while a cluster is registered anew: the object is still there."""
    region = Region(answers=False)
    steps = region.clean(monkeypatch)
    assert outcomes(steps) == {"Failed"}
    assert all(each.again for each in steps)
    assert {each.reason for each in steps} == {"ClusterUnknown"}
    region.answers = True
    assert outcomes(region.clean(monkeypatch)) == {"Deleted"}


def test_an_artifact_stays_as_long_as_one_of_its_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    region = Region()

    def refuse(body: Object) -> None:
        if body["metadata"]["name"] == "idle.v1.0.0":
            raise Transient("TargetUnavailable", "A webhook is down.")

    region.before = refuse
    steps = {each.entry.ref.name: each for each in region.clean(monkeypatch)}
    assert region.gone == ["idle.v2.0.0", "busy.v1.0.0"]
    assert (steps["idle"].outcome, steps["idle"].reason, steps["idle"].again) == ("Failed", "TargetUnavailable", True)
    assert "idle.v1.0.0 of the same package stays: A webhook is down." in steps["idle"].message
