"""`violet-operator show FILE`: what a package is, before it is uploaded, in the words of `violet show`.

Standard output has the answer alone; what in the package does not agree, and the progress, go to standard error.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from violet_operator.package.archive import Archive
from violet_operator.package.limits import MIB
from violet_operator.package.model import Package
from violet_operator.package.source import FileSource
from violet_operator.package.understand import understand
from violet_operator.support.durations import human_bytes
from violet_operator.support.redact import printable

_LARGE = 64 * MIB
"""Files from this size on take long enough that progress is shown."""

_REFRESH = 0.2
"""Seconds between two updates of the progress."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("file", metavar="FILE", type=Path, help="the package")
    parser.add_argument("--all", action="store_true", help="with the artifact and all related images")


def run(flags: argparse.Namespace) -> int:
    """Print what the package is.

    Raises:
        OperatorError: it is not a package, or not a good one.
    """
    package = read(flags.file)
    for line in lines(package, everything=flags.all):
        sys.stdout.write(f"{printable(line)}\n")
    for item in package.contradictions:
        sys.stderr.write(f"note: {printable(item.message)}\n")
    return 0


def read(path: Path) -> Package:
    """The package in a local file, read once.

    Raises:
        OperatorError: it cannot be read, or is no good package.
    """
    source = FileSource(path)
    progress = _Progress(source.size) if source.size >= _LARGE and sys.stderr.isatty() else None
    try:
        archive = Archive.scan(source, on_bytes=progress or _silent)
        return understand(archive, file_name=path.name)
    finally:
        if progress:
            progress.clear()


def lines(package: Package, *, everything: bool) -> list[str]:
    """The answer in the CLI's format; the architectures with `everything` too, which the CLI loses."""
    shown = [
        f"Name: {package.display_name}",
        f"Type: {package.type}",
        f"Arch: {_list(package.architectures)}",
        f"Version: {package.version}",
    ]
    if everything:
        shown += [f"Artifact: {package.artifact}", f"RelateImages: {_list(package.related_images)}"]
    return shown


def _list(items: tuple[str, ...]) -> str:
    return f"[{' '.join(items)}]"


def _silent(_: int) -> None:
    return


class _Progress:
    """One line on a terminal, rewritten."""

    def __init__(self, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._total = total
        self._done = 0
        self._clock = clock
        self._next = 0.0

    def __call__(self, count: int) -> None:
        self._done += count
        if self._clock() >= self._next:
            self._next = self._clock() + _REFRESH
            percent = 100 * self._done // self._total
            sys.stderr.write(f"\rReading {human_bytes(self._done)} of {human_bytes(self._total)} ({percent} %) \x1b[K")
            sys.stderr.flush()

    def clear(self) -> None:
        """Leave no trace on the terminal."""
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
