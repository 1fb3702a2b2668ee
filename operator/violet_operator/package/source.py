"""What package reading needs of whatever holds the bytes: object storage, a file, memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from violet_operator.errors import Waiting

Buffer = bytes | memoryview


class ByteSource(Protocol):
    """One immutable object: every read sees the same bytes, or fails."""

    @property
    def size(self) -> int:
        """Bytes of the whole object."""
        ...

    def read_from(self, offset: int) -> Iterator[Buffer]:
        """The bytes from `offset` to the end, in pieces of up to a few MiB; closing the iterator ends the read.

        Raises:
            OperatorError: the object cannot be read, or is no longer the same.
        """
        ...


_PIECE = 1 << 20
"""Bytes read from a file at a time."""


class FileSource:
    """A local file (a `ByteSource`)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            if path.is_dir():
                raise Waiting("SourceNotFound", f"{path} is a directory: name the package's file.")
            if not path.is_file():
                raise Waiting("SourceNotFound", f"{path}: there is no such file.")
            self.size = path.stat().st_size
        except OSError as error:
            raise self._unreadable(error) from None

    def read_from(self, offset: int) -> Iterator[Buffer]:
        """The bytes from `offset` to the end.

        Raises:
            OperatorError: the file cannot be read, or was changed meanwhile.
        """
        try:
            with self._path.open("rb", buffering=0) as file:
                file.seek(offset)
                while piece := file.read(_PIECE):
                    offset += len(piece)
                    yield piece
        except OSError as error:
            raise self._unreadable(error) from None
        if offset != self.size:
            raise Waiting("SourceChanged", f"{self._path}: the file was changed while it was read.")

    def _unreadable(self, error: OSError) -> Waiting:
        return Waiting("SourceForbidden", f"{self._path}: the file cannot be read ({error.strerror}).")
