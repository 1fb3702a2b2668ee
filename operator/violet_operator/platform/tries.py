"""Which objects this process has tried again: time in which no operator was there to try must not count as patience."""

from __future__ import annotations


class Tries:
    """Of one process. Used on the event loop only."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], str] = {}

    def first(self, key: tuple[str, str], uid: str) -> bool:
        """Note that an object (namespace and name) is tried again; whether that is the first time in a row."""
        is_first = self._known.get(key) != uid
        self._known[key] = uid
        return is_first

    def end(self, key: tuple[str, str]) -> None:
        """It is tried no more, or is gone."""
        self._known.pop(key, None)
