"""One pass over a plan: each deletion that may still be carried out is, cluster by cluster. What fails ends nothing."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from violet_operator.api.cleanup import Cleanup
from violet_operator.cleanup.backup import Entry
from violet_operator.cleanup.decide import Step, changed, decide, deleting, due, parents
from violet_operator.cleanup.gather import Scope, gather
from violet_operator.cleanup.state import State
from violet_operator.clients.kube import Kube
from violet_operator.errors import OperatorError, Transient
from violet_operator.platform.kubeconfig import GLOBAL

JsonObject = dict[str, Any]

logger = logging.getLogger(__name__)

_FRESH = 20.0
"""Seconds from the beginning of a look for which it counts: then all is read and judged again before more goes."""

_SLOW = f"Reading the platform took longer than {_FRESH:.0f} s, and what it uses may have changed since it began."
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
    for name, group in groupby(sorted(entries, key=lambda each: each.cluster), key=lambda each: each.cluster):
        mine = list(group)
        try:
            steps += await _Cluster(name, mine, orders, steps).run()
        except OperatorError as error:
            logger.warning("Cleanup of %s: %s", name, error.message)
            steps += [Step(each, "Failed", error.reason, error.message, again=True) for each in mine]
        if not await orders.tell(steps):
            break
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
            looked = self._orders.seconds()
            steps = await self._look()
            before = len(self._done)
            for step in due(steps, self._parents):
                if step.entry.ref.uid in self._done:
                    continue
                if self._orders.seconds() - looked > _FRESH:
                    break
                self._done[step.entry.ref.uid] = await self._delete(step.entry)
            if len(self._done) == before or not await self._orders.tell([*self._told, *self._done.values()]):
                return [self._done.get(each.entry.ref.uid) or self._left(each) for each in steps]

    def _left(self, step: Step) -> Step:
        """What was not come to: an Artifact of which a version stays, or all of it, as the look was too old."""
        if step.outcome != "Delete":
            return step
        mine = (uid for uid, owner in self._parents.items() if owner == step.entry.ref.uid)
        version = next((self._done[uid] for uid in mine if uid in self._done and uid not in self._gone), None)
        if version is None:
            return Step(step.entry, "Failed", "ClusterUnknown", _SLOW, again=True)
        ref = version.entry.ref
        said = f"{ref.kind} {ref.name} of the same package stays: {version.message}"
        return Step(step.entry, version.outcome, version.reason, said, version.again)

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
        if now is None:
            return _unconfirmed(entry)
        if now["metadata"]["uid"] != entry.ref.uid:
            return Step(entry, "Deleted", entry.reason, "It is gone.")
        if now["metadata"].get("deletionTimestamp"):
            return deleting(entry, now["metadata"].get("finalizers") or ())
        if self._follows(entry) and _content(now) == _content(entry.body):
            return await self._take(kube, entry, now)  # the platform has noted on it that the others are gone
        return changed(entry)

    def _follows(self, entry: Entry) -> bool:
        """Whether others of its package have gone."""
        uid = entry.ref.uid
        return any(not self._gone.isdisjoint(pair) for pair in self._parents.items() if uid in pair)

    async def _take(self, kube: Kube, entry: Entry, body: JsonObject) -> Step:
        held = await kube.delete(entry.resource, body, orphan=entry.ref.kind == "Artifact")
        if held is None:
            return _unconfirmed(entry)
        self._orders.deleted()
        self._gone.add(entry.ref.uid)
        if held:
            return deleting(entry, held)
        return Step(entry, "Deleted", entry.reason, entry.message)


def _content(body: JsonObject) -> tuple[object, object]:
    return body.get("spec"), body["metadata"].get("labels") or {}


def _unconfirmed(entry: Entry) -> Step:
    return Step(entry, "Failed", "ClusterUnknown", _UNCONFIRMED, again=True)


def _failed(entry: Entry, error: OperatorError) -> Step:
    return Step(entry, "Failed", error.reason, error.message, again=isinstance(error, Transient))
