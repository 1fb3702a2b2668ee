"""Where a package goes and what becomes of it: several targets, catalogs, images that are there."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import Kit
from tests.cluster.process import free_port
from tests.harness import (
    OPEN,
    SYSTEM,
    Object,
    Site,
    condition,
    has_failed,
    installation,
    is_ready,
    platform,
    small,
    to_platform,
)
from tests.integration.images import push
from tests.observe import until
from tests.packages import build

pytestmark = pytest.mark.e2e

OLM = "operators.coreos.com/v1alpha1"


@pytest.fixture(scope="module")
def site(kit: Kit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One installation for all of them."""
    with installation(kit, tmp_path_factory.mktemp("publication")) as site:
        yield site


@pytest.fixture
def name(site: Site) -> Iterator[str]:
    """A name that no other test uses, for the upload and its package."""
    name = f"pkg-{secrets.token_hex(4)}"
    yield name
    site.cluster.kubectl("delete", "packageuploads", "--all", "-n", site.namespace, "--timeout=60s")


def targets(body: Object) -> dict[tuple[str, str], tuple[str, str]]:
    """Phase and message by platform and cluster."""
    found = body["status"].get("targets", [])
    return {(each["platform"], each["cluster"]): (each["phase"], each["message"]) for each in found}


def manifest(site: Site, body: Object) -> None:
    """Apply an object of the platform."""
    site.cluster.kubectl("apply", "-f", "-", stdin=json.dumps(body))


def tags(site: Site, name: str) -> list[str]:
    """Tags of the package's bundle image."""
    return site.registry.tags(f"acp/{name}-bundle")


def test_platform_that_fails_does_not_hold_back_another(site: Site, name: str) -> None:
    site.put_package(name)
    site.apply(platform("standby", f"127.0.0.1:{free_port()}"))
    both = to_platform("default") + to_platform("standby")
    site.apply(site.package_upload(name, targets=both))
    body = site.wait(name, has_failed("PlatformNotReady"))
    found = targets(body)
    assert found["default", "global"][0] == "Ready"
    assert found["standby", "global"][0] == "Failed"
    assert "Check spec.registry.address of the Platform" in found["standby", "global"][1]
    assert condition(body, "Ready")["message"].startswith("Platform standby is not Ready: RegistryUnreachable: ")
    assert (condition(body, "Pushed")["status"], condition(body, "Published")["status"]) == ("True", "False")
    assert condition(body, "Published")["message"].startswith("1 of 2 clusters can install the package;")
    assert {item["platform"] for item in body["status"]["images"]} == {"default"}
    site.apply(platform("standby", site.registry.address))
    body = site.wait(name, is_ready)
    assert {phase for phase, _ in targets(body).values()} == {"Ready"}
    assert {item["platform"] for item in body["status"]["images"]} == {"default", "standby"}
    assert condition(body, "Published")["message"].startswith("2 of 2 clusters")


def test_cluster_that_is_not_there_does_not_hold_back_another(site: Site, name: str) -> None:
    site.put_package(name)
    site.apply(site.package_upload(name, targets=to_platform("default", "global", "region9")))
    body = site.wait(name, has_failed("UnknownCluster"))
    found = targets(body)
    assert found["default", "global"][0] == "Ready"
    assert "has no cluster 'region9'" in found["default", "region9"][1]
    assert condition(body, "Stalled")["message"].startswith("Cluster region9 of default: Platform default has no")


def test_catalog_that_does_not_exist_stalls_with_those_that_do(site: Site, name: str) -> None:
    site.put_package(name)
    site.apply(site.package_upload(name, catalogSource="mine"))
    body = site.wait(name, has_failed("UnknownCatalogSource"))
    assert "only custom, platform, system" in condition(body, "Stalled")["message"]
    assert not tags(site, name)
    catalog = {"metadata": {"name": "mine", "namespace": SYSTEM}, "spec": {"sourceType": "grpc"}}
    manifest(site, {"apiVersion": OLM, "kind": "CatalogSource"} | catalog)
    site.reconcile(name)
    site.wait(name, is_ready)
    assert site.all("artifacts", SYSTEM)[name]["metadata"]["labels"]["cpaas.io/library"] == "mine"
    site.cluster.kubectl("delete", "catalogsource", "mine", "-n", SYSTEM)


