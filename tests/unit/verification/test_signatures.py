"""The verdict on signatures, by real gpg on real keys: what is accepted, and every way to be refused."""

import bz2
import hashlib
import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.unit.verification.openpgp import new_format, packet, with_headers
from tests.unit.verification.vendors import Vendors, checks, examine, verify
from violet_operator.errors import Stalled, Waiting
from violet_operator.settings import Settings
from violet_operator.verification.judge import judge
from violet_operator.verification.keys import key_set

Make = Callable[[Vendors, Path], object]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    path = tmp_path / "p.tgz"
    path.write_bytes(os.urandom(3_000_000))
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def other(vendors: Vendors, package: Path) -> None:
    """A signature of another file."""
    stray = package.with_name("other.tgz")
    stray.write_bytes(b"other")
    vendors.good.sign(stray).rename(f"{package}.sig")


def several(*names: str) -> Make:
    """One file with several signatures."""

    def make(vendors: Vendors, package: Path) -> None:
        parts = [getattr(vendors, name).sign(package).read_bytes() for name in names]
        Path(f"{package}.sig").write_bytes(b"".join(parts))

    return make


def last_byte(vendors: Vendors, package: Path) -> None:
    vendors.good.sign(package)
    content = package.read_bytes()
    package.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def longer(vendors: Vendors, package: Path) -> None:
    vendors.good.sign(package)
    package.write_bytes(package.read_bytes() + b"\0")


def two_files(vendors: Vendors, package: Path) -> None:
    vendors.good.sign(package)
    vendors.stranger.sign(package, armor=True, suffix=".asc")


def weak(algorithm: str) -> Make:
    """A signature with a digest that can be forged, as gpg makes one when it is told to."""

    def make(vendors: Vendors, package: Path) -> None:
        vendors.good.sign(package, "--allow-weak-digest-algos", "--digest-algo", algorithm)

    return make


def content(data: bytes | Callable[[bytes], bytes]) -> Make:
    """A signature file with this content, or a good one changed."""

    def make(vendors: Vendors, package: Path) -> None:
        path = Path(f"{package}.sig")
        path.write_bytes(data if isinstance(data, bytes) else data(vendors.good.sign(package).read_bytes()))

    return make


def armored(vendors: Vendors, package: Path, *names: str) -> None:
    """Several armored signatures in one file."""
    parts = [getattr(vendors, name).sign(package, armor=True).read_bytes() for name in names]
    Path(f"{package}.sig").write_bytes(b"\n".join(parts))


ACCEPTED: dict[str, Make] = {
    "binary": lambda vendors, package: vendors.good.sign(package),
    "armored": lambda vendors, package: vendors.good.sign(package, armor=True),
    "asc": lambda vendors, package: vendors.good.sign(package, armor=True, suffix=".asc"),
    "on the stem": lambda vendors, package: vendors.good.sign(package).rename(package.with_suffix(".sig")),
    "sha512": lambda vendors, package: vendors.good.sign(package, "--digest-algo", "SHA512"),
    "with one by an unknown key after": several("good", "stranger"),
    "with one by an unknown key before": several("stranger", "good"),
    "twice": several("good", "good"),
    "several armored": lambda vendors, package: armored(vendors, package, "stranger", "good"),
    "in the new packet format": content(lambda good: packet(2, good[2:])),
    "in the new packet format, two octets": content(new_format),
    "armored, with headers and other line ends": content(with_headers),
}


@pytest.mark.parametrize("make", ACCEPTED.values(), ids=ACCEPTED)
def test_good_signature(vendors: Vendors, package: Path, make: Make) -> None:
    make(vendors, package)
    proof = verify(package, checks(package, vendors.keys), sha256(package))
    assert proof.method == "GPG"
    assert proof.signature is not None
    assert proof.signature.primary == proof.signature.fingerprint == vendors.good.fingerprint
    assert proof.signature.key_id == vendors.good.fingerprint[-16:]
    assert proof.signature.user_id == "Vendor \u0145\ufffd[GNUPG:] <good@example.com>"
    assert proof.signed_at is not None
    assert abs((datetime.now(UTC) - proof.signed_at).total_seconds()) < 3600


