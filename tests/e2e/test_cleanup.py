"""Cleanup on a real API server: policies start runs, a dry run says what would go, and writes nothing but that."""

import json
import secrets
from collections.abc import Iterator

import pytest

from tests.cleanups import (
    ended,
    install_operator,
    install_plugin,
    installed_csv,
    items,
    long_ago,
    module_plugin,
    policy,
    run_now,
    viewed,
)
from tests.cluster import Kit
from tests.cluster.process import free_port
from tests.harness import (
    API,
    Object,
    Site,
    condition,
    has_failed,
    installation,
    is_ready,
    platform,
    said,
    small,
)
from tests.observe import until
from violet_operator.cleanup.history import requested_name

pytestmark = pytest.mark.e2e

OWN_WRITES = {
    ("patch", "cleanuppolicies", "status"),
    ("patch", "cleanupruns", "status"),
    ("create", "cleanupruns", ""),
    ("delete", "cleanupruns", ""),
    ("patch", "platforms", "status"),
    ("create", "events", ""),
    ("create", "selfsubjectaccessreviews", ""),  # questions, stored nowhere
    ("create", "selfsubjectrulesreviews", ""),
}


@pytest.fixture(scope="module")
def site(kit: Kit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Operators idle (nobody has it), busy (2.0.0 is installed), wanted (by a live upload); plugins rest and work."""
    with installation(kit, tmp_path_factory.mktemp("cleanup")) as site:
        for name, version in (("idle", "1.0.0"), ("busy", "1.0.0"), ("busy", "2.0.0"), ("wanted", "1.0.0")):
            package = f"{name}-{version}"
            site.put_package(package, small(name, version=version, tag=f"v{version}"))
            site.apply(site.package_upload(package))
        for plugin in ("rest", "work"):
            site.apply(module_plugin(plugin, "v1.0.0"))
        uploads = ["idle-1.0.0", "busy-1.0.0", "busy-2.0.0", "wanted-1.0.0"]
        site.wait_all(uploads, is_ready)
        site.delete("packageuploads", *uploads[:3])
        until(lambda: "work-v1.0.0" in site.all("moduleconfigs"))
        site.apply(module_plugin("work", "v2.0.0"))
        install_operator(site, "busy", "2.0.0")
        install_plugin(site, "work", "v2.0.0")
        until(lambda: installed_csv(site, "busy") == "busy.v2.0.0" and viewed(site, "work") == ["v2.0.0"])
        yield site
        site.cluster.kubectl("delete", "moduleplugins,moduleconfigs,moduleinfoes", "--all")


WOULD_GO = {
    "Artifact idle": "Delete NotInstalled",
    "ArtifactVersion idle.v1.0.0": "Delete NotInstalled",
    "ArtifactVersion busy.v1.0.0": "Delete OldVersion",
    "ModulePlugin rest": "Delete NotInstalled",
    "ModuleConfig rest-v1.0.0": "Delete NotInstalled",
    "ModuleConfig work-v1.0.0": "Delete OldVersion",
}
STAYS = {"Artifact wanted": "Keep WantedByUpload", "ArtifactVersion wanted.v1.0.0": "Keep WantedByUpload"}


def test_a_dry_run_says_what_would_go_and_writes_nothing_else(site: Site) -> None:
    written = len(site.cluster.audit_writes("violet-operator"))
    site.apply(policy("on-request"))
    site.wait("on-request", is_ready, 60, "cleanuppolicies")
    run = run_now(site, "on-request")

    assert condition(run, "Planned")["status"] == "True", said(run)
    assert condition(run, "Complete")["reason"] == "DryRun", said(run)
    assert "nothing was deleted" in condition(run, "Complete")["message"]
    assert items(run) == WOULD_GO | STAYS
    status = run["status"]
    assert len(status["plan"]["hash"]) == 64
    assert status["plan"]["deletions"] + status["plan"]["kept"] == status["plan"]["judged"]
    assert status["clusters"] == [{"name": "global", "complete": True}]
    assert {each["reason"] for each in status["kept"]} >= {"Installed", "InUse", "WantedByUpload"}
    head, columns, _, *rows = status["summary"].splitlines()
    assert (head, columns) == ("GC Summary:", "TYPE NAME CLUSTER")
    assert {f"{name} global" for name in WOULD_GO} <= set(rows)

    metadata = run["metadata"]
    assert metadata["labels"]["violet.alauda.io/cleanup-policy"] == "on-request"
    assert [each["kind"] for each in metadata["ownerReferences"]] == ["CleanupPolicy"]
    until(lambda: {each["reason"] for each in site.events(metadata["name"])} == {"DryRun"})
    assert {each["reason"] for each in site.events("on-request")} == {"RunStarted"}
    assert site.operator.metric("violet_cleanup_candidates", policy="on-request") == status["plan"]["deletions"]
    entries = site.cluster.audit_writes("violet-operator")[written:]
    assert entries, "the audit log is empty: this check would check nothing"
    assert {(each.verb, each.resource, each.subresource) for each in entries} <= OWN_WRITES


def test_the_table_shows_what_people_look_for(site: Site) -> None:
    text = site.cluster.kubectl("get", "cleanuppolicies,cleanupruns", "-n", site.namespace)
    assert "DryRun" in text
    assert "DELETIONS" in text


def test_candidates_are_observed_and_old_runs_forgotten(site: Site) -> None:
    site.apply(policy("twice", retention={"observations": 2}, successfulRunsHistoryLimit=1))
    first, second = run_now(site, "twice"), run_now(site, "twice")
    assert {items(first)[name] for name in WOULD_GO} == {"Keep SeenTooRarely"}
    assert items(second) == WOULD_GO | STAYS
    labels = "violet.alauda.io/cleanup-policy=twice"

    def left() -> list[str]:
        names = site.cluster.kubectl("get", "cleanupruns", "-n", site.namespace, "-l", labels, "-o", "name")
        return names.split()

    until(lambda: len(left()) == 1)
    assert left() == [f"cleanuprun.violet.alauda.io/{second['metadata']['name']}"]
    third = run_now(site, "twice")
    assert third["status"]["plan"]["hash"] == second["status"]["plan"]["hash"]


def test_a_limit_stops_the_run_with_the_numbers(site: Site) -> None:
    site.apply(policy("limited", limits={"maxDeletions": 2}))
    run = run_now(site, "limited")
    assert condition(run, "Failed")["reason"] == "LimitExceeded", said(run)
    assert "spec.limits.maxDeletions is 2" in condition(run, "Failed")["message"]
    assert condition(run, "Planned")["status"] == "True"
    assert items(run) == WOULD_GO | STAYS


def test_a_missed_run_is_made_up_for_once(site: Site) -> None:
    site.apply(policy("nightly", schedule="0 3 * * *", timeZone="Asia/Shanghai", suspend=True))
    site.wait("nightly", lambda body: condition(body, "Ready")["reason"] == "Suspended", 60, "cleanuppolicies")
    patch = json.dumps({"status": {"scheduledSince": "2026-01-01T00:00:00Z"}})
    site.reconcile("nightly", kind="cleanuppolicy", request="meanwhile")  # is dropped
    answered = "lastHandledReconcileAt"
    site.wait("nightly", lambda body: body["status"].get(answered) == "meanwhile", 60, "cleanuppolicies")
    what = ("cleanuppolicy/nightly", "-n", site.namespace, "--type=merge")
    site.cluster.kubectl("patch", *what, "--subresource=status", "--patch", patch)
    site.cluster.kubectl("patch", *what, "--patch", json.dumps({"spec": {"suspend": False}}))

    def done(body: Object) -> bool:
        status = body["status"]
        return "lastSuccessfulTime" in status and "active" not in status

    body = site.wait("nightly", done, 60, "cleanuppolicies")
    runs = [name for name in site.all("cleanupruns") if name.startswith("nightly-")]
    assert runs == [body["status"]["lastRun"]]
    assert body["status"]["lastScheduleTime"].endswith("T19:00:00Z")
    assert body["status"]["nextScheduleTime"] > body["status"]["lastScheduleTime"] > body["status"]["lastMissedTime"]
    until(lambda: {"Suspended", "MissedSchedule", "RunStarted"} == {each["reason"] for each in site.events("nightly")})


def test_every_request_has_a_run_of_its_own_whatever_its_words(site: Site) -> None:
    site.apply(policy("often"))
    site.wait("often", is_ready, 60, "cleanuppolicies")
    for request in ("now", "again", "now"):
        site.reconcile("often", kind="cleanuppolicy", request=request)

        def answered(body: Object, request: str = request) -> bool:
            return body["status"].get("lastHandledReconcileAt") == request and "active" not in body["status"]

        body = site.wait("often", answered, 60, "cleanuppolicies")
    assert len([name for name in site.all("cleanupruns") if name.startswith("often-")]) == 3

    taken = requested_name(body, "soon")
    site.apply({"apiVersion": API, "kind": "CleanupRun", "metadata": {"name": taken}, "spec": {}})
    site.wait(taken, ended, 60, "cleanupruns")
    site.reconcile("often", kind="cleanuppolicy", request="soon")
    body = site.wait("often", lambda body: condition(body, "Ready")["reason"] == "RunExists", 60, "cleanuppolicies")
    assert body["status"]["lastHandledReconcileAt"] == "now"
    site.delete("cleanupruns", taken)
    body = site.wait(
        "often", lambda body: body["status"].get("lastHandledReconcileAt") == "soon", 90, "cleanuppolicies"
    )
    assert body["status"]["lastRun"] == taken


@pytest.mark.parametrize(
    ("spec", "reason", "advice"),
    [
        ({"schedule": "61 3 * * *"}, "InvalidSchedule", "minute"),
        ({"schedule": "0 3 * * *", "timeZone": "Mars/Olympus"}, "InvalidSchedule", "Mars/Olympus"),
    ],
)
def test_what_a_policy_cannot_do_is_refused(site: Site, spec: Object, reason: str, advice: str) -> None:
    name = f"refused-{secrets.token_hex(3)}"
    site.apply(policy(name, **spec))
    body = site.wait(name, lambda body: condition(body, "Stalled")["status"] == "True", 60, "cleanuppolicies")
    assert condition(body, "Ready")["reason"] == condition(body, "Stalled")["reason"] == reason
    assert advice in condition(body, "Ready")["message"]


def test_a_run_of_its_own_and_what_it_cannot_do(site: Site) -> None:
    """A run needs no policy."""
    head = {"apiVersion": API, "kind": "CleanupRun"}
    site.apply(
        head | {"metadata": {"name": "alone"}, "spec": {"kinds": ["ModuleConfig"], "exclude": {"names": ["rest*"]}}},
        head | {"metadata": {"name": "lost"}, "spec": {"clusters": ["nowhere"]}},
    )
    alone = site.wait("alone", ended, 60, "cleanupruns")
    assert items(alone)["ModuleConfig work-v1.0.0"] == "Delete OldVersion"
    assert items(alone)["ModulePlugin rest"] == "Keep Excluded"

    def tried(body: Object) -> bool:
        return condition(body, "Reconciling")["reason"] == "ProgressingWithRetry"

    lost = site.wait("lost", tried, 60, "cleanupruns")
    assert condition(lost, "Planned")["reason"] == "UnknownCluster"
    assert "nowhere" in condition(lost, "Planned")["message"]
    assert not ended(lost)
    long_ago(site, "lost")
    lost = site.wait("lost", ended, 90, "cleanupruns")
    assert condition(lost, "Failed")["reason"] == "UnknownCluster", said(lost)
    assert condition(lost, "Reconciling")["status"] == ""


def test_a_run_waits_for_its_platform_and_goes_on_when_that_works(site: Site) -> None:
    """Nothing is judged through a Platform that does not work: what it shows may not be all there is."""
    spec = {"platformRef": {"name": "late"}, "kinds": ["ArtifactVersion"]}
    site.apply(platform("late", f"127.0.0.1:{free_port()}"))
    site.wait("late", has_failed(), 60, "platforms")
    site.apply({"apiVersion": API, "kind": "CleanupRun", "metadata": {"name": "patient"}, "spec": spec})

    def waits(body: Object) -> bool:
        reasons = [condition(body, kind)["reason"] for kind in ("Planned", "Reconciling")]
        return reasons == ["PlatformNotReady", "ProgressingWithRetry"]

    run = site.wait("patient", waits, 60, "cleanupruns")
    assert "plan" not in run["status"]
    assert not ended(run)
    site.apply(platform("late", site.registry.address))
    run = site.wait("patient", ended, 120, "cleanupruns")
    assert condition(run, "Complete")["reason"] == "DryRun", said(run)
    assert items(run)["ArtifactVersion busy.v1.0.0"] == "Delete OldVersion"


def test_nothing_was_deleted(site: Site) -> None:
    """All of the above were dry runs."""
    names = {f"{kind[:-1]} {name}" for kind in ("moduleplugins", "moduleconfigs") for name in site.all(kind)}
    assert {"moduleplugin rest", "moduleconfig rest-v1.0.0", "moduleconfig work-v1.0.0"} <= names
    assert {"idle", "idle.v1.0.0", "busy.v1.0.0"} <= set(site.artifacts())
