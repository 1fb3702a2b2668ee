"""How far a run is. What was told stays told: a pass begins anew, and knows of every object only at its end. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from violet_operator.cleanup.decide import Step

_OUTCOMES = ("deleted", "deleting", "skipped", "failed")


class Progress:
    """What became of the deletions of a run, by its status and by what was found out since."""

    def __init__(self, total: int, status: Mapping[str, Any]) -> None:
        """`total` is the number of objects in the plan, `status` what the run has told so far."""
        self._total = total
        items = status.get("items") or ()
        self._told = {each["uid"]: str(each.get("outcome")).lower() for each in items if each.get("action") == "Delete"}
        self._least = int((status.get("outcomes") or {}).get("deleted") or 0)

    def remembered(self, steps: Sequence[Step]) -> list[Step]:
        """The steps; of an object that was seen to be gone it is no news that its cluster does not answer now."""
        return [_gone(each) if self._was_gone(each) else each for each in steps]

    def count(self, steps: Sequence[Step]) -> dict[str, Any]:
        """What became of the objects, in numbers: of those without a step what was told before."""
        known = self._told | {each.entry.ref.uid: each.outcome.lower() for each in steps}
        count = Counter(known.values())
        found = {key: count[key] for key in _OUTCOMES}
        found["deleted"] = max(found["deleted"], self._least)  # a status does not have room for all items
        rest = self._total - found["deleted"] - found["deleting"] - found["skipped"]
        found["failed"] = max(min(found["failed"], rest), 0)  # what was seen gone may be there again
        return found

    def _was_gone(self, step: Step) -> bool:
        return step.outcome == "Failed" and self._told.get(step.entry.ref.uid) == "deleted"


def _gone(step: Step) -> Step:
    return replace(step, outcome="Deleted", reason=step.entry.reason, message=f"It was gone. Now: {step.message}")
