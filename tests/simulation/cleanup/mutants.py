"""`python -m tests.simulation.cleanup.mutants`: break the judgement in one place at a time; the tests must notice.

Every comparison, condition, operator, number and word of the pure modules is changed in turn, in a process of its own
that then runs the tables, the tests of the judgement, and some random platforms. Prints the changes that nobody
noticed: each is either a missing test or a line that makes no difference.
"""

import argparse
import ast
import copy
import importlib
import importlib.util
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

PACKAGE = "violet_operator.cleanup"
MODULES = (
    *("fields", "parse", "state", "protections", "package", "ownership", "operators", "plugins", "judge", "plan"),
    *("decide", "putback"),
)
TESTS = (
    *("test_parse", "test_guards", "test_judge", "test_bystanders", "test_selector", "test_csv_names", "test_suffixes"),
    *("test_wanted_by_uploads", "test_report", "test_plan", "test_putback", "test_acting"),
)
SOURCE = Path(__file__).parents[3] / "operator" / "violet_operator" / "cleanup"
PLATFORMS = 150
SLOW = (
    "pytest",
    "hypothesis",
    "violet_operator.api.cleanup_run",
    "violet_operator.clients.kube",
    "violet_operator.package.versions",
)
OPPOSITES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
WORD = re.compile(r"[\w./-]+")
Change = Callable[[ast.AST], object]


def changes(node: ast.AST) -> Iterator[tuple[str, Change]]:
    """What can be done to a node: in words, and to a copy of it."""
    match node:
        case ast.Compare(ops=[operator, *_]) if type(operator) in OPPOSITES:
            yield "opposite comparison", lambda it: setattr(it, "ops", [OPPOSITES[type(operator)](), *node.ops[1:]])
        case ast.BoolOp(op=operator):
            other = ast.Or() if isinstance(operator, ast.And) else ast.And()
            yield "and for or", lambda it: setattr(it, "op", other)
        case ast.If(test=test) | ast.IfExp(test=test) if not isinstance(test, ast.Compare):
            yield "condition negated", lambda it: setattr(it, "test", ast.UnaryOp(ast.Not(), test))
        case ast.comprehension(ifs=[_, *_]):
            yield "filter dropped", lambda it: setattr(it, "ifs", [])
        case ast.BinOp(op=ast.BitOr() | ast.Sub()) if not isinstance(node.right, ast.Constant):
            yield "right side dropped", lambda it: setattr(it, "right", copy.deepcopy(node.left))
        case ast.Constant(value=bool(value)):
            yield "opposite constant", lambda it: setattr(it, "value", not value)
        case ast.Constant(value=int(value)):
            yield "another number", lambda it: setattr(it, "value", value + 1)
        case ast.Constant(value=str(value)) if WORD.fullmatch(value):
            yield f"another word than {value!r}", lambda it: setattr(it, "value", f"{value}-not")
        case ast.Name(id="any" | "all" as word):
            yield f"other than {word}", lambda it: setattr(it, "id", "all" if word == "any" else "any")


def mutants(module: str) -> Iterator[tuple[str, ast.Module]]:
    """Every mutant of a module, with its place and what was done."""
    tree = ast.parse((SOURCE / f"{module}.py").read_text())
    hidden = {id(below) for node in ast.walk(tree) if skipped(node) for below in ast.walk(node)}
    decorators = (each for node in ast.walk(tree) for each in getattr(node, "decorator_list", ()))
    annotations = (node.annotation for node in ast.walk(tree) if isinstance(node, ast.AnnAssign))
    hidden |= {id(below) for each in (*decorators, *annotations) for below in ast.walk(each)}
    nodes = list(ast.walk(tree))
    for index, node in enumerate(nodes):
        if id(node) in hidden:
            continue
        for what, change in changes(node):
            mutant = copy.deepcopy(tree)
            place = list(ast.walk(mutant))[index]
            change(place)
            line = getattr(node.target if isinstance(node, ast.comprehension) else node, "lineno", 0)
            yield f"{module}.py:{line}: {what}", ast.fix_missing_locations(mutant)


