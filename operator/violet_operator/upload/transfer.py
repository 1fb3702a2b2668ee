"""Progress of a long transfer, written into the status every few seconds while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from violet_operator.upload.context import Upload
from violet_operator.upload.report import write


@asynccontextmanager
async def reported(upload: Upload) -> AsyncIterator[None]:
    """Report while the block runs, and take the last count with it when it ends."""
    task = asyncio.create_task(_report(upload))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        upload.status.progress(upload.meter.read())


async def _report(upload: Upload) -> None:
    await write(upload)  # at once: whoever applied the object sees that it is being worked on
    while True:
        await asyncio.sleep(upload.env.settings.progress_interval)
        upload.status.progress(upload.meter.read())
        await write(upload)
