"""What looks like a reason to keep something and is none, and names that only look alike."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.simulation.cleanup.world import GLOBAL, World
from tests.unit.cleanup.platforms import GARBAGE, NOW, REGION, deleted, judged, platform
from violet_operator.api.cleanup import Cleanup
from violet_operator.cleanup import judge as judge_module


def lifecycles(world: World) -> None:
    for cluster, kind, name, word in (
        (REGION, "Artifact", "idle", "aligned"),
        (REGION, "Artifact", "busy", "Agnostic"),
        (GLOBAL, "ModulePlugin", "rest", "aligned"),
    ):
        world.get(cluster, kind, name)["metadata"].setdefault("labels", {})["cpaas.io/lifecycle-type"] = word


def failed(world: World) -> None:
    for name in ("idle.v1.0.0", "busy.v1.0.0"):
        world.get(REGION, "ArtifactVersion", name)["status"]["phase"] = "Failed"


def denials(world: World) -> None:
    labels = {"cpaas.io/builtin": "false", "cpaas.io/library": "platform"}
    world.get(REGION, "Artifact", "idle")["metadata"]["labels"] = labels


UNUSED = {"dependencies": [{"moduleName": "rest"}], "deleteable": False}
BYSTANDERS: dict[str, Callable[[World], object]] = {
    "an upload of another package": lambda world: world.upload("u", {"name": "other", "version": "1.0.0"}, REGION),
    "an upload to another cluster": lambda world: world.upload("u", {"name": "idle", "version": "1.0.0"}, GLOBAL),
    "an upload of another version": lambda world: world.upload("u", {"name": "busy", "version": "4.0.0"}, REGION),
    "an upload that only previews": lambda world: world.upload("u", None, REGION, mode="Preview"),
    "an upload without objects": lambda world: world.upload("u", {"name": "idle"}, REGION, skipResources=True),
    "a plan that is complete": lambda world: world.plan(REGION, "ns-busy", "idle.v1.0.0", phase="Complete"),
    "a plan of something else": lambda world: world.plan(REGION, "elsewhere", "other.v1.0.0"),
    "a plan on another cluster": lambda world: world.plan(GLOBAL, "ns-busy", "idle.v1.0.0"),
    "a CSV of something else": lambda world: world.csv(REGION, "idle-too.v1.0.0", "ns"),
    "a Subscription of something else": lambda world: world.subscription(REGION, "idle-too", "idle-too.v1.0.0"),
    "a view in another cluster": lambda world: world.view(GLOBAL, "idle", "Installed", "idle.v1.0.0"),
    "a view of something else": lambda world: world.view(REGION, "idle-too", "Installed", "idle-too.v1.0.0"),
    "another plugin that is installed": lambda world: world.plugin("far", installed={REGION: "v1.0.0"}),
    "a plugin that nobody has and needs it": lambda world: world.plugin("unused", spec=UNUSED),
    "lifecycles that may be cleaned": lifecycles,
    "versions that have failed": failed,
    "labels that say no": denials,
}


@pytest.mark.parametrize("what", BYSTANDERS)
def test_what_protects_nothing(what: str) -> None:
    world = platform()
    BYSTANDERS[what](world)
    found = deleted(world)
    assert {name: reason for name, reason in found.items() if name in GARBAGE} == GARBAGE


def test_an_operator_whose_csvs_have_another_name() -> None:
    """Then the names of its versions' CSVs are all that tells what is its own."""
    world = World()
    owner = world.artifact(REGION, "operatorhub-odd")
    for version in ("1.0.0", "2.0.0"):
        status = {"phase": "Present", "name": "", "version": f"strange.v{version}"}
        world.version(REGION, owner, version, "", status=status)
    world.view(REGION, "odd", "Ready")
    kept, place = "Artifact operatorhub-odd", (REGION, "InstallPlan")
    assert len(deleted(world)) == 3
    world.plan(REGION, "elsewhere", "other.v1.0.0", "strange.v2.0.0")
    assert judged(world)[kept].reason == "InstallPending"
    world.objects[place].clear()
    world.subscription(REGION, "renamed", "strange.v2.0.0")
    assert judged(world)[kept].reason == "Contradicted"
    world.objects[REGION, "Subscription"].clear()
    world.csv(REGION, "strange.v2.0.0", "ns")
    assert judged(world)[kept].reason == "Contradicted"


def test_reasons_to_keep_are_told_apart() -> None:
    found = judged(platform(), Cleanup(kinds=["Artifact"]))
    assert found["ArtifactVersion busy.v1.0.0"].reason == "KindNotSelected"
    assert found["Artifact busy"].reason == "Installed"


@pytest.mark.parametrize("actions", [("Keep", "Delete"), ("Delete", "Keep")])
def test_of_two_words_on_one_object_that_which_keeps_it_counts(actions: tuple[str, str]) -> None:
    """No platform that we know brings this about; one that does must not cost an object."""
    one = judged(platform())["Artifact idle"]
    words = [replace(one, action=action) for action in actions]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judge_module, "_judge_all", lambda _: words)
        assert [each.action for each in judge_module.judge(platform().state(), Cleanup(), NOW, {})] == ["Keep"]
