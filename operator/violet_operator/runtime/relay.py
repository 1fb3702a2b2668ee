"""Tells the owner of objects that one of them has changed, if in something that counts, and not at every moment."""

from __future__ import annotations

from collections.abc import Hashable

from violet_operator.runtime.queue import Key, KeyedQueue


class Relay:
    """Hundreds of objects that change together make one run of their owner per `within` seconds."""

    def __init__(self, owners: KeyedQueue, within: float) -> None:
        self._owners = owners
        self._within = within
        self._seen: dict[Key, tuple[str, Hashable]] = {}

    def observe(self, key: Key, owner: str | None, gist: Hashable) -> None:
        """An object was seen; `gist` is all that its owner, of the same namespace, looks at."""
        before = self._seen.get(key)
        now = None if owner is None else (owner, gist)
        if now == before:
            return
        if now is None:
            del self._seen[key]
        else:
            self._seen[key] = now
        for name in {each[0] for each in (before, now) if each}:
            self._owners.nudge((key[0], name), self._within)

    def gone(self, key: Key) -> None:
        """An object is gone; where it had no owner, its name is free now, for which any may have waited."""
        before = self._seen.pop(key, None)
        owners = [(key[0], before[0])] if before else [each for each in self._owners if each[0] == key[0]]
        for owner in owners:
            self._owners.nudge(owner, self._within)
