"""A plan as one thing: what makes it another one, and what is too much of it."""

from typing import Any

import pytest

from tests.simulation.cleanup.world import World
from tests.unit.cleanup.platforms import REGION, judged, platform
from violet_operator.api.cleanup import Cleanup, Limits
from violet_operator.cleanup.backup import entry
from violet_operator.cleanup.plan import broken_limit, deletions, plan_hash, too_many


def identity(world: World, name: str = "default") -> str:
    """The hash of what would be deleted."""
    return plan_hash(name, deletions(list(judged(world).values())))


def test_the_hash_is_that_of_the_deletions() -> None:
    found = deletions(list(judged(platform()).values()))
    same = identity(platform())
    assert len(same) == 64
    assert plan_hash("default", list(reversed(found))) == same
    assert plan_hash("default", found[1:]) != same
    assert identity(platform(), "other") != same


@pytest.mark.parametrize(
    ("change", "another"),
    [
        ({"uid": "another"}, True),
        ({"generation": 2}, True),
        ({"labels": {"team": "red"}}, True),
        ({"annotations": {"team": "red"}}, False),
        ({"resourceVersion": "2"}, False),
    ],
)
def test_what_somebody_edits_is_another_plan_and_what_the_platform_notes_is_not(change: Any, another: bool) -> None:
    world = platform()
    world.get(REGION, "Artifact", "idle")["metadata"].update(change)
    assert (identity(world) != identity(platform())) is another


def test_a_backup_has_the_hash_of_its_plan() -> None:
    world = platform()
    found = deletions(list(judged(world).values()))
    saved = [
        entry(ref.cluster, ref.kind, (each.reason, "", 1), world.get(ref.cluster, ref.kind, ref.name))
        for each in found
        for ref in [each.ref]
    ]
    assert plan_hash("default", saved) == plan_hash("default", found)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (None, None),
        (Limits(max_deletions=7), None),
        (Limits(max_deletions=6), "7 objects would be deleted, and spec.limits.maxDeletions is 6"),
        (Limits(max_deletions=0), "maxDeletions is 0"),
        (Limits(max_percent=54), None),
        (
            Limits(max_percent=53),
            "7 of 13 objects of these kinds (53.8 %) would be deleted, and spec.limits.maxPercent is 53",
        ),
    ],
)
def test_limits_stop_everything_with_the_numbers(limits: Limits | None, said: str | None) -> None:
    found = broken_limit(list(judged(platform()).values()), 0, limits)
    assert found == said or (said and found and said in found)


def test_the_percentage_is_of_the_kinds_that_are_deleted() -> None:
    world = World()
    world.plugin("rest", "v1.0.0")
    for number in range(100):
        world.artifact(REGION, f"op{number}", "1.0.0")
    found = list(judged(world, Cleanup(kinds=["ModulePlugin"])).values())
    assert broken_limit(found, 0, Limits(max_percent=100)) is None
    assert "2 of 2 objects" in str(broken_limit(found, 0, Limits(max_percent=99)))
    assert broken_limit(list(judged(World()).values()), 0, Limits(max_percent=0)) is None


@pytest.mark.parametrize(
    ("manifests", "limits", "said"),
    [
        (3, None, None),
        (3, Limits(max_percent=0), None),
        (3, Limits(max_deletions=5), None),
        (
            3,
            Limits(max_deletions=4),
            "2 objects and 3 manifests would be deleted, 5 together, and spec.limits.maxDeletions is 4",
        ),
        (1, Limits(max_deletions=2), "2 objects and 1 manifest would be deleted, 3 together, and"),
        (0, Limits(max_deletions=1), "2 objects would be deleted, and spec.limits.maxDeletions is 1"),
    ],
)
def test_manifests_count_as_deletions(manifests: int, limits: Limits | None, said: str | None) -> None:
    found = too_many(2, manifests, limits)
    assert found == said or (said and found and found.startswith(said))
    verdicts = list(judged(platform()).values())
    assert broken_limit(verdicts, 3, Limits(max_deletions=9)) == too_many(7, 3, Limits(max_deletions=9))
