"""Cleanups that delete, on a real API server: approval, backup, deletion, restore, and what goes wrong on the way."""

import json
from collections.abc import Iterator

import pytest

from tests.cleanups import (
    BIND,
    FORBID,
    MODULES,
    AnyBundle,
    a_run,
    allow,
    change,
    clear,
    ended,
    install_operator,
    install_plugin,
    installed_csv,
    is_back,
    is_forbidden,
    item,
    long_ago,
    module_plugin,
    offer,
    only,
    outcomes,
    policy,
    request_run,
    run_now,
    saved,
    there,
    viewed,
)
from tests.cluster import Kit
from tests.harness import SYSTEM, Object, Site, condition, installation, said
from tests.observe import until

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def site(kit: Kit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An installation that may write backups; `busy` is installed in version 9.0.0, plugin `work` in v2.0.0."""
    with installation(kit, tmp_path_factory.mktemp("cleanup-deletes"), bundles=AnyBundle()) as site:
        allow(site)
        clear(site)
        offer(site, "busy", "9.0.0")
        install_operator(site, "busy", "9.0.0")
        site.apply(module_plugin("work", "v1.0.0"))
        until(lambda: "work-v1.0.0" in site.all("moduleconfigs"))
        site.apply(module_plugin("work", "v2.0.0"))
        install_plugin(site, "work", "v2.0.0")
        until(lambda: installed_csv(site, "busy") == "busy.v9.0.0" and viewed(site, "work") == ["v2.0.0"])
        yield site
        site.cluster.kubectl("delete", "moduleplugins,moduleconfigs,moduleinfoes", "--all")
        site.cluster.kubectl("delete", "artifacts", "-n", SYSTEM, "--all", "--wait=false")
        site.cluster.kubectl("delete", "configmap", "of-rest", "-n", SYSTEM)


def test_what_nobody_uses_goes_is_saved_and_comes_back(site: Site) -> None:
    offer(site, "idle", "1.0.0", "1.1.0")
    offer(site, "busy", "1.0.0")
    site.apply(module_plugin("rest", "v1.0.0"))
    until(lambda: "rest-v1.0.0" in site.all("moduleconfigs") and "rest" in site.all("modulepluginviews"))
    of_the_plugin(site)
    before = there(site)
    planned = {"artifact idle", "artifactversion idle.v1.0.0", "artifactversion idle.v1.1.0"}
    planned |= {"artifactversion busy.v1.0.0", "moduleplugin rest", "moduleconfig rest-v1.0.0"}
    planned |= {"moduleconfig work-v1.0.0"}
    bodies = site.all("artifactversions", SYSTEM)

    site.apply(policy("delete", mode="Delete", limits={"maxDeletions": 6}))
    stopped = run_now(site, "delete")
    assert condition(stopped, "Failed")["reason"] == "LimitExceeded", said(stopped)
    assert "7 objects would be deleted" in condition(stopped, "Failed")["message"]
    assert there(site) == before
    assert saved(site, stopped["metadata"]["name"]) == []

    site.apply(policy("delete", mode="Delete", limits={"maxDeletions": 7}))
    run = run_now(site, "delete")
    name = run["metadata"]["name"]
    assert condition(run, "Complete")["reason"] == "Deleted", said(run)
    assert outcomes(run) == dict.fromkeys(planned, "Deleted")
    assert there(site) == before - planned
    assert run["status"]["outcomes"] == {"deleted": 7, "deleting": 0, "skipped": 0, "failed": 0}
    assert run["status"]["summary"].startswith("GC Summary:\nTYPE NAME CLUSTER")
    assert "ArtifactVersion idle.v1.0.0 global" in run["status"]["summary"]
    assert {
        f"{each['body']['kind'].lower()} {each['body']['metadata']['name']}" for each in saved(site, name)
    } == planned
    assert site.operator.metric("violet_cleanup_deleted_total", policy="delete") == 7
    until(lambda: {each["reason"] for each in site.events(name)} == {"Deleted"})
    body = site.wait("delete", lambda body: name in body["status"].get("lastResult", ""), 60, "cleanuppolicies")
    assert "Complete (Deleted): 7 of 7 objects deleted" in body["status"]["lastResult"]
    metadata = site.all("configmaps", SYSTEM)["of-rest"]["metadata"]  # it is in no backup, and belongs to nobody now
    assert "ownerReferences" not in metadata

    offer(site, "busy", "1.0.0", annotations={"note": "another"})
    change(site, name, restore=True)
    run = site.wait(name, is_back, 60, "cleanupruns")
    assert there(site) == before
    assert outcomes(run)["artifactversion idle.v1.0.0"] == "Restored"
    assert outcomes(run)["artifactversion busy.v1.0.0"] == "Skipped"
    assert "other annotations, and was left alone" in item(run, "busy.v1.0.0")["message"]
    now = site.all("artifactversions", SYSTEM)
    artifact = site.all("artifacts", SYSTEM)["idle"]
    assert artifact["metadata"]["labels"]["team"] == "blue"
    for each in ("idle.v1.0.0", "idle.v1.1.0"):
        metadata, was = now[each]["metadata"], bodies[each]["metadata"]
        assert metadata["labels"] == was["labels"]
        assert metadata["annotations"] == was["annotations"]
        assert now[each]["spec"] == bodies[each]["spec"]
        assert metadata["uid"] != was["uid"]
        assert metadata["ownerReferences"][0]["uid"] == artifact["metadata"]["uid"]
    until(lambda: site.all("artifactversions", SYSTEM)["idle.v1.0.0"]["status"]["phase"] == "Present")
    again_from_a_backup_alone(site, name, before)


def of_the_plugin(site: Site) -> None:
    """Something that belongs to ModulePlugin rest."""
    uid = site.all("moduleplugins")["rest"]["metadata"]["uid"]
    owner = {"apiVersion": MODULES, "kind": "ModulePlugin", "name": "rest", "uid": uid}
    metadata = {"name": "of-rest", "namespace": SYSTEM, "ownerReferences": [owner]}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    site.cluster.kubectl("create", "-f", "-", stdin=json.dumps(body))


def again_from_a_backup_alone(site: Site, name: str, before: set[str]) -> None:
    """The policy goes, and its runs with it; the backups stay, and a run made by hand finds its own."""
    uids = {each: body["metadata"]["uid"] for each, body in site.all("artifactversions", SYSTEM).items()}
    site.delete("cleanuppolicies", "delete")
    until(lambda: name not in site.all("cleanupruns"))
    assert name not in site.all("cleanupruns")
    assert len(saved(site, name)) == 7
    until(lambda: site.operator.metric("violet_cleanup_candidates", policy="delete") == 0)
    assert 'policy="delete"' not in site.operator.metrics()
    site.cluster.kubectl("delete", "artifactversion", "idle.v1.1.0", "-n", SYSTEM)
    site.apply(a_run(name))
    run = site.wait(name, ended, 60, "cleanupruns")
    assert condition(run, "Failed")["reason"] == "BackupExists", said(run)
    site.delete("cleanupruns", name)
    site.apply(a_run(name, restore=True))
    run = site.wait(name, is_back, 60, "cleanupruns")
    assert condition(run, "Complete")["reason"] == "Restored", said(run)
    assert there(site) == before
    now = {each: body["metadata"]["uid"] for each, body in site.all("artifactversions", SYSTEM).items()}
    assert {each for each in now if now[each] != uids[each]} == {"idle.v1.1.0"}
    site.apply(a_run("never-was", restore=True))
    run = site.wait("never-was", ended, 60, "cleanupruns")
    assert condition(run, "Failed")["reason"] == condition(run, "Restored")["reason"] == "NoBackup", said(run)


def waits(body: Object) -> bool:
    return condition(body, "AwaitingApproval")["status"] == "True"


def test_only_the_approved_plan_is_carried_out(site: Site) -> None:
    offer(site, "asked", "1.0.0")
    fields = {"kinds": ["Artifact"], "exclude": {"names": ["idle*"]}}
    site.apply(policy("ask", mode="Approve", failedRunsHistoryLimit=9, **fields))
    first = request_run(site, "ask")
    run = site.wait(first, waits, 60, "cleanupruns")
    approved = run["status"]["plan"]["hash"]
    assert approved in condition(run, "AwaitingApproval")["message"]
    assert outcomes(run) == {"artifact asked": "Planned", "artifactversion asked.v1.0.0": "Planned"}

    second = request_run(site, "ask")  # it makes way for the next
    run = site.wait(first, ended, 60, "cleanupruns")
    assert condition(run, "Failed")["reason"] == "Superseded", said(run)
    site.wait(second, waits, 60, "cleanupruns")

    offer(site, "late", "1.0.0")
    change(site, second, approvedPlan=approved)
    run = site.wait(second, ended, 60, "cleanupruns")
    assert condition(run, "Failed")["reason"] == "PlanChanged", said(run)
    message = condition(run, "Failed")["message"]
    assert approved in message
    assert run["status"]["plan"]["hash"] in message
    assert "New in it: Artifact late (global), ArtifactVersion late.v1.0.0 (global)." in message
    assert {"artifact asked", "artifact late"} <= there(site)

    third = request_run(site, "ask")
    run = site.wait(third, waits, 60, "cleanupruns")
    change(site, third, approvedPlan=run["status"]["plan"]["hash"])
    run = site.wait(third, ended, 60, "cleanupruns")
    assert condition(run, "Complete")["reason"] == "Deleted", said(run)
    assert not {"artifact asked", "artifactversion asked.v1.0.0", "artifact late"} & there(site)
    assert condition(run, "AwaitingApproval")["reason"] == "Approved"
    nothing = run_now(site, "ask")
    assert condition(nothing, "Complete")["reason"] == "NothingToDelete", said(nothing)


def test_an_artifact_waits_for_what_a_finalizer_holds_and_stays_if_it_is_marked_meanwhile(site: Site) -> None:
    """Whoever holds a version may need its Artifact. Of two that wait, somebody annotates one."""
    for package in ("held", "held-too"):
        offer(site, package, "1.0.0", finalizers=["example.com/never"])
    site.apply(a_run("held", **only("held")))
    wanted = {
        "artifact held": "Failed",
        "artifactversion held.v1.0.0": "Deleting",
        "artifact held-too": "Failed",
        "artifactversion held-too.v1.0.0": "Deleting",
    }

    def pending(body: Object) -> bool:
        return condition(body, "Reconciling")["reason"] == "ProgressingWithRetry"

    site.wait("held", pending, 60, "cleanupruns")
    run = site.wait("held", lambda body: outcomes(body) == wanted, 60, "cleanupruns")
    assert item(run, "held.v1.0.0")["reason"] == item(run, "held")["reason"] == "FinalizerPending"
    assert "example.com/never" in item(run, "held.v1.0.0")["message"]
    assert "held.v1.0.0 of the same package stays" in item(run, "held")["message"]
    mark = ("annotate", "artifact", "held-too", "-n", SYSTEM, "team.example.com/keep=ticket 4711")
    site.cluster.kubectl(*mark)
    wanted["artifact held-too"] = "Skipped"
    run = site.wait("held", lambda body: outcomes(body) == wanted, 60, "cleanupruns")
    assert item(run, "held-too")["reason"] == "ObjectChanged"
    long_ago(site, "held")
    run = site.wait("held", ended, 90, "cleanupruns")
    assert condition(run, "Failed")["reason"] == "Incomplete", said(run)
    assert "0 of 4 objects deleted, 2 deleting, 1 skipped, 1 failed" in condition(run, "Failed")["message"]
    artifacts = site.all("artifacts", SYSTEM)
    assert {"held", "held-too"} <= artifacts.keys()
    assert artifacts["held-too"]["metadata"]["annotations"]["team.example.com/keep"] == "ticket 4711"
    for package in ("held", "held-too"):
        patch = ("--type=merge", "-p", '{"metadata":{"finalizers":null}}')
        site.cluster.kubectl("patch", "artifactversion", f"{package}.v1.0.0", "-n", SYSTEM, *patch)
        site.cluster.kubectl("delete", "artifact", package, "-n", SYSTEM)
    until(lambda: not {each for each in there(site) if " held" in each})


def test_what_may_not_be_deleted_stops_nothing_else(site: Site) -> None:
    offer(site, "kept", "1.0.0", "1.1.0", "9.0.0")
    install_operator(site, "kept", "9.0.0")
    until(lambda: installed_csv(site, "kept") == "kept.v9.0.0")
    site.apply(FORBID, BIND)
    until(lambda: is_forbidden(site, "kept.v1.0.0"))
    site.apply(a_run("forbidden", **only("kept")))
    run = site.wait("forbidden", ended, 60, "cleanupruns")
    site.cluster.kubectl("delete", "validatingadmissionpolicy,validatingadmissionpolicybinding", "keep-it")
    assert condition(run, "Failed")["reason"] == "Incomplete", said(run)
    assert outcomes(run) == {"artifactversion kept.v1.0.0": "Failed", "artifactversion kept.v1.1.0": "Deleted"}
    assert item(run, "kept.v1.0.0")["reason"] == "TargetRefused"
    assert "keep it" in item(run, "kept.v1.0.0")["message"]


def test_without_a_backup_nothing_goes(site: Site) -> None:
    before = there(site)
    site.cluster.kubectl("delete", "rolebinding", "violet-cleanup", "-n", site.namespace)
    site.apply(a_run("unsaved", **only("idle")))

    def tried(body: Object) -> bool:
        return condition(body, "Reconciling")["reason"] == "ProgressingWithRetry"

    run = site.wait("unsaved", tried, 60, "cleanupruns")
    assert "nothing is deleted" in condition(run, "Reconciling")["message"]
    assert "violet-cleanup" in condition(run, "Reconciling")["message"]
    assert there(site) == before
    long_ago(site, "unsaved")
    run = site.wait("unsaved", ended, 90, "cleanupruns")
    assert condition(run, "Failed")["reason"] == "BackupNotWritten", said(run)
    assert there(site) == before
    allow(site)
