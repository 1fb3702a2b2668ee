"""Gzip with seek points: read the stream once, then start again anywhere near a wanted byte.

zlib's state can be copied at any moment (some 45 KB: the 32 KiB window and the tables). The first pass keeps
such copies at regular distances; a later read starts at the nearest one before its target. Gzip members may be
concatenated (RFC 1952 2.2), and padding of zero bytes may follow.
"""

from __future__ import annotations

import zlib
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

from violet_operator.errors import Stalled
from violet_operator.package.forward import ForwardReader
from violet_operator.package.limits import GIB, KIB, MIB, Limits
from violet_operator.package.source import Buffer, ByteSource

GZIP_MAGIC = b"\x1f\x8b"

_PIECE = 64 * KIB  # zlib is fastest when fed 64 KiB: with 1 MiB it copies its unconsumed tail again and again
MAX_OUTPUT = MIB  # bounds memory whatever the compression ratio
_POINTS = 192  # times 45 KB: 9 MB per open package, whatever its size
_MIN_DISTANCE = 4 * MIB


class SeekPoint:
    """A position from which inflation can start."""

    __slots__ = ("compressed", "plain", "state")

    def __init__(self, compressed: int, plain: int, state: Any) -> None:  # noqa: ANN401 - zlib's type is private
        self.compressed = compressed
        self.plain = plain
        self.state = state


class Inflater:
    """Feeds compressed bytes in, gives plain bytes out; knows where it stands in both."""

    def __init__(self, start: SeekPoint | None = None) -> None:
        self._state: Any = start.state.copy() if start else zlib.decompressobj(wbits=31)
        self.compressed = start.compressed if start else 0
        self.plain = start.plain if start else 0
        self._between_members = False

    def point(self) -> SeekPoint:
        """A seek point here; valid between two calls of `feed`."""
        return SeekPoint(self.compressed, self.plain, self._state.copy())

    def feed(self, data: Buffer) -> Iterator[bytes]:
        """The plain bytes of the next piece of the stream, at most 1 MiB at a time.

        Raises:
            Stalled: the stream is not gzip, or is damaged.
        """
        rest: Buffer = data
        self.compressed += len(data)
        while len(rest):
            if self._between_members:
                rest = self._next_member(rest)
                continue
            try:
                plain = self._state.decompress(rest, MAX_OUTPUT)
            except zlib.error as error:
                raise Stalled(
                    "CorruptPackage",
                    f"The package is damaged: gzip data is invalid near byte {self.compressed} ({error}). "
                    "Upload the package again.",
                ) from None
            rest = self._state.unconsumed_tail
            if self._state.eof:
                rest = self._state.unused_data
                self._between_members = True
            if plain:
                self.plain += len(plain)
                yield plain

    def _next_member(self, rest: Buffer) -> Buffer:
        """Skip padding; start over at the next gzip member."""
        trimmed = bytes(rest).lstrip(b"\0")
        if trimmed:
            self._state = zlib.decompressobj(wbits=31)
            self._between_members = False
        return trimmed

    def finish(self) -> None:
        """Say that the stream has ended.

        Raises:
            Stalled: it ended in the middle.
        """
        if not self._between_members:
            raise Stalled(
                "TruncatedPackage",
                f"The package is cut off: its gzip stream ends in the middle after {self.compressed} bytes. "
                "Upload the package again.",
            )


class GzipIndex:
    """The first pass over a gzip stream, and random access afterwards."""

    def __init__(self, source: ByteSource, limits: Limits) -> None:
        self._source = source
        self._limits = limits
        self._distance = max(_MIN_DISTANCE, source.size // _POINTS)
        self._points = [Inflater().point()]

    def rebind(self, source: ByteSource) -> None:
        """Read from now on through another handle on the very same bytes."""
        self._source = source

    def first_pass(self, pieces: Iterator[Buffer]) -> Iterator[bytes]:
        """The plain bytes of the whole stream; notes seek points on the way.

        Raises:
            Stalled: not gzip, damaged, cut off, or larger than the caps allow.
        """
        inflater = Inflater()
        for piece in pieces:
            for part in slices(piece):
                if inflater.compressed - self._points[-1].compressed >= self._distance:
                    self._points.append(inflater.point())
                yield from inflater.feed(part)
                check_growth(inflater.compressed, inflater.plain, self._limits)
        inflater.finish()

    def read(self, offset: int, size: int) -> Iterator[Buffer]:
        """`size` plain bytes from `offset` on.

        Raises:
            OperatorError: as the source does.
        """
        point = self._points[bisect_right(self._points, offset, key=lambda item: item.plain) - 1]
        reader = ForwardReader(self._inflate(point), self._limits.header)
        reader.seek(offset - point.plain)
        return reader.take(size)

    def _inflate(self, point: SeekPoint) -> Iterator[bytes]:
        inflater = Inflater(point)
        for piece in self._source.read_from(point.compressed):
            for part in slices(piece):
                yield from inflater.feed(part)


class PlainIndex:
    """The same for a stream that is not compressed: needs no seek points."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source

    def rebind(self, source: ByteSource) -> None:
        """Read from now on through another handle on the very same bytes."""
        self._source = source

    def first_pass(self, pieces: Iterator[Buffer]) -> Iterator[Buffer]:
        """The bytes as they are."""
        return pieces

    def read(self, offset: int, size: int) -> Iterator[Buffer]:
        """`size` bytes from `offset` on."""
        return ForwardReader(self._source.read_from(offset), size).take(size)


def check_growth(compressed: int, plain: int, limits: Limits) -> None:
    """Stop a stream that grows beyond the caps.

    Raises:
        Stalled: it does.
    """
    if plain > limits.plain or plain > GIB + compressed * limits.ratio:
        raise Stalled(
            "PackageTooLarge",
            f"The package unpacks to more than {plain} bytes from {compressed}: more than the caps allow, as a "
            "decompression bomb would. Build the package without such content.",
        )


def slices(piece: Buffer) -> Iterator[memoryview]:
    """A piece in the portions that decompressors like best."""
    view = memoryview(piece)
    for start in range(0, len(view), _PIECE):
        yield view[start : start + _PIECE]
