"""The repository's own rules that no linter knows."""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIMIT = 300
REASON = re.compile(r"^# over 300 lines: \S", re.MULTILINE)
HEAD = 5  # lines in which the reason must stand


def python_files() -> list[Path]:
    return sorted(path for top in ("operator", "tests") for path in (ROOT / top).rglob("*.py"))


def too_long(text: str) -> bool:
    lines = text.splitlines()
    return len(lines) > LIMIT and not REASON.search("\n".join(lines[:HEAD]))


def test_no_file_is_too_long_without_a_reason() -> None:
    files = python_files()
    assert ROOT / "operator/violet_operator/__init__.py" in files
    assert [str(path.relative_to(ROOT)) for path in files if too_long(path.read_text())] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x\n" * LIMIT, False),
        ("x\n" * (LIMIT + 1), True),
        ("# over 300 lines: one table\n" + "x\n" * LIMIT, False),
        ("# over 300 lines:\n" + "x\n" * LIMIT, True),
        ("x\n" * LIMIT + "# over 300 lines: too late\n", True),
    ],
)
def test_length_rule(text: str, expected: bool) -> None:
    assert too_long(text) is expected


def test_operator_folder_does_not_shadow_the_standard_library() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()
    import operator  # noqa: PLC0415 -- the import is what is tested

    assert Path(operator.__file__ or "").is_relative_to(sys.base_prefix)
    assert operator.itemgetter(0)("ab") == "a"
