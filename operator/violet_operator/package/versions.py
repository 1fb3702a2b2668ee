"""Comparing versions as packagers write them: with or without a leading v, semantic or not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")

_PART = re.compile(r"\d+|[A-Za-z]+")


def same_version(one: str, other: str) -> bool:
    """Whether two spellings mean one version: a leading v and build metadata's + or _ do not matter."""
    return _bare(one) == _bare(other)


def newest(items: Iterable[T], key: Callable[[T], str]) -> T | None:
    """The item of the highest version; None of none."""
    return max(items, key=lambda item: _order(key(item)), default=None)


def is_older(one: str, other: str) -> bool:
    """Whether one comes strictly before the other; trailing zeros do not matter. Of two versions that are some."""
    return _trimmed(one) < _trimmed(other)


def is_version(text: str) -> bool:
    """Whether a text begins as versions do, so that it can be compared."""
    return _bare(text)[:1].isdigit()


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
