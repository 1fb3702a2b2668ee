"""`violet-operator verify` as a program: the four classes, and an exit status that a script can trust."""

import hashlib
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.verification.vendors import Vendors

ROOT = Path(__file__).parents[3]


def verify(*arguments: object, path: str = "") -> subprocess.CompletedProcess[str]:
    """Run it."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "operator"), "PATH": path or os.environ["PATH"]}
    command = [sys.executable, "-m", "violet_operator.cli", "verify", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def package(folder: Path, name: str) -> Path:
    path = folder / f"{name}.tgz"
    path.write_bytes(os.urandom(100_000))
    return path


def add_checksum(path: Path) -> None:
    Path(f"{path}.sha256").write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")


@pytest.fixture
def keys(vendors: Vendors, tmp_path: Path) -> Path:
    path = tmp_path / "keys.asc"
    path.write_text(vendors.good.public_key)
    return path


@pytest.fixture
def folder(vendors: Vendors, tmp_path: Path) -> Path:
    """The folder of the manual's example."""
    folder = tmp_path / "packages"
    folder.mkdir()
    for name in ("mysql-operator", "redis-operator"):
        vendors.good.sign(package(folder, name))
    add_checksum(package(folder, "nginx-controller"))
    vendors.stranger.sign(package(folder, "etcd-operator"))
    package(folder, "demo-plugin")
    (folder / "README").write_text("no package")
    return folder


def test_the_four_classes(folder: Path, keys: Path) -> None:
    done = verify(folder, "--keys", keys)
    assert (
        done.stdout
        == f"""verify path: {folder}
====== Verification Summary ======
Verified successfully with GPG: 2 file(s)
- {folder}/mysql-operator.tgz
- {folder}/redis-operator.tgz
Verified successfully with checksum: 1 file(s)
- {folder}/nginx-controller.tgz
Verification failed: 1 file(s)
- {folder}/etcd-operator.tgz
No verification file found: 1 file(s)
- {folder}/demo-plugin.tgz
"""
    )
    assert done.stderr.startswith(f"{folder}/etcd-operator.tgz: UnknownKey: ")
    assert done.returncode == 1


def test_exit_status_says_whether_everything_is_verified(folder: Path, keys: Path, vendors: Vendors) -> None:
    assert verify(folder / "redis-operator.tgz", "--keys", keys).returncode == 0
    assert verify(folder / "nginx-controller.tgz").returncode == 0
    assert verify(folder / "demo-plugin.tgz").returncode == 1
    assert verify(folder / "etcd-operator.tgz", "--keys", keys).returncode == 1
    for name in ("etcd-operator", "demo-plugin"):
        (folder / f"{name}.tgz").unlink()
    assert verify(folder, "--keys", keys).returncode == 0
    pinned = verify(folder, "--keys", keys, "--fingerprints", vendors.stranger.fingerprint)
    assert pinned.returncode == 1
    assert pinned.stderr.count("SignerNotAllowed") == 2


def test_signature_without_keys(folder: Path) -> None:
    alone = verify(folder / "redis-operator.tgz")
    assert (alone.returncode, "KeysMissing" in alone.stderr) == (1, True)
    add_checksum(folder / "redis-operator.tgz")
    beside = verify(folder / "redis-operator.tgz")
    assert beside.returncode == 0
    assert "Verified successfully with checksum: 1 file(s)" in beside.stdout
    assert "signature was not checked" in beside.stderr


def test_what_cannot_be_verified(folder: Path, keys: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    junk = tmp_path / "junk"
    junk.write_bytes(random.Random(1).randbytes(10 << 20))
    for arguments, status, said in (
        ((tmp_path / "absent",), 2, "there is no "),
        ((empty,), 2, "there is no package in "),
        ((folder, "--keys", tmp_path / "absent"), 1, "InvalidKeys: "),
        ((folder, "--keys", junk), 1, "all keys together may have 1048576"),
    ):
        done = verify(*arguments)
        assert (done.returncode, done.stdout) == (status, "")
        assert said in done.stderr
    assert verify().returncode == 2


def test_without_gpg(folder: Path, keys: Path) -> None:
    done = verify(folder / "redis-operator.tgz", "--keys", keys, path="/nowhere")
    assert done.returncode == 1
    assert "GPGUnavailable: gpg cannot be run" in done.stderr


def test_names_cannot_forge_the_summary(tmp_path: Path) -> None:
    forged = b"a\nVerified successfully with GPG: 1 file(s)\n- \x1b[2K\xff.tgz"
    (tmp_path / os.fsdecode(forged)).write_bytes(b"package")
    done = verify(tmp_path)
    lines = done.stdout.splitlines()
    assert lines[2:3] == ["No verification file found: 1 file(s)"]
    assert lines[3].startswith(f"- {tmp_path}/a\\nVerified")
    assert len(lines) == 4
    assert done.returncode == 1
