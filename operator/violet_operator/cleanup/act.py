"""One pass over a plan: each deletion that may still be carried out is, cluster by cluster. What fails ends nothing.

A look at everything is dear, and counts for a while. What protects is read again much more often as long as objects go,
and each of them goes only if all the rules, held against that, still say so.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from violet_operator.api.cleanup import Cleanup
from violet_operator.cleanup.backup import OWNERS, Entry
from violet_operator.cleanup.decide import Step, awaited, changed, decide, deleting, due, parents
from violet_operator.cleanup.gather import Scope
from violet_operator.cleanup.look import Look, Part, protecting
from violet_operator.cleanup.state import State
from violet_operator.clients.kube import Kube
from violet_operator.errors import OperatorError, Transient

JsonObject = dict[str, Any]

logger = logging.getLogger(__name__)

_FRESH = 20.0
"""Seconds from the beginning of a whole look for which it counts: then all is read and judged again."""

_CURRENT = 0.5
"""Seconds for which what protects counts after it was read; then it is read again before more goes, and judged if it is
not the same."""

_ORPHAN = "orphan"
"""Finalizer that the garbage collector takes away once it has freed what belongs to an object."""

_COLLECTION = 1.0
"""Seconds that it gets for that before the next look: where it runs it needs less."""

_NOTES = ("resourceVersion", "generation", "managedFields")
"""Metadata that changes with a status, or with a spec, which is compared itself."""

_UNCONFIRMED = "Whatever answered does not know it; a look at the cluster has to say whether it is gone."


@dataclass(frozen=True, slots=True)
class Orders:
    """What a pass needs.

    Attributes:
        wish: the run's.
        scope: where to look.
        clock: the time.
        deleted: is called for each deletion that the API has taken.
        tell: is called now and then with what is known so far; says whether to go on.
        seconds: a clock that nobody sets.
    """

    wish: Cleanup
    scope: Scope
    clock: Callable[[], datetime]
    deleted: Callable[[], None]
    tell: Callable[[Sequence[Step]], Awaitable[bool]]
    seconds: Callable[[], float] = time.monotonic


async def act(entries: Sequence[Entry], orders: Orders) -> list[Step]:
    """Carry out what may be carried out; says what became of each deletion.

    Args:
        entries: the whole plan, whatever of it is done.
        orders: how.
    """
    steps: list[Step] = []
    for part, group in groupby(sorted(entries, key=Part.of), key=Part.of):
        mine = list(group)
        one = _Pass(part, mine, orders, steps)
        try:
            steps += await one.run()
        except OperatorError as error:
            logger.warning("Cleanup of %s: %s", part, error.message)
            steps += one.broken_off(error)
        if not await orders.tell(steps):
            break
    return steps


class _Pass:
    """The deletions of one part of the plan."""

    def __init__(self, part: Part, entries: Sequence[Entry], orders: Orders, told: Sequence[Step]) -> None:
        self._part = part
        self._entries = entries
        self._orders = orders
        self._told = told
        self._look = Look(orders.scope, part)
        self._done: dict[str, Step] = {}
        self._spared: dict[str, Step] = {}
        self._gone: set[str] = set()
        self._collecting = False
        self._parents = parents(entries)

    async def run(self) -> list[Step]:
        """Look, and delete as long as the look is fresh; then look again."""
        while True:
            looked = self._orders.seconds()
            state = await self._look.whole()
            steps = await self._judged(state)
            before = len(self._done)
            await self._go(due(steps, self._parents), state, looked)
            if len(self._done) == before or not await self._orders.tell([*self._told, *self._done.values()]):
                return self._result(steps)
            if self._collecting:
                self._collecting = False
                await asyncio.sleep(_COLLECTION)

    def broken_off(self, error: OperatorError) -> list[Step]:
        """What became of each, as far as it went."""
        rest = (Step(each, "Failed", error.reason, error.message, again=True) for each in self._entries)
        return [self._done.get(each.entry.ref.uid, each) for each in rest]

    async def _go(self, steps: Sequence[Step], state: State, looked: float) -> None:
        """Delete what is due, as long as what protects lets it go and the look counts."""
        checked, self._spared, known = looked, {}, protecting(state)
        for entry in (step.entry for step in steps if step.entry.ref.uid not in self._done):
            if self._orders.seconds() - checked > _CURRENT:
                now = await self._look.again(state, self._gone)
                if protecting(now) != known:
                    known, judged = protecting(now), await self._judged(now)
                    self._spared = {each.entry.ref.uid: each for each in judged if each.outcome != "Delete"}
                checked = self._orders.seconds()
            if self._orders.seconds() - looked > _FRESH:
                return
            if entry.ref.uid not in self._spared:
                self._done[entry.ref.uid] = await self._delete(entry)

    async def _judged(self, state: State) -> list[Step]:
        now = self._orders.clock()
        steps = await asyncio.to_thread(decide, self._entries, state, self._orders.wish, now)
        self._gone |= {each.entry.ref.uid for each in steps if each.outcome in ("Deleted", "Deleting")}
        return steps

    def _result(self, steps: Sequence[Step]) -> list[Step]:
        """What became of each; that something is gone is believed to the look alone, or to an API that says so."""
        known = [each if each.outcome == "Deleted" else self._done.get(each.entry.ref.uid, each) for each in steps]
        waiting = awaited(known, self._parents)
        return [self._left(each, waiting) if each.outcome == "Delete" else each for each in known]

    def _left(self, step: Step, waiting: Mapping[str, Step]) -> Step:
        """What was not come to: something protects it now, or has to go first, or the look was too old."""
        uid = step.entry.ref.uid
        if uid in self._spared:
            return self._spared[uid]
        first = waiting.get(uid)
        if first is None or first.outcome == "Delete":
            said = f"Reading {self._part} took longer than {_FRESH:.0f} s, and what it uses may have changed since."
            return Step(step.entry, "Failed", "ClusterUnknown", said, again=True)
        ref = first.entry.ref
        said = f"{ref.kind} {ref.name} of the same package stays: {first.message}"
        outcome = "Failed" if first.outcome == "Deleting" else first.outcome
        return Step(step.entry, outcome, first.reason, said, first.again)

    async def _delete(self, entry: Entry) -> Step:
        """Delete one object as it was saved; of what has changed, only the rest of a package that is going."""
        kube = self._orders.scope.clusters[self._part.cluster]
        try:
            return await self._take(kube, entry, entry.body)
        except OperatorError as error:
            if error.reason != "ObjectChanged":
                return _failed(entry, error)
        try:
            return await self._changed(kube, entry)
        except OperatorError as error:
            return changed(entry) if error.reason == "ObjectChanged" else _failed(entry, error)

    async def _changed(self, kube: Kube, entry: Entry) -> Step:
        now = await kube.get(entry.resource, entry.ref.namespace, entry.ref.name)
        if now is None:
            return _unconfirmed(entry)
        if now["metadata"].get("deletionTimestamp"):
            return deleting(entry, now["metadata"].get("finalizers") or ())
        if self._follows(entry) and self._content(now) == self._content(entry.body):
            return await self._take(kube, entry, now)  # the platform has noted on it that the others are gone
        return changed(entry)

    def _follows(self, entry: Entry) -> bool:
        """Whether others of its package have gone."""
        uid = entry.ref.uid
        return any(not self._gone.isdisjoint(pair) for pair in self._parents.items() if uid in pair)

    def _content(self, body: JsonObject) -> JsonObject:
        """All that is not the platform's own to note, nor the collector's: it takes away references to what is gone.

        Its uid, too: what has come in its place is another.
        """
        metadata = {key: value for key, value in body["metadata"].items() if key not in _NOTES}
        owners = [each for each in metadata.pop("ownerReferences", None) or () if each.get("uid") not in self._gone]
        for key in ("labels", "annotations", "finalizers"):
            metadata[key] = metadata.get(key) or None
        rest = {key: value for key, value in body.items() if key not in ("apiVersion", "kind", "metadata", "status")}
        return rest | {"metadata": metadata, "owners": owners}

    async def _take(self, kube: Kube, entry: Entry, body: JsonObject) -> Step:
        held = await kube.delete(entry.resource, body, orphan=entry.ref.kind in OWNERS)
        if held is None:
            return _unconfirmed(entry)
        self._orders.deleted()
        self._gone.add(entry.ref.uid)
        if held:
            self._collecting = held == (_ORPHAN,) or self._collecting
            return deleting(entry, held)
        return Step(entry, "Deleted", entry.reason, entry.message)


def _unconfirmed(entry: Entry) -> Step:
    return Step(entry, "Failed", "ClusterUnknown", _UNCONFIRMED, again=True)


def _failed(entry: Entry, error: OperatorError) -> Step:
    return Step(entry, "Failed", error.reason, error.message, again=isinstance(error, Transient))
