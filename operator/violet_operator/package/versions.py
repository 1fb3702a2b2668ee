"""Comparing versions as packagers write them: with or without a leading v, semantic or not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")

_PART = re.compile(r"\d+|[A-Za-z]+")
_SUFFIX = r"(?:-[0-9A-Za-z.-]+)?(?:[+_][0-9A-Za-z.-]+)?"
_VERSION = re.compile(rf"v?[0-9]{{1,18}}(?:\.[0-9]{{1,18}})*{_SUFFIX}")
_CSV_REST = re.compile(r"\.|-v?[0-9]|$")
_CSV_VERSION = re.compile(rf"[.-]v?([0-9]+\.[0-9]+\.[0-9]+{_SUFFIX})")


def same_version(one: str, other: str) -> bool:
    """Whether two spellings mean one version: a leading v and build metadata's + or _ do not matter."""
    return _bare(one) == _bare(other)


def newest(items: Iterable[T], key: Callable[[T], str]) -> T | None:
    """The item of the highest version; None of none."""
    return max(items, key=lambda item: _order(key(item)), default=None)


def is_older(one: str, other: str) -> bool:
    """Whether one comes strictly before the other; trailing zeros do not matter. Of two versions that are some."""
    return _trimmed(one) < _trimmed(other)


def comparable(one: str, other: str) -> bool:
    """Whether it is certain which of two versions is newer, by their numbers; or that they are one version.

    Behind equal numbers nobody but the packager knows: 1.5.0-rc.1 comes before 1.5.0, and 1.5.0-hotfix.1 after it,
    though Semantic Versioning has both before.
    """
    if not (is_version(one) and is_version(other)):
        return False
    return same_version(one, other) or _trimmed(one)[0] != _trimmed(other)[0]


def is_version(text: str) -> bool:
    """Whether a text is a version: numbers, and a suffix behind a hyphen at most (not 2.0rc1)."""
    return _VERSION.fullmatch(text.strip()) is not None


def csv_version(name: str, packages: Iterable[str]) -> str:
    """The version in a CSV's name, behind the name of one of these packages; empty if that is not all there is."""
    for package in sorted(filter(None, packages), key=len, reverse=True):
        if name.startswith(package) and (found := _CSV_VERSION.fullmatch(name, len(package))):
            return found[1]
    return ""


def may_be_of(name: str, packages: Iterable[str]) -> bool:
    """Whether a CSV may be of one of these packages, by its name: also where that says no certain version."""
    return any(name.startswith(package) and _CSV_REST.match(name, len(package)) for package in packages)


def _trimmed(version: str) -> tuple[tuple[int, ...], bool, tuple[tuple[bool, int, str], ...]]:
    numbers, released, pre = _order(version)
    while numbers and not numbers[-1]:
        numbers = numbers[:-1]
    return numbers, released, pre


def _bare(version: str) -> str:
    return version.strip().removeprefix("v").replace("+", "_")


def _order(version: str) -> tuple[tuple[int, ...], bool, tuple[tuple[bool, int, str], ...]]:
    """Semantic Versioning 2.0.0, clause 11, for what follows it; some order for the rest."""
    core, dash, pre = _bare(version).partition("_")[0].partition("-")
    numbers = tuple(int(part[:18]) for part in _PART.findall(core) if part.isdigit() and part.isascii())
    parts = tuple((not part.isdigit(), int(part[:18]) if part.isdigit() else 0, part) for part in _PART.findall(pre))
    return numbers, not dash, parts
