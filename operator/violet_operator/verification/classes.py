"""The four classes into which `violet verify` sorts packages, for the shell command and for the status of a Set. Pure.

Names and order are those of the platform's manual for its CLI.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from violet_operator.api.conditions import VERIFIED, find

NOTHING_THERE = frozenset({"SignatureMissing", "ChecksumMissing"})
"""Reasons of a condition Verified that is False as nothing is beside the package, rather than something bad."""


class VerificationClass(Enum):
    """Where a package belongs; the values are the CLI's words."""

    GPG = "Verified successfully with GPG"
    CHECKSUM = "Verified successfully with checksum"
    FAILED = "Verification failed"
    NO_FILE = "No verification file found"


_BY_METHOD = {
    "GPG": VerificationClass.GPG,
    "Checksum": VerificationClass.CHECKSUM,
    "Pin": VerificationClass.CHECKSUM,
    "None": VerificationClass.NO_FILE,
}


def passed(method: str) -> VerificationClass:
    """The class of a package that has shown what was demanded, by what it has shown (`judge.Proof.method`)."""
    return _BY_METHOD[method]


def refused(reason: str) -> VerificationClass:
    """The class of a package that has not, by the reason of the error."""
    return VerificationClass.NO_FILE if reason in NOTHING_THERE else VerificationClass.FAILED


def classify(
    verification: Mapping[str, Any] | None, conditions: Sequence[Mapping[str, Any]]
) -> VerificationClass | None:
    """The class of one PackageUpload, from its `status.verification` and `status.conditions`.

    None while there is no verdict: not read yet, or a failure before anything could be verified.
    """
    found = find(conditions, VERIFIED)
    if found is None or found["status"] == "Unknown":
        return None
    if found["status"] == "False":
        return refused(found["reason"])
    return passed((verification or {}).get("method", "None"))
