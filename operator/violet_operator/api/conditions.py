"""Conditions as kstatus and Kubernetes' API conventions want them; the clock is passed in.

`Ready` is derived from the others, never set by a step. `Reconciling` and `Stalled` exist only while true.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from violet_operator.errors import OperatorError, Stalled
from violet_operator.support.redact import shorten

FETCHED = "Fetched"
"""The package was read from the source, whole."""
VERIFIED = "Verified"
"""The package has shown what `spec.verification` demands."""
PUSHED = "Pushed"
"""Every image manifest is in the registry of every target platform, by digest and tag."""
PUBLISHED = "Published"
"""Every target cluster can install the package."""
GATHERED = "Gathered"
"""What is installed was read, on every cluster."""
EXPORTED = "Exported"
"""What was read is where `spec.output` wants it."""
READY = "Ready"
"""All of it."""
PLANNED = "Planned"
"""A cleanup has judged every object, and says what it would delete."""
AWAITING_APPROVAL = "AwaitingApproval"
"""A cleanup waits until somebody approves its plan."""
COMPLETE = "Complete"
"""A cleanup has done all that it was to do."""
FAILED = "Failed"
"""A cleanup has ended without that."""
RESTORED = "Restored"
"""What a cleanup has deleted is back."""
RECONCILING = "Reconciling"
"""Work is under way, or will be tried again."""
STALLED = "Stalled"
"""The user must act before anything can go on."""

Status = Literal["True", "False", "Unknown"]
JsonObject = dict[str, Any]


class Event(NamedTuple):
    """What `kubectl describe` tells of a transition.

    Attributes:
        warning: something is wrong, as against good news.
        reason: why, in one word.
        message: why, for people.
    """

    warning: bool
    reason: str
    message: str


def timestamp(now: datetime) -> str:
    """RFC 3339 in seconds, UTC, as Kubernetes writes `metav1.Time`."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def find(conditions: Sequence[Mapping[str, Any]], kind: str) -> Mapping[str, Any] | None:
    """The condition of that type, if there."""
    return next((item for item in conditions if item.get("type") == kind), None)


def is_true(conditions: Sequence[Mapping[str, Any]], kind: str) -> bool:
    """Whether the condition is there with status True."""
    found = find(conditions, kind)
    return found is not None and found.get("status") == "True"


def transition(last: JsonObject, now: JsonObject, kind: str = READY, *, silent: Sequence[str] = ()) -> list[Event]:
    """The event worth recording between two statuses: a condition has another status, or another reason for it.

    `silent` are reasons of a condition that is under way or suspended: no news.
    """
    old, new = (find(status.get("conditions", ()), kind) or {} for status in (last, now))
    told = [new.get(key) != old.get(key) for key in ("status", "reason")]
    if not new or not any(told) or new["reason"] in silent:
        return []
    good = (new["status"] == "True") != (kind == FAILED)
    return [Event(not good, new["reason"], new["message"])]


class Conditions:
    """The conditions of one object while a reconcile judges it anew.

    Starts from those of the last status; a transition time moves only when the status value changes.
    """

    def __init__(self, last: list[JsonObject], *, generation: int, clock: Callable[[], datetime]) -> None:
        self._items = {str(item["type"]): item for item in last}
        self._generation = generation
        self._clock = clock

    def set(self, kind: str, status: Status, reason: str, message: str) -> None:
        """State one condition for the current generation; the message is redacted and cut."""
        old = self._items.get(kind)
        moved = old is None or old.get("status") != status
        self._items[kind] = {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": shorten(message),
            "lastTransitionTime": timestamp(self._clock()) if moved or old is None else old["lastTransitionTime"],
            "observedGeneration": self._generation,
        }

    def remove(self, kind: str) -> None:
        """Drop a condition that exists only while true."""
        self._items.pop(kind, None)

    def at_rest(self) -> None:
        """Nothing is under way, and nothing waits for the user."""
        self.remove(RECONCILING)
        self.remove(STALLED)

    def failed(self, error: OperatorError) -> None:
        """Not Ready for this error: the user must act, or it is tried again."""
        self.set(READY, "False", error.reason, error.message)
        if isinstance(error, Stalled):
            self.remove(RECONCILING)
            self.set(STALLED, "True", error.reason, error.message)
        else:
            self.remove(STALLED)
            self.set(RECONCILING, "True", "ProgressingWithRetry", f"Trying again: {error.message}")

    def is_current(self, kind: str) -> bool:
        """Whether the condition is True for the current generation."""
        item = self._items.get(kind)
        return item is not None and item["status"] == "True" and item.get("observedGeneration") == self._generation

    def get(self, kind: str) -> JsonObject | None:
        """The condition of that type, if there."""
        return self._items.get(kind)

    def to_api(self) -> list[JsonObject]:
        """The list for the status, in a stable order."""
        order = (
            *(FETCHED, VERIFIED, PUSHED, PUBLISHED),
            *(GATHERED, EXPORTED),
            *(PLANNED, AWAITING_APPROVAL, COMPLETE, FAILED, RESTORED),
            *(READY, RECONCILING, STALLED),
        )
        return sorted(self._items.values(), key=lambda item: order.index(item["type"]))
