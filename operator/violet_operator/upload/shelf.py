"""Packages that were read but could not be pushed yet, so that a retry does not read tens of gigabytes again.

What is kept is the index of a package (names, digests, seek points, small documents), not its content: some
megabytes each, a few of them, the least recently used dropped first. It counts for the very object alone that was
read: same address, entity tag, version and size, and the same signatures and keys that it was examined by.
"""

from __future__ import annotations

from collections import OrderedDict

from violet_operator.clients.object_store import ObjectInfo
from violet_operator.package.archive import Archive
from violet_operator.verification.checks import Reading
from violet_operator.verification.examine import Findings

_KEPT = 4
"""Packages; each at most 25 MB (limits.Limits.kept and the seek points of package/inflate.py)."""


Identity = tuple[str, ObjectInfo, Reading]
Kept = tuple[Archive, Findings]


class PackageShelf:
    """Archives by uid of the PackageUpload; used on the event loop only."""

    def __init__(self) -> None:
        self._archives: OrderedDict[str, tuple[Identity, Kept]] = OrderedDict()

    def put(self, uid: str, identity: Identity, kept: Kept) -> None:
        """Keep an archive until it is dropped or others push it out."""
        if identity[1].etag is None:
            return
        self._archives[uid] = (identity, kept)
        self._archives.move_to_end(uid)
        while len(self._archives) > _KEPT:
            self._archives.popitem(last=False)

    def find(self, uid: str, identity: Identity) -> Kept | None:
        """The archive of exactly this object, examined in exactly this way, or None."""
        known = self._archives.get(uid)
        return known[1] if known is not None and known[0] == identity else None

    def holds(self, uid: str, url: str, info: ObjectInfo) -> bool:
        """Whether this object is there, however it was examined."""
        known = self._archives.get(uid)
        return known is not None and known[0][:2] == (url, info)

    def drop(self, uid: str) -> None:
        """Forget it: it was pushed. Those of uploads that are gone are pushed out by others."""
        self._archives.pop(uid, None)