def test_images_that_are_not_pushed_must_be_there(site: Site, name: str, tmp_path: Path) -> None:
    built = site.put_package(name)
    site.apply(site.package_upload(name, skipPush=True))
    body = site.wait(name, has_failed("ImagesMissing"))
    assert f"lacks acp/{name}-bundle:v1.0.0" in condition(body, "Ready")["message"]
    assert not tags(site, name)
    push(build(small(name, version="0.9.0"), tmp_path / "other.tgz"), site.registry)
    site.reconcile(name)
    site.wait(name, has_failed("ImagesMissing"))  # other content does not count
    push(built, site.registry)
    site.reconcile(name)
    site.wait(name, is_ready)


def test_second_upload_of_a_version_says_so(site: Site, name: str) -> None:
    site.put_package(name)
    site.apply(site.package_upload(name))
    site.wait(name, is_ready)
    second = f"{name}-again"
    site.apply(site.package_upload(second, f"{name}.tgz"))
    body = site.wait(second, is_ready)
    said = f"PackageUpload {site.namespace}/{name} has published the same version before"
    assert said in condition(body, "Published")["message"]
    assert said in targets(body)["default", "global"][1]
    site.delete("packageupload", name)
    site.reconcile(second)
    site.wait(second, lambda body: "before" not in condition(body, "Published")["message"])


def overlapping(site: Site) -> str:
    """A Platform that leads to the same cluster as `default`, which is to pull by another name; that name."""
    address = site.registry.address.replace("127.0.0.1", "localhost")
    site.apply(platform("mirror", site.registry.address, pullAddress=address, **OPEN))
    site.wait("mirror", is_ready, kind="platforms")
    return address


def pulls(site: Site, name: str) -> tuple[str, int]:
    """Where the cluster pulls a package from, and how often its Artifact has been written."""
    artifact = site.all("artifacts", SYSTEM)[name]
    return artifact["spec"]["registry"], artifact["metadata"]["generation"]


def test_two_platforms_that_lead_to_one_cluster_do_not_take_turns(site: Site, name: str) -> None:
    address = overlapping(site)
    site.put_package(name)
    site.apply(site.package_upload(name, targets=to_platform("default") + to_platform("mirror")))
    body = site.wait(name, has_failed("SameCluster"))
    said = condition(body, "Stalled")["message"]
    words = ("Platform mirror", "global of Platform default", site.registry.address, address)
    assert all(each in said for each in words), said
    found = targets(body)
    assert (found["default", "global"][0], found["mirror", "global"][0]) == ("Ready", "Failed")
    site.reconcile(name)
    handled = body["status"].get("lastHandledReconcileAt")
    site.wait(name, lambda body: body["status"].get("lastHandledReconcileAt") != handled)
    site.wait(name, has_failed("SameCluster"))
    assert pulls(site, name) == (site.registry.address, 1)


def test_two_uploads_of_a_package_from_different_registries_do_not_take_turns(site: Site, name: str) -> None:
    address, later = overlapping(site), f"{name}-later"
    site.put_package(name)
    site.put_package(later, small(name, version="1.1.0", tag="v1.1.0"))
    site.apply(site.package_upload(name))
    site.wait(name, is_ready)
    site.apply(site.package_upload(later, targets=to_platform("mirror")))
    body = site.wait(later, has_failed("PublishedDifferently"))
    said = condition(body, "Ready")["message"]
    words = (f"PackageUpload {site.namespace}/{name}", f"{site.registry.address}/acp/", f"{address}/acp/")
    assert all(each in said for each in words), said
    assert is_ready(site.upload(name))
    assert pulls(site, name) == (site.registry.address, 1)
    site.delete("packageupload", name)
    site.wait(later, is_ready)
    assert pulls(site, name) == (address, 2)


def test_registry_that_moves_takes_along_all_versions(site: Site, name: str) -> None:
    address, later = overlapping(site), f"{name}-later"
    site.put_package(name)
    site.put_package(later, small(name, version="1.1.0", tag="v1.1.0"))
    for each in (name, later):
        site.apply(site.package_upload(each, targets=to_platform("mirror")))
        site.wait(each, is_ready)
    assert pulls(site, name) == (address, 1)
    site.apply(platform("mirror", site.registry.address))
    until(lambda: pulls(site, name) == (site.registry.address, 2))
    for each in (name, later):
        site.wait(each, lambda body: is_ready(body) and site.registry.address in str(body["status"]["images"]))
    assert pulls(site, name) == (site.registry.address, 2)
