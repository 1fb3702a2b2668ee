"""Zstandard packages and layers: the same interface as gzip's, with other seek points.

The state of a zstd decompressor cannot be copied, so a read can start only where a frame does, and most packages are
one frame. A read that is done with its member therefore leaves its stream parked, and the next read that wants
something further on takes it over: blobs are pushed in the order of the package, so that each lane reads the package
once, not once per blob.
"""

from __future__ import annotations

import sys
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator

from violet_operator.errors import Stalled
from violet_operator.package.forward import ForwardReader
from violet_operator.package.inflate import MAX_OUTPUT, check_growth, slices
from violet_operator.package.limits import MIB, Limits
from violet_operator.package.source import Buffer, ByteSource

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAGIC = b"\x28\xb5\x2f\xfd"
SKIPPABLE = b"\x2a\x4d\x18"
"""The end of the magic of a skippable frame (RFC 8878 3.1.2), which pzstd writes first."""

_WINDOW_LOG = 27
"""128 MiB: the most that `zstd` itself takes without being told; bounds a decompressor's memory."""

_DISTANCE = 4 * MIB
_POINTS = 10_000
_PARKED = 8


def is_zstd(head: bytes) -> bool:
    """Whether a stream that begins so is zstd."""
    return head[:4] == MAGIC or (head[1:4] == SKIPPABLE and head[0] & 0xF0 == 0x50)  # noqa: PLR2004 - RFC 8878


class ZstdDecoder:
    """Feeds compressed bytes in, gives plain bytes out; knows where it stands in both."""

    def __init__(self, *, compressed: int = 0, plain: int = 0) -> None:
        self.compressed = compressed
        self.plain = plain
        self._state = _decompressor()

    def feed(self, data: Buffer, on_frame: Callable[[int, int], None] = lambda *_: None) -> Iterator[bytes]:
        """The plain bytes of the next piece of the stream, at most 1 MiB at a time.

        Args:
            data: the piece.
            on_frame: told where each frame starts, in compressed and in plain bytes.

        Raises:
            Stalled: the stream is not zstd, or is damaged.
        """
        self.compressed += len(data)
        rest: Buffer = data
        while len(rest) or not (self._state.needs_input or self._state.eof):
            if self._state.eof:
                self._state = _decompressor()
                on_frame(self.compressed - len(rest), self.plain)
            try:
                plain = self._state.decompress(rest, MAX_OUTPUT)
            except zstd.ZstdError as error:
                raise Stalled(
                    "CorruptPackage",
                    f"The package is damaged: zstd data is invalid near byte {self.compressed} ({error}). "
                    "Upload it again; if it was made with `zstd --long`, make it anew without.",
                ) from None
            rest = self._state.unused_data if self._state.eof else b""
            if plain:
                self.plain += len(plain)
                yield plain

    def finish(self) -> None:
        """Say that the stream has ended.

        Raises:
            Stalled: it ended in the middle.
        """
        if not self._state.eof:
            raise Stalled(
                "TruncatedPackage",
                f"The package is cut off: its zstd stream ends in the middle after {self.compressed} bytes. "
                "Upload the package again.",
            )


class ZstdIndex:
    """The first pass over a zstd stream, and reads from a frame or a parked stream afterwards."""

    def __init__(self, source: ByteSource, limits: Limits) -> None:
        self._source = source
        self._limits = limits
        self._frames = [(0, 0)]
        self._parked: list[tuple[int, ForwardReader]] = []
        self._lock = threading.Lock()

    def rebind(self, source: ByteSource) -> None:
        """Read from now on through another handle on the very same bytes."""
        with self._lock:
            self._source = source
            self._parked.clear()

    def first_pass(self, pieces: Iterator[Buffer]) -> Iterator[bytes]:
        """The plain bytes of the whole stream; notes where frames start.

        Raises:
            Stalled: damaged, cut off, or larger than the caps allow.
        """
        decoder = ZstdDecoder()
        for piece in pieces:
            for part in slices(piece):
                for plain in decoder.feed(part, self._note):
                    check_growth(decoder.compressed, decoder.plain, self._limits)
                    yield plain
        decoder.finish()

    def _note(self, compressed: int, plain: int) -> None:
        if plain - self._frames[-1][1] >= _DISTANCE and len(self._frames) < _POINTS:
            self._frames.append((compressed, plain))

    def read(self, offset: int, size: int) -> Iterator[Buffer]:
        """`size` plain bytes from `offset` on.

        Raises:
            OperatorError: as the source does.
        """
        base, reader = self._stream(offset)
        reader.seek(offset - base)
        try:
            yield from reader.take(size)
        except GeneratorExit:
            self._park(base, reader)  # the stream is sound: its reader has just had enough
            raise
        self._park(base, reader)

    def _stream(self, offset: int) -> tuple[int, ForwardReader]:
        """The stream that has least to skip: a parked one, or a new one from the frame before."""
        compressed, plain = self._frames[bisect_right(self._frames, offset, key=lambda frame: frame[1]) - 1]
        with self._lock:
            standing = [(base + reader.tell(), n) for n, (base, reader) in enumerate(self._parked)]
            best = max((item for item in standing if plain <= item[0] <= offset), default=None)
            if best is not None:
                return self._parked.pop(best[1])
        return plain, ForwardReader(self._decode(compressed, plain), self._limits.header)

    def _decode(self, compressed: int, plain: int) -> Iterator[bytes]:
        decoder = ZstdDecoder(compressed=compressed, plain=plain)
        for piece in self._source.read_from(compressed):
            for part in slices(piece):
                yield from decoder.feed(part)

    def _park(self, base: int, reader: ForwardReader) -> None:
        with self._lock:
            self._parked.append((base, reader))
            del self._parked[:-_PARKED]


def _decompressor() -> zstd.ZstdDecompressor:
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG})
