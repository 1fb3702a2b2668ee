"""What package reading needs of whatever holds the bytes: object storage, a file, memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

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
