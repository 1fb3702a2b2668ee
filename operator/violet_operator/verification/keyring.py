"""A throw-away home for gpg with one set of keys, and nothing else in it."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Self

from gnupg import ImportResult

from violet_operator.errors import Stalled
from violet_operator.verification.evidence import SideFile
from violet_operator.verification.gpg import Gpg, Verdict
from violet_operator.verification.keys import KeySet, invalid_keys
from violet_operator.verification.packets import KEYS, packets

_PREFIX = "violet-gpg-"

_KEYBOX = slice(8, 12), b"KBXf"  # GnuPG kbx/keybox-blob.c: magic of the header blob


class Keyring:
    """`with Keyring(keys, program) as ring:` makes the home, and removes it with all that is in it."""

    def __init__(self, keys: KeySet, program: str = "gpg") -> None:
        self._keys = keys
        self._program = program
        self._directory = tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True)
        self.home = Path(self._directory.name)  # mode 0700: mkdtemp(3)
        self._lock = _locked(self.home)  # before anything is in it

    def __enter__(self) -> Self:
        """Import the keys.

        Raises:
            Waiting: an entry holds none, or a private one, or there is no gpg.
            Transient: gpg hangs.
        """
        try:
            gpg = self.gpg()
            for name, content in self._keys.entries:
                self._import(gpg, name, content)
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    def gpg(self) -> Gpg:
        """A gpg on this home."""
        return Gpg(self.home, self._program)

    def rehearse(self, signature: SideFile) -> Verdict:
        """What gpg says of a signature on an empty package: whether it is one, and whether the key is known."""
        gpg = self.gpg()
        verdict: Verdict = gpg.call(lambda: gpg.verify_file(BytesIO(signature.data), os.devnull))
        return verdict

    def _remove(self) -> None:
        self._directory.cleanup()
        os.close(self._lock)

    def _import(self, gpg: Gpg, name: str, content: bytes) -> None:
        where, magic = _KEYBOX
        no_key = invalid_keys(self._keys.origin, name, "gpg finds no usable public key in it")
        try:
            data = packets(self._export(content) if content[where] == magic else content, KEYS)
            result = gpg.call(lambda: _imported(gpg, data))
        except ValueError:
            raise no_key from None
        except Stalled:
            raise invalid_keys(self._keys.origin, name, "gpg has far too much to say of it") from None
        if result is not None and result.sec_read:
            problem = "it holds a private key, which does not belong there; consider it disclosed"
            raise invalid_keys(self._keys.origin, name, problem)
        if result is None or not result.fingerprints:
            raise no_key

    def _export(self, keybox: bytes) -> bytes:
        """The keys of a keybox file (`pubring.kbx`), which gpg cannot import."""
        file = self.home / "given.kbx"
        file.write_bytes(keybox)
        gpg = Gpg(self.home, self._program, keyring=file)
        data: bytes = gpg.call(lambda: gpg.export_keys([], armor=False))
        file.unlink()
        return data


def remove_abandoned() -> None:
    """Remove the homes of processes that were killed. A living one holds a lock on each of its own.

    An empty home is left alone: it may have been made this very moment, and its lock be still to come.
    """
    for home in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):  # in use, another user's, or gone meanwhile
            if any(home.iterdir()):
                lock = _locked(home)
                shutil.rmtree(home, ignore_errors=True)
                os.close(lock)


def _locked(home: Path) -> int:
    """A directory with a lock that ends with this process, however it ends (flock(2)).

    Raises:
        BlockingIOError: someone has it.
    """
    file = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(file)
        raise
    return file


def _imported(gpg: Gpg, data: bytes) -> ImportResult | None:
    """What gpg has made of it; None where it did not even read to the end."""
    try:
        return gpg.import_keys(data)
    except BrokenPipeError:
        return None
