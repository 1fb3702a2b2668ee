"""Random platforms: no deletion breaks a rule; and the oracle is no rubber stamp, it notices a guard that is gone."""

from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulation.cleanup.generate import NOW, generate
from tests.simulation.cleanup.simulate import WrongDeletionError, simulate
from tests.unit.cleanup.test_guards import TABLES
from violet_operator.api.cleanup import Cleanup
from violet_operator.cleanup.judge import judge

PLATFORMS = 1000
"""Some two thousand clusters."""

TOO_RARE = {
    ("operator", "CoreLifecycle"),
    ("plugin", "CoreLifecycle"),
    ("operator", "ViewsUnknown"),  # what cannot be read is empty as well: there is no view
    ("operator", "NoInstalledCSV"),
    ("plugin", "ViewsUnknown"),
    ("plugin", "UnknownPhase"),
    ("plugin", "AmbiguousPackage"),
    ("plugin", "NoInstalledVersion"),
    ("plugin", "Contradicted"),
    ("plugin", "UpgradeInTransit"),
    ("object", "NotDeletable"),
    ("object", "BeingDeleted"),
    ("version", "InUse"),
    ("version", "Offered"),  # it is the newest
}
"""Guards whose states these platforms do not have, or that have others behind them; each has a test of its own."""

GUARDS = [(table, guard.reason) for table, (module, name) in TABLES.items() for guard in getattr(module, name)]


def test_no_deletion_is_wrong() -> None:
    seen: Counter[str] = Counter()
    for seed in range(PLATFORMS):
        simulate(Random(f"test {seed}"), seen)
    assert seen["Delete NotInstalled"] > PLATFORMS
    assert seen["Delete OldVersion"] > PLATFORMS / 2


def _simulate_many() -> None:
    for seed in range(3 * PLATFORMS):
        simulate(Random(f"test {seed}"), Counter())


@pytest.mark.parametrize(("table", "reason"), [each for each in GUARDS if each not in TOO_RARE])
def test_the_oracle_notices_a_guard_that_is_gone(table: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, name = TABLES[table]
    monkeypatch.setattr(module, name, tuple(each for each in getattr(module, name) if each.reason != reason))
    with pytest.raises(WrongDeletionError):
        _simulate_many()


@settings(max_examples=100, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_judgement_is_a_pure_function_of_what_was_gathered(random: Any) -> None:
    world, wish, observed = generate(random)
    state, cleanup = world.state(), Cleanup.model_validate(wish)
    verdicts = judge(state, cleanup, NOW, observed)
    assert verdicts == judge(state, cleanup, NOW, observed)
    for bodies in world.objects.values():
        random.shuffle(bodies)
    again = judge(world.state(), cleanup, NOW, observed)  # of several causes a message may name another
    assert [replace(verdict, message="") for verdict in again] == [replace(each, message="") for each in verdicts]


@settings(max_examples=100, deadline=None)
@given(st.randoms(use_true_random=False))
def test_less_knowledge_never_deletes_more(random: Any) -> None:
    """Whatever cannot be read: what went before may stay, and nothing goes that stayed."""
    world, wish, observed = generate(random)
    cleanup = Cleanup.model_validate(wish)
    before = {each.ref for each in judge(world.state(), cleanup, NOW, observed) if each.action == "Delete"}
    kinds = [place for place in world.objects if world.objects[place]]
    world.broken.add(random.choice(sorted(kinds)))
    after = {each.ref for each in judge(world.state(), cleanup, NOW, observed) if each.action == "Delete"}
    assert after <= before


@settings(max_examples=100, deadline=None)
@given(st.randoms(use_true_random=False))
def test_more_caution_never_deletes_more(random: Any) -> None:
    world, wish, observed = generate(random)
    state, bold = world.state(), Cleanup.model_validate(wish)
    retention = bold.retention.model_copy(update={"keep_newer_than_installed": True, "observations": 4})
    before = {each.ref for each in judge(state, bold, NOW, observed) if each.action == "Delete"}
    careful = bold.model_copy(update={"retention": retention})
    assert {each.ref for each in judge(state, careful, NOW, observed) if each.action == "Delete"} <= before
