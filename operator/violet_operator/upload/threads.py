"""Running blocking work in a thread so that it ends soon when the run is called off."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

from violet_operator.support.cancel import CancelToken
from violet_operator.support.threads import shielded

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
        return await shielded(work, run.cancel, _GRACE)
