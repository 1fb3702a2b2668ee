"""Taking back what was published when an upload is deleted: all that it has written, and nothing that others need."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import Kit
from tests.faults import FaultProxy
from tests.harness import (
    SYSTEM,
    Object,
    Site,
    condition,
    has_failed,
    installation,
    is_ready,
    platform,
    secret,
    small,
    to_platform,
)
from tests.integration.images import push
from tests.observe import until
from tests.packages import build

pytestmark = pytest.mark.e2e

OLM = "operators.coreos.com/v1alpha1"
MARKETPLACE = {"apiVersion": "app.alauda.io/v1alpha1"}
FINALIZER = "violet.alauda.io/published"


@pytest.fixture(scope="module")
def site(kit: Kit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One installation for all of them; the last test ends its namespace."""
    with installation(kit, tmp_path_factory.mktemp("withdrawal")) as site:
        yield site


@pytest.fixture
def name() -> str:
    """A name that no other test uses, for the upload and its package."""
    return f"pkg-{secrets.token_hex(4)}"


def manifest(site: Site, body: Object) -> None:
    """Apply an object of the platform."""
    site.cluster.kubectl("apply", "-f", "-", stdin=json.dumps(body))


def tags(site: Site, name: str) -> list[str]:
    """Tags of the package's bundle image."""
    return site.registry.tags(f"acp/{name}-bundle")


def withdrawn(site: Site, name: str) -> str:
    """What the operator says of an upload that it has taken back."""
    (event,) = (each for each in site.events(name) if each["reason"] == "Withdrawn")
    return str(event["message"])


def deletable(site: Site, name: str, key: str = "") -> Object:
    """A Ready upload that is taken back when it is deleted."""
    site.apply(site.package_upload(name, key, deletionPolicy="Delete"))
    body = site.wait(name, is_ready)
    assert body["metadata"]["finalizers"] == [FINALIZER]
    return body


def test_deleted_upload_takes_back_what_it_has_published(site: Site, name: str) -> None:
    site.put_package(name)
    deletable(site, name)
    site.delete("packageupload", name)
    assert f"{name}.v1.0.0" not in site.all("artifactversions", SYSTEM)
    assert name not in site.all("artifacts", SYSTEM)
    assert not tags(site, name)
    said = withdrawn(site, name)
    assert f"Deleted on global: ArtifactVersion {name}.v1.0.0, Artifact {name}." in said
    assert f"Deleted tags in {site.registry.address}: acp/{name}-bundle:v1.0.0." in said


def test_deleted_upload_leaves_the_other_version(site: Site, name: str) -> None:
    site.put_package(name)
    deletable(site, name)
    later = f"{name}-later"
    site.put_package(later, small(name, version="1.1.0", tag="v1.1.0"))
    site.apply(site.package_upload(later))
    site.wait(later, is_ready)
    site.delete("packageupload", name)
    assert name in site.all("artifacts", SYSTEM)
    assert f"{name}.v1.1.0" in site.all("artifactversions", SYSTEM)
    assert f"{name}.v1.0.0" not in site.all("artifactversions", SYSTEM)
    assert tags(site, name) == ["v1.1.0"]


def test_deleted_upload_leaves_what_another_shares(site: Site, name: str) -> None:
    site.put_package(name)
    deletable(site, name)
    second = f"{name}-again"
    site.apply(site.package_upload(second, f"{name}.tgz"))
    site.wait(second, is_ready)
    site.delete("packageupload", name)
    assert f"Kept on global, as PackageUpload {site.namespace}/{second} needs it." in withdrawn(site, name)
    assert f"{name}.v1.0.0" in site.all("artifactversions", SYSTEM)
    assert tags(site, name) == ["v1.0.0"]


def test_deleted_upload_leaves_what_is_installed(site: Site, name: str) -> None:
    site.put_package(name)
    deletable(site, name)
    spec = {"name": name, "source": "platform", "sourceNamespace": SYSTEM, "startingCSV": f"{name}.v1.0.0"}
    subscription = {"metadata": {"name": name, "namespace": site.namespace}, "spec": spec}
    manifest(site, {"apiVersion": OLM, "kind": "Subscription"} | subscription)
    site.delete("packageupload", name)
    assert f"Kept on global, as Subscription {site.namespace}/{name} needs it." in withdrawn(site, name)
    assert f"{name}.v1.0.0" in site.all("artifactversions", SYSTEM)
    assert tags(site, name) == ["v1.0.0"]


def test_upload_that_cannot_be_taken_back_waits_and_can_be_let_go(site: Site, name: str) -> None:
    site.put_package(name)
    deletable(site, name)
    site.apply(platform("default", site.registry.address, credentialsSecretRef={"name": "gone"}, plainHTTP=True))
    try:
        site.cluster.kubectl("delete", "packageupload", name, "-n", site.namespace, "--wait=false")
        body = site.wait(name, has_failed("PlatformNotReady"))
        assert body["metadata"]["deletionTimestamp"]
        site.apply(site.package_upload(name, deletionPolicy="Retain"))
        until(lambda: name not in site.all("packageuploads"))
        assert f"{name}.v1.0.0" in site.all("artifactversions", SYSTEM)
    finally:
        site.apply(platform("default", site.registry.address))


def test_upload_deleted_while_the_operator_is_down_is_taken_back_later(site: Site, name: str) -> None:
    site.put_package(name)
    deletable(site, name)
    site.operator.kill()
    site.cluster.kubectl("delete", "packageupload", name, "-n", site.namespace, "--wait=false")
    assert f"{name}.v1.0.0" in site.all("artifactversions", SYSTEM)
    site.operator.start()
    until(lambda: name not in site.all("packageuploads"))
    assert f"{name}.v1.0.0" not in site.all("artifactversions", SYSTEM)


