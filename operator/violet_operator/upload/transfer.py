"""Words on work that takes long, written into the status while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from violet_operator.api.conditions import FETCHED, READY
from violet_operator.upload.context import Upload
from violet_operator.upload.report import write

_SILENCE = 2.0
"""Seconds after which a new spec gets a first word, whatever its servers do."""


@asynccontextmanager
async def announced(upload: Upload) -> AsyncIterator[None]:
    """See to it that a new spec gets a first word soon, also where a server hangs."""
    async with _beside(_announce(upload)):
        yield


@asynccontextmanager
async def reported(upload: Upload) -> AsyncIterator[None]:
    """Report progress while the block runs, and take the last count with it when it ends."""
    try:
        async with _beside(_report(upload)):
            yield
    finally:
        upload.status.progress(upload.meter.read())


@asynccontextmanager
async def _beside(job: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run a job until the block ends; a report under way is finished."""
    task = asyncio.ensure_future(job)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _announce(upload: Upload) -> None:
    await asyncio.sleep(_SILENCE)
    ready = upload.status.conditions.get(READY)
    if ready is None or ready["observedGeneration"] != upload.generation:
        upload.status.working(FETCHED, "Fetching", "Looking for the package, and whether the registries let us in.")
        await write(upload)


async def _report(upload: Upload) -> None:
    await write(upload)  # at once: whoever applied the object sees that it is being worked on
    while True:
        await asyncio.sleep(upload.env.settings.progress_interval)
        upload.status.progress(upload.meter.read())
        await write(upload)
