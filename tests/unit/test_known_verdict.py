"""An unchanged package that was found bad is not read again, unless what it must match has changed."""

import pytest

from violet_operator.upload.decide import known_verdict

SHA256 = "a" * 64


def _status(reason: str, step: str) -> dict[str, object]:
    conditions = [
        {"type": step, "status": "False", "reason": reason, "message": "bad", "observedGeneration": 1},
        {"type": "Stalled", "status": "True", "reason": reason, "message": "bad", "observedGeneration": 1},
    ]
    return {"source": {"sha256": SHA256}, "conditions": conditions}


@pytest.mark.parametrize(
    ("reason", "step", "expected", "stands"),
    [
        ("DigestMismatch", "Fetched", SHA256, True),
        ("ChecksumMismatch", "Verified", "b" * 64, True),
        ("ChecksumMismatch", "Verified", SHA256, False),  # the checksum file was replaced
        ("ChecksumMismatch", "Verified", None, False),  # it was removed, and the policy needs none
        ("InvalidChecksumFile", "Verified", SHA256, False),  # it can be read now, or we would not be here
        ("TagExists", "Pushed", SHA256, False),  # says nothing about the package
    ],
)
def test_verdict_stands_only_on_what_has_not_changed(
    reason: str, step: str, expected: str | None, stands: bool
) -> None:
    verdict = known_verdict(_status(reason, step), generation=1, forced=False, expected=expected)
    assert (verdict is not None and verdict.reason == reason) == stands


@pytest.mark.parametrize(("generation", "forced"), [(2, False), (1, True)])
def test_a_new_spec_or_a_request_has_the_package_read_again(generation: int, forced: bool) -> None:
    status = _status("DigestMismatch", "Fetched")
    assert known_verdict(status, generation=generation, forced=forced, expected=SHA256) is None