def left(site: Site, name: str) -> tuple[list[str], list[str]]:
    """What is left of a package: its objects, and the tags of its bundle image."""
    return [each for each in site.artifacts() if each.startswith(name)], tags(site, name)


def test_what_was_published_before_the_spec_or_the_package_changed_is_taken_back(site: Site, name: str) -> None:
    site.put_package(name)
    deletable(site, name)
    site.put_package(name, small(name, version="1.1.0", tag="v1.1.0"))
    site.reconcile(name)
    site.wait(name, lambda body: is_ready(body) and "1.1.0" in condition(body, "Ready")["message"])
    site.apply(site.package_upload(name, deletionPolicy="Delete", skipResources=True))
    site.wait(name, is_ready)
    site.delete("packageupload", name)
    assert left(site, name) == ([], [])


def test_tags_that_were_there_before_stay(site: Site, name: str) -> None:
    mirrored = f"{name}-mirrored"
    for each in (name, mirrored):
        push(site.put_package(each), site.registry)
    deletable(site, name)
    site.apply(site.package_upload(mirrored, skipPush=True, deletionPolicy="Delete"))
    site.wait(mirrored, is_ready)
    site.delete("packageupload", name, mirrored)
    for each in (name, mirrored):
        assert left(site, each) == ([], ["v1.0.0"])
        said = f"Tags stay in {site.registry.address}, as they were there before: acp/{each}-bundle:v1.0.0."
        assert said in withdrawn(site, each)


def test_tag_that_has_other_content_by_now_stays(site: Site, name: str, tmp_path: Path) -> None:
    site.put_package(name)
    deletable(site, name)
    push(build(small(name, version="0.9.0"), tmp_path / "other.tgz"), site.registry)
    site.delete("packageupload", name)
    assert left(site, name) == ([], ["v1.0.0"])
    assert "as they have other content by now" in withdrawn(site, name)


def test_tag_that_another_platform_pulls_under_another_address_stays(site: Site, name: str) -> None:
    registry = {"anonymous": True, "plainHTTP": True, "pullAddress": "registry.vip:11443"}
    site.apply(platform("vip", site.registry.address, **registry))
    site.put_package(name)
    deletable(site, name)
    other = f"{name}-vip"
    site.apply(site.package_upload(other, f"{name}.tgz", skipResources=True, targets=to_platform("vip")))
    site.wait(other, is_ready)
    site.delete("packageupload", name)
    assert tags(site, name) == ["v1.0.0"]
    assert f"as PackageUpload {site.namespace}/{other} needs them" in withdrawn(site, name)


def test_objects_that_another_tool_has_made_stay_with_their_tag(site: Site, name: str) -> None:
    push(site.put_package(name), site.registry)
    select = {"cpaas.io/artifact-version": name}
    labels = {"cpaas.io/managed-by": "violet", "cpaas.io/library": "platform", "cpaas.io/present": "true", **select}
    spec = {"type": "bundle", "displayName": name.title(), "registry": site.registry.address}
    spec |= {"repository": f"acp/{name}-bundle", "present": True, "artifactVersionSelector": {"matchLabels": select}}
    metadata = {"name": name, "namespace": SYSTEM, "labels": labels}
    made = MARKETPLACE | {"kind": "Artifact", "metadata": metadata, "spec": spec}
    site.cluster.kubectl("create", "-f", "-", stdin=json.dumps(made))
    uid = site.all("artifacts", SYSTEM)[name]["metadata"]["uid"]
    owner = MARKETPLACE | {"kind": "Artifact", "name": name, "uid": uid}
    metadata = metadata | {"name": f"{name}.v1.0.0", "ownerReferences": [owner]}
    version = MARKETPLACE | {
        "kind": "ArtifactVersion",
        "metadata": metadata,
        "spec": {"present": True, "tag": "v1.0.0"},
    }
    site.cluster.kubectl("create", "-f", "-", stdin=json.dumps(version))
    deletable(site, name)
    site.delete("packageupload", name)
    assert left(site, name) == ([name, f"{name}.v1.0.0"], ["v1.0.0"])
    assert site.all("artifacts", SYSTEM)[name]["metadata"]["uid"] == uid
    assert f"ArtifactVersion {name}.v1.0.0, which the operator did not make." in withdrawn(site, name)


def test_upload_deleted_on_its_way_leaves_no_tag(site: Site, kit: Kit, name: str) -> None:
    """The first platform has its images, the second is slow."""
    second = kit.registry(htpasswd=True)
    login = {"username": str(second.username), "password": str(second.password)}
    with FaultProxy(second.address) as proxy:
        slow = platform("zz-slow", proxy.address, credentialsSecretRef={"name": "second"}, plainHTTP=True)
        site.apply(secret("second", **login), slow)
        site.wait("zz-slow", is_ready, kind="platforms")
        proxy.delay(600, when=lambda request: request.method in ("POST", "PATCH", "PUT"))
        site.put_package(name)
        both = to_platform("default") + to_platform("zz-slow")
        site.apply(site.package_upload(name, targets=both, deletionPolicy="Delete"))
        until(lambda: tags(site, name) == ["v1.0.0"])
        site.delete("packageupload", name)
    assert left(site, name) == ([], [])
    assert f"Deleted tags in {site.registry.address}: acp/{name}-bundle:v1.0.0." in withdrawn(site, name)


def test_namespace_that_ends_takes_its_uploads_along(site: Site, name: str) -> None:
    """The last one: a namespace that is going takes no events, and its Platforms and Secrets may be gone by now."""
    site.put_package(name)
    deletable(site, name)
    site.cluster.kubectl("delete", "namespace", site.namespace, "--wait=false")
    until(lambda: name not in site.all("packageuploads"), 120)
