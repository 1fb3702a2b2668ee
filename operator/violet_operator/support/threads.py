"""Work that outlasts the run which is called off: it must not go on behind the back of what comes next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from violet_operator.support.cancel import CancelToken

T = TypeVar("T")


async def shielded(work: Callable[[], T], cancel: CancelToken, grace: float | None = None) -> T:
    """The result of blocking work that looks at `cancel`.

    Args:
        work: what to do.
        cancel: set when the caller is called off.
        grace: seconds to wait for the thread then; None: until it has ended.

    Raises:
        asyncio.CancelledError: the caller was called off; the thread has ended, or ends at its next check.
    """
    return await outlasting(asyncio.get_running_loop().run_in_executor(None, work), grace, cancel.cancel)


async def outlasting(
    work: asyncio.Future[T], grace: float | None, called_off: Callable[[], object] = lambda: None
) -> T:
    """The result of work; a caller that is called off meanwhile, however often, ends after it.

    Args:
        work: under way.
        grace: seconds to wait for it when the caller is called off; None: until it has ended.
        called_off: is told of that.

    Raises:
        asyncio.CancelledError: the caller was called off.
    """
    try:
        await asyncio.wait([work])
    except asyncio.CancelledError:
        called_off()
        work.add_done_callback(lambda done: done.cancelled() or done.exception())  # its failure is of no interest
        ended = asyncio.ensure_future(asyncio.wait([work], timeout=grace))
        while not ended.done():
            with suppress(asyncio.CancelledError):  # called off once more, which changes nothing
                await asyncio.shield(ended)
        raise
    return work.result()
