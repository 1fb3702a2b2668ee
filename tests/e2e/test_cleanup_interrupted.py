"""Cleanups over two clusters that are broken off: a cluster is lost, the run is deleted, the operator is killed."""

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from tests.cleanups import a_run, allow, change, ended, is_back, policy, request_run, saved
from tests.faults import FaultProxy, Request
from tests.gateways import ADMIN, BOTH, opened
from tests.gateways import World as Platform
from tests.harness import OPEN, SYSTEM, Object, Site, condition, is_ready, said, secret, small, to_platform
from tests.observe import until
from tests.packages import Image
from tests.platform import Gateway

pytestmark = pytest.mark.e2e

IMAGES = ("idle-manager", "idle-operand")
PACKAGES = {
    "idle": small("idle", tag="v1.0.0", related=tuple(Image(name, tag="v1", layer_size=10 << 10) for name in IMAGES)),
    "spare": small("spare", tag="v1.0.0"),
}
SPARE = {"artifact.app.alauda.io/spare", "artifactversion.app.alauda.io/spare.v1.0.0"}
BODIES = {each.replace("spare", name) for each in SPARE for name in PACKAGES}
"""All that there is to delete, on each of the clusters."""


@dataclass(frozen=True)
class World:
    """Two clusters behind a gateway, and a registry behind a proxy. Both have PACKAGES, which nobody has installed."""

    platform: Platform
    proxy: FaultProxy

    @property
    def site(self) -> Site:
        return self.platform.site

    @property
    def gateway(self) -> Gateway:
        return self.platform.gateway

    def there(self, cluster: str) -> set[str]:
        """What is on a cluster, whether its gateway shows it or not."""
        where = ("artifacts,artifactversions", "-n", SYSTEM, "-o", "name")
        return set(self.platform.kit.cluster(cluster).kubectl("get", *where).split())

    def tags(self) -> set[str]:
        """Every image of the registry."""
        names = self.site.registry.repositories()
        return {f"{name.removeprefix('acp/')}:{tag}" for name in names for tag in self.site.registry.tags(name)}

    def put_back(self, run: str) -> Object:
        """What a run says once it has put back everything."""
        body = self.site.wait(run, is_back, 120, "cleanupruns")
        assert [self.there(cluster) for cluster in BOTH] == [BODIES, BODIES]
        self.settle()
        return body

    def settle(self) -> None:
        """Wait until the platform has seen all packages: what it writes on them later would keep them from going."""
        until(lambda: all(map(self._is_seen, BOTH)))

    def _is_seen(self, cluster: str) -> bool:
        found = self.platform.kit.cluster(cluster).kubectl("get", "artifacts", "-n", SYSTEM, "-o", "json")
        seen = [each["metadata"]["name"] for each in json.loads(found)["items"] if offers_one(each)]
        return set(seen) == PACKAGES.keys() <= self.site.all("operatorviews", cluster).keys()


def offers_one(artifact: Object) -> bool:
    return bool(artifact.get("status", {}).get("availableArtifactVersion") == 1)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with (
        opened(tmp_path_factory.mktemp("cleanup-interrupted")) as platform,
        FaultProxy(platform.site.registry.address) as proxy,
    ):
        site = platform.site
        allow(site)
        site.apply(
            secret("site", token=platform.gateway.login.token(ADMIN)),
            platform.platform("site", registry={"address": proxy.address, **OPEN}),
        )
        platform.connected("site")
        for name, package in PACKAGES.items():
            site.put_package(name, package)
            site.apply(site.package_upload(name, targets=to_platform("site", *BOTH)))
        site.wait_all(list(PACKAGES), is_ready, 120)
        site.delete("packageuploads", *PACKAGES)
        world = World(platform, proxy)
        world.settle()
        yield world


def run(name: str, **spec: Any) -> Object:
    return a_run(name, platformRef={"name": "site"}, **spec)


def is_deletion(method: str, path: str, cluster: str) -> bool:
    return method == "DELETE" and path.startswith(f"/kubernetes/{cluster}/")


def lose_region1(gateway: Gateway, way: set[str], with_deletion_on: str) -> None:
    """Lose the second cluster in the very moment of the first deletion on a cluster; they are done in their order."""

    async def before(method: str, path: str) -> None:
        if is_deletion(method, path, with_deletion_on):
            way.add("region1")

    gateway.before = before


def reconnect(gateway: Gateway) -> None:
    async def before(*_: str) -> None: ...

    gateway.before = before
    gateway.down.clear()
    gateway.lost.clear()


def standing(body: Object) -> Counter[tuple[str, str]]:
    """What became of how many deletions on which cluster."""
    items = (body.get("status") or {}).get("items") or []
    return Counter((each["cluster"], each["outcome"]) for each in items if each["action"] == "Delete")


HALF = Counter({("global", "Deleted"): len(BODIES), ("region1", "Failed"): len(BODIES)})


