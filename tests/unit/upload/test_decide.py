"""When a package must be read again, and when the last verdict still stands."""

from typing import Any

import pytest

from violet_operator.api.package_upload import PackageUploadSpec
from violet_operator.clients.object_store import ObjectInfo
from violet_operator.upload.decide import is_known, known_verdict, same_source

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


KNOWN: dict[str, Any] = {
    "conditions": [{"type": "Verified", "status": "True"}],
    "package": {"name": "p"},
    "images": [{"digest": "d"}],
    "source": {"sha256": SUM},
    "verification": {"method": "Checksum"},
}


@pytest.mark.parametrize(
    ("changes", "wanted", "known"),
    [
        ({}, {}, True),
        ({}, {"sha256": SUM}, True),
        ({}, {"sha256": "b" * 64}, False),
        ({"package": {}}, {}, False),
        ({"images": []}, {}, False),
        ({"conditions": [{"type": "Verified", "status": "False"}]}, {}, False),
        ({"conditions": []}, {}, False),
        ({"source": {}}, {"sha256": SUM}, False),
        ({"verification": {"method": "None"}}, {}, False),
        ({"verification": {"method": "None"}}, {"policy": "IfPresent"}, True),
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
    assert is_known(KNOWN | changes, PackageUploadSpec.model_validate(spec)) is known


def stalled(step: str, reason: str, *, generation: int = 3, source: str = SUM) -> dict[str, Any]:
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
    return {"conditions": conditions, "source": {"sha256": source}}


@pytest.mark.parametrize(
    ("status", "forced", "expected", "stands"),
    [
        (stalled("Fetched", "CorruptPackage"), False, None, True),
        (stalled("Verified", "ChecksumMismatch"), False, "b" * 64, True),
        (stalled("Verified", "ChecksumMismatch"), False, SUM, False),
        (stalled("Verified", "InvalidPackage"), False, SUM, True),
        (stalled("Fetched", "CorruptPackage"), True, None, False),
        (stalled("Fetched", "CorruptPackage", generation=2), False, None, False),
        (stalled("Pushed", "TagExists"), False, None, False),
        ({"conditions": []}, False, None, False),
        ({}, False, None, False),
    ],
)
def test_known_verdict(status: dict[str, Any], forced: bool, expected: str | None, stands: bool) -> None:
    verdict = known_verdict(status, generation=3, forced=forced, expected=expected)
    assert (verdict is not None) is stands
    if verdict:
        assert (verdict.reason, verdict.message) == (status["conditions"][1]["reason"], "bad")
