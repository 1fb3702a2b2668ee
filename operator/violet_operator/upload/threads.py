"""Running blocking work in a thread so that it ends soon when the run is called off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

from violet_operator.support.cancel import CancelToken

T = TypeVar("T")

_GRACE = 5.0
"""Seconds a called-off run waits for its thread, so that its memory is free before the lane is given on."""


class Pacer(Protocol):
    """Whoever holds a slot that others wait for."""

    def released(self) -> AbstractAsyncContextManager[None]:
        """Without that slot."""
        ...


class Run(Protocol):
    """The run that work in a thread belongs to."""

    @property
    def pacer(self) -> Pacer:
        """Its slots."""
        ...

    @property
    def cancel(self) -> CancelToken:
        """Set when it is called off."""
        ...


async def in_thread(work: Callable[[], T], run: Run) -> T:
    """The result of blocking work.

    The run's control slot is given back meanwhile: a server that hangs holds up only those who need it.

    Raises:
        asyncio.CancelledError: the run was called off; the thread has ended, or ends at its next check.
    """
    async with run.pacer.released():
        return await _shielded(work, run.cancel)


async def _shielded(work: Callable[[], T], cancel: CancelToken) -> T:
    future = asyncio.get_running_loop().run_in_executor(None, work)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        cancel.cancel()
        future.add_done_callback(lambda done: done.cancelled() or done.exception())  # its failure is of no interest
        await asyncio.wait([future], timeout=_GRACE)
        raise
