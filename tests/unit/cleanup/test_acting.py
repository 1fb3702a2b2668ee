"""What may still be deleted when it comes to it: tables of what can happen meanwhile, and random worlds that move."""

import inspect
import re
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from random import Random

import pytest

from tests.simulation.cleanup.acting import decided, plan, simulate_acting
from tests.simulation.cleanup.simulate import WrongDeletionError
from tests.simulation.cleanup.world import GLOBAL, World
from tests.unit.cleanup.platforms import GARBAGE, REGION, platform
from violet_operator.cleanup import decide as decide_module
from violet_operator.cleanup.decide import Step

WISH = {"retention": {}, "kinds": ["Artifact", "ArtifactVersion", "ModulePlugin", "ModuleConfig"]}
PLATFORMS = 400
IDLE = {"Artifact idle", "ArtifactVersion idle.v1.0.0", "ArtifactVersion idle.v2.0.0"}
REST = {"ModulePlugin rest", "ModuleConfig rest-v1.0.0"}


def after(change: Callable[[World], object]) -> dict[str, Step]:
    """What would be done about the plan of the usual platform after something has happened, by `KIND NAME`."""
    world = platform()
    entries = plan(world, WISH, {})
    assert {f"{each.ref.kind} {each.ref.name}" for each in entries} == set(GARBAGE)
    change(world)
    return {f"{each.entry.ref.kind} {each.entry.ref.name}": each for each in decided(world, entries, WISH)}


def going(steps: dict[str, Step]) -> set[str]:
    return {name for name, each in steps.items() if each.outcome == "Delete"}


def reasons(steps: dict[str, Step]) -> dict[str, str]:
    """Why what does not go stays."""
    return {name: f"{each.outcome} {each.reason}" for name, each in steps.items() if each.outcome != "Delete"}


def test_what_has_not_changed_goes() -> None:
    assert going(after(lambda _: None)) == set(GARBAGE)


def remove(*names: str) -> Callable[[World], None]:
    def change(world: World) -> None:
        for place, bodies in world.objects.items():
            world.objects[place] = [
                each for each in bodies if f"{each['kind']} {each['metadata']['name']}" not in names
            ]

    return change


def mark(name: str, cluster: str = REGION, **metadata: object) -> Callable[[World], None]:
    kind, _, rest = name.partition(" ")
    return lambda world: world.get(cluster, kind, rest)["metadata"].update(metadata)


def replaced(world: World) -> None:
    """The same name, another object."""
    mark("ArtifactVersion busy.v1.0.0", uid="another")(world)


@pytest.mark.parametrize(
    ("change", "stays"),
    [
        (lambda w: w.subscription(REGION, "idle", "idle.v1.0.0"), dict.fromkeys(IDLE, "Skipped Contradicted")),
        (lambda w: w.csv(REGION, "idle.v1.0.0", "x"), dict.fromkeys(IDLE, "Skipped Contradicted")),
        (lambda w: w.plan(REGION, "x", "idle.v2.0.0"), dict.fromkeys(IDLE, "Skipped InstallPending")),
        (lambda w: w.info("rest", REGION, "v1.0.0"), dict.fromkeys(REST, "Skipped Contradicted")),
        (lambda w: w.upload("new", None, REGION), None),
        (
            lambda w: w.version(REGION, w.get(REGION, "Artifact", "idle"), "3.0.0", "idle"),
            dict.fromkeys(IDLE, "Skipped NotInPlan"),
        ),
        (lambda w: w.config("rest", "v2.0.0"), dict.fromkeys(REST, "Skipped NotInPlan")),
        (mark("Artifact idle", resourceVersion="2"), dict.fromkeys(IDLE, "Skipped ObjectChanged")),
        (mark("ArtifactVersion idle.v1.0.0", resourceVersion="2"), dict.fromkeys(IDLE, "Skipped ObjectChanged")),
        (
            mark("ArtifactVersion busy.v1.0.0", resourceVersion="2"),
            {"ArtifactVersion busy.v1.0.0": "Skipped ObjectChanged"},
        ),
        (replaced, {"ArtifactVersion busy.v1.0.0": "Deleted OldVersion"}),
        (
            mark("ArtifactVersion busy.v1.0.0", deletionTimestamp="now", finalizers=["a/b"]),
            {"ArtifactVersion busy.v1.0.0": "Deleting FinalizerPending"},
        ),
        (
            mark("ArtifactVersion idle.v1.0.0", deletionTimestamp="now", resourceVersion="2"),
            {"ArtifactVersion idle.v1.0.0": "Deleting FinalizerPending"},
        ),
        (mark("Artifact idle", deletionTimestamp="now"), {"Artifact idle": "Deleting FinalizerPending"}),
        (remove("ArtifactVersion idle.v1.0.0"), {"ArtifactVersion idle.v1.0.0": "Deleted NotInstalled"}),
        (remove("Artifact idle"), {"Artifact idle": "Deleted NotInstalled"}),
        (remove("Artifact idle", "OperatorView idle"), {"Artifact idle": "Deleted NotInstalled"}),
        (
            mark("ModulePlugin rest", GLOBAL, deletionTimestamp="now"),
            {"ModulePlugin rest": "Deleting FinalizerPending"},
        ),
        (
            mark("ModuleConfig rest-v1.0.0", GLOBAL, deletionTimestamp="now"),
            {"ModuleConfig rest-v1.0.0": "Deleting FinalizerPending"},
        ),
        (remove("ModulePluginView rest"), dict.fromkeys(REST, "Skipped NoView")),
        (remove("ModulePlugin rest", "ModulePluginView rest"), {"ModulePlugin rest": "Deleted NotInstalled"}),
        (
            mark("Artifact idle", uid="another"),
            dict.fromkeys(IDLE, "Skipped NoOwner") | {"Artifact idle": "Deleted NotInstalled"},
        ),
        (remove("OperatorView idle"), dict.fromkeys(IDLE, "Skipped NoView")),
    ],
)
def test_what_happens_meanwhile(change: Callable[[World], object], stays: dict[str, str] | None) -> None:
    steps = after(change)
    if stays is None:  # an upload that has not been read keeps all of its clusters, and all plugins
        assert set(reasons(steps).values()) == {"Skipped UploadUnread"}
        return
    assert reasons(steps) == stays
    assert going(steps) == set(GARBAGE) - set(stays)


