"""Keys that are none, and a gpg that is none or does nothing: each ends soon, and says what to do."""

import bz2
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.observe import until
from tests.unit.verification.vendors import Vendors, checks, dearmor, examine, problem
from violet_operator.errors import Transient, Waiting
from violet_operator.verification import gpg, stream
from violet_operator.verification.examine import Examination
from violet_operator.verification.keyring import Keyring, remove_abandoned
from violet_operator.verification.keys import LIMIT, key_set
from violet_operator.verification.packets import key_packets


def test_too_many_bytes_are_refused_before_gpg_sees_them() -> None:
    with pytest.raises(Waiting, match="10485760 bytes"):
        key_set("Secret keys", {"junk": os.urandom(10 << 20)})


@pytest.mark.parametrize(
    "content",
    [*(random.Random(seed).randbytes(LIMIT) for seed in range(8)), b"<html>404</html>", b"\0" * 1000],
    ids=[*(f"junk-{seed}" for seed in range(8)), "html", "zero"],  # some make gpg end before it has read it all
)
def test_what_is_no_key(content: bytes) -> None:
    found = problem(key_set("Secret keys", {"a.asc": content}))
    assert "entry 'a.asc': gpg finds no usable public key" in found.message


def test_one_entry_without_a_key_among_good_ones(vendors: Vendors) -> None:
    keys = key_set("ConfigMap keys", {"good": vendors.good.public_key.encode(), "note": b"these are our keys"})
    assert "ConfigMap keys, entry 'note'" in problem(keys).message


def test_empty() -> None:
    for entries in ({}, {"a": b""}):
        with pytest.raises(Waiting, match="is empty"):
            key_set("Secret keys", entries)


def test_key_that_is_cut_off_beside_a_good_one(vendors: Vendors) -> None:
    cut = vendors.good.public_key + vendors.stranger.public_key.rpartition("-----END")[0]
    assert "without its end" in problem(key_set("Secret keys", {"a": cut.encode()})).message


