"""What a run has to do, as one thing with a hash: the deletions, and the limits that stop them all. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from violet_operator.api.cleanup import Limits
from violet_operator.cleanup.images.model import Deletion
from violet_operator.cleanup.judge import Verdict


def deletions(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """What is to be deleted."""
    return [each for each in verdicts if each.action == "Delete"]


def plan_hash(platform: str, verdicts: Sequence[Verdict], images: Sequence[Deletion] = ()) -> str:
    """The identity of a plan: the same objects and images to delete on the same platform, for the same reasons.

    Versions of objects (resourceVersion) do not count: the platform writes statuses all the time. Each object is
    looked at again just before its deletion.
    """
    told = [[each.ref.cluster, each.ref.kind, each.ref.name, each.ref.uid, each.reason] for each in deletions(verdicts)]
    plan = [platform, sorted(told)]
    if images:
        plan.append(sorted([each.repository, each.manifest.digest, *each.tags] for each in images))
    return hashlib.sha256(json.dumps(plan, separators=(",", ":")).encode()).hexdigest()


def broken_limit(verdicts: Sequence[Verdict], limits: Limits | None) -> str | None:
    """Why the run must not begin, with the numbers; None: it may."""
    if limits is None:
        return None
    wanted, judged = len(deletions(verdicts)), len(verdicts)
    if limits.max_deletions is not None and wanted > limits.max_deletions:
        return f"{wanted} objects would be deleted, and spec.limits.maxDeletions is {limits.max_deletions}"
    if limits.max_percent is not None and wanted * 100 > limits.max_percent * judged:
        return (
            f"{wanted} of {judged} objects ({wanted * 100 / judged:.1f} %) would be deleted, and "
            f"spec.limits.maxPercent is {limits.max_percent}"
        )
    return None
