"""A tar archive that is never stored: its bytes are made when they are read, from any offset.

So a directory can be understood by the very code that reads packages, and a package can be written without a copy
of its content. Deterministic: no times, owners or modes of the machine that made it.
"""

from __future__ import annotations

import tarfile
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from violet_operator.package.source import Buffer

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """A regular file of the archive.

    Attributes:
        name: path inside the archive.
        size: bytes.
        open: gives its bytes from an offset on.
    """

    name: str
    size: int
    open: Callable[[int], Iterator[Buffer]]


def entry_of_bytes(name: str, data: bytes) -> Entry:
    """An entry from memory."""
    return Entry(name, len(data), lambda offset: iter([memoryview(data)[offset:]]))


def entry_of_file(name: str, path: Path) -> Entry:
    """An entry from a file."""

    def read(offset: int) -> Iterator[Buffer]:
        with path.open("rb") as file:
            file.seek(offset)
            while piece := file.read(_PIECE):
                yield piece

    return Entry(name, path.stat().st_size, read)


class VirtualTar:
    """A `ByteSource` of a tar archive with these entries, in this order."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._parts: list[Entry] = []
        for entry in entries:
            header = tarfile.TarInfo(entry.name)
            header.size = entry.size
            padding = bytes(-entry.size % tarfile.BLOCKSIZE)
            self._parts += [entry_of_bytes("", header.tobuf(tarfile.PAX_FORMAT)), entry]
            if padding:
                self._parts.append(entry_of_bytes("", padding))
        self._parts.append(entry_of_bytes("", bytes(2 * tarfile.BLOCKSIZE)))
        self._starts = [0]
        for part in self._parts:
            self._starts.append(self._starts[-1] + part.size)

    @property
    def size(self) -> int:
        """Bytes of the archive."""
        return self._starts[-1]

    def read_from(self, offset: int) -> Iterator[Buffer]:
        """The bytes from `offset` to the end."""
        first = bisect_right(self._starts, offset) - 1
        for number in range(first, len(self._parts)):
            yield from self._parts[number].open(max(0, offset - self._starts[number]))
