"""Does the package have to be read again? Pure: from the last status and what was just found."""

from __future__ import annotations

from typing import Any

from violet_operator.api.conditions import FETCHED, STALLED, VERIFIED, find
from violet_operator.api.package_upload import PackageUploadSpec
from violet_operator.clients.object_store import ObjectInfo
from violet_operator.errors import Stalled, Waiting
from violet_operator.verification.rules import Rules

JsonObject = dict[str, Any]


def same_source(facts: JsonObject, url: str, info: ObjectInfo) -> bool:
    """Whether the object is the one that was read before: same address, entity tag, version and size.

    A storage that gives no entity tag gives no ground for that judgement.
    """
    known = facts.get("source") or {}
    return (
        info.etag is not None
        and same_address(facts, url)
        and known.get("etag") == info.etag
        and known.get("version") == info.version
        and known.get("size") == info.size
    )


def same_address(facts: JsonObject, url: str) -> bool:
    """Whether what is known was read from this address."""
    return bool((facts.get("source") or {}).get("url") == url.partition("?")[0])


def is_known(status: JsonObject, spec: PackageUploadSpec, rules: Rules) -> bool:
    """Whether the package of the last status was understood, and verified well enough for the spec as it is now."""
    package = status.get("package") or {}
    pushed = status.get("images") or (
        package.get("type") in ("chart", "plugin") and "images" in status
    )  # a chart may have none
    return (
        bool(package and pushed)
        and package.get("imagePlatforms") == spec.image_platforms
        and rules.accept(status.get("verification") or {}, spec.source.sha256)
    )


def outdated(status: JsonObject, spec: PackageUploadSpec, rules: Rules) -> Waiting | None:
    """What to say of a verdict that does not count, or not any more, on a package that cannot be read for another one.

    A package whose images are known was verified once, also where its record is gone since, as keys were missing.
    """
    understood = bool(status.get("package") and status.get("images"))
    if not understood or rules.accept(status.get("verification") or {}, spec.source.sha256):
        return None
    return Waiting(
        "VerificationOutdated",
        "The keys, the fingerprints, the checksum or the policy have changed since the package was verified, and it "
        "cannot be read to be verified again. Put it back where it was.",
    )


def known_verdict(status: JsonObject, *, generation: int, forced: bool, evidence: str) -> Stalled | None:
    """The verdict on an unchanged object that was found bad: reading it again would show the same.

    Args:
        status: the last status, about the object in question.
        generation: of the spec now.
        forced: whether the user asks for a new look.
        evidence: identity of what it is judged by now.
    """
    conditions = status.get("conditions", [])
    stalled = find(conditions, STALLED)
    if forced or stalled is None or stalled.get("observedGeneration") != generation:
        return None
    verdict = {
        kind: (found := find(conditions, kind)) and found["status"] == "False" and found["reason"] == stalled["reason"]
        for kind in (FETCHED, VERIFIED)
    }
    same_evidence = (status.get("verification") or {}).get("evidence") == evidence
    if not verdict[FETCHED] and not (verdict[VERIFIED] and same_evidence):
        return None
    return Stalled(stalled["reason"], stalled["message"])
