"""A plan that waits for people: how long, and what makes an approval void. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from violet_operator.cleanup.judge import Verdict
from violet_operator.cleanup.plan import deletions
from violet_operator.errors import Stalled

JsonObject = dict[str, Any]

LONGEST = timedelta(days=7)
"""A plan waits for its approval no longer: what it says is a week old."""

_NAMED = 5
"""Objects named of each kind of difference: a condition is no list."""


def changed(approved: str, found: str, before: Sequence[JsonObject], verdicts: Sequence[Verdict]) -> Stalled:
    """The refusal of a plan that is another than the approved one.

    Args:
        approved: the hash in the spec.
        found: that of the plan as it is now.
        before: the items of the plan that waited.
        verdicts: of now.
    """
    old = {each["uid"]: _said(each["kind"], each["name"], each["cluster"]) for each in before if _goes(each)}
    new = {each.ref.uid: _said(each.ref.kind, each.ref.name, each.ref.cluster) for each in deletions(verdicts)}
    parts = [
        f"{what}: {_some(names)}."
        for what, names in (
            ("New in it", [new[uid] for uid in new if uid not in old]),
            ("No longer in it", [old[uid] for uid in old if uid not in new]),
        )
        if names and old
    ]
    differs = " ".join(parts) or "See status.items for the plan as it is now."
    return Stalled(
        "PlanChanged",
        f"The plan is not the approved one, and nothing is deleted. Approved: {approved}. Now: {found}. {differs} "
        "Start another run and approve its plan.",
    )


def expired() -> Stalled:
    """Nobody has approved it in time."""
    said = f"Nobody has approved the plan within {LONGEST.days} days, and nothing is deleted."
    return Stalled("ApprovalExpired", f"{said} Start another run.")


def superseded() -> Stalled:
    """The policy has started another run since."""
    said = "The policy has started another run while this one waited for its approval, and nothing is deleted."
    return Stalled("Superseded", f"{said} Approve the plan of that run.")


def _goes(item: JsonObject) -> bool:
    return bool(item["action"] == "Delete")


def _said(kind: str, name: str, cluster: str) -> str:
    return f"{kind} {name} ({cluster})"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"
