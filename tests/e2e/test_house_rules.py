"""What the operator's own settings demand of every upload, and a gpg that is not there."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.cluster import Kit
from tests.harness import Site, condition, has_failed, installation, is_ready, secret
from tests.packages import SigningKey

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def signers() -> Iterator[tuple[SigningKey, SigningKey]]:
    """The vendor whom the operator demands, and another."""
    with tempfile.TemporaryDirectory(prefix="gpg-") as folder, ExitStack() as stack:
        first, second = (stack.enter_context(SigningKey(Path(folder) / name)) for name in ("vendor", "other"))
        yield first, second


@pytest.fixture(scope="module")
def site(kit: Kit, signers: tuple[SigningKey, SigningKey], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An operator that demands one vendor's signatures."""
    vendor, other = signers
    flags = ("--minimum-policy", "IfPresent", "--gpg-fingerprints", vendor.fingerprint)
    with installation(kit, tmp_path_factory.mktemp("house-rules"), *flags) as site:
        site.apply(secret("keys", vendor=vendor.public_key, other=other.public_key))
        yield site


def test_every_upload_is_bound(site: Site, signers: tuple[SigningKey, SigningKey]) -> None:
    """A good checksum, a good signature by a known key: not enough. One by the demanded key is."""
    gpg = {"gpg": {"keysRef": {"name": "keys"}}}
    wishes = {
        "skipped": ({"policy": "Skip"}, "PolicyForbidden"),
        "summed": ({"policy": "Require"}, "PolicyForbidden"),
        "unsigned": ({"policy": "IfPresent", **gpg}, "SignatureMissing"),
        "foreign": ({"policy": "IfPresent", **gpg}, "SignerNotAllowed"),
        "signed": ({"policy": "IfPresent", **gpg}, ""),
    }
    for name, (wish, _) in wishes.items():
        built = site.put_package(name)
        if name in ("foreign", "signed"):
            site.storage.put(f"{name}.tgz.sig", signers[name == "foreign"].sign(built.path))
        site.apply(site.package_upload(name, verification=wish))
    for name, (_, reason) in wishes.items():
        body = site.wait(name, has_failed(reason) if reason else is_ready)
        assert condition(body, "Verified")["status"] == ("False" if reason else "True")
    assert "at least IfPresent" in condition(site.upload("skipped"), "Stalled")["message"]
    assert "demands a GPG signature" in condition(site.upload("summed"), "Stalled")["message"]


def test_operator_without_gpg(
    kit: Kit,
    signers: tuple[SigningKey, SigningKey],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Uploads that need it say so; the others go on."""
    directory = tmp_path_factory.mktemp("without-gpg")
    programs = directory / "bin"
    programs.mkdir()
    for name in ("setpriv", "sh"):
        found = next(path for path in map(Path, os.get_exec_path()) if (path / name).exists())
        (programs / name).symlink_to(found / name)
    with ExitStack() as stack:
        with monkeypatch.context() as without:
            without.setenv("PATH", str(programs))
            site = stack.enter_context(installation(kit, directory))
        site.apply(secret("keys", vendor=signers[0].public_key))
        built = site.put_package("needs-gpg", sidecar=None)
        site.storage.put("needs-gpg.tgz.sig", signers[0].sign(built.path))
        site.put_package("needs-none")
        gpg = {"policy": "Require", "gpg": {"keysRef": {"name": "keys"}}}
        site.apply(site.package_upload("needs-gpg", verification=gpg), site.package_upload("needs-none"))
        body = site.wait("needs-gpg", has_failed("GPGUnavailable"))
        assert "Install GnuPG" in condition(body, "Verified")["message"]
        site.wait("needs-none", is_ready)
