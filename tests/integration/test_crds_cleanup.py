"""Each rule of the cleanup CRDs on a real API server: what keeps it is accepted, what breaks it is refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import Cluster
from tests.integration.admission import Admission, Case, condition_cases, label_cases, name_cases, rules, schema
from tests.integration.complete import SHA256
from tests.integration.complete_cleanup import CLEANUP_POLICY, CLEANUP_RUN
from tests.program import install

pytestmark = pytest.mark.integration

KINDS = ["Artifact", "ArtifactVersion", "ModulePlugin", "ModuleConfig"]
REQUIREMENT = "spec.exclude.selector.matchExpressions[]"
UNCHANGED = "only approvedPlan and restore can be changed: make another run"

COMMON = [
    Case("spec", "required", {}, None),
    *name_cases("spec.platformRef.name", required=False),
    Case("spec.clusters", "minItems", ["a"], []),
    Case("spec.clusters", "maxItems", [f"c{n}" for n in range(512)], [f"c{n}" for n in range(513)]),
    Case("spec.clusters", "set", ["a", "b"], ["a", "a"]),
    *label_cases("spec.clusters[]"),
    Case("spec.mode", "enum", "Approve", "Now"),
    Case("spec.kinds", "minItems", ["Artifact"], []),
    Case("spec.kinds", "maxItems", KINDS, [*KINDS, "Artifact"]),
    Case("spec.kinds", "set", KINDS, ["Artifact", "Artifact"]),
    Case("spec.kinds[]", "enum", "ModuleConfig", "Chart"),
    Case("spec.exclude.names", "maxItems", [f"n{n}" for n in range(256)], [f"n{n}" for n in range(257)]),
    Case("spec.exclude.names", "set", ["a", "b"], ["a", "a"]),
    Case("spec.exclude.names[]", "minLength", "a", ""),
    Case("spec.exclude.names[]", "maxLength", "a" * 253, "a" * 254),
    Case(
        "spec.exclude.selector",
        "must select something: give matchLabels or matchExpressions",
        {"matchLabels": None},
        {"matchLabels": None, "matchExpressions": None},
    ),
    Case(
        "spec.exclude.selector.matchLabels",
        "maxProperties",
        {f"l{n}": "" for n in range(63)},
        {f"l{n}": "" for n in range(64)},
    ),
    Case("spec.exclude.selector.matchLabels.any", "maxLength", "a" * 63, "a" * 64),
    Case(
        "spec.exclude.selector.matchExpressions",
        "maxItems",
        [{"key": f"k{n}", "operator": "Exists"} for n in range(64)],
        [{"key": f"k{n}", "operator": "Exists"} for n in range(65)],
    ),
    Case(REQUIREMENT, "values go with In and NotIn, and with them alone", {}, {"operator": "Exists"}),
    Case(f"{REQUIREMENT}.key", "required", "a", None),
    Case(f"{REQUIREMENT}.key", "minLength", "a", ""),
    Case(f"{REQUIREMENT}.key", "maxLength", "a" * 316, "a" * 317),
    Case(f"{REQUIREMENT}.operator", "required", "In", None),
    Case(f"{REQUIREMENT}.operator", "enum", "NotIn", "Like"),
    Case(f"{REQUIREMENT}.values", "maxItems", ["a"] * 64, ["a"] * 65),
    Case(f"{REQUIREMENT}.values[]", "maxLength", "a" * 63, "a" * 64),
    Case("spec.retention.keepLast", "minimum", 0, -1),
    Case("spec.retention.keepLast", "maximum", 1000, 1001),
    Case("spec.retention.minAge", "maxLength", "1h" * 16, "1h" * 16 + "1m"),
    Case("spec.retention.minAge", "pattern", "1h30m", "a week"),
    Case("spec.retention.minAge", "must be at least 1m", "1m", "1s"),
    Case("spec.retention.observations", "minimum", 1, 0),
    Case("spec.retention.observations", "maximum", 100, 101),
    Case("spec.limits.maxDeletions", "minimum", 0, -1),
    Case("spec.limits.maxPercent", "minimum", 0, -1),
    Case("spec.limits.maxPercent", "maximum", 100, 101),
    Case("spec.images", "enum", "Delete", "Burn"),
    *condition_cases(),
]
SCHEDULE = (
    "must be five fields (minute, hour, day of the month, month, day of the week) or a word such as "
    "@daily; the time zone goes into timeZone"
)
NO_SCHEDULE = {"schedule": None, "timeZone": None, "startingDeadlineSeconds": None}
POLICY = [
    *COMMON,
    Case("spec", "timeZone goes with schedule", NO_SCHEDULE, NO_SCHEDULE | {"timeZone": "UTC"}),
    Case(
        "spec",
        "startingDeadlineSeconds goes with schedule",
        NO_SCHEDULE,
        NO_SCHEDULE | {"startingDeadlineSeconds": 1},
    ),
    Case(
        "spec",
        "retention.observations needs successfulRunsHistoryLimit and failedRunsHistoryLimit to be 1 at least: earlier "
        "runs are what was observed",
        {"successfulRunsHistoryLimit": 0, "failedRunsHistoryLimit": 0, "retention": {"observations": 1}},
        {"successfulRunsHistoryLimit": 0},
    ),
    Case(
        "spec",
        "retention.observations needs successfulRunsHistoryLimit and failedRunsHistoryLimit to be 1 at least: earlier "
        "runs are what was observed",
        {"failedRunsHistoryLimit": 1},
        {"failedRunsHistoryLimit": 0},
    ),
    Case("spec.schedule", "maxLength", f"0 0 * * {'1,' * 59}1", f"0 0 * * {'1,' * 60}1"),
    Case("spec.schedule", SCHEDULE, "@weekly", "0 0 3 * * 6"),
    Case("spec.timeZone", "maxLength", "a" * 64, "a" * 65),
    Case("spec.timeZone", "pattern", "America/Argentina/Buenos_Aires", "../etc/localtime"),
    Case("spec.timeZone", "must be a name of the IANA database: Local is whatever a pod has", "Etc/UTC", "LoCaL"),
    Case("spec.startingDeadlineSeconds", "minimum", 0, -1),
    Case("spec.startingDeadlineSeconds", "maximum", 31_622_400, 31_622_401),
    *(
        case
        for field in ("successfulRunsHistoryLimit", "failedRunsHistoryLimit")
        for case in (Case(f"spec.{field}", "minimum", 1, -1), Case(f"spec.{field}", "maximum", 1000, 1001))
    ),
    *(
        Case(f"status.{field}", "format", "2026-01-02T03:04:05Z", "tomorrow")
        for field in ("scheduledSince", "lastScheduleTime", "nextScheduleTime", "lastMissedTime", "lastSuccessfulTime")
    ),
]
ITEM = {"kind": "Artifact", "name": "a", "cluster": "c", "action": "Keep", "reason": "Installed"}
IMAGE = {"image": "acp/a:v1", "digest": "sha256:a", "action": "Keep", "reason": "ImageInUse"}
CLUSTER = "status.clusters[]"
RUN = [
    *COMMON,
    Case("spec", "approvedPlan goes with mode Approve", {}, {"mode": "Delete"}),
    Case(
        "spec",
        "restore goes with modes that delete: a dry run deletes nothing",
        {"restore": True},
        {"restore": True, "mode": "DryRun", "approvedPlan": None},
    ),
    Case("spec.approvedPlan", "pattern", SHA256, SHA256[1:]),
    *(Case(f"status.{field}", "format", "2026-01-02T03:04:05Z", "now") for field in ("startTime", "completionTime")),
    Case("status.plan.hash", "required", "h", None),
    *(Case(f"status.plan.{field}", "required", 0, None) for field in ("judged", "deletions", "kept")),
    *(Case(f"status.plan.{field}", "minimum", 0, -1) for field in ("judged", "deletions", "kept")),
    Case(
        "status.clusters",
        "maxItems",
        [{"name": f"c{n}", "complete": True} for n in range(512)],
        [{"name": f"c{n}", "complete": True} for n in range(513)],
    ),
    Case("status.clusters", "map", [{"name": "a", "complete": True}], [{"name": "a", "complete": True}] * 2),
    Case(f"{CLUSTER}.name", "required", "a", None),
    Case(f"{CLUSTER}.complete", "required", True, None),
    Case(f"{CLUSTER}.message", "maxLength", "a" * 2048, "a" * 2049),
    Case("status.kept", "map", [{"reason": "A", "count": 1}], [{"reason": "A", "count": 1}] * 2),
    Case("status.kept[].reason", "required", "A", None),
    Case("status.kept[].count", "required", 1, None),
    Case("status.kept[].count", "minimum", 1, 0),
    *(
        case
        for field in ("deleted", "deleting", "skipped", "failed")
        for case in (
            Case(f"status.outcomes.{field}", "required", 0, None),
            Case(f"status.outcomes.{field}", "minimum", 0, -1),
        )
    ),
    Case("status.outcomes.restored", "minimum", 0, -1),
    Case("status.backup.configMap", "required", "a-backup", None),
    *(
        case
        for field in ("parts", "objects", "bytes")
        for case in (
            Case(f"status.backup.{field}", "required", 0, None),
            Case(f"status.backup.{field}", "minimum", 0, -1),
        )
    ),
    Case("status.images.complete", "required", True, None),
    Case("status.images.message", "maxLength", "a" * 2048, "a" * 2049),
    *(
        case
        for field in ("manifests", "bytes")
        for case in (
            Case(f"status.images.{field}", "required", 0, None),
            Case(f"status.images.{field}", "minimum", 0, -1),
        )
    ),
    *(
        Case(f"status.images.outcomes.{field}", "minimum", 0, -1)
        for field in ("deleted", "skipped", "failed", "restored")
    ),
    Case("status.images.items", "maxItems", [IMAGE] * 500, [IMAGE] * 501),
    *(Case(f"status.images.items[].{field}", "required", value, None) for field, value in IMAGE.items()),
    *(
        Case(f"status.images.items[].{field}", "maxLength", "a" * most, "a" * (most + 1))
        for field, most in {"image": 512, "digest": 128, "reason": 64, "message": 512}.items()
    ),
    Case("status.images.items[].action", "enum", "Keep", "Hide"),
    Case("status.images.items[].outcome", "enum", "Restored", "Deleting"),
    Case("status.images.itemsLeftOut", "minimum", 1, 0),
    Case("status.items", "maxItems", [ITEM] * 1000, [ITEM] * 1001),
    *(Case(f"status.items[].{field}", "required", value, None) for field, value in ITEM.items()),
    *(
        Case(f"status.items[].{field}", "maxLength", "a" * most, "a" * (most + 1))
        for field, most in {
            "kind": 64,
            "name": 253,
            "namespace": 63,
            "cluster": 63,
            "reason": 64,
            "message": 512,
            "uid": 64,
            "content": 64,
        }.items()
    ),
    Case("status.items[].action", "enum", "Keep", "Hide"),
    Case("status.items[].outcome", "enum", "Deleted", "Lost"),
    Case("status.items[].observed", "minimum", 1, 0),
    Case("status.itemsLeftOut", "minimum", 1, 0),
    Case("status.summary", "maxLength", "a" * 262_144, "a" * 262_145),
]


@pytest.fixture(scope="module")
def policies(cluster: Cluster) -> Iterator[Admission]:
    """The API server with a complete CleanupPolicy in it."""
    install(cluster)
    with Admission(cluster, "cleanuppolicies", CLEANUP_POLICY) as admission:
        yield admission


@pytest.fixture(scope="module")
def runs(cluster: Cluster) -> Iterator[Admission]:
    """The API server with a complete CleanupRun in it."""
    install(cluster)
    with Admission(cluster, "cleanupruns", CLEANUP_RUN) as admission:
        yield admission


@pytest.mark.parametrize(("plural", "cases"), [("cleanuppolicies", POLICY), ("cleanupruns", RUN)])
def test_every_rule_of_the_crds_has_a_case(plural: str, cases: list[Case]) -> None:
    stated = {(rule.path, rule.name) for rule in rules(schema(plural))} - {("spec", UNCHANGED)}
    assert {(case.path, case.rule) for case in cases} == stated


@pytest.mark.parametrize("case", POLICY, ids=str)
def test_what_keeps_the_rule_is_accepted_in_a_policy(policies: Admission, case: Case) -> None:
    policies.accepts(case)


@pytest.mark.parametrize("case", POLICY, ids=str)
def test_what_breaks_the_rule_is_refused_in_a_policy(policies: Admission, case: Case) -> None:
    policies.rejects(case)


@pytest.mark.parametrize("case", RUN, ids=str)
def test_what_keeps_the_rule_is_accepted_in_a_run(runs: Admission, case: Case) -> None:
    runs.accepts(case)


@pytest.mark.parametrize("case", RUN, ids=str)
def test_what_breaks_the_rule_is_refused_in_a_run(runs: Admission, case: Case) -> None:
    runs.rejects(case)


@pytest.mark.parametrize(("field", "value"), [("approvedPlan", "f" * 64), ("restore", True)])
def test_approval_and_restore_can_be_set_later(runs: Admission, field: str, value: object) -> None:
    assert runs.change(f"spec.{field}", value)["kind"] == "CleanupRun"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("platformRef.name", "other"),
        ("clusters", ["region2"]),
        ("clusters", None),
        ("mode", "Delete"),
        ("kinds", ["Artifact"]),
        ("exclude.names", ["x"]),
        ("retention.keepLast", 0),
        ("limits.maxDeletions", 1000),
        ("limits", None),
        ("images", "Delete"),
    ],
)
def test_nothing_else_of_a_run_can_be_changed(runs: Admission, field: str, value: object) -> None:
    answer = runs.change(f"spec.{field}", value)
    assert answer["kind"] == "Status"
    assert UNCHANGED in answer["message"]


def test_the_least_policy_and_its_defaults(policies: Admission) -> None:
    defaults = {"mode": "DryRun", "kinds": KINDS, "images": "Retain", "suspend": False}
    limits = {"successfulRunsHistoryLimit": 3, "failedRunsHistoryLimit": 1}
    assert policies.create({})["spec"] == defaults | limits


@pytest.mark.parametrize("schedule", ["CRON_TZ=UTC 0 3 * * 6", "TZ=UTC 0 3 * * 6", "@reboot", "0 3 * *"])
def test_what_is_no_schedule(policies: Admission, schedule: str) -> None:
    assert SCHEDULE in policies.judge("spec.schedule", schedule)["message"]


def test_the_sample_is_valid(cluster: Cluster, policies: Admission) -> None:
    sample = Path(__file__).parents[2] / "deploy" / "samples" / "cleanuppolicy.yaml"
    assert "created" in cluster.kubectl("create", "--dry-run=server", "--validate=strict", "-f", str(sample))
