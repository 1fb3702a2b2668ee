"""When a package must be read again, and when the last verdict still stands."""

from typing import Any

import pytest

from violet_operator.api.package_upload import PackageUploadSpec
from violet_operator.clients.object_store import ObjectInfo
from violet_operator.upload.decide import is_known, known_verdict, outdated, same_source
from violet_operator.verification.rules import Rules

URL = "s3://bucket/p.tgz"
SUM = "a" * 64
SOURCE = {"url": URL, "etag": '"e"', "version": "1", "size": 7}


def info(**changes: Any) -> ObjectInfo:
    return ObjectInfo(**({"key": "p.tgz", "size": 7, "etag": '"e"', "version": "1"} | changes))


@pytest.mark.parametrize(
    ("facts", "url", "found", "same"),
    [
        ({"source": SOURCE}, URL, info(), True),
        ({"source": SOURCE}, f"{URL}?versionId=1", info(), True),
        ({"source": SOURCE}, "s3://other/p.tgz", info(), False),
        ({"source": SOURCE}, URL, info(etag='"f"'), False),
        ({"source": SOURCE}, URL, info(version="2"), False),
        ({"source": SOURCE}, URL, info(version=None), False),
        ({"source": SOURCE}, URL, info(size=8), False),
        ({"source": SOURCE | {"etag": None}}, URL, info(etag=None), False),
        ({"source": {"url": URL, "etag": '"e"', "size": 7}}, URL, info(version=None), True),
        ({"source": {}}, URL, info(), False),
        ({}, URL, info(), False),
    ],
)
def test_same_source(facts: dict[str, Any], url: str, found: ObjectInfo, same: bool) -> None:
    assert same_source(facts, url, found) is same


RECORD = {"sha256": SUM, "verifiedAt": "2026-01-01T00:00:00Z"}
KNOWN: dict[str, Any] = {
    "package": {"name": "p"},
    "images": [{"digest": "d"}],
    "source": {"sha256": SUM},
    "verification": RECORD | {"method": "Checksum", "trust": Rules().trust(pinned=False)},
}
NOTHING = RECORD | {"method": "None", "trust": Rules("IfPresent").trust(pinned=False)}


@pytest.mark.parametrize(
    ("changes", "wanted", "known"),
    [
        ({}, {}, True),
        ({}, {"sha256": SUM}, True),
        ({}, {"sha256": "b" * 64}, False),
        ({"package": {}}, {}, False),
        ({"images": []}, {}, False),
        ({"verification": {"method": "None", "evidence": "refused"}}, {"policy": "IfPresent"}, False),
        ({"verification": {}}, {"policy": "Skip"}, False),
        ({"verification": NOTHING}, {}, False),
        ({"verification": NOTHING}, {"policy": "IfPresent"}, True),
        ({}, {"platforms": ["linux/amd64"]}, False),
        ({"package": {"name": "p", "imagePlatforms": ["linux/amd64"]}}, {"platforms": ["linux/amd64"]}, True),
        ({"package": {"name": "p", "imagePlatforms": ["linux/amd64"]}}, {}, False),
    ],
)
def test_is_known(changes: dict[str, Any], wanted: dict[str, Any], known: bool) -> None:
    spec = {
        "source": {"url": URL, "sha256": wanted.get("sha256")},
        "verification": {"policy": wanted.get("policy", "Require")},
        "imagePlatforms": wanted.get("platforms"),
        "targets": [{}],
    }
    rules = Rules(wanted.get("policy", "Require"))
    assert is_known(KNOWN | changes, PackageUploadSpec.model_validate(spec), rules) is known


@pytest.mark.parametrize(
    ("status", "policy", "said"),
    [
        (KNOWN, "Require", False),
        (KNOWN | {"verification": NOTHING}, "Require", True),
        (KNOWN | {"verification": NOTHING}, "IfPresent", False),
        (KNOWN | {"verification": {"method": "None"}}, "Require", True),  # the keys were missing for a while
        ({}, "Require", False),
        ({"verification": {"method": "None"}}, "Require", False),  # it was never understood
    ],
)
def test_outdated(status: dict[str, Any], policy: Any, said: bool) -> None:
    spec = PackageUploadSpec.model_validate({"source": {"url": URL}, "targets": [{}]})
    assert (outdated(status, spec, Rules(policy)) is not None) is said


def stalled(step: str, reason: str, *, generation: int = 3) -> dict[str, Any]:
    conditions = [
        {"type": step, "status": "False", "reason": reason, "observedGeneration": generation},
        {
            "type": "Stalled",
            "status": "True",
            "reason": reason,
            "message": "bad",
            "observedGeneration": generation,
        },
    ]
    return {"conditions": conditions, "source": {"sha256": SUM}, "verification": {"method": "None", "evidence": "e"}}


@pytest.mark.parametrize(
    ("status", "forced", "evidence", "stands"),
    [
        (stalled("Fetched", "CorruptPackage"), False, "e", True),
        (stalled("Fetched", "CorruptPackage"), False, "f", True),  # whatever it should match, it is damaged
        (stalled("Verified", "ChecksumMismatch"), False, "e", True),
        (stalled("Verified", "ChecksumMismatch"), False, "f", False),  # the checksum file was replaced
        (stalled("Verified", "BadSignature"), False, "f", False),  # the signature or the keys were
        (stalled("Verified", "BadSignature") | {"verification": {"method": "None"}}, False, "e", False),
        (stalled("Fetched", "CorruptPackage"), True, "e", False),
        (stalled("Verified", "BadSignature"), True, "e", False),
        (stalled("Fetched", "CorruptPackage", generation=2), False, "e", False),
        (stalled("Pushed", "TagExists"), False, "e", False),
        ({"conditions": []}, False, "e", False),
        ({}, False, "e", False),
    ],
)
def test_known_verdict(status: dict[str, Any], forced: bool, evidence: str, stands: bool) -> None:
    verdict = known_verdict(status, generation=3, forced=forced, evidence=evidence)
    assert (verdict is not None) is stands
    if verdict:
        assert (verdict.reason, verdict.message) == (status["conditions"][1]["reason"], "bad")
