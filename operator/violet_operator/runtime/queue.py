"""A queue with one run per object, level-based: what changed does not matter, that it changed does.

A run in progress is called off at once when its object changes or goes away, which a kopf handler cannot do
(kopf shows a handler nothing of its object until it ends). An object costs an entry here, not a task: at rest it
has neither thread nor coroutine, only a timer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable, Iterator
from dataclasses import dataclass
from functools import partial

from violet_operator.support.durations import backoff
from violet_operator.support.requeue import Requeue

logger = logging.getLogger(__name__)

FIRST_RETRY = 5.0
LONGEST_RETRY = 600.0
"""Seconds: delays grow from the one to the other, so a mended cause is noticed within ten minutes."""

Key = tuple[str, str]
"""Namespace and name."""


@dataclass(slots=True)
class _Entry:
    """What the queue knows of one object."""

    state: Hashable
    task: asyncio.Task[Requeue] | None = None
    timer: asyncio.TimerHandle | None = None
    failures: int = 0
    again: bool = False
    nudged: float | None = None
    refers: frozenset[str] = frozenset()


class KeyedQueue:
    """Runs `reconcile` for objects, one run at a time for each."""

    def __init__(
        self,
        reconcile: Callable[[Key], Awaitable[Requeue]],
        name: str,
        *,
        longest: float = LONGEST_RETRY,
        forgotten: Callable[[Key], None] = lambda _: None,
    ) -> None:
        """`longest` is the longest delay between tries; `forgotten` is told of objects that are gone."""
        self._reconcile = reconcile
        self._name = name
        self._longest = longest
        self._forgotten = forgotten
        self._entries: dict[Key, _Entry] = {}
        self._leaving: dict[Key, asyncio.Task[Requeue]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def state(self, key: Key) -> Hashable | None:
        """The state that an object was observed in last; None where it was not."""
        entry = self._entries.get(key)
        return entry.state if entry else None

    def __iter__(self) -> Iterator[Key]:
        return iter(list(self._entries))

    @property
    def running(self) -> int:
        """Objects whose run is under way."""
        return sum(entry.task is not None for entry in self._entries.values())

    def observe(self, key: Key, state: Hashable, refers: frozenset[str] = frozenset()) -> bool:
        """An object was seen; `state` is whatever makes a new run necessary when it differs (never the status).

        `refers` are names that it refers to, for `wake_referring`. Returns whether the state did differ.
        """
        entry = self._entries.get(key)
        known = entry is not None
        if entry is None:
            entry = self._entries[key] = _Entry(state)
        entry.refers = refers
        if known and entry.state == state:
            return False
        entry.state = state
        entry.failures = 0
        self._start(key, entry)
        return True

    def forget(self, key: Key) -> None:
        """An object is gone: its run is called off."""
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        self._forgotten(key)
        if entry.timer:
            entry.timer.cancel()
        if entry.task:
            self._leaving[key] = entry.task
            entry.task.cancel()

    def wake(self, key: Key) -> None:
        """Run an object now; a run under way starts over."""
        entry = self._entries.get(key)
        if entry is not None:
            entry.failures = 0
            self._start(key, entry)

    def wake_referring(self, namespace: str, name: str, *, restart: bool) -> None:
        """Run every object of a namespace that refers to a name, now; `restart`: those that run start over."""
        for key, entry in list(self._entries.items()):
            if key[0] == namespace and name in entry.refers and (restart or entry.task is None):
                entry.failures = 0
                self._start(key, entry)

    def nudge(self, key: Key, within: float) -> None:
        """Run an object again after `within` seconds at most; nudges until then are one.

        A run under way is not called off: it may have seen the cause or not, so another one follows.
        """
        entry = self._entries.get(key)
        if entry is None:
            return
        if entry.task:
            entry.nudged = within
        elif entry.timer is None or entry.timer.when() > asyncio.get_running_loop().time() + within:
            self._later(key, entry, within)

    async def close(self) -> None:
        """Call off everything and wait until it has ended."""
        tasks = [entry.task for entry in self._entries.values() if entry.task] + list(self._leaving.values())
        for key in list(self._entries):
            self.forget(key)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, key: Key, entry: _Entry) -> None:
        if entry.timer:
            entry.timer.cancel()
            entry.timer = None
        if entry.task:
            entry.again = True
            entry.task.cancel()
            return
        entry.nudged = None
        run = self._run(key, self._leaving.get(key))
        entry.task = asyncio.create_task(run, name=f"{self._name} {key[0]}/{key[1]}")
        entry.task.add_done_callback(partial(self._ended, key, entry))

    async def _run(self, key: Key, leaving: asyncio.Task[Requeue] | None) -> Requeue:
        if leaving:  # the run of an object of the same name, deleted a moment ago
            await asyncio.wait([leaving])
        return await self._reconcile(key)

    def _ended(self, key: Key, entry: _Entry, task: asyncio.Task[Requeue]) -> None:
        """What follows a run. A callback, as a task that is called off before its first step runs no code at all."""
        entry.task = None
        if self._leaving.get(key) is task:
            del self._leaving[key]
        if self._entries.get(key) is not entry:
            return
        if entry.again:
            entry.again = False
            self._start(key, entry)
            return
        result = Requeue(failed=True)
        if not task.cancelled():
            if error := task.exception():  # of any kind: a panic in a library's Rust code is no Exception
                logger.error("%s %s/%s: defect in the operator; trying again", self._name, *key, exc_info=error)
            else:
                result = task.result()
        entry.failures = entry.failures + 1 if result.failed else 0
        delay = result.after
        if delay is None and result.failed:
            delay = backoff(entry.failures - 1, first=FIRST_RETRY, longest=self._longest)
        if entry.nudged is not None:
            delay = entry.nudged if delay is None else min(delay, entry.nudged)
        if delay is not None:
            self._later(key, entry, delay)

    def _later(self, key: Key, entry: _Entry, delay: float) -> None:
        if entry.timer:
            entry.timer.cancel()
        entry.timer = asyncio.get_running_loop().call_later(delay, self._start, key, entry)
