"""One platform with something to clean of every kind, and what the judgement says of its objects."""

from datetime import UTC, datetime

from tests.simulation.cleanup.world import GLOBAL, World
from violet_operator.api.cleanup import Cleanup
from violet_operator.cleanup.judge import Verdict, judge
from violet_operator.cleanup.state import State

NOW = datetime(2026, 6, 1, tzinfo=UTC)
REGION = "region1"

GARBAGE = {
    "Artifact idle": "NotInstalled",
    "ArtifactVersion idle.v1.0.0": "NotInstalled",
    "ArtifactVersion idle.v2.0.0": "NotInstalled",
    "ArtifactVersion busy.v1.0.0": "OldVersion",
    "ModulePlugin rest": "NotInstalled",
    "ModuleConfig rest-v1.0.0": "NotInstalled",
    "ModuleConfig work-v1.0.0": "OldVersion",
}
"""All that may go from the platform as `platform` makes it."""


def platform() -> World:
    """Operators idle and busy in region1, plugins rest and work; nothing is under way."""
    world = World(GLOBAL, REGION)
    world.artifact(REGION, "idle", "1.0.0", "2.0.0")
    world.view(REGION, "idle", "Ready")
    world.artifact(REGION, "busy", "1.0.0", "2.0.0", "3.0.0")
    world.install(REGION, "busy", "2.0.0")
    world.plugin("rest", "v1.0.0")
    world.plugin("work", "v1.0.0", "v2.0.0", "v3.0.0", installed={REGION: "v2.0.0"})
    return world


def several(*versions: str, installed: str) -> World:
    """Operator busy in one version of many."""
    world = World()
    world.artifact(REGION, "busy", *versions)
    world.install(REGION, "busy", installed)
    return world


def judged(given: World | State, wish: Cleanup | None = None, **observed: int) -> dict[str, Verdict]:
    """The verdicts by `KIND NAME`; `observed` by uid."""
    state = given.state() if isinstance(given, World) else given
    found = judge(state, wish or Cleanup(), NOW, observed)
    assert len({each.ref for each in found}) == len(found), "an object is judged twice"
    return {f"{each.ref.kind} {each.ref.name}": each for each in found}


def deleted(given: World | State, wish: Cleanup | None = None) -> dict[str, str]:
    """What is to be deleted, with the reason."""
    return {name: each.reason for name, each in judged(given, wish).items() if each.action == "Delete"}
