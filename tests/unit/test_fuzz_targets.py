"""The fuzz targets reach what they are for, and hold for what hypothesis makes of their seeds."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS
from violet_operator.errors import OperatorError


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_and_odd_bytes(name: str) -> None:
    target = TARGETS[name]
    for seed in (*target.seeds, b"", b"\0" * 600, bytes(range(256)) * 4):
        target.run(seed)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=30, deadline=None)
@given(random_seed=st.integers(0, 2**32), cuts=st.integers(0, 5))
def test_damaged_seeds(name: str, random_seed: int, cuts: int) -> None:
    chance = random.Random(random_seed)
    data = bytearray(chance.choice(TARGETS[name].seeds))
    for _ in range(cuts + 1):
        place = chance.randrange(len(data) + 1)
        data[place : place + chance.randrange(9)] = chance.randbytes(chance.randrange(9))
    TARGETS[name].run(bytes(data))


def test_a_foreign_error_is_not_passed_over() -> None:
    from tests.fuzz.targets import _only_our_errors  # noqa: PLC0415

    def fails(_: bytes) -> None:
        raise KeyError

    def refuses(_: bytes) -> None:
        raise OperatorError("X", "x")

    _only_our_errors(refuses)(b"")
    with pytest.raises(KeyError):
        _only_our_errors(fails)(b"")
