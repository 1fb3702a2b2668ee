"""Taking back from several clusters and platforms: what is not known to be free stays, and holds up nothing else."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import yaml

from tests.cluster import Kit
from tests.harness import (
    API,
    OPEN,
    SYSTEM,
    Object,
    Site,
    has_failed,
    installation,
    is_ready,
    secret,
    to_platform,
)
from tests.observe import until
from tests.platform import Bundles, Gateway, grant, install_crds

pytestmark = pytest.mark.e2e

ADMIN = "admin@example.com"
BOTH = ("global", "region1")


@dataclass(frozen=True)
class World:
    """An installation with two clusters: behind a gateway (Platform `remote`), and by kubeconfig."""

    site: Site
    kit: Kit
    gateway: Gateway

    def publish(self, name: str, targets: list[Object]) -> None:
        """A Ready upload that is taken back when it is deleted."""
        self.site.put_package(name)
        self.site.apply(self.site.package_upload(name, targets=targets, deletionPolicy="Delete"))
        self.site.wait(name, is_ready)

    def install(self, name: str, cluster: str) -> None:
        """Have a user of a cluster install the operator."""
        spec = {"name": name, "source": "platform", "sourceNamespace": SYSTEM, "startingCSV": f"{name}.v1.0.0"}
        body = {"apiVersion": "operators.coreos.com/v1alpha1", "kind": "Subscription", "spec": spec}
        body["metadata"] = {"name": name, "namespace": "default"}
        self.kit.cluster(cluster).kubectl("apply", "-f", "-", stdin=json.dumps(body))

    def delete(self, name: str) -> None:
        """Delete an upload, and do not wait."""
        self.site.cluster.kubectl("delete", "packageupload", name, "-n", self.site.namespace, "--wait=false")

    def gone(self, name: str) -> None:
        """Wait until an upload has been let go; one that fails is looked at again after a minute at the latest."""
        until(lambda: name not in self.site.all("packageuploads"), 180)

    def has(self, name: str, cluster: str) -> bool:
        """Whether a cluster has the package's Artifact."""
        found = self.kit.cluster(cluster).kubectl("get", "artifact", name, "-n", SYSTEM, "--ignore-not-found")
        return bool(found)

    def tags(self, name: str) -> list[str]:
        """Of the package's bundle image."""
        return self.site.registry.tags(f"acp/{name}-bundle")

    def said(self, name: str) -> str:
        """All that the operator says of what it has taken back."""
        return " ".join(str(each["message"]) for each in self.site.events(name) if each["reason"] == "Withdrawn")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two clusters, a gateway before them, the marketplace, and the operator on the first."""
    directory = tmp_path_factory.mktemp("withdrawal")
    with Kit(clusters=BOTH) as kit, Gateway(kit.clusters, directory) as gateway:
        for cluster in kit.clusters:
            install_crds(cluster.kubectl)
            grant(cluster, ADMIN)
        with installation(kit, directory, bundles=Bundles(plain=True)) as site:
            ca = ("create", "configmap", "gateway-ca", "-n", site.namespace, f"--from-file=ca.crt={gateway.ca_file}")
            site.cluster.kubectl(*ca)
            spec = {"address": gateway.address, "credentialsSecretRef": {"name": "remote"}}
            spec |= {"caBundleRef": {"name": "gateway-ca"}, "registry": {"address": site.registry.address, **OPEN}}
            remote = {"apiVersion": API, "kind": "Platform", "metadata": {"name": "remote"}, "spec": spec}
            site.apply(secret("remote", token=gateway.login.token(ADMIN)), remote)
            site.wait("remote", is_ready, kind="platforms")
            yield World(site, kit, gateway)


@pytest.fixture
def name() -> str:
    """A name that no other test uses, for the upload and its package."""
    return f"pkg-{secrets.token_hex(4)}"


def test_cluster_that_the_gateway_does_not_find_is_not_taken_for_empty(world: World, name: str) -> None:
    world.publish(name, to_platform("remote", "region1"))
    world.install(name, "region1")
    world.gateway.lost.add("region1")
    try:
        world.delete(name)
        world.site.wait(name, has_failed("TargetUnavailable"))
        assert world.tags(name) == ["v1.0.0"]
        assert world.said(name) == ""
    finally:
        world.gateway.lost.clear()
    world.gone(name)
    assert (world.has(name, "region1"), world.tags(name)) == (True, ["v1.0.0"])
    assert f"Kept on region1, as Subscription default/{name} needs it." in world.said(name)


def test_tags_stay_for_a_second_platform_of_the_registry_where_it_is_installed(world: World, name: str) -> None:
    world.publish(name, to_platform("default") + to_platform("remote", "region1"))
    world.install(name, "region1")
    world.site.delete("packageupload", name)
    assert (world.has(name, "global"), world.has(name, "region1")) == (False, True)
    assert world.tags(name) == ["v1.0.0"]
    assert "as what is kept may need them: " in world.said(name)


def test_cluster_that_is_down_holds_back_the_tags_alone(world: World, name: str) -> None:
    world.publish(name, to_platform("remote", *BOTH))
    world.gateway.down.add("global")
    try:
        world.delete(name)
        until(lambda: not world.has(name, "region1"))
        world.site.wait(name, has_failed("TargetUnavailable"))
        assert (world.has(name, "global"), world.tags(name)) == (True, ["v1.0.0"])
    finally:
        world.gateway.down.clear()
    world.gone(name)
    assert (world.has(name, "global"), world.tags(name)) == (False, [])
    for cluster in BOTH:
        assert world.said(name).count(f"Deleted on {cluster}: ") == 1


def test_what_left_the_targets_is_taken_back_and_a_cluster_that_left_its_platform_is_let_go(
    world: World, name: str
) -> None:
    site = world.site
    registry = {"address": site.registry.address, **OPEN}
    spec = {"kubeconfigSecretRef": {"name": "files"}, "registry": registry}
    files = {"apiVersion": API, "kind": "Platform", "metadata": {"name": "files"}, "spec": spec}
    site.apply(secret("files", kubeconfig=kubeconfig(world.kit, edge="region1", **{"global": "global"})), files)
    site.wait("files", is_ready, kind="platforms")
    world.publish(name, to_platform("default") + to_platform("files", "edge"))
    site.apply(site.package_upload(name, targets=to_platform("files", "edge"), deletionPolicy="Delete"))
    site.wait(name, is_ready)
    site.apply(secret("files", kubeconfig=kubeconfig(world.kit, other="region1", **{"global": "global"})))

    def left(body: Object) -> bool:
        site.reconcile("files", kind="platform")  # Secrets are remembered for some seconds
        return {each["name"] for each in body["status"]["clusters"]} == {"global", "other"}

    site.wait("files", left, kind="platforms")
    site.delete("packageupload", name)
    assert (world.has(name, "global"), world.has(name, "region1")) == (False, True)
    assert world.tags(name) == ["v1.0.0"]
    assert "Cluster edge is none of Platform files any more, so everything stays there." in world.said(name)


def kubeconfig(kit: Kit, **names: str) -> str:
    """Contexts by these names, for these clusters."""
    merged: Object = {"apiVersion": "v1", "kind": "Config", "clusters": [], "users": [], "contexts": []}
    for name, cluster in names.items():
        config = yaml.safe_load(kit.cluster(cluster).kubeconfig.read_text())
        merged["clusters"].append(config["clusters"][0] | {"name": name})
        merged["users"].append(config["users"][0] | {"name": name})
        merged["contexts"].append({"name": name, "context": {"cluster": name, "user": name}})
    return str(yaml.safe_dump(merged))
