"""The classes of `violet verify`, from the status of an upload."""

import pytest

from violet_operator.verification.classes import VerificationClass, classify


def verified(status: str, reason: str) -> list[dict[str, str]]:
    fetched = {"type": "Fetched", "status": "True", "reason": "Fetched"}
    return [fetched, {"type": "Verified", "status": status, "reason": reason}]


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        ("GPG", VerificationClass.GPG),
        ("Checksum", VerificationClass.CHECKSUM),
        ("Pin", VerificationClass.CHECKSUM),
        ("None", VerificationClass.NO_FILE),
    ],
)
def test_what_was_shown_decides(method: str, kind: VerificationClass) -> None:
    assert classify({"method": method}, verified("True", "SignatureGood")) is kind


@pytest.mark.parametrize("method", ["GPG", "None"])
def test_a_refusal_counts_more_than_the_last_good_verdict(method: str) -> None:
    assert classify({"method": method}, verified("False", "BadSignature")) is VerificationClass.FAILED


@pytest.mark.parametrize("reason", ["SignatureMissing", "ChecksumMissing"])
def test_nothing_beside_the_package_is_no_failed_verification(reason: str) -> None:
    assert classify({"method": "None"}, verified("False", reason)) is VerificationClass.NO_FILE
    assert classify(None, verified("False", reason)) is VerificationClass.NO_FILE


@pytest.mark.parametrize("conditions", [[], verified("True", "Fetched")[:1], verified("Unknown", "Verifying")])
def test_no_verdict_yet(conditions: list[dict[str, str]]) -> None:
    assert classify({"method": "GPG"}, conditions) is None
