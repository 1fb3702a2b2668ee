"""Signatures from end to end: what the record says, what is refused before anything is written, and key rotation."""

import base64
import hashlib
import json
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
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
from tests.packages import Built, Bundle, Image, SigningKey

pytestmark = pytest.mark.e2e

READS = {"GET", "HEAD"}
MIB = 1 << 20


@pytest.fixture(scope="module")
def vendor() -> Iterator[SigningKey]:
    with tempfile.TemporaryDirectory(prefix="gpg-") as folder, SigningKey(Path(folder) / "vendor") as key:
        yield key


@pytest.fixture(scope="module")
def stranger() -> Iterator[SigningKey]:
    with tempfile.TemporaryDirectory(prefix="gpg-") as folder, SigningKey(Path(folder) / "stranger") as key:
        yield key


@pytest.fixture(scope="module")
def proxy(kit: Kit) -> Iterator[FaultProxy]:
    """Records what the operator says to the registry."""
    with FaultProxy(kit.registry().address) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def site(kit: Kit, proxy: FaultProxy, vendor: SigningKey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An installation that knows the vendor's key, whose registry is reached through the recording proxy."""
    with installation(kit, tmp_path_factory.mktemp("verification")) as site:
        registry = {"anonymous": True, "plainHTTP": True, "pullAddress": kit.registry().address}
        site.apply(platform("recorded", proxy.address, **registry), secret("keys", vendor=vendor.public_key))
        yield site


@pytest.fixture
def name() -> str:
    return f"p{secrets.token_hex(4)}"


def signed(site: Site, key: SigningKey, name: str, spec: Bundle | None = None) -> Built:
    """A package with a signature and no checksum file."""
    built = site.put_package(name, spec or small(name), sidecar=None)
    site.storage.put(f"{name}.tgz.sig", key.sign(built.path))
    return built


def gpg_upload(site: Site, name: str, keys: Object | None = None, **gpg: object) -> Object:
    """An upload that demands a signature."""
    wish = {"policy": "Require", "gpg": {"keysRef": keys or {"kind": "Secret", "name": "keys"}, **gpg}}
    return site.package_upload(name, verification=wish, targets=to_platform("recorded"))


def registry_writes(proxy: FaultProxy, name: str) -> list[str]:
    return [f"{each.method} {each.path}" for each in proxy.requests if each.method not in READS and name in each.path]


def platform_writes(site: Site, name: str) -> list[str]:
    """Everything that the operator has written about a package, but its own status and events."""
    written = site.cluster.audit_writes("violet-operator")
    return [each.resource for each in written if each.name.startswith(name) and each.resource != "packageuploads"]


def test_the_record(site: Site, vendor: SigningKey, name: str) -> None:
    built = signed(site, vendor, name)
    site.apply(gpg_upload(site, name, fingerprints=[vendor.fingerprint]))
    body = site.wait(name, is_ready)
    record = body["status"]["verification"]
    assert record["method"] == "GPG"
    assert record["fingerprint"] == vendor.fingerprint
    assert record["keyID"] == vendor.fingerprint[-16:]
    assert record["userID"] == "Vendor of test packages <vendor@example.com>"
    assert record["sha256"] == built.sha256
    assert record["signedAt"] <= record["verifiedAt"]
    assert f"Signed by {record['userID']} ({vendor.fingerprint})" in condition(body, "Verified")["message"]
    for kind, published in (("artifacts", name), ("artifactversions", f"{name}.v1.0.0")):
        notes = site.all(kind, SYSTEM)[published]["metadata"]["annotations"]
        told = {key: record[key] for key in ("method", "fingerprint", "keyID", "userID", "signedAt", "sha256")}
        assert json.loads(notes["violet.alauda.io/verification"]) == told
        assert notes["violet.alauda.io/verified-at"] == record["verifiedAt"]


def test_nothing_is_written_with_a_bad_signature_at_the_end_of_a_large_package(
    site: Site, proxy: FaultProxy, vendor: SigningKey, name: str
) -> None:
    """The package differs from the signed one in its very last byte, which every part of the first pass accepts."""
    layers = Image(f"{name}-app", platforms=("linux/amd64",), layers=4, layer_size=64 * MIB)
    built = signed(site, vendor, name, Bundle(name=name, related=(layers,), seed=int(name[1:6], 16)))
    content = built.path.read_bytes() + b"\0"  # padding after gzip data is no damage
    site.storage.put(f"{name}.tgz", content)
    site.apply(gpg_upload(site, name))
    body = site.wait(name, has_failed("BadSignature"), 180)
    assert body["status"]["source"]["sha256"] == hashlib.sha256(content).hexdigest()  # it was read to its end
    assert condition(body, "Stalled")["status"] == "True"
    assert condition(body, "Verified")["status"] == "False"
    assert body["status"]["verification"]["method"] == "None"
    assert not {"package", "images", "targets", "plan"} & body["status"].keys()
    assert registry_writes(proxy, name) == []
    assert platform_writes(site, name) == []
    site.storage.put(f"{name}.tgz", built.path)
    site.reconcile(name)
    site.wait(name, is_ready, 180)
    assert registry_writes(proxy, name)
    assert platform_writes(site, name)


@pytest.mark.parametrize("defect", ["bad-manifest-yaml", "no-manifest", "digest-mismatch"])
def test_nothing_inside_is_looked_at_before_the_verdict(
    site: Site, vendor: SigningKey, stranger: SigningKey, name: str, defect: str
) -> None:
    built = site.put_package(name, small(name), sidecar=None, defect=defect)
    other = built.path.with_name("other")
    other.write_bytes(b"other")
    site.storage.put(f"{name}.tgz.sig", vendor.sign(other))
    site.apply(gpg_upload(site, name))
    site.wait(name, has_failed("BadSignature"))


def test_the_package_is_not_read_for_an_unknown_key(site: Site, stranger: SigningKey, name: str) -> None:
    signed(site, stranger, name)
    site.apply(gpg_upload(site, name))
    body = site.wait(name, has_failed("UnknownKey"))
    assert stranger.fingerprint in condition(body, "Verified")["message"]
    assert "sha256" not in body["status"].get("source", {})


def test_keys_secret_missing_then_private_then_good(site: Site, vendor: SigningKey, name: str) -> None:
    signed(site, vendor, name)
    site.apply(gpg_upload(site, name, {"kind": "Secret", "name": name}))
    site.wait(name, has_failed("KeysNotFound"))
    site.apply(secret(name, key=vendor.private_key))
    site.reconcile(name)
    body = site.wait(name, has_failed("InvalidKeys"), 30)
    assert "private key" in condition(body, "Verified")["message"]
    assert vendor.private_key[100:140] not in json.dumps(body) + site.operator.log
    site.apply(secret(name, key=vendor.public_key))
    site.reconcile(name)
    site.wait(name, is_ready)


def test_keys_in_a_configmap_binary_beside_armored(
    site: Site, vendor: SigningKey, stranger: SigningKey, name: str
) -> None:
    keyring = base64.b64encode(vendor.keybox).decode()
    data = {"data": {"stranger.asc": stranger.public_key}, "binaryData": {"pubring.kbx": keyring}}
    site.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}} | data)
    signed(site, vendor, name)
    site.apply(gpg_upload(site, name, {"kind": "ConfigMap", "name": name}))
    assert site.wait(name, is_ready)["status"]["verification"]["fingerprint"] == vendor.fingerprint