@pytest.mark.parametrize(("way", "with_deletion_on"), [("down", "global"), ("lost", "region1")])
def test_a_cluster_that_is_lost_holds_up_no_other_and_is_not_taken_for_empty(
    world: World, way: str, with_deletion_on: str
) -> None:
    """The gateway answers 502, or 404 as for a cluster that it does not know, even to the deletion itself."""
    name, before = f"without-{way}", world.site.operator.metric("violet_cleanup_deleted_total")
    lose_region1(world.gateway, getattr(world.gateway, way), with_deletion_on)
    world.site.apply(run(name))

    def has_done_half(body: Object) -> bool:
        return condition(body, "Reconciling")["reason"] == "ProgressingWithRetry" and standing(body) == HALF

    body = world.site.wait(name, has_done_half, 90, "cleanupruns")
    assert body["status"]["outcomes"] == {"deleted": 4, "deleting": 0, "skipped": 0, "failed": 4}
    assert world.site.operator.metric("violet_cleanup_deleted_total") - before == 4
    assert [world.there(cluster) for cluster in BOTH] == [set(), BODIES]

    reconnect(world.gateway)
    body = world.site.wait(name, ended, 180, "cleanupruns")
    assert condition(body, "Complete")["reason"] == "Deleted", said(body)
    assert body["status"]["outcomes"] == {"deleted": 8, "deleting": 0, "skipped": 0, "failed": 0}
    assert world.site.operator.metric("violet_cleanup_deleted_total") - before == 8
    assert [world.there(cluster) for cluster in BOTH] == [set(), set()]
    change(world.site, name, restore=True)
    world.put_back(name)


class Held:
    """The first deletion on the second cluster does not get through, until whoever has sent it gives up."""

    def __init__(self, gateway: Gateway) -> None:
        self.begun, self.given_up = threading.Event(), threading.Event()
        gateway.before = self._before

    async def _before(self, method: str, path: str) -> None:
        if is_deletion(method, path, "region1") and not self.begun.is_set():
            self.begun.set()
            try:
                await asyncio.sleep(600)
            finally:
                self.given_up.set()


def test_a_policy_that_is_deleted_ends_its_run_and_leaves_the_backup(world: World) -> None:
    site = world.site
    held = Held(world.gateway)
    site.apply(policy("weekly", mode="Delete", platformRef={"name": "site"}))
    name = request_run(site, "weekly")
    assert held.begun.wait(90)
    site.delete("cleanuppolicies", "weekly")
    until(lambda: name not in site.all("cleanupruns"))
    assert held.given_up.wait(60)
    reconnect(world.gateway)

    site.apply(run("look", mode="DryRun", clusters=["region1"]))
    body = site.wait("look", ended, 60, "cleanupruns")
    assert body["status"]["plan"]["deletions"] == 4, "nothing but the end of the run keeps them"
    time.sleep(6)  # another try would have come by now
    assert [world.there(cluster) for cluster in BOTH] == [set(), BODIES]
    assert Counter(each["cluster"] for each in saved(site, name)) == {"global": 4, "region1": 4}

    site.apply(run(name, restore=True))
    body = world.put_back(name)
    assert condition(body, "Complete")["reason"] == "Restored", said(body)
    assert body["status"]["outcomes"]["restored"] == 8


def test_an_operator_that_is_killed_among_the_images_goes_on_and_sees_what_came_meanwhile(world: World) -> None:
    """The bundle's image is gone, and the next takes its time; while no operator is there, somebody tags the last."""

    def is_held(request: Request) -> bool:
        return request.method == "DELETE" and "/idle-manager/" in request.path

    site, before = world.site, world.tags()
    assert before == {"idle-bundle:v1.0.0", "idle-manager:v1", "idle-operand:v1", "spare-bundle:v1.0.0"}
    world.proxy.delay(10, times=1, when=is_held)
    site.apply(run("killed", mode="Approve", images="Delete", exclude={"names": ["spare"]}))
    body = site.wait("killed", lambda body: condition(body, "AwaitingApproval")["status"] == "True", 90, "cleanupruns")
    assert body["status"]["images"]["manifests"] == 1 + 3 + 3  # a bundle, and two indexes with two children each
    change(site, "killed", approvedPlan=body["status"]["plan"]["hash"])
    held = until(lambda: next(filter(is_held, world.proxy.requests), None), 90)
    site.operator.kill()
    assert world.tags() == before - {"idle-bundle:v1.0.0"}
    tag(site, "acp/idle-operand", "v1", "stable")
    assert [world.there(cluster) for cluster in BOTH] == [SPARE, SPARE]

    site.operator.start()
    body = site.wait("killed", ended, 180, "cleanupruns")
    assert condition(body, "Complete")["reason"] == "Deleted", said(body)
    assert body["status"]["outcomes"] == {"deleted": 4, "deleting": 0, "skipped": 0, "failed": 0}
    assert body["status"]["images"]["outcomes"] == {"deleted": 1 + 3, "skipped": 3}
    kept = next(each for each in body["status"]["images"]["items"] if "idle-operand" in each["image"])
    assert (kept["outcome"], "Tag stable" in kept["message"]) == ("Skipped", True), kept
    until(lambda: held.status)  # the request of the operator that was killed arrives at last
    assert [world.there(cluster) for cluster in BOTH] == [SPARE, SPARE]
    assert world.tags() == {"idle-operand:v1", "idle-operand:stable", "spare-bundle:v1.0.0"}


def tag(site: Site, repository: str, old: str, new: str) -> None:
    """Give an image another tag, as anybody may who can push."""
    raw = site.registry.manifest(repository, old)
    assert raw
    url = f"{site.registry.url}/v2/{repository}/manifests/{new}"
    headers = {"Content-Type": json.loads(raw)["mediaType"]}
    requests.put(url, data=raw, headers=headers, timeout=30).raise_for_status()
