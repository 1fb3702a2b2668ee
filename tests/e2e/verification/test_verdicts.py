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

from tests.faults import FaultProxy
from tests.harness import SYSTEM, Site, condition, has_failed, is_ready, secret, small, to_platform
from tests.packages import Bundle, Image, SigningKey
from tests.signed import gpg_upload, platform_writes, registry_writes, signed

pytestmark = pytest.mark.e2e

MIB = 1 << 20


@pytest.fixture(scope="module")
def lapsed() -> Iterator[tuple[SigningKey, SigningKey]]:
    """A vendor whose key has expired after it signed, and one whose key is revoked."""
    with tempfile.TemporaryDirectory(prefix="gpg-") as folder, ExitStack() as stack:
        expired = SigningKey(Path(folder) / "expired", made="20200101T000000", expires="30d")
        yield stack.enter_context(expired), stack.enter_context(SigningKey(Path(folder) / "revoked"))


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
    notes = site.all("artifactversions", SYSTEM)[f"{name}.v1.0.0"]["metadata"]["annotations"]
    told = {key: record[key] for key in ("method", "fingerprint", "keyID", "userID", "signedAt", "sha256")}
    assert json.loads(notes["violet.alauda.io/verification"]) == told
    assert notes["violet.alauda.io/verified-at"] == record["verifiedAt"]
    shared = site.all("artifacts", SYSTEM)[name]["metadata"]["annotations"]
    assert not {"violet.alauda.io/verification", "violet.alauda.io/verified-at"} & set(shared)  # others share it


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


def test_every_bad_side_file_is_refused_and_nothing_is_written(
    site: Site,
    proxy: FaultProxy,
    vendor: SigningKey,
    stranger: SigningKey,
    lapsed: tuple[SigningKey, SigningKey],
    name: str,
) -> None:
    expired, revoked = lapsed
    site.apply(
        secret(name, a=vendor.public_key, b=expired.public_key, c=revoked.revoked_public_key),
        secret(f"{name}-junk", junk=secrets.token_hex(100_000)),
    )
    other = site.directory / f"{name}.other"
    other.write_bytes(b"another file")
    right = site.put_package(name, sidecar=None)

    def weak(algorithm: str) -> bytes:
        return vendor.sign(right.path, "--allow-weak-digest-algos", "--digest-algo", algorithm).read_bytes()

    good, total = vendor.sign(right.path).read_bytes(), right.sha256.encode()
    cases: dict[str, tuple[dict[str, bytes], str]] = {
        "another-file": ({".sig": vendor.sign(other).read_bytes()}, "BadSignature"),
        "unknown-key": ({".sig": stranger.sign(right.path).read_bytes()}, "UnknownKey"),
        "expired-key": ({".asc": expired.sign(right.path, armor=True).read_bytes()}, "KeyExpired"),
        "revoked-key": ({".sig": revoked.sign(right.path).read_bytes()}, "KeyRevoked"),
        "truncated": ({".sig": good[:50]}, "InvalidSignatureFile"),
        "html": ({".sig": b"<!DOCTYPE html><title>404</title>"}, "InvalidSignatureFile"),
        "empty": ({".sig": b""}, "InvalidSignatureFile"),
        "sha1": ({".sig": weak("SHA1")}, "WeakDigest"),
        "md5": ({".sig": weak("MD5")}, "WeakDigest"),
        "two-signatures": ({".sig": good, ".asc": stranger.sign(right.path).read_bytes()}, "UnknownKey"),
        "empty-sum": ({".sig": good, ".sha256": b""}, "InvalidChecksumFile"),
        "short-sum": ({".sig": good, ".sha256": total[:-1]}, "InvalidChecksumFile"),
        "contradiction": ({".sig": good, ".sha256": total, ".checksum": b"0" * 64}, "InvalidChecksumFile"),
        "wrong-sha512": ({".sig": good, ".sha512": b"0" * 128}, "ChecksumMismatch"),
        "junk-keys": ({".sig": good}, "InvalidKeys"),
        "no-signature": ({".sha256": total}, "SignatureMissing"),
    }
    for case, (files, _) in cases.items():
        site.storage.put(f"{name}-{case}.tgz", right.path)
        for suffix, content in files.items():
            site.storage.put(f"{name}-{case}.tgz{suffix}", content)
        keys = f"{name}-junk" if case == "junk-keys" else name
        site.apply(gpg_upload(site, f"{name}-{case}", {"kind": "Secret", "name": keys}))
    for case, (_, reason) in cases.items():
        body = site.wait(f"{name}-{case}", has_failed(reason), 90)
        assert condition(body, "Verified")["status"] == "False"
        assert body["status"].get("verification", {"method": "None"})["method"] == "None"
    assert registry_writes(proxy, name) == []
    assert platform_writes(site, name) == []


def test_what_is_altered_is_told_before_what_is_damaged(site: Site, vendor: SigningKey, name: str) -> None:
    """Altered or cut off after it was signed; and signed as it is, damaged, which is the vendor's fault."""
    built = signed(site, vendor, name)
    sound, signature = built.path.read_bytes(), vendor.sign(built.path)
    middle = len(sound) // 2
    altered = {"flipped": sound[:middle] + bytes([sound[middle] ^ 0x55]) + sound[middle + 1 :], "cut": sound[:-200]}
    for case, content in altered.items():
        site.storage.put(f"{name}-{case}.tgz", content)
        site.storage.put(f"{name}-{case}.tgz.sig", signature)
        site.apply(gpg_upload(site, f"{name}-{case}"))
    built.path.write_bytes(sound[:-200])
    site.storage.put(f"{name}-signed.tgz", built.path)
    site.storage.put(f"{name}-signed.tgz.sig", vendor.sign(built.path))
    site.apply(gpg_upload(site, f"{name}-signed"))
    for case in altered:
        body = site.wait(f"{name}-{case}", has_failed("BadSignature"))
        assert condition(body, "Verified")["status"] == "False"
    body = site.wait(f"{name}-signed", has_failed("TruncatedPackage"))
    assert condition(body, "Fetched")["status"] == "False"


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


def test_storage_that_does_not_say_what_is_missing(
    site: Site, proxy: FaultProxy, vendor: SigningKey, name: str
) -> None:
    """As AWS does for keys without s3:ListBucket: a side file that is not there is forbidden, and so not "absent"."""
    wishes = {"any": {"policy": "IfPresent"}, "skip": {"policy": "Skip"}, "sum": {"policy": "Require"}, "gpg": None}
    with FaultProxy(site.storage.endpoint.removeprefix("http://")) as storage:
        storage.answer(403, times=None, when=lambda request: not request.path.partition("?")[0].endswith(".tgz"))
        for case, wish in wishes.items():
            each = f"{name}-{case}"
            site.put_package(each, sidecar=None)
            body = gpg_upload(site, each)
            body["spec"]["source"]["endpoint"] = f"http://{storage.address}"
            body["spec"]["verification"] = wish or body["spec"]["verification"]
            site.apply(body)
        for case in wishes:
            body = site.wait(f"{name}-{case}", has_failed("SourceForbidden"))
            verified = condition(body, "Verified")
            assert (verified["status"], verified["reason"]) == ("False", "SourceForbidden")
            assert f"whether there is a '{name}-{case}.tgz.sig'" in verified["message"]
            assert "Grant the key s3:ListBucket" in verified["message"]
        assert registry_writes(proxy, name) == platform_writes(site, name) == []
        storage.clear()
        site.reconcile(f"{name}-any")
        site.wait(f"{name}-any", is_ready)
