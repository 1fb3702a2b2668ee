"""Versions in the names of CSVs, as their vendors write them: one that is read wrongly has the wrong thing deleted."""

from collections.abc import Callable

import pytest

from tests.simulation.cleanup.world import World
from tests.unit.cleanup.platforms import REGION, deleted, judged

Name = Callable[[str], str]


def operator(csv_of: Name, installed: str, *versions: str, package: str = "demo") -> World:
    """An operator whose CSVs are named in a way of their own."""
    world = World()
    owner = world.artifact(REGION, package)
    for each in versions:
        world.version(REGION, owner, each, package)["status"]["version"] = csv_of(each)
    world.view(REGION, package, "Installed", csv_of(installed))
    world.subscription(REGION, package, csv_of(installed))
    world.csv(REGION, csv_of(installed), "ns")
    return world


READABLE = [
    ("demo", lambda version: f"demo.v{version}"),
    ("demo", lambda version: f"demo.{version}"),
    ("demo", lambda version: f"demo-{version}"),
    ("demo", lambda version: f"demo-v{version}"),
    ("demo.v2", lambda version: f"demo.v2.v{version}"),
    ("3scale-operator", lambda version: f"3scale-operator.v{version}"),
]


@pytest.mark.parametrize(("package", "csv_of"), READABLE)
def test_what_was_pushed_for_the_next_upgrade_stays(package: str, csv_of: Name) -> None:
    world = operator(csv_of, "1.9.0-rc.1", "1.2.0", "1.9.0-rc.1", "1.9.0", "1.10.0", "2.0.0", package=package)
    assert deleted(world) == {f"ArtifactVersion {package}.v1.2.0": "OldVersion"}


@pytest.mark.parametrize(
    "csv_of",
    [
        lambda version: f"other.v{version}",
        lambda version: f"demo-again.v{version}",
        lambda version: f"demo_{version}",
        lambda version: f"demo{version}",
        lambda version: f"demo.v{version}rc1",
        lambda version: f"demo.v2.x.{version}",
        lambda version: f"demo.{version.partition('.')[0]}",
    ],
)
def test_a_name_that_says_no_version_for_certain_keeps_everything(csv_of: Name) -> None:
    found = judged(operator(csv_of, "2.0.0", "1.0.0", "2.0.0", "3.0.0"))
    assert found["ArtifactVersion demo.v1.0.0"].action == "Keep"
    assert found["ArtifactVersion demo.v1.0.0"].reason == "UnknownVersion"
    assert found["ArtifactVersion demo.v3.0.0"].action == "Keep"


def test_a_tag_that_says_another_version_than_the_csv_keeps_it() -> None:
    world = operator(lambda version: f"demo.v{version}", "2.0.0", "1.0.0", "2.0.0")
    world.get(REGION, "ArtifactVersion", "demo.v1.0.0")["spec"]["tag"] = "v3.0.0"
    found = judged(world)["ArtifactVersion demo.v1.0.0"]
    assert (found.action, found.reason) == ("Keep", "UnknownVersion")
    assert "demo.v1.0.0" in found.message
    assert "v3.0.0" in found.message


def test_a_wanted_csv_of_unknown_version_keeps_everything() -> None:
    world = operator(lambda version: f"demo.v{version}", "2.0.0", "1.0.0", "2.0.0")
    world.objects[REGION, "Subscription"][0]["spec"]["startingCSV"] = "demo-next"
    assert judged(world)["ArtifactVersion demo.v1.0.0"].reason == "UnknownVersion"


def test_a_plugins_version_that_is_not_semantic_keeps_the_others() -> None:
    """By its numbers 2.0rc1 would be newer than 2.0."""
    world = World()
    world.plugin("work", "2.0rc1", "2.0", "3.0", installed={REGION: "2.0rc1"})
    assert deleted(world) == {}
