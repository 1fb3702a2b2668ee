"""What happens to a real registry between the last judgement of images and their deletion saves what it is about."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import FaultProxy
from tests.integration.demo_images import Place, two_versions
from tests.integration.registry_client import connect
from violet_operator.cleanup.images.deletion import ImageStep
from violet_operator.platform.pushes import Pushes

pytestmark = [pytest.mark.integration, pytest.mark.tools("distribution")]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with two_versions(tmp_path) as found:
        yield found


def outcomes(steps: list[ImageStep]) -> set[str]:
    return {each.outcome for each in steps}


def test_what_the_registry_has_more_of_by_now_keeps_what_was_planned(place: Place) -> None:
    """Between plan and act somebody tags an image, and another tag gets other content."""
    plan = place.plan("v1")
    manager = place.client.find(place.to("manager", "v1").repository, "v1")
    assert manager
    place.client.put_manifest(place.to("manager", "").repository, "stable", manager.raw, manager.media_type)
    now = place.plan("v1")
    steps = place.delete(plan, now=now)
    kept = {each.deletion.repository for each in steps if each.outcome == "Skipped"}
    assert kept == {place.to("manager", "").repository}
    assert any("Tag stable" in each.message for each in steps)
    assert place.is_whole(place.to("manager", "stable"))
    assert place.is_whole(place.to("manager", "v1"))


def test_a_tag_that_comes_in_the_last_moment_stops_everything(place: Place) -> None:
    plan = place.plan("v1")
    manager = place.client.find(place.to("manager", "v1").repository, "v1")
    assert manager
    place.client.put_manifest(place.to("manager", "").repository, "late", manager.raw, manager.media_type)
    steps = {each.deletion.repository.rpartition("/")[2]: each for each in place.delete(plan)}
    assert {name: each.outcome for name, each in steps.items()} == {
        "demo-bundle": "Deleted",
        "manager": "Failed",
        "proxy": "Failed",
    }
    assert all("judged again" in each.message and each.again for each in steps.values() if each.outcome == "Failed")
    assert place.is_whole(place.to("manager", "late"))
    assert place.is_whole(place.to("proxy", "v1"))


def test_a_tag_that_is_moved_onto_what_goes_saves_it(place: Place) -> None:
    """The names of the tags are the same; `v2`, which stays, is set on what `v1` is."""
    plan = place.plan("v1")
    manager = place.client.find(place.to("manager", "v1").repository, "v1")
    assert manager
    place.client.put_manifest(place.to("manager", "").repository, "v2", manager.raw, manager.media_type)
    steps = {each.deletion.repository.rpartition("/")[2]: each for each in place.delete(plan)}
    assert (steps["manager"].outcome, steps["manager"].again) == ("Failed", True)
    assert place.is_whole(place.to("manager", "v2"))


def put_tag(place: Place, tag: str, like: str) -> None:
    """Set a tag of the manager to what another one is."""
    found = place.client.find(place.to("manager", like).repository, like)
    assert found
    place.client.put_manifest(place.to("manager", tag).repository, tag, found.raw, found.media_type)


def test_a_repository_with_many_tags_is_compared_once_in_a_while(place: Place) -> None:
    """Its list before each deletion, and where its tags point once every few seconds."""
    for number in range(40):
        put_tag(place, f"more-{number}", "v2")
    plan = place.plan("v1")
    planned = [each for each in plan.deletions if each.repository == place.to("manager", "").repository]
    assert len(planned) == 3
    with FaultProxy(place.registry.address) as proxy:
        steps = place.delete(plan, connect(proxy.address), clock=lambda: 1000.0)
        asked = [(each.method, each.path) for each in proxy.requests if "/manager/" in each.path]
    assert outcomes(steps) == {"Deleted"}
    assert sum("tags/list" in path for _, path in asked) == 3
    assert sum(method == "HEAD" for method, _ in asked) == 42
    assert sum(method == "DELETE" for method, _ in asked) == 3


@pytest.mark.parametrize(("tag", "seconds"), [("moved", 4.0), ("new", 0.0)])
def test_a_tag_that_comes_between_two_deletions_of_a_repository_saves_what_is_left(
    place: Place, tag: str, seconds: float
) -> None:
    """One that is new is seen at once, one that is moved is by the next comparison."""
    put_tag(place, "moved", "v2")
    plan, now = place.plan("v1"), [1000.0]
    index, first, second = (each.manifest for each in plan.deletions if "manager" in each.repository)
    repository = place.to("manager", "").repository

    def deleted() -> None:
        if place.client.find(repository, index.digest) is None and place.client.find(repository, first.digest):
            place.client.put_manifest(repository, tag, first.raw, first.media_type)
            now[0] += seconds

    steps = {each.deletion.manifest.digest: each for each in place.delete(plan, deleted=deleted, clock=lambda: now[0])}
    assert (steps[index.digest].outcome, steps[first.digest].outcome) == ("Deleted", "Failed")
    assert steps[second.digest].again
    assert place.is_whole(place.to("manager", tag))


def test_what_an_upload_has_begun_to_push_is_judged_again(place: Place) -> None:
    """Between the last judgement and the deletion an upload sees that its image is there, and does not push it."""
    plan, pushes = place.plan("v1"), Pushes()
    wanted = next(each for each in plan.deletions if each.repository == place.to("manager", "").repository)

    def begin() -> None:
        pushes.begin("uid", frozenset({(wanted.repository, wanted.manifest.digest)}))

    steps = place.delete(plan, pushes=pushes, deleted=begin)
    kept = next(each for each in steps if each.deletion == wanted)
    assert (kept.outcome, kept.again) == ("Failed", True)
    assert "PackageUpload" in kept.message
    assert place.client.find(wanted.repository, wanted.manifest.digest)
