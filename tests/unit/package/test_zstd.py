"""Packages in zstd: any slice is the plain bytes, damage is our error, and pushing reads the package once."""

import random
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.package.source import MemorySource, gz, tar_of
from violet_operator.errors import OperatorError, Stalled
from violet_operator.package import zstd as reader
from violet_operator.package.archive import SMALL, Archive
from violet_operator.package.limits import Limits
from violet_operator.package.zstd import ZstdIndex

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

NOISE = random.Random(1).randbytes(40_000)
SKIPPABLE = b"\x5a\x2a\x4d\x18\x08\x00\x00\x00whatever"


def compressed(*parts: bytes) -> bytes:
    """One frame each."""
    return b"".join(zstd.compress(part) for part in parts)


def opened(data: bytes, piece: int = 997, limits: Limits | None = None) -> tuple[ZstdIndex, MemorySource, bytes]:
    source = MemorySource(data, piece)
    index = ZstdIndex(source, limits or Limits())
    plain = b"".join(index.first_pass(source.read_from(0)))
    source.given = 0
    return index, source, plain


def read(index: ZstdIndex, offset: int, size: int) -> bytes:
    return b"".join(bytes(piece) for piece in index.read(offset, size))


@settings(max_examples=100, deadline=None)
@given(parts=st.lists(st.binary(max_size=300).map(lambda part: part * 7), min_size=1, max_size=5),
       piece=st.integers(1, 400), places=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=6))  # fmt: skip
def test_any_slices_in_any_order(parts: list[bytes], piece: int, places: list[tuple[float, float]]) -> None:
    plain = b"".join(parts)
    index, _, first = opened(compressed(*parts), piece)
    assert first == plain
    for one, other in places:
        start, end = sorted((int(one * len(plain)), int(other * len(plain))))
        assert read(index, start, end - start) == plain[start:end]


def test_blobs_in_order_cost_one_read_of_the_package() -> None:
    index, source, plain = opened(compressed(NOISE))
    for start in range(0, 40_000, 1000):
        assert read(index, start + 10, 900) == plain[start + 10 : start + 910]
    assert source.given <= source.size


def test_a_read_that_ends_early_leaves_its_stream_to_the_next() -> None:
    index, source, plain = opened(compressed(NOISE), 100)
    pieces = index.read(100, 30_000)
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    assert read(index, 39_000, 100) == plain[39_000:39_100]
    assert source.given <= source.size


def test_a_read_backwards_starts_over() -> None:
    index, _, plain = opened(compressed(NOISE))
    assert read(index, 30_000, 100) == plain[30_000:30_100]
    assert read(index, 100, 100) == plain[100:200]
    assert read(index, 31_000, 100) == plain[31_000:31_100]


def test_a_late_frame_is_where_a_read_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_DISTANCE", 10_000)
    index, source, plain = opened(compressed(*(NOISE[n : n + 4000] for n in range(0, 40_000, 4000))))
    assert read(index, 37_000, 100) == plain[37_000:37_100]
    assert source.given < 20_000


def test_few_streams_stay_parked_and_none_after_rebind(monkeypatch: pytest.MonkeyPatch) -> None:
    index, source, _ = opened(compressed(NOISE))
    for start in range(30_000, 0, -1000):
        read(index, start, 10)
    assert len(index._parked) == 8
    index.rebind(MemorySource(source.data))
    assert index._parked == []


def test_a_failed_read_leaves_nothing_behind() -> None:
    index, source, _ = opened(compressed(NOISE))
    source.data = source.data[:20_000]
    with pytest.raises(OperatorError):
        read(index, 0, 40_000)
    assert index._parked == []


@pytest.mark.parametrize("data", [SKIPPABLE + compressed(NOISE), compressed(NOISE[:9], b"", NOISE[9:]) + SKIPPABLE])
def test_skippable_and_empty_frames(data: bytes) -> None:
    assert opened(data)[2] == NOISE
    assert reader.is_zstd(data)


@pytest.mark.parametrize("keep", [1, 5, 100, -5, -1])
def test_cut_off(keep: int) -> None:
    with pytest.raises(Stalled) as caught:
        opened(compressed(NOISE)[:keep])
    assert caught.value.reason == "TruncatedPackage"


@settings(deadline=None)
@given(st.integers(0, 39_000), st.integers(1, 255))
def test_damage_is_noticed(place: int, mask: int) -> None:
    data = bytearray(zstd.compress(NOISE, options={zstd.CompressionParameter.checksum_flag: 1}))
    data[place] ^= mask
    try:
        plain = opened(bytes(data))[2]
    except OperatorError as error:
        result = error.reason
    else:  # a byte of the header that means nothing here
        result = "harmless" if plain == NOISE else "unnoticed"
    assert result in {"CorruptPackage", "TruncatedPackage", "harmless"}


def test_rubbish_behind_is_refused() -> None:
    with pytest.raises(Stalled) as caught:
        opened(compressed(NOISE) + b"rubbish!")
    assert caught.value.reason == "CorruptPackage"


def test_caps() -> None:
    with pytest.raises(Stalled) as caught:
        opened(compressed(NOISE), limits=Limits(plain=39_999))
    assert caught.value.reason == "PackageTooLarge"


def test_a_window_beyond_the_memory_meant_for_it_is_refused() -> None:
    compressor = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 28})
    with pytest.raises(Stalled, match="--long"):
        opened(compressor.compress(NOISE) + compressor.flush())


FILES = {f"f{n}": random.Random(n).randbytes(SMALL + n) for n in range(3)} | {"small": b"x", "empty": b""}


@pytest.mark.parametrize("pack", [gz, compressed, bytes], ids=["gzip", "zstd", "tar"])
def test_an_archive_reads_alike_whatever_its_compression(pack: type[bytes]) -> None:
    archive = Archive.scan(MemorySource(pack(tar_of(FILES))))
    assert {name: archive.read(member) for name, member in archive.members.items()} == FILES
    for name, data in FILES.items():
        assert b"".join(bytes(piece) for piece in archive.stream(archive.members[name], 7)) == data[7:]
