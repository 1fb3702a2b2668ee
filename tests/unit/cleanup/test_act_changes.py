"""What has changed since it was saved, or changes in the very moment in which it is to go, stays as it is."""

from typing import Any

import pytest

from tests.simulation.cleanup.world import GLOBAL
from tests.unit.cleanup.clusters import OPERATORS, Clusters, Object, many, names, once, told, touch
from tests.unit.cleanup.platforms import REGION
from violet_operator.errors import Transient


@pytest.mark.parametrize("changes", [{}, {"managedFields": [{"manager": "them"}]}])
def test_an_artifact_on_which_the_platform_has_noted_that_a_version_is_gone_goes(changes: Object) -> None:
    clusters, done = Clusters(), list[str]()
    owner = clusters.world.get(REGION, "Artifact", "idle")

    def note() -> None:
        touch(owner, **changes)
        owner["status"] = {"versions": 1}

    clusters.before = lambda body: once(body, "idle.v1.0.0", note, done)
    assert told(clusters.clean(), *OPERATORS) == {"Deleted NotInstalled", "Deleted OldVersion"}


def test_a_note_on_an_artifact_while_its_versions_go_stops_none_of_them() -> None:
    clusters, done = many(), list[str]()
    owner = clusters.world.get(REGION, "Artifact", "many")
    clusters.before = lambda body: once(body, "many.v1.0.19", lambda: touch(owner), done)
    assert told(clusters.clean()) == {"Deleted NotInstalled"}


EDITS: list[dict[str, Any]] = [
    {"labels": {"a": "b"}},
    {"annotations": {"keep": "ticket 4711"}},
    {"finalizers": ["a/b"]},
    {"ownerReferences": [{"kind": "Team", "name": "blue", "uid": "u"}]},
    {"spec": {"description": "team blue needs it"}},
]
"""What people change about an object; the API server counts a new generation only for the last."""


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("moment", ["idle.v1.0.0", "idle"])
def test_an_artifact_that_somebody_has_edited_meanwhile_stays(edit: dict[str, Any], moment: str) -> None:
    """While its versions go, or in the very moment in which it goes itself."""
    clusters, done = Clusters(), list[str]()
    owner = clusters.world.get(REGION, "Artifact", "idle")
    clusters.before = lambda body: once(body, moment, lambda: touch(owner, **edit), done)
    steps = clusters.clean()
    assert told(steps, "Artifact idle") == {"Skipped ObjectChanged"}
    assert names(clusters, REGION, "Artifact") >= {"idle"}


@pytest.mark.parametrize("edit", EDITS)
def test_an_object_that_somebody_has_edited_between_two_passes_stays(edit: dict[str, Any]) -> None:
    """The operator was killed after the first version: what the others have become since counts."""
    clusters = Clusters()
    entries = clusters.plan()
    versions = clusters.world.objects[REGION, "ArtifactVersion"]
    versions.remove(clusters.world.get(REGION, "ArtifactVersion", "idle.v1.0.0"))
    touch(clusters.world.get(REGION, "Artifact", "idle"), **edit)
    steps = clusters.clean(entries)
    assert told(steps, "Artifact idle") == {"Skipped ObjectChanged"}
    if "ownerReferences" not in edit:  # which no listing is asked for
        assert told(steps, "ArtifactVersion idle.v2.0.0") == {"Skipped ObjectChanged"}


def test_a_version_that_lost_its_owner_to_the_collector_follows_it() -> None:
    """The owner went with propagationPolicy Orphan: the collector takes its reference away, and nothing else."""
    clusters = Clusters()
    entries = clusters.plan()
    clusters.world.objects[REGION, "Artifact"].remove(clusters.world.get(REGION, "Artifact", "idle"))
    config = clusters.world.get(GLOBAL, "ModuleConfig", "rest-v1.0.0")
    plugin = clusters.world.get(GLOBAL, "ModulePlugin", "rest")
    owner = {"kind": "ModulePlugin", "name": "rest", "uid": plugin["metadata"]["uid"]}
    config["metadata"]["ownerReferences"] = [owner]
    entries = [each for each in entries if each.ref.kind != "ModuleConfig"]
    entries += [each for each in clusters.plan() if each.ref.kind == "ModuleConfig"]
    for name in ("idle.v1.0.0", "idle.v2.0.0"):
        touch(clusters.world.get(REGION, "ArtifactVersion", name), ownerReferences=[])
    clusters.before = lambda body: body["kind"] == "ModulePlugin" and touch(config, ownerReferences=[])
    assert told(clusters.clean(entries)) == {"Deleted NotInstalled", "Deleted OldVersion"}


def test_an_object_that_was_not_in_a_package_that_is_going_stays_if_it_has_changed() -> None:
    """busy is installed, and nothing else of it has gone: the platform had no reason to note anything."""
    clusters, done = Clusters(), list[str]()
    version = clusters.world.get(REGION, "ArtifactVersion", "busy.v1.0.0")
    clusters.before = lambda body: once(body, "busy.v1.0.0", lambda: touch(version), done)
    assert told(clusters.clean(), "ArtifactVersion busy.v1.0.0") == {"Skipped ObjectChanged"}
    assert "busy.v1.0.0" not in clusters.gone


@pytest.mark.parametrize(("kind", "name"), [("ArtifactVersion", "busy.v1.0.0"), ("Artifact", "idle")])
def test_an_object_of_the_same_name_that_came_instead_is_another(kind: str, name: str) -> None:
    """The same in every other respect, and of a package that is going or not."""
    clusters, done = Clusters(), list[str]()
    body = clusters.world.get(REGION, kind, name)
    clusters.before = lambda each: once(each, name, lambda: touch(body, uid="another"), done)
    step = clusters.clean()[f"{kind} {name}"]
    assert (step.outcome, step.message) == ("Deleted", "It is gone.")
    assert body in clusters.world.objects[REGION, kind]


def test_an_object_that_somebody_else_deletes_in_that_moment_is_on_its_way_out() -> None:
    clusters, done = Clusters(), list[str]()
    version = clusters.world.get(REGION, "ArtifactVersion", "busy.v1.0.0")
    going = {"deletionTimestamp": "2026-06-01T00:00:00Z", "finalizers": ["a/b"]}
    clusters.before = lambda body: once(body, "busy.v1.0.0", lambda: touch(version, **going), done)
    step = clusters.clean()["ArtifactVersion busy.v1.0.0"]
    assert (step.outcome, step.reason, step.again) == ("Deleting", "FinalizerPending", True)
    assert "a/b" in step.message


def test_an_object_that_cannot_be_found_after_it_has_changed_is_not_believed_to_be_gone() -> None:
    """The deletion says that it has changed, and the next request 404: one of them is not the API server's own."""
    clusters = Clusters()
    version = clusters.world.get(REGION, "ArtifactVersion", "busy.v1.0.0")

    def changed(body: Object) -> None:
        if body["metadata"]["name"] == "busy.v1.0.0":
            version["metadata"]["name"] = "somewhere-else"
            raise Transient("ObjectChanged", "It has changed.")

    clusters.before = changed
    step = clusters.clean()["ArtifactVersion busy.v1.0.0"]
    assert (step.outcome, step.reason, step.again) == ("Failed", "ClusterUnknown", True)