def test_key_rotation(site: Site, proxy: FaultProxy, vendor: SigningKey, stranger: SigningKey, name: str) -> None:
    signed(site, vendor, name)
    site.apply(secret(name, old=vendor.public_key), gpg_upload(site, name, {"kind": "Secret", "name": name}))
    first = site.wait(name, is_ready)["status"]["verification"]
    pushed = len(registry_writes(proxy, name))

    site.apply(secret(name, old=vendor.public_key, new=stranger.public_key))  # a key more: verified anew, and good

    def anew(body: Object) -> bool:
        return is_ready(body) and body["status"]["verification"]["trust"] != first["trust"]

    wait_for_look(site, name, anew)

    site.cluster.kubectl("delete", "secret", name, "-n", site.namespace)
    site.apply(secret(name, new=stranger.public_key))  # the signer's key removed: not verified any more
    body = wait_for_look(site, name, has_failed("UnknownKey"))
    assert condition(body, "Verified")["status"] == "False"
    assert condition(body, "Stalled")["status"] == "True"
    assert body["status"]["verification"]["method"] == "None"
    assert name in site.all("artifacts", SYSTEM)  # what is published stays; nothing is repaired
    assert len(registry_writes(proxy, name)) == pushed

    site.apply(secret(name, old=vendor.public_key, new=stranger.public_key))
    wait_for_look(site, name, is_ready)
    assert len(registry_writes(proxy, name)) == pushed


