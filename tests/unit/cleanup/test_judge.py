"""The judgement on a whole platform: what goes, what stays for retention, and the states that people fear."""

import pytest

from tests.simulation.cleanup.world import GLOBAL, PER_CLUSTER, World
from tests.unit.cleanup.platforms import GARBAGE, NOW, REGION, deleted, judged, platform, several
from violet_operator.api.cleanup import KINDS, Cleanup, Exclude, Retention
from violet_operator.cleanup.judge import judge, tally
from violet_operator.cleanup.plan import deletions
from violet_operator.cleanup.summary import NOTHING, summary


def test_what_goes() -> None:
    assert deleted(platform()) == GARBAGE


def test_every_object_is_judged_with_a_reason() -> None:
    world = platform()
    verdicts = judged(world)
    assert len(verdicts) == sum(len(world.objects[place]) for place in world.objects if place[1] in KINDS)
    assert all(each.reason and each.message for each in verdicts.values())
    assert sum(tally(verdicts.values()).values()) == len(verdicts) - len(GARBAGE)


@pytest.mark.parametrize("phase", ["Absent", "Ready"])
def test_an_operator_named_with_the_old_prefix(phase: str) -> None:
    world = World()
    world.artifact(REGION, "operatorhub-old", "1.0.0")
    world.view(REGION, "old", phase)
    assert set(deleted(world)) == {"Artifact operatorhub-old", "ArtifactVersion operatorhub-old.v1.0.0"}
    world.subscription(REGION, "old", "old.v1.0.0")
    world.csv(REGION, "old.v1.0.0", "ns")
    assert deleted(world) == {}


def test_installed_csv_without_a_v() -> None:
    world = World()
    world.artifact(REGION, "plain", "1.0.0", "2.0.0")
    world.view(REGION, "plain", "Installed", "plain.2.0.0")
    world.subscription(REGION, "plain", "plain.2.0.0")
    world.csv(REGION, "plain.2.0.0", "ns")
    assert set(deleted(world)) == {"ArtifactVersion plain.v1.0.0"}


def test_a_plugin_installed_on_one_cluster_of_three() -> None:
    world = World(GLOBAL, "a", "b")
    world.plugin("one", "v1.0.0", "v2.0.0", installed={"b": "v2.0.0"})
    assert set(deleted(world)) == {"ModuleConfig one-v1.0.0"}


def test_two_versions_installed_side_by_side_are_kept_with_all_between() -> None:
    world = World(GLOBAL, "a", "b")
    world.plugin("two", "v1.0.0", "v2.0.0", "v2.5.0", "v3.0.0", installed={"a": "v2.0.0", "b": "v3.0.0"})
    assert set(deleted(world)) == {"ModuleConfig two-v1.0.0"}


def test_half_of_the_clusters_cannot_be_reached() -> None:
    world = World(GLOBAL, "a", "b", "c")
    for cluster in ("a", "b", "c"):
        world.artifact(cluster, "idle", "1.0.0")
        world.view(cluster, "idle", "Absent")
    world.plugin("rest", "v1.0.0")
    for cluster in ("b", "c"):
        for kind in ("Artifact", "ArtifactVersion", "Subscription", "ClusterServiceVersion", "InstallPlan"):
            world.broken.add((cluster, kind))
    found = judge(world.state(), Cleanup(), NOW, {})
    assert {each.ref.cluster for each in deletions(found)} == {"a"}
    assert {each.reason for each in found if each.ref.kind == "ModulePlugin"} == {"ClusterUnknown"}


def test_a_cluster_of_which_nothing_can_be_read_is_unreachable() -> None:
    world = platform()
    world.broken = {(REGION, kind) for kind in PER_CLUSTER if kind != "InstallPlan"}
    assert [each.name for each in world.state().clusters] == [GLOBAL, REGION]
    world.broken.add((REGION, "InstallPlan"))
    state = world.state()
    assert [each.name for each in state.clusters] == [GLOBAL]
    assert state.unreachable == {REGION: "Artifact of region1 answers 503."}


