"""Nudges on a real queue and event loop: many changes are one run, none is lost, and none calls a run off."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from tests.unit.runtime.test_queue import Work, settle, until
from violet_operator.runtime.queue import Key, KeyedQueue
from violet_operator.runtime.relay import Relay
from violet_operator.support.requeue import Requeue

OWNER, OTHER, FOREIGN = ("ns", "owner"), ("ns", "other"), ("elsewhere", "owner")
WITHIN = 0.3


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
async def queue(work: Work) -> AsyncIterator[KeyedQueue]:
    queue = KeyedQueue(work, "test")
    for key in (OWNER, OTHER, FOREIGN):
        queue.observe(key, 1)
    await until(lambda: len(work.ended) == 3)
    work.started.clear()
    work.ended.clear()
    work.times.clear()
    yield queue
    await queue.close()


@pytest.fixture
def relay(queue: KeyedQueue) -> Relay:
    return Relay(queue, WITHIN)


def child(number: int) -> Key:
    return "ns", f"child-{number}"


async def test_many_changes_are_one_run_of_their_owner(relay: Relay, work: Work) -> None:
    start = time.monotonic()
    for gist in range(5):
        for number in range(100):
            relay.observe(child(number), "owner", gist)
        await asyncio.sleep(0.01)
    await until(lambda: work.ended == [(OWNER, "done")])
    assert work.times[0] - start >= WITHIN * 0.95
    await asyncio.sleep(WITHIN * 1.5)
    assert work.started == [OWNER]


async def test_what_says_nothing_new_wakes_nobody(relay: Relay, work: Work) -> None:
    relay.observe(child(1), "owner", "a")
    await until(lambda: work.started == [OWNER])
    relay.observe(child(1), "owner", "a")
    relay.observe(child(2), None, "a")
    relay.observe(child(2), None, "b")
    await asyncio.sleep(WITHIN * 1.5)
    assert work.started == [OWNER]


async def test_a_change_of_owner_wakes_both(relay: Relay, work: Work) -> None:
    relay.observe(child(1), "owner", "a")
    await until(lambda: work.started == [OWNER])
    relay.observe(child(1), "other", "a")
    await until(lambda: sorted(work.started) == [OTHER, OWNER, OWNER])
    relay.observe(child(1), None, "a")
    await until(lambda: work.started.count(OTHER) == 2)


async def test_one_that_is_gone_wakes_its_owner(relay: Relay, work: Work) -> None:
    relay.observe(child(1), "owner", "a")
    await until(lambda: work.started == [OWNER])
    relay.gone(child(1))
    await until(lambda: work.started == [OWNER, OWNER])


async def test_a_name_that_is_free_wakes_all_of_its_namespace(relay: Relay, work: Work) -> None:
    relay.gone(child(1))
    await until(lambda: sorted(work.started) == [OTHER, OWNER])
    await settle()
    assert FOREIGN not in work.started


async def test_a_nudge_in_a_run_ends_no_run_and_is_not_lost(queue: KeyedQueue, relay: Relay, work: Work) -> None:
    go_on = asyncio.Event()

    async def waiting(key: Key, run: int) -> Requeue:
        await go_on.wait()
        return Requeue(after=3600)

    work.behave = waiting
    queue.nudge(OWNER, 0)
    await until(lambda: work.started == [OWNER])
    relay.observe(child(1), "owner", "a")
    await asyncio.sleep(WITHIN * 1.5)
    assert work.ended == []
    go_on.set()
    await until(lambda: work.ended == [(OWNER, "done")] * 2)
    assert work.most[OWNER] == 1
    await asyncio.sleep(WITHIN * 1.5)
    assert len(work.started) == 2


async def test_a_nudge_delays_nothing_and_shortens_a_long_wait(queue: KeyedQueue, work: Work) -> None:
    async def later(key: Key, run: int) -> Requeue:
        return Requeue(after=(0.05, 3600)[min(run, 2) - 1])

    work.behave = later
    queue.observe(OWNER, 2)
    await until(lambda: len(work.ended) == 1)
    queue.nudge(OWNER, 3600)  # what was due in a moment still is
    await until(lambda: len(work.ended) == 2)
    queue.nudge(OWNER, 0.01)
    await until(lambda: len(work.ended) == 3)


async def test_who_is_not_known_is_not_run(queue: KeyedQueue, relay: Relay, work: Work) -> None:
    queue.nudge(("ns", "nobody"), 0)
    relay.observe(child(1), "nobody", "a")
    relay.gone(child(1))
    await asyncio.sleep(WITHIN * 1.5)
    assert work.started == []
    assert sorted(queue) == [FOREIGN, OTHER, OWNER]