def test_a_version_of_what_was_removed_meanwhile_does_not_go_alone() -> None:
    """With the operator uninstalled, everything of it would go or nothing: that is another plan."""

    def uninstalled(world: World) -> None:
        remove("Subscription busy-subs", "ClusterServiceVersion busy.v2.0.0", "OperatorView busy")(world)
        world.view(REGION, "busy", "Ready")

    assert reasons(after(uninstalled)) == {"ArtifactVersion busy.v1.0.0": "Skipped ReasonChanged"}


def test_what_holds_an_object_is_named() -> None:
    held = after(mark("ArtifactVersion busy.v1.0.0", deletionTimestamp="now", finalizers=["a/b", "c/d"]))
    assert "held by a/b, c/d" in held["ArtifactVersion busy.v1.0.0"].message
    assert held["ArtifactVersion busy.v1.0.0"].again
    free = after(mark("ArtifactVersion busy.v1.0.0", deletionTimestamp="now"))
    assert "no finalizer" in free["ArtifactVersion busy.v1.0.0"].message


@pytest.mark.parametrize(
    ("place", "reason"), [((GLOBAL, "OperatorView"), "ViewsUnknown"), (("", "PackageUpload"), "UploadsUnknown")]
)
def test_what_protects_and_cannot_be_read_is_tried_again(place: tuple[str, str], reason: str) -> None:
    steps = after(lambda world: world.broken.add(place))
    stay = [each for each in steps.values() if each.outcome != "Delete"]
    assert {each.entry.ref.kind for each in stay} >= {"Artifact", "ArtifactVersion"}
    assert {(each.outcome, each.reason, each.again) for each in stay} == {("Failed", reason, True)}


def test_what_cannot_be_read_is_tried_again() -> None:
    def broken(world: World) -> None:
        world.broken.add((REGION, "Subscription"))

    steps = after(broken)
    assert all(each.again for each in steps.values())
    assert {each.reason for each in steps.values()} == {"ClusterUnknown"}  # a plugin may be in use there


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ((REGION, "Artifact"), "Artifact"),
        ((REGION, "ArtifactVersion"), "ArtifactVersion"),
        ((GLOBAL, "ModulePlugin"), "ModulePlugin"),
        ((GLOBAL, "ModuleConfig"), "ModuleConfig"),
    ],
)
def test_what_is_not_listed_is_not_taken_for_gone(place: tuple[str, str], kind: str) -> None:
    steps = after(lambda world: world.broken.add(place))
    mine = [each for each in steps.values() if each.entry.ref.kind == kind]
    assert {(each.outcome, each.reason, each.again) for each in mine} == {("Failed", "ClusterUnknown", True)}
    assert not [each for each in steps.values() if each.outcome == "Deleted"]


def test_what_is_done_stays_done_when_the_rest_of_a_package_is_spared() -> None:
    def change(world: World) -> None:
        mark("ArtifactVersion idle.v1.0.0", deletionTimestamp="now")(world)
        mark("ArtifactVersion idle.v2.0.0", resourceVersion="2")(world)

    assert reasons(after(change)) == {
        "Artifact idle": "Skipped ObjectChanged",
        "ArtifactVersion idle.v1.0.0": "Deleting FinalizerPending",
        "ArtifactVersion idle.v2.0.0": "Skipped ObjectChanged",
    }