def test_blocks_without_end_are_read_in_no_time() -> None:
    """A key file's worth of them: looking for the end of each anew would take minutes, and stop the operator."""
    line = b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n"
    begun = time.monotonic()
    for data in (
        line * (LIMIT // len(line)),
        line * (LIMIT // len(line) - 2) + b"\n-----END PGP PUBLIC KEY BLOCK-----",
    ):
        with pytest.raises(ValueError, match="armored block"):
            key_packets(data)
    assert time.monotonic() - begun < 30


def binary(vendors: Vendors) -> bytes:
    """A good key without armor."""
    return dearmor(vendors.good.public_key.encode())


def compressed(packets: bytes) -> bytes:
    """An OpenPGP packet of compressed data, which gpg opens wherever it meets one (RFC 9580 5.6)."""
    content = b"\x03" + bz2.compress(packets)
    return b"\xc8\xff" + len(content).to_bytes(4, "big") + content


def test_keys_that_would_unfold_to_gigabytes(vendors: Vendors) -> None:
    bomb = binary(vendors) + compressed(b"\xc6\x01\x09" * 100_000)
    assert "entry 'a': gpg finds no usable public key" in problem(key_set("Secret keys", {"a": bomb})).message


def test_keys_over_which_gpg_complains_without_end(vendors: Vendors) -> None:
    """What it says does not fill the operator's memory."""
    flood = binary(vendors) + b"\xc6\x01\x09" * 300_000
    found = problem(key_set("Secret keys", {"b": flood}))
    assert "Secret keys, entry 'b': gpg has far too much to say" in found.message


def test_keys_amid_text(vendors: Vendors) -> None:
    """Such as the KEYS files of Apache's projects."""
    text = f"pub ed25519\r\n{vendors.good.public_key}\n\nAnother:\n{vendors.stranger.public_key}\n-- \n"
    for each in (text, text.replace("\n", "\r\n")):
        with Keyring(key_set("Secret keys", {"KEYS": each.encode()})) as ring:
            known = {key["fingerprint"] for key in ring.gpg().list_keys()}
        assert known == {vendors.good.fingerprint, vendors.stranger.fingerprint}


def test_digest_depends_on_content_alone() -> None:
    assert key_set("a", {"x": b"1", "y": b"2"}).digest == key_set("b", {"z": b"2", "a": b"1"}).digest
    assert key_set("a", {"x": b"12"}).digest != key_set("a", {"x": b"1", "y": b"2"}).digest


def test_no_gpg(vendors: Vendors, tmp_path: Path) -> None:
    for program in ("gpg-that-is-not-there", "false"):
        with pytest.raises(Waiting) as missing, Keyring(vendors.keys, program):
            pass
        assert missing.value.reason == "GPGUnavailable"
        assert program in missing.value.message


@pytest.mark.parametrize("hang", ["--list-config", "--import", "null", "package-0"])
def test_gpg_that_hangs(vendors: Vendors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hang: str) -> None:
    """At each of its calls in turn: at its start, at the import, at the rehearsal, at the package."""
    monkeypatch.setattr(gpg, "TIMEOUT", 2.0)
    monkeypatch.setattr(stream, "TIMEOUT", 2.0)
    program = tmp_path / "gpg"
    program.write_text(f'#!/bin/sh\ncase "$*" in *{hang}*) exec sleep 1000;; esac\nexec gpg "$@"\n')
    program.chmod(0o755)
    package = tmp_path / "p.tgz"
    package.write_bytes(os.urandom(1000))
    vendors.good.sign(package)
    with pytest.raises(Transient) as caught:
        examine(package, checks(package, vendors.keys), program=str(program))
    assert caught.value.reason == "GPGTimeout"
    until(lambda: not sleeping(program))  # a killed process stays for a moment


def test_gpg_that_stops_reading(vendors: Vendors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpg, "TIMEOUT", 2.0)
    monkeypatch.setattr(stream, "TIMEOUT", 2.0)
    program = tmp_path / "gpg"
    reader = 'for last; do :; done; exec 3<"$last"; head -c 10 <&3 >/dev/null; exec sleep 1000'
    program.write_text(f'#!/bin/sh\ncase "$*" in *package-0*) {reader};; esac\nexec gpg "$@"\n')
    program.chmod(0o755)
    package = tmp_path / "p.tgz"
    package.write_bytes(os.urandom(20 << 20))
    vendors.good.sign(package)
    with pytest.raises(Transient, match="did nothing"):
        examine(package, checks(package, vendors.keys), program=str(program))
    until(lambda: not sleeping(program))  # a killed process stays for a moment


def test_gpg_that_is_killed(vendors: Vendors, tmp_path: Path) -> None:
    program = tmp_path / "gpg"
    program.write_text('#!/bin/sh\ncase "$*" in *package-0*) kill -9 $$;; esac\nexec gpg "$@"\n')
    program.chmod(0o755)
    package = tmp_path / "p.tgz"
    package.write_bytes(os.urandom(1000))
    vendors.good.sign(package)
    with pytest.raises(Transient, match="signal 9"):
        examine(package, checks(package, vendors.keys), program=str(program))


def test_first_pass_that_is_called_off_ends_gpg(vendors: Vendors, tmp_path: Path) -> None:
    package = tmp_path / "p.tgz"
    package.write_bytes(os.urandom(4 << 20))
    vendors.good.sign(package)

    homes: list[Path] = []

    def pieces() -> Iterator[bytes]:
        until(gpgs)  # a fork shows our own command line for a moment
        homes.extend(Path(line.split("--homedir\0")[1].split("\0")[0]) for line in gpgs())
        yield b"x" * 1000
        raise KeyboardInterrupt

    def read() -> None:
        with Examination(checks(package, vendors.keys).reading) as examination:
            list(examination.watch(pieces()))

    with pytest.raises(KeyboardInterrupt):
        read()
    assert homes
    end = time.monotonic() + 10
    while set(gpgs()) and time.monotonic() < end:
        time.sleep(0.05)
    assert gpgs() == []
    assert [home for home in homes if home.exists()] == []


def test_homes_of_killed_processes_are_removed_and_no_others(
    vendors: Vendors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    abandoned, just_made, other, elsewhere = (tmp_path / name for name in ("violet-gpg-a", "violet-gpg-b", "c", "d"))
    for folder in (abandoned, just_made, other, elsewhere):
        folder.mkdir()
    for folder in (abandoned, other, elsewhere):
        (folder / "pubring.kbx").write_bytes(b"keys")
    link = tmp_path / "violet-gpg-link"
    link.symlink_to(elsewhere)
    (tmp_path / "violet-gpg-file").write_text("no folder")
    os.mkfifo(abandoned / "package-0")
    with Keyring(vendors.keys) as ours, another_process(tmp_path) as theirs:
        before = {path.name for path in tmp_path.iterdir()}
        remove_abandoned()
        assert {path.name for path in tmp_path.iterdir()} == before - {abandoned.name}
        assert list(ours.home.iterdir())
        assert list(theirs.iterdir())
        assert list(elsewhere.iterdir())
    remove_abandoned()  # the other process was killed
    assert theirs.name in before
    assert not theirs.exists()
    assert not ours.home.exists()


@contextmanager
def another_process(folder: Path) -> Iterator[Path]:
    """The home of another process, which is killed in the end."""
    code = (
        "import time\nfrom violet_operator.verification.keyring import Keyring\n"
        "from violet_operator.verification.keys import KeySet\n"
        "ring = Keyring(KeySet('', ()))\n(ring.home / 'pubring.kbx').touch()\n"
        "print(ring.home, flush=True)\ntime.sleep(1000)"
    )
    environment = os.environ | {"TMPDIR": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield Path(process.stdout.readline().strip())
        process.kill()


def gpgs() -> list[str]:
    """Command lines of all gpg processes that are children of ours and still run."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            line = (path / "cmdline").read_text()
        except OSError:
            continue
        if parent == os.getpid() and "violet-gpg-" in line:
            found.append(line)
    return found


def sleeping(program: Path) -> bool:
    """Whether a child of ours that took the place of gpg still runs."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            stat = (path / "stat").read_text().rpartition(")")[2].split()
            line = (path / "cmdline").read_text()
        except OSError:
            continue
        if stat[0] != "Z" and int(stat[1]) == os.getpid() and (str(program) in line or "sleep\x001000" in line):
            return True
    return False
