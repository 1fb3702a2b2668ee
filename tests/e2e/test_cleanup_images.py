"""Images on two clusters and a real registry: what goes with a cleanup's objects, what anybody else keeps, and back."""

import json
from collections.abc import Iterator

import pytest

from tests.cleanups import ended
from tests.cluster import Kit
from tests.faults import FaultProxy, Request
from tests.harness import (
    API,
    OPEN,
    SYSTEM,
    Object,
    Reached,
    condition,
    installation,
    is_ready,
    said,
    secret,
    to_platform,
)
from tests.image_cleanups import ADMIN, SMALL, World, discovers, leave_behind, prepare, related
from tests.installed import operator as install_operator
from tests.observe import until
from tests.packages import Bundle
from tests.platform import Bundles, Gateway, grant, install_crds

pytestmark = pytest.mark.e2e

PACKAGES = {
    "idle-1": Bundle(name="idle", tag="v1.0.0", related=related("idle-manager:v1", "common:v1"), shared_layers=1),
    "busy-1": Bundle(name="busy", tag="v1.0.0", related=related("busy-manager:v1", "operand:v1"), shared_layers=1),
    "busy-2": Bundle(
        name="busy", version="2.0.0", tag="v2.0.0", related=related("busy-manager:v2", "common:v1"), shared_layers=1
    ),
    "far-1": Bundle(name="far", tag="v1.0.0", related=related("far-manager:v1"), shared_layers=1),
}
DELETED = {"idle-bundle:v1.0.0", "idle-manager:v1", "busy-bundle:v1.0.0", "busy-manager:v1"}
KEPT = {
    "common:v1": "busy.v2.0.0 of global",
    "operand:v1": "left-behind (statefulsets of region1)",
    "far-bundle:v1.0.0": "far.v1.0.0 of region1",
    "far-manager:v1": "far.v1.0.0 of region1",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Nobody has idle; busy 2 is installed, and an operand of busy 1 is left; far is on both clusters."""
    directory = tmp_path_factory.mktemp("images")
    kit_of_two = Kit(clusters=("global", "region1"))
    with kit_of_two as kit, Gateway(kit.clusters, directory) as gateway, FaultProxy(kit.registry().address) as proxy:
        for cluster in kit.clusters:
            install_crds(cluster.kubectl)
            grant(cluster, ADMIN)
        with installation(kit, directory, bundles=Bundles(plain=True)) as site:
            prepare(site, gateway, proxy)
            for name, package in PACKAGES.items():
                site.put_package(name, package)
                clusters = ("global", "region1") if name == "far-1" else ("global",)
                site.apply(site.package_upload(name, targets=to_platform("site", *clusters)))
            site.wait_all(list(PACKAGES), is_ready, 120)
            site.delete("packageuploads", *PACKAGES)
            install_operator(site.cluster, site.namespace, "busy", "2.0.0")
            leave_behind(kit, f"{proxy.address}/acp/operand:v1")
            yield World(site, kit, proxy, kit.registry(), gateway)


def has(kind: str) -> Reached:
    return lambda body: bool(condition(body, kind)["status"] == "True")


def items(run: Object) -> dict[str, Object]:
    return {each["image"].removeprefix("acp/"): each for each in run["status"]["images"]["items"]}


def test_a_dry_run_says_what_would_go_and_sends_the_registry_nothing_but_questions(world: World) -> None:
    before = len(world.proxy.requests)
    run = world.dry_run()
    assert condition(run, "Complete")["reason"] == "DryRun", said(run)
    images = run["status"]["images"]
    assert images["complete"], images
    found = items(run)
    assert {name for name, each in found.items() if each["action"] == "Delete"} == DELETED
    kept = {name: each["message"] for name, each in found.items() if each["action"] == "Keep"}
    assert {name for name, who in KEPT.items() if who in kept[name]} == kept.keys() == KEPT.keys(), kept
    assert images["manifests"] == 2 + 2 * 3  # two bundles, and two indexes with two children each
    assert images["bytes"] > 4 * SMALL
    assert f"{images['manifests']} manifests" in condition(run, "Complete")["message"]
    asked = world.proxy.requests[before:]
    assert asked
    assert {each.method for each in asked} <= {"GET", "HEAD"}
    assert not any("far-" in each.path.partition("/manifests")[0] and each.method == "DELETE" for each in asked)


def test_the_plan_without_images_is_another_one(world: World) -> None:
    hashes, freed = [], []
    for images in ("Delete", "Retain", "Delete"):
        hashes.append(world.dry_run(images=images)["status"]["plan"]["hash"])
        freed.append(world.site.operator.metric("violet_cleanup_image_bytes") > 0)
    assert hashes[0] == hashes[2] != hashes[1]
    assert freed == [True, False, True]


def test_manifests_count_against_the_most_that_a_run_may_delete(world: World) -> None:
    run = world.dry_run(limits={"maxDeletions": 8})
    assert condition(run, "Failed")["reason"] == "LimitExceeded", said(run)
    assert "and 8 manifests would be deleted" in said(run)


def test_nothing_is_known_while_an_upload_may_want_anything(world: World) -> None:
    """Even one for a cluster that the run has nothing to do with: both pull from the same registry."""
    targets = to_platform("site", "region1")
    world.site.apply(world.site.package_upload("soon", key="not-there-yet.tgz", targets=targets))
    run = world.dry_run()
    world.site.delete("packageuploads", "soon")
    assert keeps_all_images(run, "soon")


def test_nothing_is_known_while_a_cluster_does_not_answer(world: World) -> None:
    world.gateway.down.add("region1")
    run = world.dry_run()
    world.gateway.down.discard("region1")
    assert keeps_all_images(run, "region1")


def test_a_cluster_that_has_just_joined_is_asked(world: World) -> None:
    """The Platform was looked at a moment ago, and is not looked at again for minutes."""
    world.gateway.hidden.add("region1")
    world.site.reconcile("site", kind="platform")
    shown = [{"name": "global", "ready": True}]
    world.site.wait("site", lambda body: bool(body["status"].get("clusters") == shown), 60, "platforms")
    world.gateway.hidden.discard("region1")
    run = world.dry_run()
    assert run["status"]["images"]["complete"], run["status"]["images"]
    kept = {name for name, each in items(run).items() if each["action"] == "Keep"}
    assert kept == KEPT.keys()
    world.site.reconcile("site", kind="platform")
    both = ["global", "region1"]
    world.site.wait("site", lambda body: [each["name"] for each in body["status"]["clusters"]] == both, 60, "platforms")


def keeps_all_images(run: Object, why: str) -> bool:
    """Whether a run deletes objects, no image, and says why."""
    images = run["status"]["images"]
    assert not images["complete"], images
    assert (images["manifests"], images["bytes"], images["items"]) == (0, 0, [])
    assert why in images["message"]
    return run["status"]["plan"]["deletions"] > 0 and why in condition(run, "Complete")["message"]


def test_images_go_after_their_objects_and_come_back_before_them(world: World) -> None:
    before = world.tags()
    world.run("approved", mode="Approve")
    run = world.site.wait(
        "approved", lambda body: condition(body, "AwaitingApproval")["status"] == "True", 120, "cleanupruns"
    )
    assert world.tags() == before
    world.patch("approved", approvedPlan=run["status"]["plan"]["hash"])
    run = world.site.wait("approved", ended, 180, "cleanupruns")
    assert condition(run, "Complete")["reason"] == "Deleted", said(run)
    assert before - world.tags() == DELETED
    assert run["status"]["images"]["outcomes"] == {"deleted": 8}
    assert {name for name, each in items(run).items() if each.get("outcome") == "Deleted"} == DELETED
    assert world.site.operator.metric("violet_cleanup_manifests_deleted_total") == 8
    for name in KEPT:
        repository, _, tag = name.partition(":")
        assert world.registry.manifest(f"acp/{repository}", tag)

    world.patch("approved", restore=True)
    run = world.site.wait("approved", has("Restored"), 180, "cleanupruns")
    assert world.tags() == before
    assert run["status"]["images"]["outcomes"] == {"restored": 8}
    versions = world.site.all("artifactversions", SYSTEM)
    assert {"idle.v1.0.0", "busy.v1.0.0"} <= versions.keys()


def test_an_upload_that_begins_while_images_go_has_them_all(world: World) -> None:
    """It would see them, not push them, and be Ready without: the registry takes its time for the first deletion."""

    def deletion(request: Request) -> bool:
        return request.method == "DELETE"

    until(lambda: world.site.all("artifactversions", SYSTEM)["idle.v1.0.0"].get("status", {}).get("phase") == "Present")
    before = world.tags()
    world.proxy.delay(10, times=1, when=deletion)
    seen = len(world.proxy.requests)
    world.run("crossed", mode="Delete", exclude={"names": ["busy", "far"]})
    until(lambda: any(map(deletion, world.proxy.requests[seen:])), 120)
    world.site.apply(world.site.package_upload("idle-1", targets=to_platform("site", "global")))
    world.site.wait("idle-1", is_ready, 120)
    world.site.wait("crossed", ended, 180, "cleanupruns")
    assert world.tags() == before
    for image in world.site.wait("idle-1", is_ready, 60)["status"]["images"]:
        assert world.registry.manifest(image["destination"].partition("/")[2].rpartition(":")[0], image["digest"])


def test_another_platform_with_the_registry_must_be_known_too(world: World) -> None:
    """Its clusters pull from there as well; while it does not work, nobody knows what they need."""
    spec = {
        "address": "https://127.0.0.1:1",
        "credentialsSecretRef": {"name": "login"},
        "registry": {"address": world.proxy.address, **OPEN},
    }
    world.site.apply({"apiVersion": API, "kind": "Platform", "metadata": {"name": "other"}, "spec": spec})
    run = world.dry_run()
    world.site.delete("platforms", "other")
    assert keeps_all_images(run, "other")


def test_a_platform_whose_registry_was_discovered_counts_when_it_stops_working(world: World) -> None:
    base = {"apiVersion": "product.alauda.io/v1alpha1", "kind": "ProductBase", "metadata": {"name": "base"}}
    base |= {"spec": {"registry": {"address": world.proxy.address}}}
    world.site.cluster.kubectl("apply", "--validate=false", "-f", "-", stdin=json.dumps(base))
    discovers(world, "found")
    known = world.site.wait("found", is_ready, 60, "platforms")["status"]["registry"]
    assert (known["address"], known["origin"]) == (world.proxy.address, "Discovered")
    world.site.apply(secret("login-found", token="no-longer"))
    world.site.reconcile("found", kind="platform")
    lost = world.site.wait("found", lambda body: condition(body, "Ready")["status"] == "False", 60, "platforms")
    assert lost["status"]["registry"]["address"] == world.proxy.address, "it is known, though not from just now"
    run = world.dry_run()
    world.site.delete("platforms", "found")
    world.site.cluster.kubectl("delete", "productbase", "base")
    assert keeps_all_images(run, "found")


def test_a_platform_whose_registry_was_never_discovered_may_have_this_one(world: World) -> None:
    discovers(world, "never", address="https://127.0.0.1:1")
    run = world.dry_run()
    world.site.delete("platforms", "never")
    assert keeps_all_images(run, "not known which registry Platform")
