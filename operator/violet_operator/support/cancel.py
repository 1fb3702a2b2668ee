"""Calling off work that runs in threads: threads cannot be killed, so they ask."""

from __future__ import annotations

import threading

from violet_operator.errors import Cancelled


class CancelToken:
    """Set once by the event loop, checked by worker threads between two pieces of work."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the work to stop at its next check."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Whether the work has been called off."""
        return self._event.is_set()

    def check(self) -> None:
        """Go on, or raise.

        Raises:
            Cancelled: the work was called off.
        """
        if self._event.is_set():
            raise Cancelled

    def sleep(self, seconds: float) -> None:
        """Wait, but no longer than until the work is called off.

        Raises:
            Cancelled: the work was called off meanwhile.
        """
        if self._event.wait(seconds):
            raise Cancelled
