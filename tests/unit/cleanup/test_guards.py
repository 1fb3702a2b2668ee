"""Each guard alone: a platform in which it speaks, and what becomes of the object without it.

A guard that could be removed unnoticed would be one that protects nothing, or one that no test knows.
"""

import ast
import inspect
import re
from pathlib import Path
from typing import Any, TypeGuard

import pytest

from tests.unit.cleanup.guard_cases import CASES, Case
from tests.unit.cleanup.platforms import judged, platform
from violet_operator.cleanup import judge as judge_module
from violet_operator.cleanup import operators, plugins, protections

TABLES: dict[str, tuple[Any, str]] = {
    "operator": (operators, "GUARDS"),
    "plugin": (plugins, "GUARDS"),
    "object": (judge_module, "OBJECT_GUARDS"),
    "version": (judge_module, "VERSION_GUARDS"),
}


def verdict(case: Case) -> Any:
    world = platform()
    case.change(world)
    return judged(case.gathered(world.state()), case.wish)[case.target]


def test_every_guard_has_a_case() -> None:
    guards = {(table, guard.reason) for table, (module, name) in TABLES.items() for guard in getattr(module, name)}
    assert guards == {(case.table, case.reason) for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_guard_keeps_it(case: Case) -> None:
    found = verdict(case)
    assert (found.action, found.reason) == ("Keep", case.reason), found
    assert found.message.endswith((".", ")"))
    assert len(found.message) < 300


@pytest.mark.parametrize("case", CASES, ids=str)
def test_without_the_guard_that_is_noticed(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    module, name = TABLES[case.table]
    rest = tuple(guard for guard in getattr(module, name) if guard.reason != case.reason)
    monkeypatch.setattr(module, name, rest)
    found = verdict(case)
    assert (found.action, found.reason) != ("Keep", case.reason)


LAYERED = {
    ("operator", "CoreLifecycle"),  # without it, core would be a word like any that is not known
    ("plugin", "CoreLifecycle"),
    ("operator", "NoInstalledCSV"),  # an empty CSV cannot be compared, and contradicts what is there
    ("operator", "UpgradeInTransit"),  # what is not at rest mostly contradicts the view too
    ("plugin", "UnknownPhase"),
    ("plugin", "NoInstalledVersion"),
    ("version", "InUse"),  # what is installed is never older than itself
}
"""Guards behind which another one stands in every case; all others are the only thing between an object and its end."""


@pytest.mark.parametrize("case", [case for case in CASES if (case.table, case.reason) not in LAYERED], ids=str)
def test_without_the_guard_somewhere_an_object_is_lost(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    module, name = TABLES[case.table]
    rest = tuple(guard for guard in getattr(module, name) if guard.reason != case.reason)
    monkeypatch.setattr(module, name, rest)
    same = [each for each in CASES if (each.table, each.reason) == (case.table, case.reason)]
    assert any(verdict(each).action == "Delete" for each in same)


def test_every_reason_is_documented_and_nothing_else() -> None:
    page = (Path(__file__).parents[3] / "docs" / "cleanuprun.md").read_text().partition("### Reasons of items")[2]
    guards = {guard.reason for module, name in TABLES.values() for guard in getattr(module, name)}
    others = {node.value for node in ast.walk(ast.parse(inspect.getsource(judge_module))) if _is_word(node)}
    assert set(re.findall(r"^\| `(\w+)` \| (?:Keep|Delete) \|", page, re.MULTILINE)) == guards | others


def _is_word(node: ast.AST) -> TypeGuard[ast.Constant]:
    """Whether it is a reason: a word in CamelCase that is no action."""
    value = node.value if isinstance(node, ast.Constant) else None
    word = isinstance(value, str) and re.fullmatch(r"([A-Z][a-z]+)+", value)
    return bool(word) and value not in ("Keep", "Delete")


def test_the_tables_are_those_that_the_judgement_uses() -> None:
    assert judge_module.OBJECT_GUARDS is protections.OBJECT_GUARDS
    assert judge_module.VERSION_GUARDS is protections.VERSION_GUARDS