def wait_for_look(site: Site, name: str, reached: "object") -> Object:
    """Ask for a look and wait; a Secret may be some seconds old at the first one."""
    for _ in range(10):
        site.reconcile(name)
        try:
            return site.wait(name, reached, 6)  # type: ignore[arg-type]
        except AssertionError:
            continue
    return site.wait(name, reached, 1)  # type: ignore[arg-type]


def test_package_replaced_while_it_is_read(site: Site, kit: Kit, vendor: SigningKey, name: str) -> None:
    """The first pass meets another object at its next request, and starts over with that one."""
    layers = Image(f"{name}-app", platforms=("linux/amd64",), layers=2, layer_size=16 * MIB)
    first = signed(site, vendor, name, Bundle(name=name, related=(layers,), seed=1)).sha256
    with ExitStack() as stack:
        storage = stack.enter_context(FaultProxy(kit.storage.endpoint.removeprefix("http://")))
        whole = lambda request: request.method == "GET" and request.path.partition("?")[0].endswith(f"{name}.tgz")  # noqa: E731
        storage.limit(4 * MIB)
        storage.cut(after=8 * MIB, when=whole)
        body = gpg_upload(site, name)
        body["spec"]["source"]["endpoint"] = f"http://{storage.address}"
        site.apply(body)
        site.wait(name, lambda body: body.get("status", {}).get("progress", {}).get("bytesDone", 0) > 0)
        second = signed(site, vendor, name, Bundle(name=name, related=(layers,), seed=2)).sha256
        storage.limit(None)
        done = site.wait(name, is_ready, 120)
    assert second != first
    assert done["status"]["source"]["sha256"] == done["status"]["verification"]["sha256"] == second
    log = [line for line in site.operator.log.splitlines() if name in line]
    assert any("SourceChanged" in line for line in log), "\n".join(log)


def test_package_replaced_between_the_passes(site: Site, proxy: FaultProxy, vendor: SigningKey, name: str) -> None:
    """Verified, then replaced before a blob is read again: nothing of the new content goes out unverified."""
    layers = Image(f"{name}-app", platforms=("linux/amd64",), layers=2, layer_size=16 * MIB)
    signed(site, vendor, name, Bundle(name=name, related=(layers,), seed=1))
    proxy.delay(8, when=lambda request: request.method == "POST" and name in request.path)
    try:
        site.apply(gpg_upload(site, name))
        site.wait(name, lambda body: condition(body, "Verified")["status"] == "True")
        second = signed(site, vendor, name, Bundle(name=name, related=(layers,), seed=2))
        site.storage.put(f"{name}.tgz.sig", Path(f"{second.path}.sig"))
        site.wait(name, lambda body: "SourceChanged" in json.dumps(body.get("status", {})), 60)
    finally:
        proxy.clear()
    done = site.wait(name, is_ready, 120)["status"]
    assert done["source"]["sha256"] == done["verification"]["sha256"] == second.sha256
    bundle = next(image for image in second.images if image.ref.endswith("-bundle:v1.0.0"))
    assert site.registry.manifest(f"acp/{name}-bundle", "v1.0.0") == bundle.manifests[bundle.digest]


def test_corrected_signature_counts_at_the_next_look(site: Site, vendor: SigningKey, name: str) -> None:
    built = signed(site, vendor, name)
    site.storage.put(f"{name}.tgz.sig", b"<html>404</html>")
    site.apply(gpg_upload(site, name))
    site.wait(name, has_failed("InvalidSignatureFile"))
    site.storage.put(f"{name}.tgz.sig", Path(f"{built.path}.sig"))
    site.reconcile(name)
    site.wait(name, is_ready)


def test_signature_that_nobody_can_check(site: Site, vendor: SigningKey, name: str) -> None:
    built = signed(site, vendor, name)
    site.apply(site.package_upload(name, targets=to_platform("recorded")))
    body = site.wait(name, has_failed("KeysMissing"))
    assert "spec.verification.gpg.keysRef" in condition(body, "Stalled")["message"]
    site.storage.put(f"{name}.tgz.sha256", built.sha256.encode())
    site.reconcile(name)
    body = site.wait(name, is_ready)
    assert body["status"]["verification"]["method"] == "Checksum"
    assert "was not checked" in condition(body, "Verified")["message"]


def test_side_file_that_is_far_too_large(site: Site, vendor: SigningKey, name: str) -> None:
    signed(site, vendor, name)
    site.storage.put(f"{name}.tgz.sig", b"\x88" * MIB)
    site.apply(gpg_upload(site, name))
    site.wait(name, has_failed("InvalidSideFile"))
