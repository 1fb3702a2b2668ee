"""Packages that were read but could not be pushed yet, so that a retry does not read tens of gigabytes again.

What is kept is the index of a package (names, digests, seek points, small documents), not its content: some
megabytes each, a few of them, the least recently used dropped first. It counts for the very object alone that was
read: same address, entity tag, version and size.
"""

from __future__ import annotations

from collections import OrderedDict

from violet_operator.clients.object_store import ObjectInfo
from violet_operator.package.archive import Archive

_KEPT = 4
"""Packages; each at most 25 MB (limits.Limits.kept and the seek points of package/inflate.py)."""


class PackageShelf:
    """Archives by uid of the PackageUpload; used on the event loop only."""

    def __init__(self) -> None:
        self._archives: OrderedDict[str, tuple[str, ObjectInfo, Archive]] = OrderedDict()

    def put(self, uid: str, url: str, info: ObjectInfo, archive: Archive) -> None:
        """Keep an archive until it is dropped or others push it out."""
        if info.etag is None:
            return
        self._archives[uid] = (url, info, archive)
        self._archives.move_to_end(uid)
        while len(self._archives) > _KEPT:
            self._archives.popitem(last=False)

    def find(self, uid: str, url: str, info: ObjectInfo) -> Archive | None:
        """The archive of exactly this object, or None."""
        known = self._archives.get(uid)
        return known[2] if known is not None and known[:2] == (url, info) else None

    def drop(self, uid: str) -> None:
        """Forget it: it was pushed, or its upload is gone."""
        self._archives.pop(uid, None)
