"""When an object wants to be looked at again: what a reconcile answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Requeue:
    """The next look at an object.

    Attributes:
        after: seconds until then; None: only when the object changes, or, after a failure, by growing delay.
        failed: whether this run failed, so that the delay grows.
    """

    after: float | None = None
    failed: bool = False
