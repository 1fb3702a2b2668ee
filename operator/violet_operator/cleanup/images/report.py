"""What a run says of images, in the form of its status. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from violet_operator.api.cleanup_run import MOST_IMAGES
from violet_operator.cleanup.images.deletion import ImageStep
from violet_operator.cleanup.images.model import ImagePlan, ImageVerdict
from violet_operator.support.durations import human_bytes

JsonObject = dict[str, Any]

_LONGEST_MESSAGE = 500
_LONGEST_FAULT = 2000


def planned(plan: ImagePlan) -> JsonObject:
    """What would go."""
    told = sorted(plan.verdicts, key=lambda each: (each.action != "Delete", str(each.image)))
    left_out = len(told) - MOST_IMAGES
    return {
        "complete": plan.unknown is None,
        **({"message": plan.unknown[:_LONGEST_FAULT]} if plan.unknown else {}),
        "manifests": len(plan.deletions),
        "bytes": plan.bytes,
        "items": [_item(each) for each in told[:MOST_IMAGES]],
        **({"itemsLeftOut": left_out} if left_out > 0 else {}),
    }


def acted(before: JsonObject, steps: Sequence[ImageStep]) -> JsonObject:
    """What became of it; `before` is what was said so far."""
    count = Counter(each.outcome for each in steps)
    by_image = {(each.deletion.repository, each.deletion.manifest.digest): each for each in steps}
    items = [_done(item, by_image.get((repository_of(item), item["digest"]))) for item in before.get("items") or []]
    counted = {key.lower(): count[key] for key in ("Deleted", "Skipped", "Failed", "Restored") if count[key]}
    return before | {"outcomes": counted, "items": items}


def said(plan: ImagePlan) -> str:
    """A sentence on what would go."""
    if plan.unknown is not None:
        return f" Nothing of images is deleted: {plan.unknown}"
    return f" With them {_manifests(len(plan.deletions))}, some {human_bytes(plan.bytes)}." if plan.deletions else ""


def became(facts: JsonObject | None, steps: Sequence[ImageStep]) -> str:
    """A sentence on what became of it; `facts` are what the status says."""
    if facts and not facts["complete"]:
        return f" Nothing of images is deleted: {facts.get('message')}"
    if not steps:
        return ""
    count = Counter(each.outcome for each in steps)
    rest = "".join(f", {count[key]} {key.lower()}" for key in ("Skipped", "Failed") if count[key])
    why = next((f": {each.message}" for each in steps if each.outcome == "Failed"), ".")
    return f" Of images {count['Deleted']} of {_manifests(len(steps))} deleted{rest}{why}"


def _item(verdict: ImageVerdict) -> JsonObject:
    return {
        "image": str(verdict.image),
        "digest": verdict.digest,
        "action": verdict.action,
        "reason": verdict.reason,
        "message": verdict.message[:_LONGEST_MESSAGE],
        **({"outcome": "Planned"} if verdict.action == "Delete" else {}),
    }


def _done(item: JsonObject, step: ImageStep | None) -> JsonObject:
    return item | {"outcome": step.outcome, "message": step.message[:_LONGEST_MESSAGE]} if step else item


def repository_of(item: JsonObject) -> str:
    """The repository of an image in the status."""
    path = str(item["image"]).partition("@")[0]
    head, slash, last = path.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


def _manifests(count: int) -> str:
    return f"{count} manifest{'' if count == 1 else 's'}"
