"""Two threads and a queue: whoever fails, the error arrives and no thread stays."""

import threading
import time
from collections.abc import Iterator

import pytest

from violet_operator.package.pipe import piped


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    yield
    assert not [thread for thread in threading.enumerate() if thread.name == "package-reader"]


def test_everything_arrives_in_order() -> None:
    got: list[int] = []
    piped(iter(range(1000)), got.extend)
    assert got == list(range(1000))


def test_nothing_arrives() -> None:
    got: list[int] = []
    piped(iter(()), got.extend)
    assert got == []


def test_the_producers_error_reaches_both() -> None:
    seen: list[BaseException] = []

    def produce() -> Iterator[int]:
        yield 1
        raise OSError("storage")

    def consume(items: Iterator[int]) -> None:
        try:
            list(items)
        except OSError as error:
            seen.append(error)
            raise

    with pytest.raises(OSError, match="storage") as caught:
        piped(produce(), consume)
    assert seen == [caught.value]


def test_the_producers_error_counts_though_the_consumer_swallows_it() -> None:
    def produce() -> Iterator[int]:
        raise OSError("storage")
        yield

    def consume(items: Iterator[int]) -> None:
        try:
            list(items)
        except OSError:
            return

    with pytest.raises(OSError, match="storage"):
        piped(produce(), consume)


def test_an_early_failure_of_the_consumer_stops_the_producer() -> None:
    produced = 0

    def produce() -> Iterator[int]:
        nonlocal produced
        while True:
            produced += 1
            yield produced

    def consume(items: Iterator[int]) -> None:
        next(items)
        raise ValueError("bad header")

    start = time.monotonic()
    with pytest.raises(ValueError, match="bad header"):
        piped(produce(), consume)
    assert time.monotonic() - start < 30
    assert produced < 100_000


def test_a_failure_at_the_very_last_piece_is_not_lost() -> None:
    def consume(items: Iterator[int]) -> None:
        list(items)
        raise ValueError("no end mark")

    with pytest.raises(ValueError, match="no end mark"):
        piped(iter(range(3)), consume)


def test_memory_is_bounded_by_a_slow_consumer() -> None:
    made, used, ahead = 0, 0, 0

    def produce() -> Iterator[int]:
        nonlocal made
        while made < 100:
            made += 1
            yield made

    def consume(items: Iterator[int]) -> None:
        nonlocal used, ahead
        for _ in items:
            ahead = max(ahead, made - used)
            used += 1
            time.sleep(0.001)

    piped(produce(), consume)
    assert used == 100
    assert ahead <= 11  # eight in the queue, one in each hand
