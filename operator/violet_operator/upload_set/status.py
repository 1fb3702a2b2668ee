"""What a PackageUploadSet's status says: pure, the clock passed in."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import datetime
from typing import Any

from violet_operator.api.conditions import READY, RECONCILING, STALLED, Conditions, Event, transition
from violet_operator.errors import OperatorError
from violet_operator.upload_set.summary import Summary

JsonObject = dict[str, Any]


class SetStatus:
    """The status of one Set while a run judges it anew; starts from the last one."""

    def __init__(self, body: JsonObject, clock: Callable[[], datetime]) -> None:
        generation = int(body["metadata"].get("generation") or 0)
        self.last: JsonObject = body.get("status") or {}
        self._facts: JsonObject = copy.deepcopy(self.last)
        self._facts["observedGeneration"] = generation
        self._conditions = Conditions(self._facts.pop("conditions", []), generation=generation, clock=clock)

    def handled(self, requested_at: str | None) -> None:
        """Note which request to reconcile now this run answers."""
        if requested_at:
            self._facts["lastHandledReconcileAt"] = requested_at

    def count(self, summary: Summary) -> None:
        """How the packages fare, whatever else there is to say."""
        self._facts |= summary.facts

    def judge(self, summary: Summary) -> None:
        """Everything that could be done was done: what the uploads say is what the Set says."""
        found, ready, failed = summary["found"], summary["ready"], summary["failed"]
        self._conditions.at_rest()
        conditions, some = self._conditions, f"{ready} of {found} packages are Ready"
        if ready == found:
            conditions.set(READY, "True", "AllReady", f"All packages are Ready ({found}).")
        elif summary["progressing"]:
            message = f"{some}, {failed} have failed{_such_as(summary)}."
            conditions.set(READY, "False", "Progressing", message)
            conditions.set(RECONCILING, "True", "Progressing", message)
        else:
            message = f"{some}, {failed} have failed{_such_as(summary)}. See status.failures, and mend the causes."
            conditions.set(READY, "False", "PackagesFailed", message)
            if summary.stalled:
                conditions.set(STALLED, "True", "PackagesFailed", message)
            else:
                conditions.set(RECONCILING, "True", "ProgressingWithRetry", f"Trying again: {message}")

    def failed(self, error: OperatorError) -> None:
        """The Set itself cannot do its work; its uploads go on."""
        self._conditions.at_rest()
        self._conditions.failed(error)

    def suspended(self) -> None:
        """Nothing is done until `spec.suspend` is false again; what was Ready still is."""
        self._conditions.at_rest()
        ready = self._conditions.get(READY)
        if ready is not None and ready["status"] == "True":
            self._conditions.set(READY, "True", ready["reason"], ready["message"])
        else:
            message = "spec.suspend is true: nothing is looked for until it is false. The uploads go on."
            self._conditions.set(READY, "False", "Suspended", message)

    def to_api(self) -> JsonObject:
        """The whole status."""
        return {**self._facts, "conditions": self._conditions.to_api()}

    def events(self) -> list[Event]:
        """What is worth telling: `Ready` has changed."""
        return transition(self.last, self.to_api(), silent=("Progressing", "Suspended"))


def _such_as(summary: Summary) -> str:
    return f" ({summary.examples})" if summary["failed"] else ""
