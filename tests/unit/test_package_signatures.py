"""Signatures of the package builder, judged by gpg in a keyring of its own."""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packages import SigningKey, build
from tests.unit.package_reader import SPEC


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder with a short path: the sockets of gpg's agent lie in it."""
    with tempfile.TemporaryDirectory(prefix="gpg-") as folder:
        yield Path(folder)


def verify(home: Path, public_key: str, package: Path) -> subprocess.CompletedProcess[str]:
    """Import the public key alone, and verify."""
    gpg = ["gpg", "--homedir", str(home), "--batch", "--status-fd", "1"]
    subprocess.run([*gpg, "--import"], input=public_key, text=True, check=True, capture_output=True)
    command = [*gpg, "--verify", f"{package}.sig", str(package)]
    return subprocess.run(command, text=True, check=False, capture_output=True)


@pytest.mark.parametrize("armor", [False, True])
def test_signature_is_good_until_the_package_changes(home: Path, tmp_path: Path, armor: bool) -> None:
    package = build(SPEC, tmp_path / "p.tgz").path
    with SigningKey(home / "vendor") as key:
        signature = key.sign(package, armor=armor)
        public_key, fingerprint = key.public_key, key.fingerprint
    assert signature == tmp_path / "p.tgz.sig"
    assert signature.read_bytes().startswith(b"-----BEGIN PGP SIGNATURE") == armor
    user = home / "user"
    user.mkdir(mode=0o700)
    good = verify(user, public_key, package)
    assert f"VALIDSIG {fingerprint} " in good.stdout
    build(SPEC, package, defect="corrupt-gzip")
    assert "BADSIG" in verify(user, public_key, package).stdout
    subprocess.run(["gpgconf", "--homedir", str(user), "--kill", "all"], check=True)
