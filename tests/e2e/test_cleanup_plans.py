"""A plan stays what was approved, a backup what the plan says, and a cluster the one that was meant: two clusters."""

import base64
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web

from tests.cleanups import (
    AnyBundle,
    a_run,
    allow,
    change,
    clear,
    ended,
    is_back,
    item,
    long_ago,
    offer,
    only,
    outcomes,
    saved,
    there,
)
from tests.gateways import ADMIN, World, opened
from tests.harness import SYSTEM, Object, condition, said, secret
from tests.observe import until
from violet_operator.cleanup import backup

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A platform `p` of two clusters; the operator may write backups."""
    with opened(tmp_path_factory.mktemp("cleanup-plans"), AnyBundle()) as world:
        allow(world.site)
        clear(world.site)
        world.site.apply(secret("p", token=world.gateway.login.token(ADMIN)), world.platform("p"))
        world.connected("p")
        yield world


@pytest.fixture(autouse=True)
def nothing_is_left(world: World) -> Iterator[None]:
    """What a test has offered is gone before the next."""
    yield
    world.site.cluster.kubectl("delete", "artifacts,artifactversions", "-n", SYSTEM, "--all")


def run_of(name: str, package: str, **spec: Any) -> Object:
    """A run on both clusters that may delete one package."""
    return a_run(name, platformRef={"name": "p"}, **only(package), **spec)


def waits(body: Object) -> bool:
    return condition(body, "AwaitingApproval")["status"] == "True"


def tried_again(body: Object) -> bool:
    return condition(body, "Reconciling")["reason"] == "ProgressingWithRetry"


def awaited(world: World, name: str, package: str, **spec: Any) -> str:
    """The hash of a plan that waits for its approval."""
    world.site.apply(run_of(name, package, mode="Approve", **spec))
    run = world.site.wait(name, waits, 60, "cleanupruns")
    return str(run["status"]["plan"]["hash"])


@pytest.mark.parametrize(
    ("name", "patch"),
    [("spec", {"spec": {"tag": "v1.0.1"}}), ("labels", {"metadata": {"labels": {"team": "red"}}})],
)
def test_what_was_edited_after_the_plan_is_not_what_was_approved(world: World, name: str, patch: Object) -> None:
    site = world.site
    offer(site, "asked", "1.0.0", "1.1.0")
    approved = awaited(world, f"edited-{name}", "asked")
    what = ("artifactversion", "asked.v1.0.0", "-n", SYSTEM, "--type=merge", "--patch", json.dumps(patch))
    site.cluster.kubectl("patch", *what)
    change(site, f"edited-{name}", approvedPlan=approved)
    run = site.wait(f"edited-{name}", ended, 60, "cleanupruns")
    assert condition(run, "Failed")["reason"] == "PlanChanged", said(run)
    message = condition(run, "Failed")["message"]
    assert "Changed since: ArtifactVersion asked.v1.0.0 (global)." in message
    assert "asked.v1.1.0" not in message
    assert {"artifact asked", "artifactversion asked.v1.0.0", "artifactversion asked.v1.1.0"} <= there(site)


def test_a_backup_that_somebody_else_made_carries_out_nothing(world: World) -> None:
    site = world.site
    offer(site, "asked", "1.0.0")
    site.apply(a_run("forged", mode="Approve", platformRef={"name": "p"}, limits={"maxDeletions": 2}))
    run = site.wait("forged", waits, 60, "cleanupruns")
    approved = str(run["status"]["plan"]["hash"])
    offer(site, "late", "1.0.0", "2.0.0", "3.0.0")
    entries = [
        backup.entry("global", kind, ("NotInstalled", "Nobody has installed it.", 1), body)
        for kind in ("Artifact", "ArtifactVersion")
        for name, body in site.all(f"{kind.lower()}s", SYSTEM).items()
        if name.startswith("late")
    ]
    parts, _ = backup.split(entries)
    uid = site.cluster.kubectl("get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}")
    index = backup.index(run, ("p", {"global": uid}), approved, parts, len(entries))
    for body in backup.config_maps(run, index, parts):
        site.cluster.kubectl("create", "-f", "-", stdin=json.dumps(body))
    before = there(site)
    change(site, "forged", approvedPlan=approved)
    run = site.wait("forged", ended, 60, "cleanupruns")
    assert condition(run, "Failed")["reason"] == "BackupDamaged", said(run)
    assert "is not what plan" in condition(run, "Failed")["message"]
    assert there(site) == before


def test_an_outage_while_a_plan_is_approved_ends_nothing(world: World) -> None:
    site = world.site
    offer(site, "asked", "1.0.0")
    approved = awaited(world, "outage", "asked")
    world.gateway.down.add("global")
    try:
        change(site, "outage", approvedPlan=approved)
        run = site.wait("outage", lambda body: tried_again(body) or ended(body), 60, "cleanupruns")
    finally:
        world.gateway.down.clear()
    assert not ended(run), said(run)
    assert "global" in condition(run, "Reconciling")["message"]
    assert "502" in condition(run, "Reconciling")["message"]
    assert run["status"]["plan"]["hash"] == approved
    run = site.wait("outage", ended, 120, "cleanupruns")
    assert condition(run, "Complete")["reason"] == "Deleted", said(run)
    assert set(outcomes(run).values()) == {"Deleted"}


def test_nobody_approves_in_time(world: World) -> None:
    site = world.site
    offer(site, "asked", "1.0.0")
    approved = awaited(world, "expired", "asked")
    long_ago(site, "expired", days=8)
    change(site, "expired", approvedPlan=approved)
    run = site.wait("expired", ended, 60, "cleanupruns")
    assert condition(run, "Failed")["reason"] == "ApprovalExpired", said(run)
    assert "artifact asked" in there(site)


def test_what_cannot_be_saved_keeps_everything(world: World) -> None:
    site = world.site
    noise = base64.b85encode(random.Random(1).randbytes(600_000)).decode()
    offer(site, "asked", "1.0.0")
    large = {"apiVersion": "app.alauda.io/v1alpha1", "kind": "Artifact"}
    large["metadata"] = {"name": "asked-large", "namespace": SYSTEM}
    large["spec"] = {"type": "bundle", "present": True, "registry": "r", "repository": noise}
    large["spec"]["artifactVersionSelector"] = {}
    site.cluster.kubectl("create", "-f", "-", stdin=json.dumps(large))
    until(lambda: "asked-large" in site.all("operatorviews", "global"))
    before = there(site)
    site.apply(run_of("large", "asked"))
    run = site.wait("large", ended, 60, "cleanupruns")
    assert condition(run, "Failed")["reason"] == "BackupTooLarge", said(run)
    assert "Artifact asked-large of cluster global is too large" in condition(run, "Failed")["message"]
    assert there(site) == before
    assert saved(site, "large") == []


def test_a_cluster_that_does_not_say_which_it_is_is_left_alone(world: World) -> None:
    site = world.site
    offer(site, "asked", "1.0.0")

    async def refuse(*_: object) -> web.StreamResponse:
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "code": 403}
        return web.json_response(status | {"message": "namespaces kube-system is forbidden"}, status=403)

    for cluster, planned in (("region1", 2), ("global", 0)):
        path = f"/kubernetes/{cluster}/api/v1/namespaces/kube-system"
        world.gateway.routes[path] = refuse
        try:
            site.apply(run_of(f"nameless-{cluster}", "asked", mode="DryRun"))
            run = site.wait(f"nameless-{cluster}", ended, 60, "cleanupruns")
        finally:
            del world.gateway.routes[path]
        told = {each["name"]: each for each in run["status"]["clusters"]}
        assert not told[cluster]["complete"], said(run)
        assert "not known which cluster this is" in told[cluster]["message"]
        assert run["status"]["plan"]["deletions"] == planned
        assert len(outcomes(run)) == planned


def test_a_run_acts_on_the_cluster_of_its_plan_alone(world: World) -> None:
    """In mid-run a standby answers in its cluster's name, as after a change of a DNS record."""
    site, standby = world.site, world.kit.cluster("region1")
    offer(site, "held", "1.0.0", "1.1.0", finalizers=["example.com/never"])
    site.apply(run_of("moved", "held"))
    site.wait("moved", tried_again, 60, "cleanupruns")
    world.gateway.stand_in("global", standby)
    try:

        def is_noticed(body: Object) -> bool:
            found = [item(body, name) for name in ("held.v1.0.0", "held.v1.1.0")]
            return {(each["outcome"], each["reason"]) for each in found} == {("Failed", "ClusterChanged")}

        run = site.wait("moved", is_noticed, 120, "cleanupruns")  # which is not "gone"
        assert not ended(run)
        meant = site.cluster.kubectl("get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}")
        assert meant in item(run, "held.v1.0.0")["message"]
        assert {"artifactversion held.v1.0.0", "artifactversion held.v1.1.0"} <= there(site)

        change(site, "moved", restore=True)
        run = site.wait("moved", lambda body: condition(body, "Restored")["status"] == "False", 60, "cleanupruns")
        assert condition(run, "Restored")["reason"] == "RestoreIncomplete", said(run)
        assert "is another cluster now" in condition(run, "Restored")["message"]
        assert world.published("region1") == set()
    finally:
        world.gateway.stand_in("global", site.cluster)
        patch = ("--type=merge", "-p", '{"metadata":{"finalizers":null}}')
        site.cluster.kubectl("patch", "artifactversion", "held.v1.0.0", "held.v1.1.0", "-n", SYSTEM, *patch)
    site.wait("moved", is_back, 120, "cleanupruns")
    assert {"artifact held", "artifactversion held.v1.0.0", "artifactversion held.v1.1.0"} <= there(site)
    assert world.published("region1") == set()
