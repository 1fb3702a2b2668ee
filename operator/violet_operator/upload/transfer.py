"""Words on work that takes long, written into the status while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

from violet_operator.api.conditions import FETCHED, READY
from violet_operator.upload.context import Upload
from violet_operator.upload.report import write

_SILENCE = 2.0
"""Seconds after which a new spec gets a first word, whatever its servers do."""


@asynccontextmanager
async def announced(upload: Upload) -> AsyncIterator[None]:
    """See to it that a new spec gets a first word soon, also where a server hangs."""
    async with _beside(partial(_announce, upload)):
        yield


@asynccontextmanager
async def reported(upload: Upload) -> AsyncIterator[None]:
    """Report progress while the block runs, and take the last count with it when it ends."""
    try:
        async with _beside(partial(_report, upload)):
            yield
    finally:
        upload.status.progress(upload.meter.read())


@asynccontextmanager
async def _beside(job: Callable[[asyncio.Event], Awaitable[None]]) -> AsyncIterator[None]:
    """Run a job until the block ends.

    A report under way is not cut short by the end of a short transfer: its status may be written, its events not yet.
    """
    ended = asyncio.Event()
    task = asyncio.ensure_future(job(ended))
    try:
        yield
    except BaseException:
        task.cancel()
        raise
    finally:
        ended.set()
        await asyncio.gather(task, return_exceptions=True)


async def _announce(upload: Upload, ended: asyncio.Event) -> None:
    if await _ends_within(_SILENCE, ended):
        return
    ready = upload.status.conditions.get(READY)
    if ready is None or ready["observedGeneration"] != upload.generation:
        upload.status.working(FETCHED, "Fetching", "Looking for the package, and whether the registries let us in.")
        await write(upload)


async def _report(upload: Upload, ended: asyncio.Event) -> None:
    await write(upload)  # at once: whoever applied the object sees that it is being worked on
    while not await _ends_within(upload.env.settings.progress_interval, ended):
        upload.status.progress(upload.meter.read())
        await write(upload)


async def _ends_within(seconds: float, ended: asyncio.Event) -> bool:
    with suppress(TimeoutError):
        await asyncio.wait_for(ended.wait(), seconds)
    return ended.is_set()
