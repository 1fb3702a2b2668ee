"""One random platform: what the operator would delete, and what the oracle says of it."""

from collections import Counter
from random import Random

from tests.simulation.cleanup.generate import NOW, generate
from tests.simulation.cleanup.oracle import Oracle
from tests.simulation.cleanup.world import World
from violet_operator.api.cleanup import Cleanup
from violet_operator.cleanup.judge import judge


class WrongDeletionError(AssertionError):
    """The operator would delete what it must not."""


def simulate(random: Random, seen: Counter[str]) -> World:
    """Judge one platform; `seen` counts what was decided and why.

    Raises:
        WrongDeletionError: a deletion breaks a rule.
    """
    world, wish, observed = generate(random)
    verdicts = judge(world.state(), Cleanup.model_validate(wish), NOW, observed)
    seen.update(f"{each.action} {each.reason}" for each in verdicts)
    seen["clusters"] += len(world.clusters)
    deleted = {(each.ref.cluster, each.ref.kind, each.ref.name) for each in verdicts if each.action == "Delete"}
    oracle = Oracle(world, wish, observed)
    for place in sorted(deleted):
        if faults := oracle.wrong(*place, deleted):
            raise WrongDeletionError(f"{' '.join(place)}: {', '.join(faults)}; wish {wish}")
    return world
