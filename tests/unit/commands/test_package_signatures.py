"""`violet-operator package --sign-key`: what it signs, `violet-operator verify` and gpg itself accept."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.packages import SigningKey
from violet_operator.cli import main
from violet_operator.verification.classes import VerificationClass

PASSPHRASE = "correct horse"


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A user's gpg home: a short path, as gpg's agent needs it."""
    with tempfile.TemporaryDirectory(prefix="gpg-") as folder:
        yield Path(folder) / "user"


@pytest.fixture(scope="module")
def key(home: Path) -> Iterator[SigningKey]:
    """The second key of that home, so that it is not the default one."""
    with SigningKey(home, name="Somebody <else@example.com>"), SigningKey(home) as key:
        yield key


@pytest.fixture
def chart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A chart, in a working directory of its own."""
    (tmp_path / "web").mkdir()
    (tmp_path / "web/Chart.yaml").write_text("name: web\nversion: 1.0.0\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "web"


def fingerprint(key: SigningKey, user: str) -> str:
    rows = [line.split(":") for line in key._gpg("--with-colons", "--list-keys", user).splitlines()]
    return next(row[9] for row in rows if row[0] == "fpr")


def private(key: SigningKey, user: str = "") -> str:
    return key._gpg("--armor", "--export-secret-keys", *([user] if user else []))


def verify(key: SigningKey, finger: str, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    """The operator's own verdict, with that one key pinned."""
    (folder / "vendor.asc").write_text(key.public_key)
    capsys.readouterr()
    assert main(["verify", "web.1.0.0.tgz", "--keys", str(folder / "vendor.asc"), "--fingerprints", finger]) == 0
    assert f"{VerificationClass.GPG.value}: 1 file(s)" in capsys.readouterr().out


@pytest.mark.parametrize("how", ["fingerprint", "user", "file"])
def test_signed_and_verified(
    how: str, chart: Path, key: SigningKey, home: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], tmp_path: Path,
) -> None:  # fmt: skip
    finger = fingerprint(key, "vendor@example.com")
    (tmp_path / "private.asc").write_text(private(key, "vendor@example.com"))
    if how != "file":
        monkeypatch.setenv("GNUPGHOME", str(home))
    name = {"fingerprint": finger, "user": "vendor@example.com", "file": str(tmp_path / "private.asc")}[how]
    assert main(["package", str(chart), "--sign-key", name]) == 0
    wanted = ["web.1.0.0.tgz", "web.1.0.0.tgz.sha256", "web.1.0.0.tgz.sig"]
    assert capsys.readouterr().out.split() == wanted
    assert sorted(path.name for path in tmp_path.glob("web.*")) == wanted
    verify(key, finger, capsys, tmp_path)


def test_a_users_odd_configuration_does_not_spoil_it(
    chart: Path, key: SigningKey, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:  # fmt: skip
    (home / "gpg.conf").write_text("digest-algo SHA1\ntextmode\narmor\ndefault-key else@example.com\n")
    monkeypatch.setenv("GNUPGHOME", str(home))
    try:
        assert main(["package", str(chart), "--sign-key", "vendor@example.com"]) == 0
    finally:
        (home / "gpg.conf").unlink()
    verify(key, fingerprint(key, "vendor@example.com"), capsys, tmp_path)


@pytest.fixture(scope="module")
def protected(key: SigningKey) -> str:
    """A private key with a passphrase, armored."""
    with tempfile.TemporaryDirectory(prefix="gpg-") as folder:
        options = ["--batch", "--pinentry-mode", "loopback", "--passphrase", PASSPHRASE, "--homedir", folder]
        about = ["--quick-generate-key", "Locked <locked@example.com>", "ed25519", "sign", "never"]
        subprocess.run(["gpg", *options, *about], check=True, capture_output=True)
        command = ["gpg", *options, "--armor", "--export-secret-keys"]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        subprocess.run(["gpgconf", "--homedir", folder, "--kill", "all"], check=True)
    return text


def test_a_protected_key_and_its_passphrase(
    chart: Path, protected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "key.asc").write_text(protected)
    (tmp_path / "right").write_text(f"{PASSPHRASE}\n")
    (tmp_path / "wrong").write_text("battery staple\n")
    flags = ["package", str(chart), "--sign-key", str(tmp_path / "key.asc")]
    assert main([*flags, "--passphrase-file", str(tmp_path / "wrong")]) == 1
    said = capsys.readouterr().err
    assert "gpg does not sign with it (signing failed: Bad passphrase)" in said
    assert "battery staple" not in said
    assert not list(tmp_path.glob("web.*"))
    assert main([*flags, "--passphrase-file", str(tmp_path / "right")]) == 0
    assert (tmp_path / "web.1.0.0.tgz.sig").is_file()


def test_keys_that_cannot_sign_leave_nothing_behind(
    chart: Path, key: SigningKey, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.setenv("GNUPGHOME", str(home))
    (tmp_path / "public.asc").write_text(key.public_key)
    (tmp_path / "both.asc").write_text(private(key))
    (tmp_path / "text").write_text("no key")
    for name, said in {
        "nobody@example.com": "gpg does not sign with it (signing failed: No secret key)",
        "public.asc": "it holds 0 private keys, not one",
        "both.asc": "it holds 2 private keys, not one",
        "text": "it holds 0 private keys, not one",
    }.items():
        assert main(["package", str(chart), "--sign-key", name]) == 1
        assert f"--sign-key {name}: {said}" in capsys.readouterr().err
    assert not list(tmp_path.glob("web.*"))


def test_without_gpg(chart: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert main(["package", str(chart), "--sign-key", "a"]) == 1
    assert "GPGUnavailable: gpg cannot be run" in capsys.readouterr().err


def test_no_agent_and_no_home_of_a_key_file_are_left(chart: Path, key: SigningKey, tmp_path: Path) -> None:
    temporary = Path(tempfile.gettempdir())
    before = set(temporary.glob("violet-gpg-*"))
    (tmp_path / "private.asc").write_text(private(key, "vendor@example.com"))
    assert main(["package", str(chart), "--sign-key", str(tmp_path / "private.asc")]) == 0
    assert not set(temporary.glob("violet-gpg-*")) - before
    end = time.monotonic() + 30
    while (left := agents()) and time.monotonic() < end:  # it ends when it notices that its home is gone
        time.sleep(0.1)
    assert left == []


def agents() -> list[bytes]:
    """Command lines of the agents of throw-away homes."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.append(path.read_bytes())
    return [line for line in found if b"gpg-agent" in line and b"violet-gpg-" in line]


def test_a_signature_of_an_older_package_is_named(
    chart: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "web.1.0.0.tgz.sig").write_text("old")
    assert main(["package", str(chart)]) == 0
    assert "web.1.0.0.tgz.sig belongs to an older package of this name" in capsys.readouterr().err
