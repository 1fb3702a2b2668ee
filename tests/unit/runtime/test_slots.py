"""The bounds on what runs at once: nothing waits that need not, and nothing leaks."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from violet_operator.runtime.slots import SMALL_PACKAGE, Slots

LARGE = SMALL_PACKAGE + 1
GENEROUS = 20.0


def free(slots: Slots) -> tuple[int, int, int]:
    """Free control slots, bulk lanes and express lanes."""
    return slots._control._value, slots._bulk._value, slots._express._value


async def test_control_slots_bound_the_runs() -> None:
    slots, at_once, most = Slots(control=2, transfers=1), 0, 0

    async def run() -> None:
        nonlocal at_once, most
        async with slots.run():
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(0.01)
            at_once -= 1

    await asyncio.gather(*(run() for _ in range(7)))
    assert most == 2
    assert free(slots) == (2, 1, 1)


async def test_a_sleeping_run_lets_others_in() -> None:
    slots = Slots(control=1, transfers=1)
    order: list[str] = []

    async def sleeper() -> None:
        async with slots.run() as pacer:
            order.append("sleeps")
            await pacer.sleep(0.1)
            order.append("wakes")

    async def other() -> None:
        async with slots.run():
            order.append("other")

    await asyncio.wait_for(asyncio.gather(sleeper(), other()), GENEROUS)
    assert order == ["sleeps", "other", "wakes"]
    assert free(slots) == (1, 1, 1)


async def test_a_woken_run_waits_for_a_control_slot_again() -> None:
    slots = Slots(control=1, transfers=1)
    async with slots.run() as first:
        waking = asyncio.create_task(first.sleep(0.01))
        await asyncio.sleep(0)
        async with slots.run():
            await asyncio.sleep(0.05)
            assert not waking.done()
        await asyncio.wait_for(waking, GENEROUS)
        assert first.holds_control
    assert free(slots) == (1, 1, 1)


async def test_a_transfer_holds_a_lane_and_no_control_slot() -> None:
    slots = Slots(control=1, transfers=1)
    async with slots.run() as pacer:
        assert free(slots) == (0, 1, 1)
        async with pacer.transfer(LARGE):
            assert free(slots) == (1, 0, 1)
        assert free(slots) == (0, 1, 1)
        async with pacer.transfer(SMALL_PACKAGE):
            assert free(slots) == (1, 1, 0)
    assert free(slots) == (1, 1, 1)


async def test_small_packages_pass_large_ones() -> None:
    slots = Slots(control=1, transfers=2)
    async with AsyncExitStack() as stack:
        for _ in range(2):
            large = await stack.enter_async_context(slots.run())
            await stack.enter_async_context(large.transfer(LARGE))

        async def transfer(size: int) -> None:
            async with slots.run() as pacer, pacer.transfer(size):
                pass

        third = asyncio.create_task(transfer(LARGE))
        for _ in range(5):
            await asyncio.wait_for(transfer(1), GENEROUS)
        assert not third.done()
        assert free(slots) == (1, 0, 2)
        await stack.aclose()
        await asyncio.wait_for(third, GENEROUS)
    assert free(slots) == (1, 2, 2)


@pytest.mark.parametrize("where", ["run", "transfer"])
async def test_a_failure_leaks_nothing(where: str) -> None:
    slots = Slots(control=1, transfers=1)

    async def failing() -> None:
        async with slots.run() as pacer:
            if where == "run":
                raise ValueError
            async with pacer.transfer(LARGE):
                raise ValueError

    for _ in range(3):
        with pytest.raises(ValueError):  # noqa: PT011 - ours, without a message
            await asyncio.wait_for(failing(), GENEROUS)
        assert free(slots) == (1, 1, 1)


@pytest.mark.parametrize("where", ["waiting for control", "sleep", "waiting for a lane", "transfer", "coming back"])
async def test_a_run_called_off_leaks_nothing(where: str) -> None:
    slots = Slots(control=1, transfers=1)
    reached, leave = asyncio.Event(), asyncio.Event()

    async def run() -> None:
        if where == "waiting for control":
            reached.set()
        async with slots.run() as pacer:
            if where == "sleep":
                reached.set()
                await pacer.sleep(3600)
            if where == "waiting for a lane":
                reached.set()
            async with pacer.transfer(LARGE):
                reached.set()
                await (leave.wait() if where == "coming back" else asyncio.sleep(3600))

    async with AsyncExitStack() as stack:
        if where == "waiting for control":
            await stack.enter_async_context(slots.run())
        if where == "waiting for a lane":
            await slots._bulk.acquire()
            stack.callback(slots._bulk.release)
        task = asyncio.create_task(run())
        await asyncio.wait_for(reached.wait(), GENEROUS)
        if where == "coming back":
            await stack.enter_async_context(slots.run())  # the one control slot, so that it cannot be had back
            leave.set()
        for _ in range(10):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, GENEROUS)
    assert free(slots) == (1, 1, 1)
