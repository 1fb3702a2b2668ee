"""Carrying out a plan: in which order, what is looked at again before each deletion, and what counts as gone."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.simulation.cleanup.world import GLOBAL, SYSTEM, World
from tests.unit.cleanup.clusters import OPERATORS, PLUGINS, Clusters, Object, many, names, once, refuse, told, touch
from tests.unit.cleanup.platforms import GARBAGE, REGION
from violet_operator.cleanup import act as act_module
from violet_operator.cleanup import gather as gather_module
from violet_operator.errors import Stalled, Transient


def test_everything_goes_versions_before_their_artifact_and_plugins_before_theirs() -> None:
    clusters = Clusters()
    steps = clusters.clean()
    assert {name: each.outcome for name, each in steps.items()} == dict.fromkeys(GARBAGE, "Deleted")
    assert set(clusters.gone[:3]) == {"idle.v1.0.0", "idle.v2.0.0", "busy.v1.0.0"}
    assert clusters.gone[3] == "idle"
    assert clusters.gone.index("rest") < clusters.gone.index("rest-v1.0.0")


def test_nothing_more_goes_once_the_backup_is_lost() -> None:
    clusters = Clusters(goes_on=False)
    clusters.clean()
    assert set(clusters.gone) == {"idle.v1.0.0", "idle.v2.0.0", "busy.v1.0.0"}


@pytest.mark.parametrize("just_before", ["ArtifactVersion", "Artifact"])
def test_a_version_that_comes_in_the_window_does_not_go_with_its_owner(just_before: str) -> None:
    clusters = Clusters()
    owner = clusters.world.get(REGION, "Artifact", "idle")

    def publish(body: Object) -> None:
        if body["kind"] == just_before and "idle.v9.0.0" not in names(clusters, REGION, "ArtifactVersion"):
            clusters.world.version(REGION, owner, "9.0.0", "idle")

    clusters.before = publish
    steps = clusters.clean()
    assert "idle.v9.0.0" in names(clusters, REGION, "ArtifactVersion")
    if just_before == "ArtifactVersion":
        assert told(steps, "Artifact idle") == {"Skipped NotInPlan"}
        assert "idle" not in clusters.gone


def test_what_belongs_to_an_owner_stays_if_it_is_not_in_the_plan() -> None:
    """The garbage collector takes what belongs to a ModulePlugin, too: what nobody has saved."""
    clusters = Clusters()
    for cluster, kind, name in ((GLOBAL, "ModulePlugin", "rest"), (REGION, "Artifact", "idle")):
        uid = clusters.world.get(cluster, kind, name)["metadata"]["uid"]
        owners = [{"kind": kind, "name": name, "uid": uid}]
        clusters.world.add(cluster, "ConfigMap", f"of-{name}", SYSTEM, owners=owners)
    assert told(clusters.clean()) == {"Deleted NotInstalled", "Deleted OldVersion"}
    assert names(clusters, GLOBAL, "ConfigMap") == {"of-rest"}
    assert names(clusters, REGION, "ConfigMap") == {"of-idle"}
    assert set(clusters.orphaned) >= {"rest", "idle"}


@pytest.mark.parametrize("happens", ["Subscription", "ClusterServiceVersion", "InstallPlan", "OperatorView", "Upload"])
def test_what_protects_an_operator_is_looked_at_again_before_each_of_its_versions_goes(happens: str) -> None:
    """A look counts for a moment: the rest of the package stays, the wanted version with it."""
    clusters = many()
    world = clusters.world
    actions: dict[str, Callable[[], object]] = {
        "Subscription": lambda: world.subscription(REGION, "many", "", startingCSV="many.v1.0.50"),
        "ClusterServiceVersion": lambda: world.csv(REGION, "many.v1.0.50", "x"),
        "InstallPlan": lambda: world.plan(REGION, "x", "many.v1.0.50"),
        "OperatorView": lambda: world.get(GLOBAL, "OperatorView", "many")["status"].update(
            operatorStatus={"phase": "Installing"}
        ),
        "Upload": lambda: world.upload("new", None, REGION),
    }
    done: list[str] = []
    clusters.before = lambda body: once(body, "many.v1.0.19", actions[happens], done)
    steps = clusters.clean()
    assert done
    assert 11 <= len(clusters.gone) <= 15
    assert "many.v1.0.50" not in clusters.gone
    assert steps["ArtifactVersion many.v1.0.50"].outcome == "Skipped"
    assert steps["Artifact many"].outcome == "Skipped"
    assert max(clusters.ages) <= 2


def test_an_artifact_that_is_marked_in_the_middle_keeps_its_other_versions() -> None:
    clusters = many()
    owner, done = clusters.world.get(REGION, "Artifact", "many"), list[str]()
    clusters.before = lambda body: once(body, "many.v1.0.19", lambda: touch(owner, annotations={"keep": "it"}), done)
    steps = clusters.clean()
    assert 11 <= len(clusters.gone) <= 15
    assert told(steps, "Artifact many", "ArtifactVersion many.v1.0.50") == {"Skipped ObjectChanged"}


@pytest.mark.parametrize("happens", ["ModuleInfo", "Upload"])
def test_what_protects_a_plugin_is_looked_at_again_before_each_of_its_configs_goes(happens: str) -> None:
    clusters = Clusters(World(GLOBAL, REGION), writing=0.5)
    clusters.world.plugin("rest", *(f"v1.0.{number}" for number in range(40)))
    actions: dict[str, Callable[[], object]] = {
        "ModuleInfo": lambda: clusters.world.info("rest", REGION, "v1.0.30"),
        "Upload": lambda: clusters.world.upload("new", None, REGION),
    }
    done: list[str] = []
    clusters.before = lambda body: once(body, "rest-v1.0.19", actions[happens], done)
    steps = clusters.clean()
    assert done
    assert 12 <= len(clusters.gone) <= 16
    assert steps["ModuleConfig rest-v1.0.30"].outcome == "Skipped"


def test_a_protection_that_cannot_be_read_stops_what_it_concerns_and_is_tried_again() -> None:
    clusters, done = many(), list[str]()
    broken = (REGION, "Subscription")
    clusters.before = lambda body: once(body, "many.v1.0.19", lambda: clusters.world.broken.add(broken), done)
    steps = clusters.clean()
    assert len(clusters.gone) <= 15
    left = [each for each in steps.values() if each.outcome != "Deleted"]
    assert {(each.outcome, each.reason, each.again) for each in left} == {("Failed", "ClusterUnknown", True)}


def test_what_has_begun_to_protect_while_all_was_read_is_seen_before_anything_goes() -> None:
    clusters = many(3)

    def reading() -> float:
        status = {"operatorStatus": {"phase": "Installing"}}
        clusters.world.get(GLOBAL, "OperatorView", "many")["status"] = status  # the views were read already
        return 15.0

    clusters.reading = reading
    assert told(clusters.clean()) == {"Skipped UnknownPhase"}
    assert clusters.gone == []


def test_slow_checks_slow_down_and_stop_nothing() -> None:
    clusters = many(20)
    clusters.checking = 4.0
    assert told(clusters.clean()) == {"Deleted NotInstalled"}
    assert len(clusters.looks) > 2
    assert max(clusters.ages) <= 6


def test_large_objects_are_not_read_again_as_long_as_they_are_the_same() -> None:
    """A ClusterServiceVersion has hundreds of kilobytes: what has changed is read, of the others the head."""
    clusters, done = many(), list[str]()
    world = clusters.world
    world.csv(REGION, "other.v1", "x")
    moving = world.csv(REGION, "other.v2", "x")
    world.csv(REGION, "other.v3", "x")
    clusters.before = lambda body: once(body, "many.v1.0.19", lambda: touch(moving), done)
    assert told(clusters.clean()) == {"Deleted NotInstalled"}
    assert clusters.reads == ["other.v2"]


def test_a_look_is_as_old_as_its_beginning() -> None:
    """The platform is slow: what was read is too old when it can be used, and another pass looks again."""
    clusters = Clusters(reading=lambda: 300.0)
    mine = [each for each in clusters.plan() if each.cluster == REGION]
    steps = clusters.clean(mine)
    assert clusters.gone == []
    assert {(each.outcome, each.reason, each.again) for each in steps.values()} == {("Failed", "ClusterUnknown", True)}
    assert "Reading cluster region1 took longer than 20 s" in steps["Artifact idle"].message
    clusters.reading = lambda: 15.0
    clusters.writing = 4.0
    assert told(clusters.clean(mine)) == {"Deleted NotInstalled", "Deleted OldVersion"}
    assert max(clusters.ages) <= 20


def test_a_clock_that_is_set_back_makes_no_look_younger() -> None:
    clusters = many(4)
    clusters.writing = 60.0

    def back(_: Object) -> None:
        clusters.wall -= timedelta(hours=1)

    clusters.before = back
    assert told(clusters.clean()) == {"Deleted NotInstalled"}
    assert max(clusters.ages) <= 20


def test_a_404_for_a_deletion_is_not_gone() -> None:
    """A gateway answers so while a cluster is registered anew: the object is still there."""
    clusters = Clusters(answers=False)
    entries = clusters.plan()
    steps = clusters.clean(entries)
    assert {each.outcome for each in steps.values()} == {"Failed"}
    assert all(each.again for each in steps.values())
    assert told(steps, *OPERATORS) == {"Failed ClusterUnknown"}
    clusters.answers = True
    assert {each.outcome for each in clusters.clean(entries).values()} == {"Deleted"}


def test_an_artifact_stays_as_long_as_one_of_its_versions() -> None:
    clusters = Clusters(before=refuse("idle.v1.0.0", Transient("TargetUnavailable", "A webhook is down.")))
    steps = clusters.clean([each for each in clusters.plan() if each.cluster == REGION])
    assert set(clusters.gone) == {"idle.v2.0.0", "busy.v1.0.0"}
    owner = steps["Artifact idle"]
    assert (owner.outcome, owner.reason, owner.again) == ("Failed", "TargetUnavailable", True)
    assert "idle.v1.0.0 of the same package stays: A webhook is down." in owner.message


def test_an_artifact_waits_for_a_version_that_a_finalizer_holds() -> None:
    """Whoever holds the version may need the Artifact: it goes only when the version is gone."""
    clusters = Clusters()
    clusters.world.get(REGION, "ArtifactVersion", "idle.v1.0.0")["metadata"]["finalizers"] = ["a/b"]
    entries = clusters.plan()
    for _ in range(2):
        steps = clusters.clean(entries)
        assert told(steps, "ArtifactVersion idle.v1.0.0") == {"Deleting FinalizerPending"}
        assert told(steps, "ArtifactVersion idle.v2.0.0") == {"Deleted NotInstalled"}
        owner = steps["Artifact idle"]
        assert (owner.outcome, owner.reason, owner.again) == ("Failed", "FinalizerPending", True)
        assert "idle.v1.0.0 of the same package stays: It is being deleted, and held by a/b." in owner.message
        assert "idle" not in clusters.gone
    versions = clusters.world.objects[REGION, "ArtifactVersion"]
    versions.remove(clusters.world.get(REGION, "ArtifactVersion", "idle.v1.0.0"))
    assert {each.outcome for each in clusters.clean(entries).values()} == {"Deleted"}


def test_a_config_waits_until_its_plugin_is_gone() -> None:
    """The platform makes configs from a plugin as long as that is there, on its way out or not."""
    clusters = Clusters()
    clusters.world.get(GLOBAL, "ModulePlugin", "rest")["metadata"]["finalizers"] = ["a/b"]
    entries = clusters.plan()
    steps = clusters.clean(entries)
    config = steps["ModuleConfig rest-v1.0.0"]
    assert told(steps, "ModulePlugin rest") == {"Deleting FinalizerPending"}
    assert (config.outcome, config.reason, config.again) == ("Failed", "FinalizerPending", True)
    assert "ModulePlugin rest of the same package stays" in config.message
    assert "rest-v1.0.0" not in clusters.gone
    plugins = clusters.world.objects[GLOBAL, "ModulePlugin"]
    plugins.remove(clusters.world.get(GLOBAL, "ModulePlugin", "rest"))
    assert {each.outcome for each in clusters.clean(entries).values()} == {"Deleted"}


def test_a_config_stays_if_its_plugin_cannot_be_deleted() -> None:
    clusters = Clusters(before=refuse("rest", Stalled("TargetRefused", "keep it")))
    assert told(clusters.clean(), *PLUGINS) == {"Failed TargetRefused", "Deleted OldVersion"}
    assert "rest-v1.0.0" not in clusters.gone


def test_an_owner_gets_a_moment_for_the_garbage_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    """It lets go of an owner once it has freed what belongs to that: the same pass sees it, as a rule."""
    monkeypatch.setattr(act_module, "_COLLECTION", 0.05)
    clusters = Clusters(collecting=0.01)
    assert told(clusters.clean()) == {"Deleted NotInstalled", "Deleted OldVersion"}


def test_a_refusal_for_good_is_told_and_stops_nothing_else() -> None:
    clusters = Clusters(before=refuse("busy.v1.0.0", Stalled("TargetRefused", "keep it")))
    steps = clusters.clean()
    step = steps.pop("ArtifactVersion busy.v1.0.0")
    assert (step.outcome, step.reason, step.again) == ("Failed", "TargetRefused", False)
    assert {each.outcome for each in steps.values()} == {"Deleted"}


@pytest.mark.parametrize("silent", [REGION, GLOBAL])
def test_a_cluster_that_does_not_answer_stops_only_what_depends_on_it(
    silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes the connection, and that is all. Plugins are in use on any cluster, and views are on `global`."""
    monkeypatch.setattr(gather_module, "_ANSWER", 0.05, raising=False)
    clusters = Clusters()
    clusters.world.artifact(GLOBAL, "spare", "1.0.0")
    clusters.world.view(GLOBAL, "spare", "Ready")
    entries = clusters.plan()
    clusters.silent.add(silent)
    steps = clusters.clean(entries)
    spare = {"Artifact spare", "ArtifactVersion spare.v1.0.0"}
    goes = spare if silent == REGION else set()
    assert {name for name, each in steps.items() if each.outcome == "Deleted"} == goes
    left = {(each.outcome, each.again) for name, each in steps.items() if name not in goes}
    assert left == {("Failed", True)}
    assert all(silent in each.message for name, each in steps.items() if name not in goes)
    if silent == REGION:
        assert told(steps, *OPERATORS, *PLUGINS) == {"Failed ClusterUnknown"}
    clusters.silent.clear()
    assert {each.outcome for each in clusters.clean(entries).values()} == {"Deleted"}


def test_for_operators_only_their_own_cluster_is_read() -> None:
    clusters = Clusters()
    clusters.clean([each for each in clusters.plan() if each.cluster == REGION])
    assert not clusters.asked[GLOBAL, "artifacts"]
    assert not clusters.asked[GLOBAL, "moduleplugins"]
    assert clusters.asked[GLOBAL, "operatorviews"]
