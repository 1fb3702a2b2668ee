"""The keyed queue on a real event loop: one run at a time for each object, and never a lost change."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from violet_operator.runtime import queue as module
from violet_operator.runtime.queue import Key, KeyedQueue
from violet_operator.support.requeue import Requeue

A, B = ("ns", "a"), ("ns", "b")


class Work:
    """A reconcile that records its runs; `behave` says what one does."""

    def __init__(self) -> None:
        self.started: list[Key] = []
        self.ended: list[tuple[Key, str]] = []
        self.running: dict[Key, int] = {}
        self.most: dict[Key, int] = {}
        self.times: list[float] = []
        self.behave: Callable[[Key, int], Awaitable[Requeue]] = self.at_once

    async def at_once(self, key: Key, run: int) -> Requeue:
        return Requeue()

    async def hang(self, key: Key, run: int) -> Requeue:
        await asyncio.sleep(3600)
        return Requeue()

    async def stubborn(self, key: Key, run: int) -> Requeue:
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.1)
        return Requeue()

    async def __call__(self, key: Key) -> Requeue:
        self.started.append(key)
        self.times.append(time.monotonic())
        self.running[key] = self.running.get(key, 0) + 1
        self.most[key] = max(self.most.get(key, 0), self.running[key])
        how = "called off"
        try:
            result = await self.behave(key, self.started.count(key))
            how = "done"
            return result
        finally:
            self.running[key] -= 1
            self.ended.append((key, how))


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
async def queue(work: Work) -> AsyncIterator[KeyedQueue]:
    queue = KeyedQueue(work, "test")
    yield queue
    await queue.close()


async def until(condition: Callable[[], bool], within: float = 20) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        await asyncio.sleep(0.005)


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_new_object_is_run_once(queue: KeyedQueue, work: Work) -> None:
    assert queue.observe(A, 1)
    await until(lambda: work.ended == [(A, "done")])
    assert not queue.observe(A, 1)
    await settle()
    assert work.started == [A]
    assert (len(queue), queue.running, A in queue, B in queue) == (1, 0, True, False)


async def test_a_change_is_run_again(queue: KeyedQueue, work: Work) -> None:
    queue.observe(A, 1)
    await until(lambda: len(work.ended) == 1)
    assert queue.observe(A, 2)
    await until(lambda: len(work.ended) == 2)


async def test_a_change_calls_off_the_run_and_starts_another(queue: KeyedQueue, work: Work) -> None:
    work.behave = work.hang
    queue.observe(A, 1)
    await until(lambda: work.started == [A])
    work.behave = work.at_once
    queue.observe(A, 2)
    await until(lambda: work.ended == [(A, "called off"), (A, "done")])
    assert work.most[A] == 1


async def test_changes_before_the_first_step_are_not_lost(queue: KeyedQueue, work: Work) -> None:
    queue.observe(A, 1)
    queue.observe(A, 2)  # at once: the run for 1 has not had its first turn on the loop
    queue.observe(A, 3)
    await until(lambda: (A, "done") in work.ended)
    assert queue.running == 0
    queue.observe(A, 4)
    await until(lambda: work.ended.count((A, "done")) == 2)


async def test_one_run_at_a_time_though_the_old_one_is_slow_to_leave(queue: KeyedQueue, work: Work) -> None:
    work.behave = work.stubborn
    queue.observe(A, 1)
    await until(lambda: work.started == [A])
    work.behave = work.at_once
    queue.observe(A, 2)
    queue.observe(A, 2)
    await until(lambda: work.ended == [(A, "called off"), (A, "done")])
    assert work.most[A] == 1


async def test_an_object_made_anew_waits_for_the_old_ones_run_to_leave(queue: KeyedQueue, work: Work) -> None:
    work.behave = work.stubborn
    queue.observe(A, "uid 1")
    await until(lambda: work.started == [A])
    queue.forget(A)
    work.behave = work.at_once
    queue.observe(A, "uid 2")
    await until(lambda: (A, "done") in work.ended)
    assert work.ended == [(A, "called off"), (A, "done")]
    assert work.most[A] == 1


async def test_different_objects_run_at_once(queue: KeyedQueue, work: Work) -> None:
    work.behave = work.hang
    queue.observe(A, 1)
    queue.observe(B, 1)
    await until(lambda: set(work.started) == {A, B})
    assert queue.running == 2


async def test_forget_calls_off_and_nothing_comes_back(queue: KeyedQueue, work: Work) -> None:
    work.behave = work.hang
    queue.observe(A, 1)
    await until(lambda: work.started == [A])
    queue.forget(A)
    queue.forget(A)
    await until(lambda: work.ended == [(A, "called off")])
    queue.wake_referring(A[0], "p", restart=True)
    await settle()
    assert work.started == [A]
    assert len(queue) == 0


async def test_forget_before_the_first_step(queue: KeyedQueue, work: Work) -> None:
    queue.observe(A, 1)
    queue.forget(A)
    await settle()
    assert (len(queue), work.started) == (0, [])


async def test_forget_drops_the_timer(queue: KeyedQueue, work: Work) -> None:
    async def soon(key: Key, run: int) -> Requeue:
        return Requeue(after=0.05)

    work.behave = soon
    queue.observe(A, 1)
    await until(lambda: len(work.ended) == 1)
    queue.forget(A)
    await asyncio.sleep(0.15)
    assert work.started == [A]


async def test_a_run_asks_for_the_next(queue: KeyedQueue, work: Work) -> None:
    async def thrice(key: Key, run: int) -> Requeue:
        return Requeue(after=0.05 if run < 3 else None)

    work.behave = thrice
    queue.observe(A, 1)
    await until(lambda: len(work.ended) == 3)
    await asyncio.sleep(0.15)
    assert len(work.started) == 3
    assert all(later - earlier >= 0.045 for earlier, later in zip(work.times, work.times[1:], strict=False))


async def test_failures_come_back_with_growing_delay(
    queue: KeyedQueue, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST_RETRY", 0.05)
    monkeypatch.setattr(module, "LONGEST_RETRY", 0.4)

    async def failing(key: Key, run: int) -> Requeue:
        return Requeue(failed=True)

    work.behave = failing
    queue.observe(A, 1)
    await until(lambda: len(work.times) == 6)
    gaps = [later - earlier for earlier, later in zip(work.times, work.times[1:], strict=False)]
    for gap, least in zip(gaps, [0.04, 0.08, 0.16, 0.32, 0.32], strict=True):  # 20 % jitter
        assert gap >= least * 0.95
    work.behave = work.at_once
    queue.observe(A, 2)  # a change starts over, at once and with a short delay
    before = len(work.times)
    work.behave = failing
    await until(lambda: len(work.times) >= before + 3)


async def test_a_success_resets_the_delay(queue: KeyedQueue, work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_RETRY", 0.05)

    async def mended(key: Key, run: int) -> Requeue:
        return Requeue(failed=True) if run in (1, 2, 4) else Requeue(after=0.01 if run == 3 else None)

    work.behave = mended
    queue.observe(A, 1)
    await until(lambda: len(work.ended) == 5 and queue._entries[A].failures == 0)
    assert work.times[4] - work.times[3] >= 0.038


async def test_the_delay_that_the_other_side_asked_for_counts(queue: KeyedQueue, work: Work) -> None:
    async def busy(key: Key, run: int) -> Requeue:
        return Requeue(after=0.05, failed=True) if run == 1 else Requeue()

    work.behave = busy
    queue.observe(A, 1)
    await until(lambda: len(work.ended) == 2)  # not after five seconds and more, as without it
    assert work.times[1] - work.times[0] < 4


class Panic(BaseException):
    """What a library written in Rust raises for a defect of its own."""


@pytest.mark.parametrize("defect", [KeyError("defect"), Panic("defect")])
async def test_a_defect_is_logged_and_tried_again(
    queue: KeyedQueue,
    work: Work,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    defect: BaseException,
) -> None:
    monkeypatch.setattr(module, "FIRST_RETRY", 0.02)

    async def broken(key: Key, run: int) -> Requeue:
        if run == 1:
            raise defect
        return Requeue()

    work.behave = broken
    queue.observe(A, 1)
    await until(lambda: (A, "done") in work.ended)
    assert "defect in the operator" in caplog.text


async def test_what_refers_to_a_changed_object_runs_now(queue: KeyedQueue, work: Work) -> None:
    async def late(key: Key, run: int) -> Requeue:
        return Requeue(after=3600)

    work.behave = late
    queue.observe(A, 1, frozenset({"p"}))
    queue.observe(B, 1, frozenset({"q"}))
    await until(lambda: len(work.ended) == 2)
    queue.wake_referring(A[0], "p", restart=False)
    queue.wake_referring("elsewhere", "p", restart=True)
    await until(lambda: work.started == [A, B, A])
    work.behave = work.hang
    queue.wake_referring(A[0], "p", restart=False)
    await until(lambda: len(work.started) == 4)
    queue.wake_referring(A[0], "p", restart=False)
    await settle()
    assert work.started == [A, B, A, A]  # one that runs is left alone ...
    queue.wake_referring(A[0], "p", restart=True)
    await until(lambda: work.started == [A, B, A, A, A])  # ... or started over, when it used what is no more


async def test_close_calls_off_everything_and_waits(work: Work) -> None:
    queue = KeyedQueue(work, "test")

    work.behave = work.stubborn
    queue.observe(A, 1)
    queue.observe(B, 1)
    await until(lambda: len(work.started) == 2)
    queue.forget(B)
    await queue.close()
    assert sorted(work.ended) == [(A, "called off"), (B, "called off")]
    assert len(queue) == 0
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith("test ")] == []
