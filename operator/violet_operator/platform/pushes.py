"""Which images uploads want in registries just now, so that no cleanup deletes what an upload has just seen there.

An upload that finds an image does not push it. If that went a moment later, nobody would notice until the next check
for drift. So an upload says what it wants before it looks, and a cleanup asks right before each deletion.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from violet_operator.errors import Transient
from violet_operator.support.digests import Digest

Wanted = frozenset[tuple[str, Digest]]
"""Manifests, by repository and digest; in whichever registry: one may have several names."""


class Pushes:
    """Of one process, which is the only one that pushes and deletes.

    `begin` and `Watch.deleting` are for threads, as they wait for a request; all else is not kept waiting.
    """

    def __init__(self) -> None:
        self._lock, self._request = threading.Lock(), threading.Lock()
        self._wanted: dict[str, Wanted] = {}
        self._watches: list[set[tuple[str, Digest]]] = []

    def begin(self, upload: str, wanted: Wanted) -> None:
        """An upload (uid) is going to look what is there of what it wants. Waits for a deletion under way."""
        with self._request, self._lock:
            self._wanted[upload] = self._wanted.get(upload, frozenset()) | wanted
            for watch in self._watches:
                watch.update(wanted)

    def end(self, upload: str) -> None:
        """The upload's run is over, and its status says what it wants."""
        self._wanted.pop(upload, None)

    @contextmanager
    def watch(self) -> Iterator[Watch]:
        """From before the references are read until the last deletion that is based on them."""
        with self._lock:
            seen = set[tuple[str, Digest]]().union(*self._wanted.values())
            self._watches.append(seen)
        try:
            yield Watch(self._request, seen)
        finally:
            with self._lock:
                self._watches = [each for each in self._watches if each is not seen]


class Watch:
    """What uploads have wanted since a cleanup began to look."""

    def __init__(self, request: threading.Lock, seen: set[tuple[str, Digest]]) -> None:
        self._request = request
        self._seen = seen

    @contextmanager
    def deleting(self, repository: str, digest: Digest) -> Iterator[None]:
        """While a manifest is being deleted no upload looks.

        Raises:
            Transient: an upload wants it.
        """
        with self._request:
            if (repository, digest) in self._seen:
                said = f"A PackageUpload has begun to push {repository}@{digest}: it is judged again."
                raise Transient("ImagesUnknown", said)
            yield