def test_versions_know_their_owner_by_reference_or_by_label() -> None:
    world = platform()
    by_label, by_reference = (world.get(REGION, "ArtifactVersion", f"idle.v{n}.0.0")["metadata"] for n in (1, 2))
    del by_label["ownerReferences"]
    del by_reference["labels"]
    entries = plan(world, WISH, {})
    owner = {each.ref.uid: each.ref.name for each in entries}
    names = {owner[version]: owner[parent] for version, parent in decide_module.parents(entries).items()}
    assert names == {"idle.v1.0.0": "idle", "idle.v2.0.0": "idle", "rest-v1.0.0": "rest"}


def test_a_cluster_that_is_lost_is_tried_again() -> None:
    def lost(world: World) -> None:
        world.broken |= {place for place in world.objects if place[0] == REGION}

    assert {f"{each.outcome} {each.reason}" for each in after(lost).values()} == {"Failed ClusterUnknown"}


def test_a_version_follows_its_owner_though_the_platform_has_noted_that_on_it() -> None:
    def noted(world: World) -> None:
        remove("Artifact idle", "OperatorView idle")(world)
        mark("ArtifactVersion idle.v1.0.0", resourceVersion="2")(world)

    assert reasons(after(noted)) == {"Artifact idle": "Deleted NotInstalled"}


def test_a_version_that_somebody_has_edited_does_not_follow_its_owner() -> None:
    def edited(world: World) -> None:
        remove("Artifact idle", "OperatorView idle")(world)
        mark("ArtifactVersion idle.v1.0.0", resourceVersion="2", generation=2)(world)

    assert reasons(after(edited))["ArtifactVersion idle.v1.0.0"] == "Skipped ObjectChanged"


def test_a_package_that_came_back_is_left_alone() -> None:
    def again(world: World) -> None:
        remove(*IDLE)(world)
        world.artifact(REGION, "idle", "1.0.0", "2.0.0")

    assert reasons(after(again)) == dict.fromkeys(IDLE, "Deleted NotInstalled")


def test_the_last_look_counts_observations_as_the_plan_did() -> None:
    wish = WISH | {"retention": {"observations": 2}}
    world = platform()
    observed = {
        each["metadata"]["uid"]: 1 for bodies in world.objects.values() for each in bodies if each["metadata"]["uid"]
    }
    entries = plan(world, wish, observed)
    assert len(entries) == len(GARBAGE)
    assert {each.outcome for each in decided(world, entries, wish)} == {"Delete"}


def test_every_reason_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "cleanuprun.md").read_text().partition("### Reasons of items")[2]
    stated = set(re.findall(r'Step\(entry, "(?:Skipped|Deleting)", "(\w+)"', inspect.getsource(decide_module)))
    stated |= set(re.findall(r'Step\(mine\[0\].entry, "Skipped", "(\w+)"', inspect.getsource(decide_module)))
    assert set(re.findall(r"^\| `(\w+)` \| (?:Skipped|Deleting) \|", page, re.MULTILINE)) == stated


def test_no_deletion_is_wrong_in_a_world_that_moves() -> None:
    seen: Counter[str] = Counter()
    for seed in range(PLATFORMS):
        simulate_acting(Random(f"act {seed}"), seen)
    assert seen["Delete NotInstalled"] > PLATFORMS / 2
    assert seen["Delete OldVersion"] > PLATFORMS / 4
    assert seen["killed in the middle"] > PLATFORMS / 10


def _blind(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take one of the guards away."""
    if name == "the package as a whole":
        monkeypatch.setattr(decide_module, "_whole_or_not_at_all", lambda steps, _: steps)
    elif name == "the new judgement":
        monkeypatch.setattr(decide_module, "_protected", lambda entry, _: Step(entry, "Delete", entry.reason, ""))
    elif name == "the version of the object":
        monkeypatch.setattr(decide_module, "changed", lambda entry: Step(entry, "Delete", entry.reason, ""))


@pytest.mark.parametrize("guard", ["the package as a whole", "the new judgement", "the version of the object"])
def test_the_oracle_notices_a_guard_that_is_gone(guard: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _blind(guard, monkeypatch)
    with pytest.raises(WrongDeletionError):
        _simulate_many()


def _simulate_many() -> None:
    for seed in range(PLATFORMS):
        simulate_acting(Random(f"act {seed}"), Counter())


def test_a_plan_half_done_is_brought_to_its_end_if_nothing_else_happens() -> None:
    """In every order of deletions, and with the views gone or not."""
    world = platform()
    entries = plan(world, WISH, {})
    for seed in range(60):
        random, now = Random(seed), deepcopy(world)
        for entry in random.sample(entries, random.randint(0, len(entries))):
            if entry.ref.kind in ("ArtifactVersion", "ModuleConfig"):
                remove(f"{entry.ref.kind} {entry.ref.name}")(now)
        if random.random() < 0.5:
            remove("Artifact idle", "ModulePlugin rest")(now)
        steps = decided(now, entries, WISH)
        assert {each.outcome for each in steps} <= {"Delete", "Deleted"}
        assert {f"{each.entry.ref.kind} {each.entry.ref.name}" for each in steps} == set(GARBAGE)
