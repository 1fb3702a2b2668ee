"""One pass over a plan: each deletion that may still be carried out is, cluster by cluster. What fails ends nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from violet_operator.api.cleanup import Cleanup
from violet_operator.cleanup.backup import Entry
from violet_operator.cleanup.decide import Step, changed, decide, deleting, parents, units
from violet_operator.cleanup.gather import Scope, gather
from violet_operator.cleanup.state import State
from violet_operator.clients.kube import Kube
from violet_operator.errors import OperatorError, Transient
from violet_operator.platform.kubeconfig import GLOBAL

JsonObject = dict[str, Any]

logger = logging.getLogger(__name__)

_FRESH = timedelta(seconds=20)
"""For so long a look at a cluster counts: then it is read and judged again before anything else goes."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What a pass needs.

    Attributes:
        wish: the run's.
        scope: where to look.
        clock: the time.
        deleted: is called for each deletion that the API has taken.
        tell: is called now and then with what is known so far.
    """

    wish: Cleanup
    scope: Scope
    clock: Callable[[], datetime]
    deleted: Callable[[], None]
    tell: Callable[[Sequence[Step]], Awaitable[None]]


async def act(entries: Sequence[Entry], orders: Orders) -> list[Step]:
    """Carry out what may be carried out; says what became of each deletion.

    Args:
        entries: the whole plan, whatever of it is done.
        orders: how.
    """
    steps: list[Step] = []
    for name, group in groupby(sorted(entries, key=lambda each: each.cluster), key=lambda each: each.cluster):
        mine = list(group)
        try:
            steps += await _Cluster(name, mine, orders, steps).run()
        except OperatorError as error:
            logger.warning("Cleanup of %s: %s", name, error.message)
            steps += [Step(each, "Failed", error.reason, error.message, again=True) for each in mine]
        await orders.tell(steps)
    return steps


class _Cluster:
    """The deletions in one cluster."""

    def __init__(self, name: str, entries: Sequence[Entry], orders: Orders, told: Sequence[Step]) -> None:
        self._name = name
        self._entries = entries
        self._orders = orders
        self._told = told
        self._done: dict[str, Step] = {}
        self._gone: set[str] = set()
        self._parents = parents(entries)

    async def run(self) -> list[Step]:
        """Look, and delete as long as the look is fresh; then look again."""
        while True:
            steps = await self._look()
            looked = self._orders.clock()
            for unit in units(steps, self._parents):
                if self._orders.clock() - looked > _FRESH:
                    break
                for step in unit:
                    if step.entry.ref.uid in self._done:
                        continue
                    self._done[step.entry.ref.uid] = await self._delete(step.entry)
            else:
                return [self._done.get(each.entry.ref.uid, each) for each in steps]
            await self._orders.tell([*self._told, *self._done.values()])

    async def _look(self) -> list[Step]:
        state = await self._gather()
        now = self._orders.clock()
        steps = await asyncio.to_thread(decide, self._entries, state, self._orders.wish, now)
        self._gone |= {each.entry.ref.uid for each in steps if each.outcome in ("Deleted", "Deleting")}
        return steps

    async def _gather(self) -> State:
        scope = self._orders.scope
        if self._name == GLOBAL:  # plugins are in use on any cluster
            return await gather(scope)
        return await gather(Scope(scope.clusters, [self._name], scope.own, scope.namespaces, scope.system))

    async def _delete(self, entry: Entry) -> Step:
        """Delete one object as it was saved; of what has changed, only the rest of a package that is going."""
        kube = self._orders.scope.clusters[self._name]
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
        if now is None or now["metadata"]["uid"] != entry.ref.uid:
            return Step(entry, "Deleted", entry.reason, "It is gone.")
        if now["metadata"].get("deletionTimestamp"):
            return deleting(entry, now["metadata"].get("finalizers") or ())
        if self._parents.get(entry.ref.uid) in self._gone and now.get("spec") == entry.body.get("spec"):
            return await self._take(kube, entry, now)  # the platform has noted on it that its owner is gone
        return changed(entry)

    async def _take(self, kube: Kube, entry: Entry, body: JsonObject) -> Step:
        held = await kube.delete(entry.resource, body)
        self._orders.deleted()
        self._gone.add(entry.ref.uid)
        if held:
            return deleting(entry, held)
        return Step(entry, "Deleted", entry.reason, entry.message)


def _failed(entry: Entry, error: OperatorError) -> Step:
    return Step(entry, "Failed", error.reason, error.message, again=isinstance(error, Transient))
