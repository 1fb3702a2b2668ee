"""Counts what transfer threads do, for whoever reports progress."""

from __future__ import annotations

import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """The counters at one moment."""

    bytes_total: int
    bytes_done: int
    blobs_total: int
    blobs_done: int
    blobs_skipped: int


class Meter:
    """Counters that several threads raise and one task reads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bytes_total = 0
        self._bytes_done = 0
        self._blobs_total = 0
        self._blobs_done = 0
        self._blobs_skipped = 0

    def expect(self, count: int, *, blobs: int = 0, skipped: int = 0) -> None:
        """More bytes and blobs to move; `skipped` of the blobs are there already."""
        with self._lock:
            self._bytes_total += count
            self._blobs_total += blobs
            self._blobs_done += skipped
            self._blobs_skipped += skipped

    def moved(self, count: int) -> None:
        """Bytes moved; negative where some must be moved again."""
        with self._lock:
            self._bytes_done += count

    def blob_done(self) -> None:
        """One blob more is in the registry."""
        with self._lock:
            self._blobs_done += 1

    def read(self) -> Reading:
        """The counters now."""
        with self._lock:
            return Reading(
                self._bytes_total, self._bytes_done, self._blobs_total, self._blobs_done, self._blobs_skipped
            )
