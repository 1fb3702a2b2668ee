"""A real OLM installs an operator from what was uploaded: our images in the registry, our objects on the cluster.

Real are OLM's two operators, its package server behind the API server's aggregation, opm, and the controllers of
Deployments and Jobs. There is no node, so the tests do with pods what a kubelet would: they run the container that
unpacks the bundle, and report the pods' status.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml

from tests.cluster import Kit
from tests.cluster.olm import Olm, opm
from tests.harness import API, SYSTEM, Object, Site, ensure_namespace, has_failed, is_ready, operator_alone, small
from tests.observe import until
from tests.packages import Bundle, Image
from tests.platform import Bundles, Catalog, install_crds
from tests.platform.api import Api
from tests.platform.operators import sync_artifacts

pytestmark = [pytest.mark.e2e, pytest.mark.tools("olm")]

NAMESPACE, NAME = "operators", "sailor"
OLM = "operators.coreos.com"
PACKAGE_MANIFESTS = f"packagemanifests.packages.{OLM}"


@dataclass(frozen=True)
class Ground:
    """An operator of ours on a cluster with OLM, and one package."""

    site: Site
    olm: Olm
    catalog: Catalog
    spec: Bundle

    def get(self, kind: str, namespace: str = NAMESPACE) -> list[Object]:
        """All objects of a kind, while OLM lives."""
        self.olm.check()
        return list(self.site.all(kind, namespace).values())

    def apply(self, kind: str, version: str, name: str, spec: Object) -> None:
        """An object of OLM's."""
        body = {"apiVersion": f"{OLM}/{version}", "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}}
        self.site.cluster.kubectl("apply", "-f", "-", stdin=json.dumps(body | {"spec": spec}))

    def report(self, pod: Object, status: Object) -> None:
        """A pod's status, as from its kubelet."""
        where = (pod["metadata"]["name"], "-n", pod["metadata"]["namespace"])
        self.site.cluster.kubectl("patch", "pod", *where, "--subresource=status", "-p", json.dumps({"status": status}))

    def installed(self) -> dict[str, str]:
        """Phase of each CSV by name."""
        found = self.get("csv")
        return dict(zip((each["metadata"]["name"] for each in found), texts(found, "phase"), strict=True))

    def said(self) -> str:
        """What the upload says of its one target."""
        targets = self.site.upload(NAME).get("status", {}).get("targets") or [{"message": ""}]
        return str(targets[0]["message"])


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A kit of its own: OLM's real CRDs stand where other tests have small ones."""
    directory = tmp_path_factory.mktemp("olm")
    with Kit() as kit:
        cluster = kit.cluster()
        ensure_namespace(cluster, SYSTEM)
        with Olm(cluster, directory / "olm", SYSTEM) as olm, Catalog(cluster, directory) as catalog:
            install_crds(cluster.kubectl, keep=[*olm.crds, PACKAGE_MANIFESTS])
            with operator_alone(kit, directory) as site:
                images = (Image(f"{NAME}-manager", layers=1, layer_size=1 << 10),)
                spec = small(NAME, registry=f"{site.registry.address}/acp", related=images)
                yield Ground(site, olm, catalog, spec)


@pytest.fixture(scope="module")
def published(ground: Ground) -> Ground:
    """The package once the marketplace has taken it, but no catalog lists it yet."""
    publish(ground, NAME, ground.spec)
    until(lambda: "is Present, Success" in ground.said())
    return ground


@pytest.fixture(scope="module")
def subscribed(published: Ground) -> Ground:
    """The package Ready, and an administrator who wants it installed."""
    published.catalog.offer(NAME, "stable", published.spec.artifact)
    published.site.wait(NAME, is_ready, 120)
    ensure_namespace(published.site.cluster, NAMESPACE)
    published.apply("OperatorGroup", "v1", "everywhere", {})
    wanted = {"name": NAME, "channel": "stable", "source": "platform", "sourceNamespace": SYSTEM}
    published.apply("Subscription", "v1alpha1", NAME, wanted | {"installPlanApproval": "Automatic"})
    return published


@pytest.fixture(scope="module")
def installed(subscribed: Ground, tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """The operator once OLM calls it installed, and has copied its CSV into the other namespaces."""
    finish(subscribed, subscribed.spec, tmp_path_factory.mktemp("pod"))
    until(lambda: texts(subscribed.get("subscriptions"), "state") == ["AtLatestKnown"], 120)
    until(lambda: texts(subscribed.get("installplans"), "phase") == ["Complete"], 120)
    until(lambda: subscribed.get("csv", subscribed.site.namespace), 120)
    return subscribed


def publish(ground: Ground, name: str, spec: Bundle) -> None:
    """Upload a package, and let the marketplace take it."""
    ground.site.put_package(name, spec)
    ground.site.apply(ground.site.package_upload(name, deletionPolicy="Delete"))
    until(lambda: spec.csv_name in ground.site.artifacts())
    sync_artifacts(Api(ground.site.cluster.kubeconfig), Bundles(plain=True))


def finish(ground: Ground, spec: Bundle, directory: Path) -> None:
    """The work of a kubelet in an installation that OLM has begun."""

    def unpacking() -> list[Object]:
        return [pod for pod in ground.get("pods", SYSTEM) if pod["status"]["phase"] == "Pending"]

    (pod,) = until(unpacking, 120)
    unpack(pod, ground.site.cluster.kubeconfig, directory)
    ground.report(pod, {"phase": "Succeeded"})
    until(lambda: run_pods(ground) and ground.installed() == {spec.csv_name: "Succeeded"}, 120)


def unpack(pod: Object, kubeconfig: Path, directory: Path) -> None:
    """What the pod of OLM's unpack Job does: copy the files of the bundle image, and run opm as its container says."""
    pull = next(each for each in pod["spec"]["initContainers"] if each["name"] == "pull")
    opm("alpha", "bundle", "unpack", "--use-http", "--out", directory, pull["image"])
    (extract,) = pod["spec"]["containers"]
    command = [f"{directory}/" if word == "/bundle/" else word for word in extract["command"]]
    environment = {each["name"]: each["value"] for each in extract["env"]}
    assert command.pop(0) == "opm"
    opm(*command, "--kubeconfig", kubeconfig, environment=environment)


def run_pods(ground: Ground) -> bool:
    """Report the operator's pods as ready; False while there are none."""
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    pods = ground.get("pods")
    for pod in pods:
        if pod["status"]["phase"] == "Pending":
            ground.report(pod, {"phase": "Running", "conditions": [ready]})
    return bool(pods)


def texts(objects: list[Object], field: str) -> list[str]:
    """A field of each status."""
    return [each.get("status", {}).get(field, "") for each in objects]


def test_not_ready_before_the_package_server_lists_it(published: Ground) -> None:
    assert f"but PackageManifest {NAME} of catalog platform does not list {NAME}.v1.0.0" in published.said()
    assert not is_ready(published.site.upload(NAME))


def test_ready_once_it_is_listed(subscribed: Ground) -> None:
    (manifest,) = subscribed.get("packagemanifests", SYSTEM)
    (channel,) = manifest["status"]["channels"]
    assert (manifest["metadata"]["name"], channel["currentCSV"]) == (NAME, f"{NAME}.v1.0.0")


def test_installed_with_the_images_that_were_pushed(installed: Ground) -> None:
    (plan,) = installed.get("installplans")
    assert [lookup["path"] for lookup in plan["status"]["bundleLookups"]] == [installed.spec.artifact]
    (deployment,) = installed.get("deployments")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == installed.spec.related_references[0]
    assert installed.site.registry.tags(f"acp/{NAME}-manager") == ["v1.0.0"]
    assert installed.site.all("crds")[f"{NAME}s.samples.example.com"]


def test_inventory_lists_it_once(installed: Ground) -> None:
    site = installed.site  # OLM copies the CSV into each namespace
    grant = ("create", "rolebinding", "inventory", "--clusterrole=violet-inventory", "-n", site.namespace)
    site.cluster.kubectl(*grant, "--serviceaccount=violet-system:violet-operator")
    output = {"output": {"configMapRef": {"name": "apps"}}}
    site.apply({"apiVersion": API, "kind": "PackageInventory", "metadata": {"name": "apps"}, "spec": output})
    site.wait("apps", is_ready, kind="packageinventories")
    found = yaml.safe_load(site.all("configmaps")["apps"]["data"]["apps.yaml"])["applications"]
    assert {name: each["installed"] for name, each in found.items()} == {
        NAME: [{"clusterName": "global", "version": "1.0.0"}]
    }


def test_package_server_that_is_down_is_not_taken_for_none(installed: Ground) -> None:
    site = installed.site
    installed.olm.package_server.stop()
    site.reconcile(NAME)
    site.wait(NAME, has_failed("TargetUnavailable"))
    installed.olm.start_package_server()
    site.wait(NAME, is_ready, 120)


def test_deleted_upload_leaves_it(installed: Ground) -> None:
    site = installed.site
    site.delete("packageupload", NAME)
    (event,) = (each for each in site.events(NAME) if each["reason"] == "Withdrawn")
    users = f"ClusterServiceVersion {NAMESPACE}/{NAME}.v1.0.0, Subscription {NAMESPACE}/{NAME}"
    assert f"Kept on global, as {users} needs it." in event["message"]
    assert len(site.artifacts()) == 2


def test_upgraded_to_the_next_version(installed: Ground, tmp_path: Path) -> None:
    site, old = installed.site, installed.spec
    images = (replace(old.related[0], tag="v1.1.0"),)
    new = replace(old, version="1.1.0", tag="v1.1.0", related=images, replaces=old.csv_name)
    publish(installed, f"{NAME}-next", new)
    installed.catalog.offer(NAME, "stable", old.artifact, new.artifact)
    site.wait(f"{NAME}-next", is_ready, 120)
    finish(installed, new, tmp_path)
    (deployment,) = installed.get("deployments")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == new.related_references[0]
    assert {old.csv_name, new.csv_name} <= set(site.artifacts())
