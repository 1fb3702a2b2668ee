"""A chart directory as the archive that `helm package` makes of it: all its files but those that `.helmignore` names.

The rules of `.helmignore` are Helm's own (helm, pkg/ignore): patterns of a shell, of which one without a slash counts
in every folder, one with a slash at its end for folders alone, and one after `!` lets through only what it matches.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from violet_operator.errors import Stalled
from violet_operator.package.documents import load_mapping, text
from violet_operator.package.virtual import VirtualTar, entry_of_file

CHART_FILE = "Chart.yaml"
_IGNORE = ".helmignore"
_ALWAYS = "templates/.?*"
"""Helm never takes hidden templates."""


def chart_archive(directory: Path) -> bytes:
    """The archive; the same files make the same bytes.

    Raises:
        Stalled: it is no chart, or holds what cannot be packed.
        OSError: a file cannot be read.
    """
    name = text(load_mapping(str(directory / CHART_FILE), (directory / CHART_FILE).read_bytes()), "name")
    if not name or "/" in name:
        raise Stalled("InvalidPackage", f"{directory / CHART_FILE} states no name that a chart can have.")
    ignore = directory / _IGNORE
    rules = rules_of(ignore.read_text(encoding="utf-8-sig", errors="replace") if ignore.is_file() else "")
    files = _files(directory, directory, rules)
    entries = [entry_of_file(f"{name}/{path.relative_to(directory).as_posix()}", path) for path in files]
    return gzip.compress(b"".join(bytes(piece) for piece in VirtualTar(entries).read_from(0)), mtime=0)


@dataclass(frozen=True, slots=True)
class Rule:
    """A line of `.helmignore`.

    Attributes:
        pattern: without its marks.
        anywhere: whether the last part of a path is compared, not all of it.
        folders: whether it is about folders alone.
        negated: whether it ignores all but what it matches.
    """

    pattern: str
    anywhere: bool
    folders: bool
    negated: bool

    def ignores(self, name: str, *, folder: bool) -> bool:
        """Whether it leaves this path out."""
        if self.folders and not folder:
            return self.negated
        return self._matches(name) != self.negated

    def _matches(self, name: str) -> bool:
        parts = name.split("/")[-1:] if self.anywhere else name.split("/")
        patterns = self.pattern.split("/")
        return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))


def rules_of(content: str) -> list[Rule]:
    """The rules of a `.helmignore`, and Helm's own.

    Raises:
        Stalled: Helm would not take it.
    """
    lines = (line.strip() for line in (*content.splitlines(), _ALWAYS))
    return [_rule(line) for line in lines if line and not line.startswith("#")]


def _rule(line: str) -> Rule:
    if "**" in line:
        raise Stalled("InvalidPackage", f"{_IGNORE} has the line {line[:80]!r}: Helm knows no double star (**).")
    body = line.removeprefix("!").replace("[^", "[!")  # Go's way to negate a class, and Python's
    bare = body.removesuffix("/")
    return Rule(bare.removeprefix("/"), "/" not in bare, body.endswith("/"), line.startswith("!"))


def _files(folder: Path, root: Path, rules: list[Rule]) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        name = path.relative_to(root).as_posix()
        if any(rule.ignores(name, folder=path.is_dir()) for rule in rules):
            continue
        if path.is_symlink():
            raise Stalled(
                "InvalidPackage",
                f"{path} is a link, which is not followed: put the file itself there, or make the archive with "
                "`helm package` and give that.",
            )
        if path.is_dir():
            yield from _files(path, root, rules)
        elif path.is_file():
            yield path
        else:
            raise Stalled("InvalidPackage", f"{path} is a pipe, socket or device, which no chart holds: remove it.")
