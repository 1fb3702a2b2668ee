"""Every failure the operator reports, as three outcomes and no more.

    OperatorError          carries a condition reason and a message for the user
    +-- Stalled            the user must act: the spec or the package itself is wrong
    +-- Waiting            something outside is not ready yet: look again after a while
    +-- Transient          a fault of the moment: retry with backoff
    Cancelled              not a failure: the object changed or went away while work was under way

A foreign exception that escapes a module is a defect. Messages say what went wrong, where, and what to do
next, and never hold a secret: they end up in conditions, events and logs.
"""

from __future__ import annotations

from typing import Self


class OperatorError(Exception):
    """A failure with the condition reason (CamelCase) and the message that the user reads.

    Attributes:
        condition: type of the condition that it belongs to, where one step does the work of two; else None.
    """

    condition: str | None = None

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message

    def told(self, message: str) -> Self:
        """The same failure in other words."""
        other = self.__class__.__new__(self.__class__, self.reason, message)
        other.__dict__.update(self.__dict__ | {"message": message})
        return other


class Stalled(OperatorError):
    """Trying again changes nothing: the user must change the spec, the package or the target first."""


class Waiting(OperatorError):
    """Not possible yet; the cause lies outside the object (a missing Secret, a forbidden bucket).

    Attributes:
        after: seconds until the next look, or None for the ordinary growing delay.
    """

    def __init__(self, reason: str, message: str, after: float | None = None) -> None:
        super().__init__(reason, message)
        self.after = after


class Transient(OperatorError):
    """A network fault, a 429 or a 5xx: the same request may succeed in a moment.

    Attributes:
        after: seconds the other side asked us to wait (Retry-After), or None.
    """

    def __init__(self, reason: str, message: str, after: float | None = None) -> None:
        super().__init__(reason, message)
        self.after = after


class Cancelled(Exception):
    """The work was called off because its object was deleted, suspended or given a new spec."""


def defect(error: Exception) -> Transient:
    """What a user is told of a foreign exception: never its text, which may hold anything."""
    return Transient(
        "InternalError",
        f"The operator has a defect ({type(error).__name__}); its log says more. It tries again; please report it.",
    )
