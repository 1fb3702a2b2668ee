"""What one upload means for its Set. Pure, from the upload as the API shows it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from violet_operator.api import GROUP
from violet_operator.api.conditions import READY, STALLED, find, is_true
from violet_operator.upload.status import IN_PROGRESS
from violet_operator.verification.classes import VerificationClass, classify

JsonObject = dict[str, Any]

KIND = "PackageUploadSet"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an upload fares.

    Attributes:
        phase: where it stands.
        verified: its class, once there is a verdict.
        reason: why it has failed.
        message: the same for people.
        stalled: whether nothing will be tried before the user acts.
    """

    phase: Literal["Ready", "Failed", "Progressing"] = "Progressing"
    verified: VerificationClass | None = None
    reason: str = ""
    message: str = ""
    stalled: bool = False


def outcome(upload: JsonObject) -> Outcome:
    """How an upload fares with its spec as it is now."""
    metadata, status = upload["metadata"], upload.get("status") or {}
    conditions = status.get("conditions") or []
    verified = classify(status.get("verification"), conditions)
    ready = find(conditions, READY)
    judged = status.get("observedGeneration") == metadata.get("generation")
    if ready is None or not judged or metadata.get("deletionTimestamp"):
        return Outcome(verified=verified)
    if ready["status"] == "True":
        return Outcome("Ready", verified)
    if ready["reason"] in IN_PROGRESS:
        return Outcome(verified=verified)
    return Outcome("Failed", verified, ready["reason"], ready["message"], is_true(conditions, STALLED))


def owner(upload: JsonObject) -> JsonObject | None:
    """The reference to the Set that owns an upload."""
    for reference in upload["metadata"].get("ownerReferences") or []:
        group = reference["apiVersion"].partition("/")[0]
        if reference.get("controller") and (group, reference["kind"]) == (GROUP, KIND):
            return dict(reference)
    return None


def gist(upload: JsonObject) -> str:
    """All that a Set looks at: as long as this stays the same, it has no reason to look again."""
    metadata = upload["metadata"]
    parts = [metadata.get(key) for key in ("uid", "generation", "labels", "annotations", "deletionTimestamp")]
    return f"{outcome(upload)} {json.dumps(parts, sort_keys=True)}"
