"""The same path with other settings: what a user may choose in the spec, and what packages may look like."""

import hashlib
import secrets
import subprocess
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

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
    to_platform,
)
from tests.observe import transferred, until
from tests.packages import Built, Bundle, Image

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def site(kit: Kit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One installation for all of them."""
    with installation(kit, tmp_path_factory.mktemp("variants")) as site:
        yield site


@pytest.fixture
def name(site: Site) -> Iterator[str]:
    """A name that no other test uses, for the upload, its package and its images."""
    yield f"pkg-{secrets.token_hex(4)}"
    site.delete("packageuploads", "--all")


@pytest.fixture
def proxy(site: Site, name: str) -> Iterator[FaultProxy]:
    """The registry, through a proxy that records; the Platform of the test's own name leads there."""
    with FaultProxy(site.registry.address) as proxy:
        pull = {"anonymous": True, "plainHTTP": True, "pullAddress": site.registry.address}
        site.apply(platform(name, proxy.address, **pull))
        yield proxy
        site.delete("packageuploads", "--all")
        site.delete("platforms", name)


def bundle(name: str, **fields: object) -> Bundle:
    """A package with one related image of 2 MB for two architectures."""
    related = (Image(f"{name}-app", layers=2, layer_size=512 << 10),)
    return Bundle(**{"name": name, "related": related, **fields})  # type: ignore[arg-type]


def uploaded(site: Site, name: str, **spec: object) -> Object:
    """Apply an upload and wait until it is Ready."""
    site.apply(site.package_upload(name, **spec))
    return site.wait(name, is_ready)


@pytest.mark.parametrize("order", ["blobs-first", "shuffled"])
def test_members_may_come_in_any_order(site: Site, name: str, order: str) -> None:
    built = site.put_package(name, bundle(name), order=order)
    uploaded(site, name)
    assert_in_registry(site, built)


def test_tar_may_be_uncompressed(site: Site, name: str) -> None:
    built = site.put_package(name, bundle(name), compression="none")
    site.storage.put(f"{name}.tar", built.path)
    site.storage.put(f"{name}.tar.sha256", f"{built.sha256}\n".encode())
    status = uploaded(site, name, source={"url": site.storage.url(f"{name}.tar")})["status"]
    assert status["source"]["sha256"] == built.sha256
    assert_in_registry(site, built)


def test_a_bare_oci_layout_in_zstd_and_what_in_it_does_not_agree(site: Site, name: str, tmp_path: Path) -> None:
    built = site.put_package(name, bundle(name))
    with tarfile.open(built.path) as archive:
        archive.extractall(tmp_path, filter="data")
    layout, package = tmp_path / name / "images", tmp_path / f"{name}.v7.7.7.tar.zst"
    subprocess.run(["tar", "--zstd", "-cf", package, "-C", layout, "."], check=True)
    site.storage.put(package.name, package)
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    body = uploaded(site, name, source={"url": site.storage.url(package.name), "sha256": digest})
    said = "The file name says version v7.7.7, the content 1.0.0."
    assert body["status"]["package"]["contradictions"] == [said]
    assert condition(body, "Fetched")["message"].endswith(said)
    assert body["status"]["package"]["csv"] == f"{name}.v1.0.0"
    assert_in_registry(site, built)


def test_repository_prefix_goes_before_every_repository(site: Site, name: str) -> None:
    site.apply(platform("prefixed", site.registry.address, anonymous=True, plainHTTP=True, repositoryPrefix="team/a"))
    built = site.put_package(name, bundle(name))
    body = uploaded(site, name, targets=to_platform("prefixed"))
    assert_in_registry(site, built, prefix="team/a/")
    assert site.all("artifacts", SYSTEM)[name]["spec"]["repository"] == f"team/a/acp/{name}-bundle"
    assert {each["destination"].split("/")[1] for each in body["status"]["images"]} == {"team"}
    assert not site.registry.tags(f"acp/{name}-bundle")


def test_shared_layer_is_sent_once_and_mounted(site: Site, proxy: FaultProxy, name: str) -> None:
    images = tuple(Image(f"{name}-{part}", platforms=("linux/amd64",), layers=2) for part in ("one", "two"))
    built = site.put_package(name, Bundle(name=name, related=images, shared_layers=1, seed=int(name[-6:], 16)))
    uploaded(site, name, targets=to_platform(name))
    assert_in_registry(site, built)
    one, two = built.images[1:]
    (shared,) = set(one.blobs) & set(two.blobs)
    moved = transferred(proxy.requests)
    assert [digest for _, digest in moved.uploaded].count(shared) == 1
    assert [digest for _, digest in moved.mounted] == [shared]
    assert {repository for repository, digest in (*moved.uploaded, *moved.mounted) if digest == shared} == {
        f"acp/{name}-one",
        f"acp/{name}-two",
    }


def test_second_upload_sends_no_blob_again(site: Site, proxy: FaultProxy, name: str) -> None:
    site.put_package(name, bundle(name))
    uploaded(site, name, targets=to_platform(name))
    before = len(proxy.requests)
    again = f"{name}-again"
    site.apply(site.package_upload(again, f"{name}.tgz", targets=to_platform(name)))
    status = site.wait(again, is_ready)["status"]
    later = proxy.requests[before:]
    assert {record.method for record in later if f"/acp/{name}" in record.path} == {"GET", "HEAD"}
    assert not [record for record in later if "/blobs/" in record.path]
    assert transferred(later).sent == 0
    assert status["progress"]["percent"] == 100


def test_next_version_moves_what_is_new_alone(site: Site, proxy: FaultProxy, name: str) -> None:
    site.put_package(name, bundle(name))
    uploaded(site, name, targets=to_platform(name))
    before = len(proxy.requests)
    site.put_package(f"{name}-2", bundle(name, version="1.0.1", tag="v1.0.1"))  # the related image is the same
    site.apply(site.package_upload(f"{name}-2", targets=to_platform(name)))
    status = site.wait(f"{name}-2", is_ready)["status"]
    moved = transferred(proxy.requests[before:])
    assert {repository for repository, _ in moved.uploaded} == {f"acp/{name}-bundle"}  # its CSV is another one
    assert not any(f"/acp/{name}-app/blobs/uploads" in record.path for record in proxy.requests[before:])
    assert status["progress"]["percent"] == 100


def test_pin_needs_no_checksum_file(site: Site, name: str) -> None:
    built = site.put_package(name, sidecar=None)
    status = uploaded(site, name, source={"sha256": built.sha256})["status"]
    assert (status["verification"]["method"], status["verification"]["sha256"]) == ("Pin", built.sha256)


def test_pin_wins_over_a_wrong_checksum_file(site: Site, name: str) -> None:
    built = site.put_package(name, sidecar=None)
    site.storage.put(f"{name}.tgz.sha256", b"0" * 64)
    assert uploaded(site, name, source={"sha256": built.sha256})["status"]["verification"]["method"] == "Pin"


def test_policy_skip_asks_for_nothing(site: Site, name: str) -> None:
    site.put_package(name, sidecar=None)
    status = uploaded(site, name, verification={"policy": "Skip"})["status"]
    assert status["verification"]["method"] == "None"
    assert condition({"status": status}, "Verified")["reason"] == "NotRequired"


@pytest.mark.parametrize("policy", ["IfPresent", "Skip"])
def test_policy_that_asks_for_nothing_still_checks_what_is_there(site: Site, name: str, policy: str) -> None:
    site.put_package(name, sidecar=None)
    site.storage.put(f"{name}.tgz.sha256", b"0" * 64)
    site.apply(site.package_upload(name, verification={"policy": policy}))
    site.wait(name, has_failed("ChecksumMismatch"))
    site.storage.delete(f"{name}.tgz.sha256")
    site.reconcile(name)
    assert site.wait(name, is_ready)["status"]["verification"]["method"] == "None"


def test_skip_resources_pushes_and_creates_nothing(site: Site, name: str) -> None:
    built = site.put_package(name, bundle(name))
    status = uploaded(site, name, skipResources=True)["status"]
    assert_in_registry(site, built)
    assert name not in site.all("artifacts", SYSTEM)
    assert condition({"status": status}, "Published")["reason"] == "Skipped"
    assert not status.get("targets")


def test_suspended_upload_waits_until_it_may_go_on(site: Site, proxy: FaultProxy, name: str) -> None:
    site.put_package(name, bundle(name))
    site.apply(site.package_upload(name, suspend=True, targets=to_platform(name)))
    status = site.wait(name, has_failed("Suspended"))["status"]
    assert [each["type"] for each in status["conditions"]] == ["Ready"]
    assert "source" not in status
    assert not any(f"/acp/{name}" in record.path for record in proxy.requests)
    uploaded(site, name, suspend=False, targets=to_platform(name))


def test_request_to_reconcile_is_answered(site: Site, name: str) -> None:
    site.put_package(name)
    uploaded(site, name)
    site.reconcile(name)
    wanted = site.upload(name)["metadata"]["annotations"][REQUESTED]
    site.wait(name, lambda body: body["status"].get("lastHandledReconcileAt") == wanted)
    assert is_ready(site.upload(name))


def test_changed_platform_counts_at_once(site: Site, proxy: FaultProxy, name: str) -> None:
    site.wait(name, is_ready, kind="platforms")
    site.put_package(name)
    fields = {"anonymous": True, "plainHTTP": True}
    site.apply(platform(name, site.registry.address, **fields), site.package_upload(name, targets=to_platform(name)))
    changed = site.wait(name, is_ready, kind="platforms")
    assert changed["status"]["registry"]["address"] == site.registry.address
    site.wait(name, is_ready)
    assert not any(f"/acp/{name}" in record.path for record in proxy.requests)


def test_nothing_new_means_no_write(site: Site, proxy: FaultProxy, name: str) -> None:
    site.put_package(name, bundle(name))
    uploaded(site, name, targets=to_platform(name))
    version = site.upload(name)["metadata"]["resourceVersion"]
    before, written, runs = len(proxy.requests), len(writes(site)), successes(site)
    # A look at the Platform makes every upload of its namespace look at what it has published.
    where = ("platform", name, "-n", site.namespace)
    site.cluster.kubectl("annotate", *where, f"{REQUESTED}={secrets.token_hex(4)}")
    until(lambda: successes(site) > runs)
    looks = [record for record in proxy.requests[before:] if f"/acp/{name}" in record.path]
    assert {record.method for record in looks} == {"GET", "HEAD"}
    assert all("/manifests/" in record.path for record in looks)  # no blob is looked for
    # Each tag is read once; what its index names is looked for, and not read.
    assert {":" in record.path for record in looks if record.method == "GET"} == {False}
    assert site.upload(name)["metadata"]["resourceVersion"] == version
    assert writes(site)[written:] == []


def test_small_upload_costs_few_writes(site: Site, name: str) -> None:
    site.put_package(name)
    before = len(writes(site))
    uploaded(site, name)
    until(lambda: len(site.events(name)) == 2)
    found = Counter(resource for _, resource, _ in writes(site)[before:])
    print("API writes of one small upload:", dict(found))
    reports = found.pop("packageuploads")
    assert found == {"artifacts": 1, "artifactversions": 1, "events": 2}
    assert reports <= 8


def successes(site: Site) -> float:
    """Reconciles of uploads that have ended well."""
    return site.operator.metric("violet_reconcile_total", kind="PackageUpload", result="success")


def writes(site: Site) -> list[tuple[str, str, str]]:
    """What the operator wrote to any API object but Platforms, of this site and of the system namespace."""
    return [
        (each.verb, each.resource, each.name)
        for each in site.cluster.audit_writes("system:serviceaccount:violet-system:violet-operator")
        if each.namespace in (site.namespace, SYSTEM) and each.resource != "platforms"
    ]


def assert_in_registry(site: Site, built: Built, prefix: str = "") -> None:
    """Every image is there under its tag, byte for byte, with all its children."""
    for image in built.images:
        repository, _, tag = image.ref.partition("/")[2].rpartition(":")
        assert site.registry.manifest(f"{prefix}{repository}", tag) == image.manifests[image.digest]
        for digest, content in image.manifests.items():
            assert site.registry.manifest(f"{prefix}{repository}", digest) == content