def skipped(node: ast.AST) -> bool:
    """Texts for people, annotations, imports and declarations: nothing is decided there."""
    if isinstance(node, ast.FunctionDef) and node.name == "_said":
        return True
    declared = isinstance(node, ast.ClassDef) and not any(isinstance(each, ast.FunctionDef) for each in node.body)
    text = isinstance(node, ast.JoinedStr | ast.ImportFrom | ast.AnnAssign | ast.arguments) and not _is_table(node)
    declared = declared or (isinstance(node, ast.Assign) and _name_of(node) in ("P", "S", "T"))
    return declared or text or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _name_of(node: ast.Assign) -> str:
    return ast.unparse(node.targets[0])


def _is_table(node: ast.AST) -> bool:
    return isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Tuple | ast.Dict)


def survives(module: str, tree: ast.Module) -> bool:
    """Whether a mutant passes all checks; in a child process, so that nothing of it is left."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    try:
        name = f"{PACKAGE}.{module}"
        spec = importlib.util.find_spec(name)
        assert spec is not None
        mutant = importlib.util.module_from_spec(spec)
        sys.modules[name] = mutant
        setattr(importlib.import_module(PACKAGE), module, mutant)
        exec(compile(tree, str(SOURCE / f"{module}.py"), "exec"), mutant.__dict__)
        check()
    except BaseException:  # noqa: BLE001 - a mutant may fail in any way
        os._exit(1)
    os._exit(0)


def check() -> None:
    """The tests that need nothing but Python."""
    simulate = importlib.import_module("tests.simulation.cleanup.simulate").simulate
    acting = importlib.import_module("tests.simulation.cleanup.acting").simulate_acting
    from collections import Counter  # noqa: PLC0415

    for name in TESTS:
        module = importlib.import_module(f"tests.unit.cleanup.{name}")
        for function in vars(module).values():
            if getattr(function, "__name__", "").startswith("test_"):
                run(function)
    for seed in range(PLATFORMS):
        simulate(Random(f"test {seed}"), Counter())
        acting(Random(f"act {seed}"), Counter())


def run(function: Callable[..., object]) -> None:
    """A test with its parameters, unless it wants a fixture or is hypothesis's, which takes its time."""
    if getattr(function, "is_hypothesis_test", False):
        return
    marks = [mark for mark in getattr(function, "pytestmark", []) if mark.name == "parametrize"]
    given: set[str] = set()
    rows: list[dict[str, Any]] = [{}]
    for mark in marks:
        names = mark.args[0].split(",") if isinstance(mark.args[0], str) else list(mark.args[0])
        given |= set(names)
        values = [value if len(names) > 1 else (value,) for value in mark.args[1]]
        rows = [row | dict(zip(names, value, strict=True)) for row in rows for value in values]
    if set(function.__code__.co_varnames[: function.__code__.co_argcount]) <= given:
        for row in rows:
            function(**row)


def main() -> int:
    """Make and check every mutant."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", default=MODULES, help=f"of {', '.join(MODULES)} (default: all)")
    flags = parser.parse_args()
    assert not [name for name in sys.modules if name.startswith(PACKAGE)], "the parent must not know what it mutates"
    for slow in SLOW:  # imported once, and not in every child
        importlib.import_module(slow)
    count, survivors, start = 0, [], time.monotonic()
    for module in flags.modules:
        for what, tree in mutants(module):
            count += 1
            if survives(module, tree):
                survivors.append(what)
                print(f"nobody noticed: {what}", flush=True)
    print(f"{count} mutants in {time.monotonic() - start:.0f} s, {len(survivors)} not noticed")
    return bool(survivors)


if __name__ == "__main__":
    sys.exit(main())