def test_charts_and_orphans_stay() -> None:
    world = World()
    world.artifact(REGION, "chart", "1.0.0")["spec"]["type"] = "chart"
    owner = world.artifact(REGION, "gone")
    world.version(REGION, owner, "1.0.0", "gone")
    world.objects[REGION, "Artifact"].remove(owner)
    world.config("nobody", "v1.0.0")
    assert {name: each.reason for name, each in judged(world).items()} == {
        "Artifact chart": "NotAnOperator",
        "ArtifactVersion chart.v1.0.0": "NoOwner",
        "ArtifactVersion gone.v1.0.0": "NoOwner",
        "ModuleConfig nobody-v1.0.0": "NoOwner",
    }


def test_a_version_without_an_owner_belongs_by_its_label() -> None:
    world = platform()
    del world.get(REGION, "ArtifactVersion", "busy.v1.0.0")["metadata"]["ownerReferences"]
    assert deleted(world) == GARBAGE


def test_two_owners_of_one_config_keep_it() -> None:
    world = platform()
    world.plugin("rest2", labels={"cpaas.io/module-name": "rest"})
    assert judged(world)["ModuleConfig rest-v1.0.0"].reason == "AmbiguousPackage"


def wish(**retention: object) -> Cleanup:
    return Cleanup(retention=Retention.model_validate(retention))


def old_versions(keep: Cleanup) -> set[str]:
    world = World()
    world.artifact(REGION, "op", "1.2.0", "1.10.0", "1.9.0", "2.0.0", "3.0.0-rc.1", "2.0.1-rc.1")
    world.install(REGION, "op", "2.0.0")
    return {name.removeprefix("ArtifactVersion op.v") for name in deleted(world, keep)}


def test_versions_are_compared_as_versions() -> None:
    assert old_versions(Cleanup()) == {"1.2.0", "1.9.0", "1.10.0"}


def test_keep_last_keeps_the_newest_old_ones() -> None:
    assert old_versions(wish(keepLast=1)) == {"1.2.0", "1.9.0"}
    assert old_versions(wish(keepLast=2)) == {"1.2.0"}
    assert judged(platform(), wish(keepLast=1))["ModuleConfig work-v1.0.0"].reason == "KeptLast"
    assert old_versions(wish(keepLast=9)) == set()


def test_newer_ones_go_only_if_told() -> None:
    assert old_versions(wish(keepNewerThanInstalled=False)) == {"1.2.0", "1.9.0", "1.10.0", "3.0.0-rc.1", "2.0.1-rc.1"}


def test_min_age_looks_at_the_clock() -> None:
    assert deleted(platform(), wish(minAge="3623h")) == GARBAGE  # 151 days before the test's now
    assert deleted(platform(), wish(minAge="3625h")) == {}


def test_kinds_that_are_not_selected_stay_but_go_with_their_owner() -> None:
    assert set(deleted(platform(), Cleanup(kinds=["Artifact"]))) == {name for name in GARBAGE if " idle" in name}
    assert set(deleted(platform(), Cleanup(kinds=["ModuleConfig"]))) == {"ModuleConfig work-v1.0.0"}


def test_a_protected_version_keeps_its_owner_and_the_rest() -> None:
    found = judged(platform(), Cleanup(exclude=Exclude(names=["idle.v1.0.0"])))
    assert found["Artifact idle"].reason == "VersionProtected"
    assert "idle.v1.0.0" in found["Artifact idle"].message
    assert found["ArtifactVersion idle.v1.0.0"].reason == "Excluded"
    assert found["ArtifactVersion idle.v2.0.0"].reason == "OwnerStays"


