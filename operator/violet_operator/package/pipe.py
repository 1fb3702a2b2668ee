"""Two threads and a short queue between them: one produces, the caller's function consumes."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

T = TypeVar("T")

_DEPTH = 8
"""Pieces under way: bounds memory to a few MiB, and evens out the two speeds."""


class _End:
    """Marks the end of the stream, with the producer's failure if there was one."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def piped(pieces: Iterator[T], consume: Callable[[Iterator[T]], None], *, to_end: bool = False) -> None:
    """Run `consume` in a second thread on what `pieces` yields in this one; ends when both have ended.

    The consumer may stop early only by raising. Whichever side fails first, its error is raised here. With `to_end`,
    the producer goes on to its end all the same, and its own error comes first.

    Raises:
        BaseException: what either side raised.
    """
    channel: queue.Queue[T | _End] = queue.Queue(_DEPTH)
    failure: list[BaseException] = []
    stopped = threading.Event()

    def run() -> None:
        try:
            consume(_received(channel))
        except BaseException as error:  # noqa: BLE001 - carried over to the calling thread
            failure.append(error)
        stopped.set()

    thread = threading.Thread(target=run, name="package-reader", daemon=True)
    thread.start()
    end = _End()
    try:
        for piece in pieces:
            if not _put(channel, piece, stopped) and not to_end:
                break
    except BaseException as error:  # noqa: BLE001 - the consumer is told, and it is raised below
        end = _End(error)
    _put(channel, end, stopped)
    thread.join()
    if end.error is not None:
        raise end.error
    if failure:
        raise failure[0]


def _received(channel: queue.Queue[T | _End]) -> Iterator[T]:
    while not isinstance(item := channel.get(), _End):
        yield item
    if item.error is not None:
        raise item.error


def _put(channel: queue.Queue[T | _End], item: T | _End, stopped: threading.Event) -> bool:
    """Hand over, unless the other side is gone."""
    while not stopped.is_set():
        try:
            channel.put(item, timeout=0.5)
        except queue.Full:
            continue
        return True
    return False
