"""A plan that waits for people: how long, and what makes an approval void. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from violet_operator.cleanup.judge import Verdict
from violet_operator.cleanup.plan import deletions
from violet_operator.errors import OperatorError, Stalled, Waiting

JsonObject = dict[str, Any]

LONGEST = timedelta(days=7)
"""A plan waits for its approval no longer: what it says is a week old."""

_NAMED = 5
"""Objects named of each kind of difference: a condition is no list."""


def changed(
    approved: str, found: str, before: JsonObject, verdicts: Sequence[Verdict], outage: str | None
) -> OperatorError:
    """The refusal of a plan that is another than the approved one.

    Args:
        approved: the hash in the spec.
        found: that of the plan as it is now.
        before: the status with the items of the plan that waited.
        verdicts: of now.
        outage: what could not be read now, if anything: that may be all that differs.
    """
    hashes = f"The plan is not the approved one, and nothing is deleted. Approved: {approved}. Now: {found}."
    differs = _differences(before, deletions(verdicts)) or "See status.items for the plan as it is now."
    if outage:
        return Waiting("PlanChanged", f"{hashes} {differs} That may be as not all can be read: {outage}")
    return Stalled("PlanChanged", f"{hashes} {differs} Start another run and approve its plan.")


def _differences(before: JsonObject, now: Sequence[Verdict]) -> str:
    old = {each["uid"]: each for each in before.get("items") or () if each["action"] == "Delete"}
    new = {each.ref.uid: each for each in now}
    both = [uid for uid in new if uid in old]
    changed = [uid for uid in both if old[uid].get("content") != new[uid].content]
    judged = [uid for uid in both if uid not in changed and old[uid]["reason"] != new[uid].reason]
    added = [] if before.get("itemsLeftOut") else [uid for uid in new if uid not in old]  # it may be one of those
    gone = [uid for uid in old if uid not in new]
    parts = (
        ("New in it", [_now(new[uid]) for uid in added]),
        ("No longer in it", [_said(old[uid]["kind"], old[uid]["name"], old[uid]["cluster"]) for uid in gone]),
        ("Changed since", [_now(new[uid]) for uid in changed]),
        ("For another reason", [_now(new[uid]) for uid in judged]),
    )
    return " ".join(f"{what}: {_some(names)}." for what, names in parts if names and old)


def expired() -> Stalled:
    """Nobody has approved it in time."""
    said = f"Nobody has approved the plan within {LONGEST.days} days, and nothing is deleted."
    return Stalled("ApprovalExpired", f"{said} Start another run.")


def superseded() -> Stalled:
    """The policy has started another run since."""
    said = "The policy has started another run while this one waited for its approval, and nothing is deleted."
    return Stalled("Superseded", f"{said} Approve the plan of that run.")


def _now(verdict: Verdict) -> str:
    return _said(verdict.ref.kind, verdict.ref.name, verdict.ref.cluster)


def _said(kind: str, name: str, cluster: str) -> str:
    return f"{kind} {name} ({cluster})"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"
