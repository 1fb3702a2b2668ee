"""Gzip with seek points: any slice equals the plain bytes, and damage is always one of our errors."""

import random
from itertools import islice

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.package.source import MemorySource, gz
from violet_operator.errors import OperatorError, Stalled
from violet_operator.package import inflate
from violet_operator.package.inflate import GzipIndex, PlainIndex
from violet_operator.package.limits import Limits

TEXT = random.Random(1).randbytes(3000) + b"abc" * 4000 + bytes(20_000) + random.Random(2).randbytes(5000)


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The boundaries that large packages have, in small ones."""
    monkeypatch.setattr(inflate, "_PIECE", 97)
    monkeypatch.setattr(inflate, "MAX_OUTPUT", 131)
    monkeypatch.setattr(inflate, "_MIN_DISTANCE", 200)


def opened(data: bytes, piece: int = 61, limits: Limits | None = None) -> tuple[GzipIndex, bytes]:
    """The index after its first pass, and what that pass gave."""
    source = MemorySource(data, piece)
    index = GzipIndex(source, limits or Limits())
    return index, b"".join(index.first_pass(source.read_from(0)))


def content() -> st.SearchStrategy[bytes]:
    """Content that compresses badly, well, and both."""
    run = st.tuples(st.binary(max_size=40), st.integers(1, 60)).map(lambda pair: pair[0] * pair[1])
    noise = st.integers(0, 2**32).map(lambda seed: random.Random(seed).randbytes(700))
    return st.lists(st.one_of(run, noise), max_size=6).map(b"".join)


@settings(max_examples=150, deadline=None)
@given(parts=st.lists(content(), min_size=1, max_size=4), padding=st.integers(0, 300), piece=st.integers(1, 500),
       where=st.lists(st.floats(0, 1), max_size=4))  # fmt: skip
@example(parts=[b"", b"", b""], padding=0, piece=1, where=[0.0])
@example(parts=[TEXT, TEXT], padding=600, piece=7, where=[0.5, 1.0])
def test_any_slice_is_the_plain_bytes(parts: list[bytes], padding: int, piece: int, where: list[float]) -> None:
    plain = b"".join(parts)
    index, first = opened(b"".join(gz(part) for part in parts) + bytes(padding), piece)
    assert first == plain
    for place in where:
        offset = int(place * len(plain))
        assert b"".join(bytes(p) for p in index.read(offset, len(plain) - offset)) == plain[offset:]


def test_padding_between_members_is_skipped() -> None:
    index, plain = opened(gz(b"one") + bytes(1000) + gz(b"two"))
    assert plain == b"onetwo"
    assert b"".join(bytes(p) for p in index.read(3, 3)) == b"two"


def test_a_late_read_starts_late() -> None:
    data = gz(random.Random(3).randbytes(100_000))
    source = MemorySource(data, 100)
    index = GzipIndex(source, Limits())
    list(index.first_pass(source.read_from(0)))
    source.given = 0
    assert len(b"".join(bytes(p) for p in index.read(99_000, 1000))) == 1000
    assert source.given < 3000  # one distance between points, and what holds the slice


def test_seek_points_stay_few(monkeypatch: pytest.MonkeyPatch) -> None:
    index, _ = opened(gz(random.Random(4).randbytes(300_000)))
    assert 150 < len(index._points) <= 193


def test_memory_is_bounded_whatever_the_ratio() -> None:
    source = MemorySource(gz(bytes(5_000_000)))
    index = GzipIndex(source, Limits())
    assert max(len(p) for p in index.first_pass(source.read_from(0))) <= 131


@pytest.mark.parametrize("keep", [*range(24), *range(24, len(gz(TEXT)), 397), -9, -8, -5, -4, -1])
def test_a_stream_cut_off_anywhere_is_truncated(keep: int) -> None:
    with pytest.raises(Stalled) as caught:
        opened(gz(TEXT)[:keep] if keep else b"")
    assert caught.value.reason == "TruncatedPackage"
    assert "cut off" in caught.value.message


def test_the_second_member_cut_off_is_truncated() -> None:
    first, second = gz(b"first"), gz(TEXT)
    for keep in (1, 2, 9, 100, len(second) - 1):
        with pytest.raises(Stalled) as caught:
            opened(first + second[:keep])
        assert caught.value.reason == "TruncatedPackage"


@settings(max_examples=300, deadline=None)
@given(flips=st.lists(st.tuples(st.integers(0, len(gz(TEXT)) - 1), st.integers(1, 255)), min_size=1, max_size=3))
def test_flipped_bits_are_noticed_or_harmless(flips: list[tuple[int, int]]) -> None:
    damaged = bytearray(gz(TEXT))
    for place, mask in flips:
        damaged[place] ^= mask
    try:
        _, plain = opened(bytes(damaged), 500)
    except OperatorError as error:
        result = error.reason
    else:  # mtime, operating system and flags of the header are not covered by the checksum
        result = "harmless" if plain == TEXT else "unnoticed"
    assert result in {"CorruptPackage", "TruncatedPackage", "harmless"}


def test_the_checksum_at_the_end_is_checked() -> None:
    data = bytearray(gz(TEXT))
    data[-8] ^= 1
    with pytest.raises(Stalled) as caught:
        opened(bytes(data))
    assert caught.value.reason == "CorruptPackage"


def test_rubbish_after_the_stream_is_refused() -> None:
    with pytest.raises(Stalled) as caught:
        opened(gz(b"good") + b"\0\0rubbish")
    assert caught.value.reason == "CorruptPackage"


@pytest.mark.parametrize(("plain", "refused"), [(10_000, False), (10_001, True)])
def test_cap_on_plain_bytes(plain: int, refused: bool) -> None:
    data = gz(random.Random(5).randbytes(plain))
    if not refused:
        assert len(opened(data, limits=Limits(plain=10_000))[1]) == plain
        return
    with pytest.raises(Stalled) as caught:
        opened(data, limits=Limits(plain=10_000))
    assert caught.value.reason == "PackageTooLarge"


def test_a_bomb_is_refused_by_its_ratio_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflate, "GIB", 10_000)  # the first GiB is free
    source = MemorySource(gz(bytes(20_000_000)), 100)
    index = GzipIndex(source, Limits(ratio=50))
    with pytest.raises(Stalled) as caught:
        list(index.first_pass(source.read_from(0)))
    assert caught.value.reason == "PackageTooLarge"
    assert source.given < 1000


def test_an_honest_ratio_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflate, "GIB", 10_000)
    assert len(opened(gz(b"0123456789abcdef" * 20_000), limits=Limits(ratio=1000))[1]) == 320_000


def test_reading_stops_where_the_reader_stops() -> None:
    source = MemorySource(gz(random.Random(6).randbytes(50_000)), 100)
    index = GzipIndex(source, Limits())
    list(index.first_pass(source.read_from(0)))
    source.given = 0
    assert len(list(islice(index.read(0, 50_000), 2))) == 2
    assert source.given <= 1000


def test_plain_index_is_the_source() -> None:
    source = MemorySource(b"0123456789", 3)
    index = PlainIndex(source)
    assert b"".join(bytes(p) for p in index.first_pass(source.read_from(0))) == b"0123456789"
    assert b"".join(bytes(p) for p in index.read(4, 6)) == b"456789"
