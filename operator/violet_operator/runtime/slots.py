"""Bounds on what runs at once: memory is workers times buffers, whatever the number and size of packages.

A run holds a control slot while it speaks to APIs, and gives it back while it waits or transfers. Transfers have
lanes of their own, and small packages a lane that large ones cannot block: an express checkout.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

SMALL_PACKAGE = 256 << 20
"""Bytes up to which a package takes the express lane: a transfer of seconds, not minutes."""


class Slots:
    """The bounds of the whole process."""

    def __init__(self, *, control: int, transfers: int) -> None:
        self._control = asyncio.Semaphore(control)
        self._bulk = asyncio.Semaphore(transfers)
        self._express = asyncio.Semaphore(transfers)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[Pacer]:
        """Hold a control slot for one run."""
        await self._control.acquire()
        pacer = Pacer(self._control, self._bulk, self._express)
        try:
            yield pacer
        finally:
            if pacer.holds_control:
                self._control.release()


class Pacer:
    """One run's view of the slots: what it must use to wait and to transfer."""

    def __init__(self, control: asyncio.Semaphore, bulk: asyncio.Semaphore, express: asyncio.Semaphore) -> None:
        self._control = control
        self._bulk = bulk
        self._express = express
        self.holds_control = True

    async def sleep(self, seconds: float) -> None:
        """Wait without holding the control slot."""
        async with self.released():
            await asyncio.sleep(seconds)

    @asynccontextmanager
    async def transfer(self, size: int) -> AsyncIterator[None]:
        """Hold a transfer lane instead of the control slot while `size` bytes are moved."""
        lane = self._express if size <= SMALL_PACKAGE else self._bulk
        async with self.released(), lane:
            yield

    @asynccontextmanager
    async def released(self) -> AsyncIterator[None]:
        """Without the control slot; a run that fails in there does not wait for it to report that."""
        if not self.holds_control:
            yield
            return
        self._control.release()
        self.holds_control = False
        yield
        await self._control.acquire()
        self.holds_control = True
