"""Each rule of the PackageUpload CRD on a real API server: what keeps it is accepted, what breaks it is refused."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster import Cluster
from tests.integration.admission import (
    Admission,
    Case,
    ca_bundle_cases,
    condition_cases,
    label_cases,
    name_cases,
    rules,
    schema,
)
from tests.integration.complete import FINGERPRINT, TIME, UPLOAD
from tests.program import install

pytestmark = pytest.mark.integration

HTTPS = {"url": "https://files.example.com/a.tgz", "endpoint": None, "region": None}


def _fingerprints(count: int) -> list[str]:
    return [f"{number:040X}" for number in range(count)]


def _targets(count: int) -> list[dict[str, Any]]:
    return [{"platformRef": {"name": f"platform-{number}"}, "clusters": ["global"]} for number in range(count)]


SOURCE = [
    Case("spec", "required", {}, None),
    Case("spec.source", "required", {}, None),
    Case("spec.source.url", "required", "s3://packages/a.tgz", None),
    Case("spec.source.url", "minLength", "s3://a/b", "s3://a/"),
    Case("spec.source.url", "maxLength", "s3://packages/" + "a" * 2034, "s3://packages/" + "a" * 2035),
    Case(
        "spec.source.url",
        "must be s3://BUCKET/KEY, gs://BUCKET/KEY, az://CONTAINER/KEY, https://HOST/PATH or http://HOST/PATH, "
        "without user name or password",
        "s3://packages/a/b.tgz",
        "ftp://packages/a.tgz",
    ),
    Case(
        "spec.source.url",
        "must name one object, not a prefix: use a PackageUploadSet for a prefix",
        "s3://packages/a",
        "s3://packages/a/",
    ),
    Case("spec.source.endpoint", "maxLength", "https://" + "a" * 504, "https://" + "a" * 505),
    Case(
        "spec.source.endpoint",
        "must be http://HOST[:PORT] or https://HOST[:PORT]",
        "http://192.0.2.1:9000",
        "minio.example.com:9000",
    ),
    Case(
        "spec",
        "endpoint goes with s3:// and az:// only",
        {"source": HTTPS},
        {"source": HTTPS | {"endpoint": "http://a"}},
    ),
    Case("spec", "region goes with s3:// only", {"source": HTTPS}, {"source": HTTPS | {"region": "us-east-1"}}),
    Case("spec.source.region", "minLength", "a", ""),
    Case("spec.source.region", "maxLength", "a" * 64, "a" * 65),
    *name_cases("spec.source.credentialsSecretRef.name"),
    *ca_bundle_cases("spec.source.caBundleRef"),
    Case("spec.source.sha256", "pattern", "a" * 64, "A" * 64),
]
VERIFICATION = [
    Case("spec.verification.policy", "enum", "IfPresent", "Never"),
    Case(
        "spec.verification",
        "policy Skip ignores gpg: remove gpg, or use policy Require or IfPresent",
        {"policy": "Skip", "gpg": None},
        {"policy": "Skip"},
    ),
    Case("spec.verification.gpg.keysRef", "required", {}, None),
    Case("spec.verification.gpg.keysRef.kind", "enum", "ConfigMap", "Keyring"),
    *name_cases("spec.verification.gpg.keysRef.name"),
    Case("spec.verification.gpg.fingerprints", "maxItems", _fingerprints(64), _fingerprints(65)),
    Case("spec.verification.gpg.fingerprints", "set", _fingerprints(2), [FINGERPRINT, FINGERPRINT]),
    Case("spec.verification.gpg.fingerprints[]", "pattern", "a" * 64, FINGERPRINT[-16:]),
]
TARGETS = [
    Case("spec.targets", "minItems", _targets(1), []),
    Case("spec.targets", "maxItems", _targets(16), _targets(17)),
    Case(
        "spec.targets",
        "each platform may be named once: put its clusters into one entry",
        _targets(2),
        [*_targets(1), {"platformRef": {"name": "platform-0"}, "clusters": ["region1"]}],
    ),
    *name_cases("spec.targets[].platformRef.name", required=False),
    Case("spec.targets[].clusters", "minItems", ["global"], []),
    Case("spec.targets[].clusters", "maxItems", [f"c{n}" for n in range(100)], [f"c{n}" for n in range(101)]),
    Case("spec.targets[].clusters", "set", ["global", "region1"], ["global", "global"]),
    *label_cases("spec.targets[].clusters[]"),
]
SPEC = [
    Case(
        "spec",
        "skipPush and skipResources exclude each other: nothing would be left to do",
        {"skipPush": True},
        {"skipPush": True, "skipResources": True},
    ),
    *label_cases("spec.catalogSource"),
    *label_cases("spec.chartRepository"),
    Case("spec.imagePlatforms", "minItems", ["linux/amd64"], []),
    Case(
        "spec.imagePlatforms",
        "maxItems",
        [f"linux/arm/v{n}" for n in range(32)],
        [f"linux/arm/v{n}" for n in range(33)],
    ),
    Case("spec.imagePlatforms", "set", ["linux/amd64", "linux/arm64"], ["linux/amd64", "linux/amd64"]),
    Case("spec.imagePlatforms[]", "maxLength", "linux/" + "a" * 58, "linux/" + "a" * 59),
    Case("spec.imagePlatforms[]", "pattern", "linux/arm/v7", "amd64"),
    Case("spec.mode", "enum", "Preview", "DryRun"),
    Case("spec.overwrite", "enum", "IfDifferent", "Always"),
    Case("spec.deletionPolicy", "enum", "Delete", "Orphan"),
    Case("spec.interval", "maxLength", "0h" * 14 + "0h1m", "0h" * 15 + "60m"),
    Case("spec.interval", "pattern", "1h30m", "1.5h"),
    Case("spec.interval", "must be at least 1m", "1m", "59s"),
]
STATUS = [
    *condition_cases(),
    Case("status.source.size", "minimum", 0, -1),
    Case("status.verification.method", "required", "GPG", None),
    Case("status.verification.method", "enum", "Pin", "Guess"),
    Case("status.verification.verifiedAt", "format", TIME, "yesterday"),
    Case("status.verification.signedAt", "format", TIME, "yesterday"),
    Case("status.package.name", "required", "a", None),
    Case("status.package.type", "required", "bundle", None),
    Case("status.package.type", "enum", "plugin", "image"),
    Case("status.package.version", "required", "1", None),
    Case("status.package.chart.name", "required", "a", None),
    Case("status.package.chart.version", "required", "1", None),
    Case("status.package.chart.digest", "required", "sha256:0", None),
    *(Case(f"status.progress.{field}", "required", 0, None) for field in ("bytesTotal", "bytesDone", "percent")),
    *(Case(f"status.progress.bytes{field}", "minimum", 0, -1) for field in ("Total", "Done")),
    *(Case(f"status.progress.blobs{field}", "minimum", 0, -1) for field in ("Total", "Done", "Skipped")),
    Case("status.progress.percent", "minimum", 0, -1),
    Case("status.progress.percent", "maximum", 100, 101),
    *(Case(f"status.plan.{field}", "required", 0, None) for field in ("bytes", "blobs")),
    *(Case(f"status.plan.{field}", "minimum", 0, -1) for field in ("bytes", "blobs", "blobsPresent")),
    *(
        Case(f"status.plan.objects[].{field}", "required", "a", None)
        for field in ("platform", "cluster", "kind", "name")
    ),
    Case("status.plan.objects[].action", "required", "Create", None),
    *(
        Case(f"status.plan.registries[].{field}", "required", "a", None)
        for field in ("platform", "address", "pullAddress")
    ),
    Case("status.plan.objects[].action", "enum", "Keep", "Delete"),
    Case(
        "status.targets",
        "map",
        [{"platform": "a", "cluster": name, "phase": "Ready"} for name in ("global", "region1")],
        [{"platform": "a", "cluster": "global", "phase": phase} for phase in ("Ready", "Failed")],
    ),
    Case("status.targets[].platform", "required", "a", None),
    Case("status.targets[].cluster", "required", "a", None),
    Case("status.targets[].phase", "required", "Ready", None),
    Case("status.targets[].phase", "enum", "Pending", "Lost"),
    Case("status.targets[].waitingSince", "format", TIME, "yesterday"),
    *(Case(f"status.targets[].objects[].{field}", "required", "a", None) for field in ("kind", "name")),
    *(Case(f"status.images[].{field}", "required", "a", None) for field in ("source", "destination", "digest")),
    *(
        Case(f"status.published.tags[].{field}", "required", "a", None)
        for field in ("platform", "registry", "pullAddress", "repository", "tag", "digest")
    ),
    *(
        Case(f"status.published.versions[].{field}", "required", "a", None)
        for field in ("platform", "cluster", "registry", "pullAddress", "name", "version", "object")
    ),
    Case("status.published.versions[].type", "required", "chart", None),
    Case("status.published.versions[].type", "enum", "plugin", "image"),
]
CASES = SOURCE + VERIFICATION + TARGETS + SPEC + STATUS

VALUES = {
    "a url in s3 with a deep key is accepted": ("source.url", "s3://packages/a/b/c.v1.0+2.tgz", True),
    "a url over http is accepted": ("source", HTTPS | {"url": "http://192.0.2.1:8080/a.tgz"}, True),
    "a url over https with a query is accepted": ("source", HTTPS | {"url": "https://a.example.com/a?b=c"}, True),
    "a url with an IPv6 address is accepted": ("source", HTTPS | {"url": "https://[2001:db8::1]:8443/a.tgz"}, True),
    "a url in gs is accepted": ("source", HTTPS | {"url": "gs://packages/a.tgz"}, True),
    "a url in az with its endpoint is accepted": ("source", {"url": "az://packages/a.tgz", "region": None}, True),
    "a url without a key is refused": ("source.url", "s3://packages", False),
    "a url without a bucket is refused": ("source.url", "s3:///a.tgz", False),
    "a url with a user name is refused": ("source", HTTPS | {"url": "https://user@a.example.com/a"}, False),
    "a url with a password is refused": ("source", HTTPS | {"url": "https://user:secret@a.example.com/a"}, False),
    "a local path is refused": ("source.url", "/packages/a.tgz", False),
    "an endpoint with an IPv6 address in brackets is accepted": ("source.endpoint", "http://[::1]:9000", True),
    "an endpoint with an IPv4 address is accepted": ("source.endpoint", "https://192.0.2.1", True),
    "an endpoint with a path is refused": ("source.endpoint", "https://minio.example.com/bucket", False),
    "an endpoint with a password is refused": ("source.endpoint", "https://a:b@minio.example.com", False),
    "an interval of one minute is accepted": ("interval", "1m", True),
    "an interval of sixty seconds is accepted": ("interval", "60s", True),
    "an interval of hours and minutes is accepted": ("interval", "1h30m", True),
    "an interval in milliseconds is accepted": ("interval", "60000ms", True),
    "an interval of 59 seconds is refused": ("interval", "59s", False),
    "an interval of nothing is refused": ("interval", "0s", False),
    "an empty interval is refused": ("interval", "", False),
    "an interval without a unit is refused": ("interval", "60", False),
    "an interval in days is refused": ("interval", "1d", False),
    "a negative interval is refused": ("interval", "-1h", False),
    "an interval beyond int64 is refused": ("interval", "9999999999999h", False),
    "a Secret's name with dots is accepted": ("source.credentialsSecretRef.name", "minio.v2.example", True),
    "a Secret's name in capitals is refused": ("source.credentialsSecretRef.name", "Minio", False),
    "a Secret's name that ends in a dot is refused": ("source.credentialsSecretRef.name", "minio.", False),
    "a Secret's name with two dots in a row is refused": ("source.credentialsSecretRef.name", "a..b", False),
    "a Secret's name with a part that ends in a hyphen is refused": ("source.credentialsSecretRef.name", "a-.b", False),
    "a Secret's name of another namespace is refused": ("source.credentialsSecretRef.name", "other/minio", False),
    "a cluster whose name begins with a digit is accepted": ("targets[].clusters[]", "1st", True),
    "a cluster whose name ends in a hyphen is refused": ("targets[].clusters[]", "region-", False),
}


@pytest.fixture(scope="module")
def uploads(cluster: Cluster) -> Iterator[Admission]:
    """The API server with a complete PackageUpload in it."""
    install(cluster)
    with Admission(cluster, "packageuploads", UPLOAD) as admission:
        yield admission


def test_every_rule_of_the_crd_has_a_case() -> None:
    known = {(rule.path, rule.name) for rule in rules(schema("packageuploads"))}
    assert {(case.path, case.rule) for case in CASES} == known


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_keeps_the_rule_is_accepted(uploads: Admission, case: Case) -> None:
    uploads.accepts(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_breaks_the_rule_is_refused_with_its_message(uploads: Admission, case: Case) -> None:
    uploads.rejects(case)


@pytest.mark.parametrize("sentence", VALUES)
def test_of_values(uploads: Admission, sentence: str) -> None:
    path, value, good = VALUES[sentence]
    answer = uploads.judge(f"spec.{path}", value)
    assert answer["kind"] == ("PackageUpload" if good else "Status"), answer
    assert good or answer["reason"] == "Invalid", answer
