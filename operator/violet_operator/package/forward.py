"""A file object for `tarfile` over a stream: reads and skips forward, never back.

`tarfile` in mode `r:` over it is 2.7 times as fast as mode `r|gz` (which copies everything three times).
"""

from __future__ import annotations

from collections.abc import Iterator

from violet_operator.errors import Stalled
from violet_operator.package.source import Buffer

_BLOCK = 512


class ForwardReader:
    """What `tarfile` needs: `read`, `tell`, and a `seek` that only goes forward."""

    def __init__(self, pieces: Iterator[Buffer], longest_read: int) -> None:
        self._pieces = pieces
        self._piece: memoryview = memoryview(b"")
        self._longest = longest_read
        self._position = 0
        self._headers = 0
        self._last_block = b""

    def tell(self) -> int:
        """Bytes consumed."""
        return self._position

    def seek(self, offset: int) -> int:
        """Go forward to `offset`.

        Raises:
            Stalled: the stream ends before, or a header of negative size leads back.
        """
        if offset < self._position:
            raise Stalled(
                "UnsafeArchive",
                "The package holds a tar header that leads back into what was read. Do not trust it.",
            )
        for _ in self.take(offset - self._position):
            pass
        return self._position

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; fewer only at the end of the stream. Called by tarfile for headers alone.

        Raises:
            Stalled: the headers of one member claim to be larger than any are: tarfile keeps them in memory.
        """
        self._headers += size
        if size < 0 or self._headers > self._longest:
            raise Stalled(
                "UnsafeArchive",
                f"The package holds a tar header of {self._headers} bytes, which no honest archive has. "
                "Do not trust it.",
            )
        parts = []
        while size and self._fill():
            part = self._piece[:size]
            parts.append(bytes(part))
            self._advance(len(part))
            size -= len(part)
        data = b"".join(parts)
        if len(data) == _BLOCK:
            self._last_block = data
        return data

    def take(self, size: int) -> Iterator[memoryview]:
        """The next `size` bytes without a copy; the headers of a new member may follow.

        Raises:
            Stalled: the stream ends before.
        """
        self._headers = 0
        while size:
            if not self._fill():
                raise Stalled(
                    "TruncatedPackage",
                    f"The package is cut off: its tar archive ends in the middle of a file after {self._position} "
                    "bytes. Upload the package again.",
                )
            part = self._piece[:size]
            self._advance(len(part))
            size -= len(part)
            yield part

    @property
    def ended(self) -> bool:
        """Whether nothing follows."""
        return not self._fill()

    def drain(self) -> None:
        """Read what is left: only its end shows whether a compressed stream is whole."""
        while self._fill():
            self._advance(len(self._piece))

    def expect_end(self) -> None:
        """Check that the archive ended with its end mark, and read what padding follows.

        tarfile takes a damaged header for the end; the end mark is a block of zeros (POSIX pax, "ustar").

        Raises:
            Stalled: it did not, or something follows.
        """
        clean = self._last_block == bytes(_BLOCK)
        while self._fill():
            clean = clean and not any(
                self._piece[i : i + 65536].tobytes().strip(b"\0") for i in range(0, len(self._piece), 65536)
            )
            self._advance(len(self._piece))
        if not clean:
            raise Stalled(
                "CorruptPackage",
                "The package's tar archive does not end as it should: it is cut off or damaged. Upload it again.",
            )

    def _fill(self) -> bool:
        while not len(self._piece):
            piece = next(self._pieces, None)
            if piece is None:
                return False
            self._piece = memoryview(piece)
        return True

    def _advance(self, count: int) -> None:
        self._piece = self._piece[count:]
        self._position += count
