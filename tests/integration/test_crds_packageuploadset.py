"""Each rule of the PackageUploadSet CRD on a real API server: what keeps it is accepted, what breaks it is refused."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.cluster import Cluster
from tests.integration.admission import Admission, Case, condition_cases, rules, schema
from tests.integration.complete import PACKAGE_UPLOAD_SET
from tests.integration.test_crds_packageupload import SOURCE, SPEC, TARGETS, VERIFICATION
from tests.program import install

pytestmark = pytest.mark.integration

GCS = {"url": "gs://packages/vendor/", "endpoint": None, "region": None}
KEYS = "keys must be as Kubernetes wants them: an optional DNS name and a slash, then letters, digits, '-', '_', '.'"
OWN = "keys of violet.alauda.io/ are the operator's own"

# how to get at the storage, and what an upload may say: the same rules as in the upload itself, at other places
ACCESS = [case for case in SOURCE if case.path.startswith("spec.source.") and case.path[12:] not in ("url", "sha256")]
OPTIONS = [
    replace(case, path=case.path.replace("spec", "spec.template.spec", 1))
    for case in VERIFICATION + TARGETS + SPEC
    if not case.path.startswith("spec.interval")
]
MANY = {f"key-{number}": "a" for number in range(33)}
METADATA = [
    case
    for place, length in (("labels", 63), ("annotations", 4096))
    for field in (f"spec.template.metadata.{place}",)
    for case in (
        Case(field, "maxProperties", {"any": None} | dict(list(MANY.items())[:32]), {"any": None} | MANY),
        Case(field, KEYS, {"app.example.com/name_2": "a"}, {"-name": "a"}),
        Case(field, OWN, {"alauda.io/name": "a"}, {"violet.alauda.io/name": "a"}),
        Case(f"{field}.any", "maxLength", "a" * length, "a" * (length + 1)),
    )
]
FIELDS = [
    Case("spec", "required", {}, None),
    Case("spec.source", "required", {}, None),
    Case("spec.source.url", "required", "s3://packages/", None),
    Case("spec.source.url", "minLength", "s3://a/", "s3://a"),
    Case("spec.source.url", "maxLength", "s3://packages/" + "a" * 1009 + "/", "s3://packages/" + "a" * 1010 + "/"),
    Case(
        "spec.source.url",
        "must be s3://BUCKET/ or s3://BUCKET/PREFIX/ (or gs://, az://), with a slash at the end",
        "s3://packages/vendor/2024/",
        "s3://packages/vendor",
    ),
    Case(
        "spec",
        "endpoint goes with s3:// and az:// only",
        {"source": GCS},
        {"source": GCS | {"endpoint": "http://a"}},
    ),
    Case("spec", "region goes with s3:// only", {"source": GCS}, {"source": GCS | {"region": "us-east-1"}}),
    *(
        case
        for field in ("spec.include", "spec.exclude")
        for case in (
            Case(field, "maxItems", ["*"] * 64, ["*"] * 65),
            Case(f"{field}[]", "minLength", "a", ""),
            Case(f"{field}[]", "maxLength", "a" * 256, "a" * 257),
            Case(
                f"{field}[]",
                "is compared with names below the prefix, which begin with no slash",
                "operators/*",
                "/operators/*",
            ),
        )
    ),
    Case("spec.template.metadata.labels.any", "pattern", "v1.0_a", "not a label"),
    *(
        Case(f"{path}.interval", rule, good, bad)
        for path in ("spec", "spec.template.spec")
        for rule, good, bad in (
            ("maxLength", "0h" * 14 + "0h1m", "0h" * 15 + "60m"),
            ("pattern", "1h30m", "1.5h"),
            ("must be at least 1m", "1m", "59s"),
        )
    ),
]
STATUS = [
    *condition_cases(),
    *(Case(f"status.{field}", "minimum", 0, -1) for field in ("found", "ready", "failed", "progressing", "gone")),
    *(Case(f"status.failures[].{field}", "required", "a", None) for field in ("package", "reason", "message")),
    *(
        Case(f"status.verification.{name}.count", rule, 0, bad)
        for name in ("gpg", "checksum", "failed", "noFile")
        for rule, bad in (("required", None), ("minimum", -1))
    ),
]
CASES = ACCESS + OPTIONS + METADATA + FIELDS + STATUS

URLS = {
    "a whole bucket": ("s3://packages/", True),
    "a prefix in Azure": ("az://packages/vendor/", True),
    "a prefix with letters of any kind": ("s3://packages/operators v1/文件/", True),
    "a bucket without its slash": ("s3://packages", False),
    "one object": ("s3://packages/a.tgz", False),
    "an empty part": ("s3://packages//a/", False),
    "a web server, which cannot be listed": ("https://files.example.com/", False),
    "a query": ("s3://packages/a?b/", False),
    "user name and password": ("s3://user:secret@packages/", False),
}


@pytest.fixture(scope="module")
def sets(cluster: Cluster) -> Iterator[Admission]:
    """The API server with a complete PackageUploadSet in it."""
    install(cluster)
    with Admission(cluster, "packageuploadsets", PACKAGE_UPLOAD_SET) as admission:
        yield admission


def test_every_rule_of_the_crd_has_a_case() -> None:
    known = {(rule.path, rule.name) for rule in rules(schema("packageuploadsets"))}
    assert {(case.path, case.rule) for case in CASES} == known


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_keeps_the_rule_is_accepted(sets: Admission, case: Case) -> None:
    sets.accepts(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_breaks_the_rule_is_refused_with_its_message(sets: Admission, case: Case) -> None:
    sets.rejects(case)


@pytest.mark.parametrize("meaning", URLS)
def test_a_source_is(sets: Admission, meaning: str) -> None:
    url, good = URLS[meaning]
    answer = sets.judge("spec.source", {"url": url, **dict.fromkeys(("endpoint", "region"))})
    assert answer["kind"] == ("PackageUploadSet" if good else "Status"), answer
    assert good or "spec.source.url: Invalid value" in answer["message"]


def test_defaults_are_the_documented_ones(sets: Admission) -> None:
    options = {
        "verification": {"policy": "Require"},
        "targets": [{"platformRef": {"name": "default"}, "clusters": ["global"]}],
        "catalogSource": "platform",
        "chartRepository": "public-charts",
        "mode": "Upload",
        "skipPush": False,
        "skipResources": False,
        "overwrite": "Never",
        "suspend": False,
        "deletionPolicy": "Retain",
        "interval": "1h",
    }
    least = {"source": {"url": "s3://packages/"}}
    complete = least | {"interval": "5m", "prune": False, "suspend": False, "template": {"spec": options}}
    assert sets.create(least)["spec"] == complete
    some = least | {"template": {"metadata": {"labels": {"team": "a"}}}}
    assert sets.create(some)["spec"] == complete | {"template": some["template"] | {"spec": options}}


def test_a_template_has_no_source(sets: Admission) -> None:
    answer = sets.judge("spec.template.spec", {"source": {"url": "s3://packages/a.tgz"}})
    assert 'unknown field "spec.template.spec.source"' in answer["message"]