REFUSED: dict[str, tuple[Make, str]] = {
    "of another file": (other, "BadSignature"),
    "last byte of the package changed": (last_byte, "BadSignature"),
    "a byte added to the package": (longer, "BadSignature"),
    "unknown key": (lambda vendors, package: vendors.stranger.sign(package), "UnknownKey"),
    "revoked key": (lambda vendors, package: vendors.revoked.sign(package), "KeyRevoked"),
    "key that expired after it signed": (lambda vendors, package: vendors.expired.sign(package), "KeyExpired"),
    "good and revoked": (several("good", "revoked"), "KeyRevoked"),
    "revoked and good": (several("revoked", "good"), "KeyRevoked"),
    "good and expired": (several("good", "expired"), "KeyExpired"),
    "good, and another file by an unknown key": (two_files, "UnknownKey"),
    "MD5": (weak("MD5"), "WeakDigest"),
    "SHA-1": (weak("SHA1"), "WeakDigest"),
    "RIPEMD-160": (weak("RIPEMD160"), "WeakDigest"),
    "text mode": (lambda vendors, package: vendors.good.sign(package, "--textmode"), "InvalidSignatureFile"),
    "cut off": (content(lambda good: good[: len(good) // 2]), "InvalidSignatureFile"),
    "armored, cut off": (content(b"-----BEGIN PGP SIGNATURE-----\n\niHUEABYIAB0WIQ"), "InvalidSignatureFile"),
    "with a byte too many": (content(lambda good: good + b"\0"), "InvalidSignatureFile"),
    "before a message": (content(lambda good: good + packet(11, b"b\0\0\0\0\0text")), "InvalidSignatureFile"),
    "before compressed data, which may be gigabytes": (
        content(lambda good: good + packet(8, b"\x03" + bz2.compress(good * 100))),
        "InvalidSignatureFile",
    ),
    "in parts": (content(lambda good: b"\xc2\xe1" + good[2:4] + good[4:]), "InvalidSignatureFile"),
    "without a length": (content(lambda good: b"\x8b" + good[2:]), "InvalidSignatureFile"),
    "armored, not base64": (
        content(b"-----BEGIN PGP SIGNATURE-----\n\n!!!!\n-----END PGP SIGNATURE-----\n"),
        "InvalidSignatureFile",
    ),
    "armored, without a blank line": (
        content(b"-----BEGIN PGP SIGNATURE-----\niHUE\n-----END PGP SIGNATURE-----\n"),
        "InvalidSignatureFile",
    ),
    "HTML page": (content(b"<!DOCTYPE html><html>404</html>"), "InvalidSignatureFile"),
    "empty": (content(b""), "InvalidSignatureFile"),
    "blank": (content(b"\n \n"), "InvalidSignatureFile"),
    "junk that begins like a signature": (content(b"\x88" + b"\xff" * 200), "InvalidSignatureFile"),
    "not detached": (lambda vendors, package: vendors.good.sign(package, "--sign"), "InvalidSignatureFile"),
    "clear-signed": (lambda vendors, package: vendors.good.sign(package, "--clear-sign"), "InvalidSignatureFile"),
    "expired signature": (
        lambda vendors, package: vendors.expired.sign(package, "--default-sig-expire", "1d"),
        "SignatureExpired",
    ),
}


@pytest.mark.parametrize("policy", ["Require", "IfPresent"])
@pytest.mark.parametrize(("make", "reason"), REFUSED.values(), ids=REFUSED)
def test_bad_signature(vendors: Vendors, package: Path, make: Make, reason: str, policy: str) -> None:
    make(vendors, package)
    package.with_name("p.tgz.sha256").write_text(sha256(package))  # a good sum does not help
    with pytest.raises(Stalled) as refused:
        verify(package, checks(package, vendors.keys, policy), sha256(package))  # type: ignore[arg-type]
    assert refused.value.reason == reason
    assert "p.tgz.sig" in refused.value.message or "p.tgz.asc" in refused.value.message


@pytest.mark.parametrize("algorithm", ["MD5", "SHA1", "RIPEMD160"])
def test_weak_digest_is_refused_even_by_a_gpg_that_takes_it(
    vendors: Vendors, package: Path, tmp_path: Path, algorithm: str
) -> None:
    program = tmp_path / "lenient-gpg"
    program.write_text('#!/bin/sh\nexec gpg --allow-weak-digest-algos "$@"\n')
    program.chmod(0o755)
    weak(algorithm)(vendors, package)
    todo = checks(package, vendors.keys)
    findings = examine(package, todo, program=str(program))
    ((_, (signature,)),) = findings.signatures
    assert signature.fingerprint == vendors.good.fingerprint  # gpg has called it valid
    with pytest.raises(Stalled) as refused:
        judge(todo, sha256(package), findings)
    assert refused.value.reason == "WeakDigest"


def test_unknown_key_is_named_before_the_package_is_read(vendors: Vendors, package: Path) -> None:
    vendors.stranger.sign(package)
    with pytest.raises(Stalled, match=f"{vendors.stranger.fingerprint}, which is not in Secret vendor-keys"):
        verify(Path("/dev/null/is-not-read"), checks(package, vendors.keys), "")


def test_pins_take_primary_keys_and_subkeys(vendors: Vendors, package: Path) -> None:
    vendors.subkey.sign(package)
    primary, subkey = vendors.subkey.fingerprint, vendors.subkey.subkey_fingerprint
    assert primary != subkey
    for pins in [(primary,), (subkey.lower(),), (vendors.good.fingerprint, primary)]:
        proof = verify(package, checks(package, vendors.keys, fingerprints=pins), sha256(package))
        assert proof.signature is not None
        assert (proof.signature.primary, proof.signature.fingerprint) == (primary, subkey)
    with pytest.raises(Stalled, match="none of the pinned") as refused:
        verify(package, checks(package, vendors.keys, fingerprints=(vendors.good.fingerprint,)), sha256(package))
    assert refused.value.reason == "SignerNotAllowed"


def test_pins_of_upload_and_operator_must_both_be_met(vendors: Vendors, package: Path) -> None:
    several("good", "subkey")(vendors, package)
    house = Settings(gpg_fingerprints=(vendors.good.fingerprint,))
    ours, theirs = (vendors.good.fingerprint,), (vendors.subkey.fingerprint,)
    assert verify(package, checks(package, vendors.keys, "IfPresent", ours, house), sha256(package)).method == "GPG"
    with pytest.raises(Stalled) as refused:  # one by each is not one by both
        verify(package, checks(package, vendors.keys, "IfPresent", theirs, house), sha256(package))
    assert refused.value.reason == "SignerNotAllowed"


def test_signature_and_checksum_must_both_be_good(vendors: Vendors, package: Path) -> None:
    vendors.good.sign(package)
    package.with_name("p.tgz.sha512").write_text(hashlib.sha512(package.read_bytes()).hexdigest())
    assert verify(package, checks(package, vendors.keys), sha256(package)).method == "GPG"
    package.with_name("p.tgz.sha512").write_text("0" * 128)
    with pytest.raises(Stalled) as refused:
        verify(package, checks(package, vendors.keys), sha256(package))
    assert refused.value.reason == "ChecksumMismatch"
    assert "p.tgz.sha512" in refused.value.message


def test_missing_signature(vendors: Vendors, package: Path) -> None:
    package.with_name("p.tgz.sha256").write_text(sha256(package))
    with pytest.raises(Waiting) as waiting:
        checks(package, vendors.keys)
    assert waiting.value.reason == "SignatureMissing"
    assert verify(package, checks(package, vendors.keys, "IfPresent"), sha256(package)).method == "Checksum"


def test_signature_without_keys(vendors: Vendors, package: Path) -> None:
    vendors.good.sign(package)
    for policy in ("Require", "IfPresent"):
        with pytest.raises(Stalled, match=r"keysRef") as refused:
            checks(package, None, policy)  # type: ignore[arg-type]
        assert refused.value.reason == "KeysMissing"
    skipped = verify(package, checks(package, None, "Skip"), sha256(package))
    assert (skipped.method, skipped.unchecked) == ("None", (f"{package}.sig",))
    package.with_name("p.sha256").write_text(sha256(package))
    counted = verify(package, checks(package, None), sha256(package))
    assert (counted.method, counted.unchecked) == ("Checksum", (f"{package}.sig",))


def test_keys_in_every_form(vendors: Vendors, package: Path) -> None:
    vendors.good.sign(package)
    armored, stranger = vendors.good.public_key.encode(), vendors.stranger.public_key.encode()
    binary = subprocess.run(["gpg", "--dearmor"], input=armored, capture_output=True, check=True).stdout
    for form in (armored, binary, stranger + armored, vendors.good.keybox):
        keys = key_set("Secret keys", {"a": stranger, "b": form})
        assert verify(package, checks(package, keys), sha256(package)).method == "GPG"


def test_nothing_is_left_behind(
    vendors: Vendors, package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    before = agents()
    ACCEPTED["binary"](vendors, package)
    verify(package, checks(package, vendors.keys), sha256(package))
    other(vendors, package)
    with pytest.raises(Stalled):
        verify(package, checks(package, vendors.keys), sha256(package))
    assert list(place.iterdir()) == []
    assert agents() == before


def agents() -> set[str]:
    """Command lines of all gpg-agents with a home of ours."""
    found = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    return {line.decode() for line in found if b"gpg-agent" in line and b"violet-gpg-" in line}
