"""The forward reader: what tarfile needs and not a byte more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from violet_operator.errors import Stalled
from violet_operator.package.forward import ForwardReader

DATA = bytes(range(256)) * 8


def reader(data: bytes = DATA, piece: int = 100, longest: int = 1024) -> ForwardReader:
    return ForwardReader((data[i : i + piece] for i in range(0, len(data), piece)), longest)


STEPS = st.lists(st.tuples(st.sampled_from(["read", "take", "seek"]), st.integers(0, 600)))


@given(steps=STEPS, piece=st.integers(1, 700))
def test_any_way_forward_gives_the_same_bytes(steps: list[tuple[str, int]], piece: int) -> None:
    stream, position = reader(piece=piece, longest=1 << 20), 0
    for how, wanted in steps:
        size = min(wanted, len(DATA) - position)
        expected = DATA[position : position + size]
        if how == "read":
            assert stream.read(size) == expected
        elif how == "take":
            assert b"".join(bytes(part) for part in stream.take(size)) == expected
        else:
            assert stream.seek(position + size) == position + size
        position += size
        assert stream.tell() == position


def test_read_gives_less_only_at_the_end() -> None:
    stream = reader(b"0123456789", piece=3)
    assert (stream.read(8), stream.read(8), stream.read(8)) == (b"01234567", b"89", b"")


@pytest.mark.parametrize("how", ["take", "seek"])
def test_the_end_of_the_stream_within_a_file_is_truncation(how: str) -> None:
    stream = reader(b"0123456789")
    with pytest.raises(Stalled) as caught:
        stream.seek(11) if how == "seek" else list(stream.take(11))
    assert caught.value.reason == "TruncatedPackage"


@pytest.mark.parametrize("size", [1025, -1])
def test_headers_have_a_cap(size: int) -> None:
    with pytest.raises(Stalled) as caught:
        reader(longest=1024).read(size)
    assert caught.value.reason == "UnsafeArchive"


def test_headers_of_one_member_have_a_cap_together() -> None:
    stream = reader(longest=1024)
    stream.read(600)
    with pytest.raises(Stalled) as caught:
        stream.read(600)
    assert caught.value.reason == "UnsafeArchive"
    stream = reader(longest=1024)
    stream.read(600)
    list(stream.take(1))
    assert len(stream.read(600)) == 600


@pytest.mark.parametrize(
    ("tail", "clean"),
    [
        (bytes(512), True),
        (bytes(1024), True),
        (bytes(10_240), True),
        (bytes(200_000), True),
        (b"x" * 512, False),
        (bytes(512) + b"x", False),
        (bytes(150_000) + b"x", False),
        (bytes(100), False),
        (b"", False),
    ],
)
def test_the_end_mark(tail: bytes, clean: bool) -> None:
    stream = reader(b"h" * 512 + tail)
    stream.read(512)
    stream.read(512)
    if clean:
        stream.expect_end()
        return
    with pytest.raises(Stalled) as caught:
        stream.expect_end()
    assert caught.value.reason == "CorruptPackage"
