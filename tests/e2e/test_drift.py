"""What is installed stays installed: what people or accidents change is put right at the next look, and no more."""

import json
import secrets
from collections.abc import Iterator

import pytest
import requests

from tests.cluster import Kit
from tests.faults import FaultProxy
from tests.harness import (
    REQUESTED,
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
from tests.observe import transferred, until
from tests.packages import Built

pytestmark = pytest.mark.e2e

SSA = ("apply", "--server-side", "--force-conflicts", "--field-manager=argocd", "-f", "-")


@pytest.fixture(scope="module")
def site(kit: Kit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One installation for all of them."""
    with installation(kit, tmp_path_factory.mktemp("drift")) as site:
        yield site


@pytest.fixture(scope="module")
def clockwork(site: Site) -> str:
    """An upload that looks every minute, whose version was deleted when the module began."""
    installed(site, name := f"pkg-{secrets.token_hex(4)}", interval="1m")
    remove(site, "artifactversion", f"{name}.v1.0.0")
    return name


@pytest.fixture
def name(site: Site, clockwork: str) -> Iterator[str]:
    """A name that no other test uses, for the upload and its package."""
    name = f"pkg-{secrets.token_hex(4)}"
    yield name
    site.delete("packageupload", name)


def installed(site: Site, name: str, **spec: object) -> Built:
    """A small package, Ready."""
    built = site.put_package(name)
    site.apply(site.package_upload(name, **spec))
    site.wait(name, is_ready)
    return built


def look_again(site: Site, name: str, seconds: float = 60) -> Object:
    """Ask for a look now; the object once it was taken and has ended."""
    site.reconcile(name)
    wanted = site.upload(name)["metadata"]["annotations"][REQUESTED]

    def ended(body: Object) -> bool:
        handled = body["status"].get("lastHandledReconcileAt") == wanted
        return handled and condition(body, "Reconciling")["status"] != "True"

    return site.wait(name, ended, seconds)


def remove(site: Site, kind: str, name: str) -> None:
    """Delete an object of the platform."""
    site.cluster.kubectl("delete", kind, name, "-n", SYSTEM)


def artifact(site: Site, name: str) -> Object:
    """The Artifact of a package."""
    return site.all("artifacts", SYSTEM)[name]


def told(site: Site, name: str) -> list[tuple[str, str]]:
    """Type and reason of the events about an upload; they follow the status they belong to."""
    return [(each["type"], each["reason"]) for each in site.events(name)]


def test_deleted_version_comes_back(site: Site, name: str) -> None:
    installed(site, name)
    before = site.all("artifactversions", SYSTEM)[f"{name}.v1.0.0"]
    remove(site, "artifactversion", f"{name}.v1.0.0")
    assert is_ready(look_again(site, name))
    after = site.all("artifactversions", SYSTEM)[f"{name}.v1.0.0"]
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert (after["spec"], after["metadata"]["labels"]) == (before["spec"], before["metadata"]["labels"])
    assert after["status"]["phase"] == "Present"


def test_deleted_artifact_comes_back_with_its_version(site: Site, name: str) -> None:
    installed(site, name)
    before = artifact(site, name)["metadata"]["uid"]
    remove(site, "artifact", name)

    def is_back() -> bool:
        """Both, made anew with nobody asking for a look; the garbage collector takes the old version meanwhile."""
        found, versions = site.all("artifacts", SYSTEM).get(name), site.all("artifactversions", SYSTEM)
        owners = versions.get(f"{name}.v1.0.0", {}).get("metadata", {}).get("ownerReferences", [])
        return bool(found and found["metadata"]["uid"] != before and owners[:1]) and (
            owners[0]["uid"] == found["metadata"]["uid"] and is_ready(site.upload(name))
        )

    until(is_back, 90)
    until(lambda: ("Normal", "Repaired") in told(site, name))


@pytest.mark.parametrize("label", ["cpaas.io/library-", "cpaas.io/library=mine", "cpaas.io/managed-by=hand"])
def test_altered_label_is_put_right(site: Site, name: str, label: str) -> None:
    installed(site, name)
    labels = artifact(site, name)["metadata"]["labels"]
    site.cluster.kubectl("label", "artifact", name, "-n", SYSTEM, label, "--overwrite")

    def is_right() -> bool:
        """Nobody has asked for a look. The platform withdraws everything where managed-by is another's."""
        found, versions = artifact(site, name), site.all("artifactversions", SYSTEM)
        right = found["metadata"]["labels"] == labels and found["spec"]["present"] is True
        return right and f"{name}.v1.0.0" in versions and is_ready(site.upload(name))

    until(is_right, 90)
    until(lambda: ("Normal", "Repaired") in told(site, name))


def test_label_of_a_person_stays(site: Site, name: str) -> None:
    installed(site, name)
    where = ("label", "artifact", name, "-n", SYSTEM)
    site.cluster.kubectl(*where, "team=storage", "cpaas.io/builtin-")
    assert is_ready(look_again(site, name))
    labels = artifact(site, name)["metadata"]["labels"]
    assert (labels["team"], labels["cpaas.io/builtin"]) == ("storage", "false")


def test_field_claimed_by_another_manager_is_a_conflict(site: Site, name: str) -> None:
    """Server-side apply says whose a field is; who applies it as his own is not overruled."""
    installed(site, name)
    theirs = {key: artifact(site, name)[key] for key in ("apiVersion", "kind")}
    theirs |= {"metadata": {"name": name, "namespace": SYSTEM}, "spec": {"repository": "their/place"}}
    site.cluster.kubectl(*SSA, stdin=json.dumps(theirs | {"spec": artifact(site, name)["spec"] | theirs["spec"]}))
    body = look_again(site, name)
    for kind in ("Published", "Ready"):
        assert condition(body, kind)["status"] == "False", kind
        assert condition(body, kind)["reason"] == "Conflict", kind
    message = condition(body, "Stalled")["message"]
    assert "argocd" in message
    assert ".spec.repository" in message
    assert body["status"]["targets"][0]["phase"] == "Failed"
    assert artifact(site, name)["spec"]["repository"] == "their/place"
    until(lambda: ("Warning", "Conflict") in told(site, name))


def test_name_for_people_is_put_right(site: Site, name: str) -> None:
    installed(site, name)
    change = json.dumps({"spec": {"displayName": "altered"}})
    site.cluster.kubectl("patch", "artifact", name, "-n", SYSTEM, "--type=merge", "-p", change)
    until(lambda: artifact(site, name)["spec"]["displayName"] == name.title(), 90)


def test_who_applies_other_fields_does_not_claim_ours(site: Site, name: str) -> None:
    """Neither the status nor a label of his own: what of ours is altered is put right."""
    installed(site, name)
    head = {key: artifact(site, name)[key] for key in ("apiVersion", "kind")}
    metadata = {"name": name, "namespace": SYSTEM}
    labelled = head | {"metadata": metadata | {"labels": {"team": "storage"}}}
    site.cluster.kubectl(*SSA, stdin=json.dumps(labelled))
    synced = head | {"metadata": metadata, "status": {"synced": True}}
    site.cluster.kubectl(*SSA, "--subresource=status", stdin=json.dumps(synced))
    change = json.dumps({"spec": {"repository": "wrong/place"}})
    site.cluster.kubectl("patch", "artifact", name, "-n", SYSTEM, "--type=merge", "-p", change)
    until(lambda: artifact(site, name)["spec"]["repository"] == f"acp/{name}-bundle", 90)
    assert artifact(site, name)["metadata"]["labels"]["team"] == "storage"
    site.wait(name, is_ready)


def test_object_that_is_being_deleted_is_waited_for(site: Site, name: str) -> None:
    installed(site, name)
    before = artifact(site, name)["metadata"]["uid"]

    def finalizers(*names: str) -> None:
        change = json.dumps({"metadata": {"finalizers": names}})
        site.cluster.kubectl("patch", "artifact", name, "-n", SYSTEM, "--type=merge", "-p", change)

    finalizers("example.com/held")
    try:
        site.cluster.kubectl("delete", "artifact", name, "-n", SYSTEM, "--wait=false")
        body = site.wait(name, has_failed("BeingDeleted"))
        assert "example.com/held" in condition(body, "Ready")["message"]
        assert body["status"]["targets"][0]["phase"] == "Failed"
    finally:
        finalizers()
    until(lambda: name not in site.all("artifacts", SYSTEM) or artifact(site, name)["metadata"]["uid"] != before)
    site.reconcile(name)
    site.wait(name, is_ready)
    assert artifact(site, name)["metadata"]["uid"] != before


def test_repair_is_told_though_another_target_fails(site: Site, name: str) -> None:
    site.put_package(name)
    site.apply(site.package_upload(name, targets=to_platform("default", "global", "region9")))
    site.wait(name, has_failed("UnknownCluster"))
    remove(site, "artifactversion", f"{name}.v1.0.0")
    until(lambda: ("Normal", "Repaired") in told(site, name), 90)
    (event,) = (each for each in site.events(name) if each["reason"] == "Repaired")
    assert event["message"] == f"Put right: ArtifactVersion {name}.v1.0.0 was missing on global of default."


def test_two_versions_for_different_catalogs_or_repositories_do_not_take_turns(site: Site, name: str) -> None:
    moved, listed = f"{name}-moved", f"{name}-listed"
    site.put_package(name)
    site.put_package(moved, small(name, version="1.1.0", tag="v1.1.0", registry="harbor.example.com/other"))
    site.put_package(listed, small(name, version="1.2.0", tag="v1.2.0"))
    site.apply(site.package_upload(name))
    site.wait(name, is_ready)
    site.apply(site.package_upload(moved), site.package_upload(listed, catalogSource="custom"))
    for body in site.wait_all([moved, listed], has_failed("PublishedDifferently")).values():
        assert f"PackageUpload {site.namespace}/{name}" in condition(body, "Ready")["message"]
    assert is_ready(site.upload(name))
    assert artifact(site, name)["metadata"]["generation"] == 1
    site.delete("packageuploads", moved, listed)


def test_deleted_tag_comes_back(site: Site, name: str) -> None:
    built = site.put_package(name)
    with FaultProxy(site.registry.address) as proxy:
        pull = {"anonymous": True, "plainHTTP": True, "pullAddress": site.registry.address}
        site.apply(platform(name, proxy.address, **pull), site.package_upload(name, targets=to_platform(name)))
        site.wait(name, is_ready)
        repository = f"{site.registry.url}/v2/acp/{name}-bundle"
        requests.delete(f"{repository}/manifests/{built.images[0].digest}", timeout=10).raise_for_status()
        assert not site.registry.tags(f"acp/{name}-bundle")
        before = len(proxy.requests)
        assert is_ready(look_again(site, name))
        assert transferred(proxy.requests[before:]).sent == 0  # the blobs were still there
    assert site.registry.manifest(f"acp/{name}-bundle", "v1.0.0") == built.images[0].manifests[built.images[0].digest]


def test_lost_source_does_not_matter_to_what_is_installed(site: Site, name: str) -> None:
    installed(site, name)
    for key in (f"{name}.tgz", f"{name}.tgz.sha256"):
        site.storage.delete(key)
    body = look_again(site, name)
    assert is_ready(body)
    assert (condition(body, "Fetched")["status"], condition(body, "Fetched")["reason"]) == ("False", "SourceNotFound")
    until(lambda: ("Warning", "SourceNotFound") in told(site, name))
    remove(site, "artifactversion", f"{name}.v1.0.0")
    assert is_ready(look_again(site, name))  # repaired without the source
    assert f"{name}.v1.0.0" in site.all("artifactversions", SYSTEM)
    site.put_package(name)
    assert condition(look_again(site, name), "Fetched")["status"] == "True"


def test_new_content_is_published_too(site: Site, name: str) -> None:
    old = installed(site, name)
    new = site.put_package(name, small(name, version="1.1.0", tag="v1.1.0"))
    status = look_again(site, name)["status"]
    assert is_ready(site.upload(name))
    assert (status["package"]["version"], status["source"]["sha256"]) == ("1.1.0", new.sha256)
    assert new.sha256 != old.sha256
    mine = {each for each in site.all("artifactversions", SYSTEM) if each.startswith(name)}
    assert mine == {f"{name}.v1.0.0", f"{name}.v1.1.0"}
    assert site.registry.tags(f"acp/{name}-bundle") == ["v1.0.0", "v1.1.0"]


def test_failed_check_is_told_and_forgotten(site: Site, name: str) -> None:
    """New content under an old checksum is refused; what is published stays."""
    installed(site, name)
    new = site.put_package(name, small(name, version="1.1.0", tag="v1.1.0"), sidecar=None)
    body = look_again(site, name)
    assert has_failed("ChecksumMismatch")(body)
    assert site.registry.tags(f"acp/{name}-bundle") == ["v1.0.0"]
    assert f"{name}.v1.0.0" in site.all("artifactversions", SYSTEM)
    site.storage.put(f"{name}.tgz.sha256", f"{new.sha256}\n".encode())
    assert is_ready(look_again(site, name))


def test_look_comes_by_itself(site: Site, clockwork: str) -> None:
    """The last one: by now most of the minute is over."""
    until(lambda: f"{clockwork}.v1.0.0" in site.all("artifactversions", SYSTEM), 90, every=0.5)
    assert is_ready(site.upload(clockwork))