@pytest.mark.parametrize("key", ["builtin", "library"])
def test_a_version_of_the_platforms_own_keeps_its_owner(key: str) -> None:
    world = platform()
    labels = world.get(REGION, "ArtifactVersion", "idle.v1.0.0")["metadata"]["labels"]
    labels[f"cpaas.io/{key}"] = {"builtin": "true", "library": "system"}[key]
    world.get(GLOBAL, "ModuleConfig", "rest-v1.0.0")["metadata"]["annotations"] = {"cpaas.io/built-in-plugin": "true"}
    found = judged(world)
    assert found["Artifact idle"].reason == found["ModulePlugin rest"].reason == "VersionProtected"
    assert "cpaas.io/" in found["Artifact idle"].message
    assert set(deleted(world)) == {"ArtifactVersion busy.v1.0.0", "ModuleConfig work-v1.0.0"}


def test_observations_are_counted_and_a_whole_waits_for_its_youngest_part() -> None:
    keep = wish(observations=2)
    first = judged(platform(), keep)
    assert {each.action for each in first.values()} == {"Keep"}
    assert {name for name, each in first.items() if each.observed == 1} == set(GARBAGE)
    assert first["Artifact idle"].reason == "SeenTooRarely"
    seen = {each.ref.uid: each.observed for each in first.values() if each.observed}
    assert {name for name, each in judged(platform(), keep, **seen).items() if each.action == "Delete"} == set(GARBAGE)
    del seen[first["ArtifactVersion idle.v2.0.0"].ref.uid]
    second = judged(platform(), keep, **seen)
    assert second["Artifact idle"].action == second["ArtifactVersion idle.v1.0.0"].action == "Keep"
    assert second["ArtifactVersion busy.v1.0.0"].action == "Delete"


def test_only_selected_clusters_are_judged() -> None:
    world = platform()
    world.clusters = (REGION,)
    assert {name for name in deleted(world) if "Module" in name} == set()
    assert set(deleted(world)) == {name for name in GARBAGE if "Artifact" in name}


def test_keep_last_keeps_what_one_can_roll_back_to() -> None:
    world = several("1.0.0", "2.0.0", "3.0.0", "4.0.0", "5.0.0", installed="3.0.0")
    wish = Cleanup(retention=Retention(keep_newer_than_installed=False, keep_last=1))
    gone = {f"ArtifactVersion busy.v{number}.0.0": "OldVersion" for number in (1, 4, 5)}
    assert deleted(world, wish) == gone
    assert judged(world, wish)["ArtifactVersion busy.v2.0.0"].reason == "KeptLast"


def test_keep_last_keeps_as_many_for_each_version_that_is_installed() -> None:
    world = several("1.0.0", "2.0.0", "3.0.0", "4.0.0", "5.0.0", installed="2.0.0")
    world.objects[REGION, "Subscription"].clear()
    world.view(REGION, "busy", "Installed", "busy.v5.0.0")
    world.csv(REGION, "busy.v5.0.0", "elsewhere")
    wish = Cleanup(retention=Retention(keep_newer_than_installed=False, keep_last=1))
    assert deleted(world, wish) == {"ArtifactVersion busy.v3.0.0": "OldVersion"}


def test_keep_last_does_not_count_a_version_that_failed() -> None:
    world = several("1.0.0", "2.0.0", "3.0.0", installed="3.0.0")
    world.get(REGION, "ArtifactVersion", "busy.v2.0.0")["status"] |= {"phase": "Failed", "reason": "x"}
    assert deleted(world, Cleanup(retention=Retention(keep_last=1))) == {"ArtifactVersion busy.v2.0.0": "OldVersion"}


def test_the_summary_is_the_tools_to_the_letter() -> None:
    refs = [each.ref for each in judged(platform()).values() if each.action == "Delete"]
    assert summary(refs[:2]) == (
        "GC Summary:\nTYPE NAME CLUSTER\n"
        "------------------------------------------------------------------------------------------\n"
        "ModuleConfig rest-v1.0.0 global\nModuleConfig work-v1.0.0 global"
    )
    assert summary([]) == NOTHING == "No resources were deleted."


def test_a_summary_fits_into_a_status() -> None:
    ref = next(iter(judged(platform()).values())).ref
    text = summary([ref] * 50_000)
    assert len(text) < 262_144
    assert text.endswith(f"... and {50_000 - text.count(ref.name)} more")
