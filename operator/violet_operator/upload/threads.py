"""Running blocking work in a thread so that it ends soon when the run is called off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from violet_operator.support.cancel import CancelToken

T = TypeVar("T")

_GRACE = 5.0
"""Seconds a called-off run waits for its thread, so that its memory is free before the lane is given on."""


async def in_thread(work: Callable[[], T], cancel: CancelToken) -> T:
    """The result of blocking work.

    Raises:
        asyncio.CancelledError: the run was called off; the thread has ended, or ends at its next check.
    """
    future = asyncio.get_running_loop().run_in_executor(None, work)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        cancel.cancel()
        future.add_done_callback(lambda done: done.cancelled() or done.exception())  # its failure is of no interest
        await asyncio.wait([future], timeout=_GRACE)
        raise
