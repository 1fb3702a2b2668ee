"""Each rule of the PackageInventory CRD on a real API server: what keeps it is accepted, what breaks it is refused."""

from collections.abc import Iterator

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
from tests.integration.complete import INVENTORY, TIME
from tests.program import install

pytestmark = pytest.mark.integration

NAMES = [f"region-{number}" for number in range(101)]
NO_STORAGE = dict.fromkeys(("url", "endpoint", "region", "credentialsSecretRef", "caBundleRef"))
CHANGE = {"action": "Added", "type": "Chart", "name": "a", "cluster": "c"}
FIVE = (
    "must be five fields (minute, hour, day of the month, month, day of the week) or a word such as @daily; "
    "the time zone goes into timeZone"
)

SPEC = [
    Case("spec", "required", {}, None),
    Case("spec", "interval and schedule exclude each other", {}, {"interval": "1h"}),
    Case("spec", "timeZone goes with schedule", {"timeZone": None, "schedule": None}, {"schedule": None}),
    *name_cases("spec.platformRef.name", required=False),
    Case("spec.clusters", "minItems", ["global"], []),
    Case("spec.clusters", "maxItems", NAMES[:100], NAMES),
    Case("spec.clusters", "set", ["a", "b"], ["a", "a"]),
    *label_cases("spec.clusters[]"),
    Case("spec.schedule", "maxLength", "0 0 * * " + ",".join(["1"] * 60), "0 0 * * " + ",".join(["1"] * 61)),
    Case("spec.schedule", FIVE, "@daily", "TZ=UTC 0 3 * * 6"),
    Case("spec.timeZone", "maxLength", "A" * 64, "A" * 65),
    Case("spec.timeZone", "pattern", "America/Argentina/Buenos_Aires", "../etc/passwd"),
    Case("spec.timeZone", "must be a name of the IANA database: Local is whatever a pod has", "Etc/UTC", "local"),
]
INTERVAL = [
    Case("spec.interval", "pattern", "1h30m", "1 h"),
    Case("spec.interval", "must be at least 1m", "1m", "59s"),
    Case("spec.interval", "maxLength", "0" * 29 + "60m", "0" * 30 + "60m"),
]
OUTPUT = [
    Case("spec.output", "required", {}, None),
    Case(
        "spec.output",
        "endpoint, region, credentialsSecretRef and caBundleRef go with url",
        NO_STORAGE,
        {**NO_STORAGE, "region": "eu"},
    ),
    Case("spec.output.configMapRef", "required", {}, None),
    *name_cases("spec.output.configMapRef.name"),
    Case("spec.output.configMapRef.key", "minLength", "a", ""),
    Case("spec.output.configMapRef.key", "maxLength", "a" * 253, "a" * 254),
    Case("spec.output.configMapRef.key", "pattern", "my_Apps.yaml", "my/apps.yaml"),
    Case("spec.output.url", "maxLength", "s3://b/" + "a" * 2041, "s3://b/" + "a" * 2042),
    Case(
        "spec.output.url",
        "must be s3://BUCKET/KEY and name one object, without user name or password",
        "s3://bucket/site/apps.yaml",
        "s3://bucket/site/",
    ),
    Case("spec.output.endpoint", "maxLength", "http://" + "a" * 505, "http://" + "a" * 506),
    Case(
        "spec.output.endpoint",
        "must be http://HOST[:PORT] or https://HOST[:PORT]",
        "http://minio:9000/",
        "minio:9000",
    ),
    Case("spec.output.region", "minLength", "a", ""),
    Case("spec.output.region", "maxLength", "a" * 64, "a" * 65),
    *name_cases("spec.output.credentialsSecretRef.name"),
    *ca_bundle_cases("spec.output.caBundleRef"),
]
COUNTS = ("operatorBundles", "modulePlugins", "charts", "core", "pending")
STATUS = [
    *condition_cases(),
    *(Case(f"status.counts.{name}", "required", 0, None) for name in COUNTS),
    *(Case(f"status.counts.{name}", "minimum", 0, -1) for name in COUNTS),
    Case("status.lastExportTime", "format", TIME, "yesterday"),
    Case("status.lastChangeTime", "format", TIME, "yesterday"),
    Case("status.changes", "maxItems", [CHANGE] * 100, [CHANGE] * 101),
    *(Case(f"status.changes[].{name}", "required", value, None) for name, value in CHANGE.items()),
    Case("status.changes[].action", "enum", "Downgraded", "Moved"),
    Case("status.changes[].type", "enum", "ModulePlugin", "bundle"),
    Case("status.changesTotal", "minimum", 0, -1),
    Case("status.clusters", "map", [{"name": "a"}, {"name": "b"}], [{"name": "a"}] * 2),
    Case("status.clusters[].name", "required", "a", None),
    *label_cases("status.clusters[].name"),
    Case("status.clusters[].lastReadTime", "format", TIME, "yesterday"),
    Case("status.export.configMap", "required", "a/b", None),
    Case("status.export.sha256", "required", "a", None),
    Case("status.export.size", "required", 0, None),
    Case("status.export.size", "minimum", 0, -1),
    Case("status.views", "set", ["a", "b"], ["a", "a"]),
    *name_cases("status.copy.credentialsSecretRef.name"),
    Case("status.copy.url", "required", "s3://a/b", None),
    Case("status.copy.sha256", "required", "a", None),
]
CASES = SPEC + OUTPUT + STATUS

