"""Watching what uploads have published: an object that is deleted or altered wakes its upload at once.

One watch for each cluster, kind and namespace, however many uploads there are; nothing but metadata is read. Who
changes an object all the time does not keep us busy: an upload is woken twice a minute at most, and the look at
`spec.interval` comes in any case.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from violet_operator.clients.kube import Kube, Resource
from violet_operator.clients.kube_watch import Sight, watch
from violet_operator.errors import OperatorError
from violet_operator.publication.apply import OURS, Applied
from violet_operator.publication.fields import includes
from violet_operator.runtime.queue import Key
from violet_operator.support.durations import backoff

logger = logging.getLogger(__name__)

JsonObject = dict[str, Any]

_PAUSE = 30.0
"""Seconds between two wakes of one upload."""

_LONGEST_RETRY = 300.0
"""Seconds between two tries to watch a cluster that does not let us."""


@dataclass(frozen=True, slots=True)
class Followed:
    """An object as its upload has left it.

    Attributes:
        key: the upload.
        uid: identity of the object.
        generation: of its spec; None for kinds that count none.
        wanted: labels, annotations and owners that the upload wants.
    """

    key: Key
    uid: str
    generation: int | None
    wanted: JsonObject

    def differs(self, metadata: JsonObject) -> bool:
        """Whether an object as seen now is not as it was left."""
        newer = self.generation is not None and int(metadata.get("generation") or 0) > self.generation
        return newer or metadata["uid"] != self.uid or not includes(metadata, self.wanted)


Name = tuple[Key, str]
"""An upload and the name of an object: two uploads may follow the same one."""


@dataclass(slots=True)
class _Scope:
    """One watch.

    Attributes:
        kube: the cluster.
        followed: the objects that matter.
        task: the watch.
    """

    kube: Kube
    resource: Resource
    namespace: str | None
    followed: dict[Name, Followed] = field(default_factory=dict)
    task: asyncio.Task[None] | None = None


class DriftWatch:
    """What all uploads have published on all clusters; used on the event loop only."""

    def __init__(self) -> None:
        self.wake: Callable[[Key], None] = lambda _: None
        self._scopes: dict[tuple[int, Resource, str | None], _Scope] = {}
        self._pauses: dict[Key, bool] = {}

    def follow(self, key: Key, kube: Kube, applied: Iterable[Applied]) -> None:
        """Watch what an upload has published on a cluster."""
        for item in applied:
            piece, metadata = item.piece, item.live["metadata"]
            place = (id(kube), piece.resource, piece.namespace)
            scope = self._scopes.setdefault(place, _Scope(kube, piece.resource, piece.namespace))
            told = {name: item.wanted["metadata"].get(name) for name in ("labels", "annotations", "ownerReferences")}
            wanted = {name: value for name, value in told.items() if value}
            generation = metadata.get("generation")
            scope.followed[key, piece.name] = Followed(key, metadata["uid"], generation, wanted)
            if scope.task is None or scope.task.done():
                scope.task = asyncio.create_task(self._run(scope), name=f"watch {kube.name} {piece.resource.plural}")

    def forget(self, key: Key) -> None:
        """An upload publishes anew, or is gone: what happens to its objects is no news."""
        if key in self._pauses:
            self._pauses[key] = False
        for scope in self._scopes.values():
            for name in [name for name in scope.followed if name[0] == key]:
                del scope.followed[name]

    async def close(self) -> None:
        """End all watches."""
        tasks = [scope.task for scope in self._scopes.values() if scope.task]
        for task in tasks:
            task.cancel()
        self._scopes.clear()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, scope: _Scope) -> None:
        """Watch as long as there is something to follow."""
        failures = 0
        while scope.followed:
            try:
                async with aclosing(watch(scope.kube, scope.resource, scope.namespace, OURS)) as sights:
                    async for sight in sights:
                        failures = 0
                        self._compare(scope, sight)
            except OperatorError as error:
                failures += 1
                level = logging.WARNING if failures == 1 else logging.DEBUG
                logger.log(level, "Watch of %s on %s: %s", scope.resource.plural, scope.kube.name, error.message)
            await asyncio.sleep(backoff(max(failures - 1, 0), first=1.0, longest=_LONGEST_RETRY))

    def _compare(self, scope: _Scope, sight: Sight) -> None:
        seen = {str(metadata["name"]): metadata for metadata in sight.objects}
        for (key, name), followed in list(scope.followed.items()):
            metadata = seen.get(name)
            if (metadata is None and sight.whole) or (metadata and (sight.gone or followed.differs(metadata))):
                self._soon(key)

    def _soon(self, key: Key) -> None:
        """Wake an upload, now or when its pause is over."""
        if key in self._pauses:
            self._pauses[key] = True
            return
        self._pauses[key] = False
        asyncio.get_running_loop().call_later(_PAUSE, self._pause_over, key)
        self.wake(key)

    def _pause_over(self, key: Key) -> None:
        if self._pauses.pop(key):
            self._soon(key)
