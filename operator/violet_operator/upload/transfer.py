"""Progress of a long transfer, written into the status every few seconds while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from violet_operator.upload.context import Upload
from violet_operator.upload.report import write


@asynccontextmanager
async def reported(upload: Upload) -> AsyncIterator[None]:
    """Report while the block runs, and take the last count with it when it ends.

    A report under way is not cut short by the end of a short transfer: its status may be written, its events not yet.
    """
    ended = asyncio.Event()
    task = asyncio.create_task(_report(upload, ended))
    try:
        yield
    except BaseException:
        task.cancel()
        raise
    finally:
        ended.set()
        await asyncio.gather(task, return_exceptions=True)
        upload.status.progress(upload.meter.read())


async def _report(upload: Upload, ended: asyncio.Event) -> None:
    await write(upload)  # at once: whoever applied the object sees that it is being worked on
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), upload.env.settings.progress_interval)
            return
        upload.status.progress(upload.meter.read())
        await write(upload)