URLS = {
    "s3://bucket/apps.yaml": True,
    "s3://bucket/a b/apps.yaml": True,
    "s3://bucket": False,
    "s3:///apps.yaml": False,
    "s3://user:secret@bucket/apps.yaml": False,
    "s3://bucket/apps.yaml?versionId=1": False,
    "gs://bucket/apps.yaml": False,
    "https://host/apps.yaml": False,
}


@pytest.fixture(scope="module")
def inventories(cluster: Cluster) -> Iterator[Admission]:
    """The API server with a complete PackageInventory in it."""
    install(cluster)
    with Admission(cluster, "packageinventories", INVENTORY) as admission:
        yield admission


@pytest.fixture(scope="module")
def hourly(inventories: Admission, cluster: Cluster) -> Iterator[Admission]:
    """The same with an interval in place of a schedule."""
    spec = {key: value for key, value in INVENTORY["spec"].items() if key not in ("schedule", "timeZone")}
    stored = INVENTORY | {"metadata": {"name": "crd-rules-hourly"}, "spec": spec | {"interval": "1h"}}
    with Admission(cluster, "packageinventories", stored) as admission:
        yield admission


def test_every_rule_of_the_crd_has_a_case() -> None:
    found = {(rule.path, rule.name) for rule in rules(schema("packageinventories"))}
    assert {(case.path, case.rule) for case in CASES + INTERVAL} == found


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_keeps_the_rule_is_accepted(inventories: Admission, case: Case) -> None:
    inventories.accepts(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_breaks_the_rule_is_refused_with_its_message(inventories: Admission, case: Case) -> None:
    inventories.rejects(case)


@pytest.mark.parametrize("case", INTERVAL, ids=str)
def test_the_same_of_an_interval(hourly: Admission, case: Case) -> None:
    hourly.accepts(case)
    hourly.rejects(case)


@pytest.mark.parametrize("url", URLS)
def test_a_url_is(inventories: Admission, url: str) -> None:
    answer = inventories.judge("spec.output.url", url)
    assert answer["kind"] == ("PackageInventory" if URLS[url] else "Status"), answer


def test_defaults_are_the_documented_ones(inventories: Admission) -> None:
    assert inventories.create({"output": {"configMapRef": {"name": "a"}}})["spec"] == {
        "platformRef": {"name": "default"},
        "suspend": False,
        "output": {"configMapRef": {"name": "a", "key": "apps.yaml"}},
    }
