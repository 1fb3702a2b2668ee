"""Detached signatures as the verification demands them: over every byte, binary, with a strong digest."""

from __future__ import annotations

import tempfile
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import gnupg

from violet_operator.errors import Stalled

_OPTIONS = (
    "--digest-algo=SHA512",  # good for every kind of key; a user's gpg.conf may still ask for SHA-1
    "--no-textmode",
    "--no-auto-key-retrieve",
    "--disable-dirmngr",  # no network
)

_IMPORTS = 3
"""Tries: gpg waits five seconds for its agent to start, which a busy machine may not be enough for; then it has."""


class Signer:
    """`with Signer(key) as signer:` has shown, by signing nothing, that it can sign.

    A key file is used in a home of its own, which is removed; a key's name means the user's own gpg, agent and all.
    """

    def __init__(self, key: str, passphrase: str | None = None, program: str = "gpg") -> None:
        self._key = key
        self._passphrase = passphrase
        self._program = program
        self._home: tempfile.TemporaryDirectory[str] | None = None
        self._fingerprint = key

    def __enter__(self) -> Self:
        """Import the key, if it is a file, and try it.

        Raises:
            Stalled: there is no gpg, no such private key, or it cannot be used.
        """
        try:
            if Path(self._key).is_file():
                self._home = tempfile.TemporaryDirectory(prefix="violet-gpg-", ignore_cleanup_errors=True)
            self._gpg = self._start()
            if self._home:
                self._fingerprint = self._import(Path(self._key).read_bytes())
            self._sign(BytesIO())
        except BaseException:
            self._clean_up()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clean_up()

    def sign(self, path: Path) -> bytes:
        """The signature of a file.

        Raises:
            Stalled: gpg gives none.
            OSError: the file cannot be read.
        """
        with path.open("rb") as file:
            return self._sign(file)

    def _start(self) -> gnupg.GPG:
        try:
            home = self._home.name if self._home else None
            return gnupg.GPG(gpgbinary=self._program, gnupghome=home, options=list(_OPTIONS))
        except (OSError, ValueError) as error:
            raise Stalled("GPGUnavailable", f"gpg cannot be run ({error}). Install GnuPG.") from None

    def _import(self, data: bytes) -> str:
        result, tries = self._gpg.import_keys(data), 1
        while result.sec_read and not (result.sec_imported or result.sec_dups) and tries < _IMPORTS:
            result, tries = self._gpg.import_keys(data), tries + 1
        found = set(result.fingerprints) if result.sec_read else set()
        if len(found) != 1:
            raise _unusable(
                self._key, f"it holds {len(found)} private keys, not one, as gpg --export-secret-keys writes"
            )
        return str(found.pop())

    def _sign(self, file: BinaryIO) -> bytes:
        chosen = ["--local-user", self._fingerprint]
        result = self._gpg.sign_file(file, passphrase=self._passphrase, detach=True, binary=True, extra_args=chosen)
        if result.status != "signature created" or result.returncode:
            said = [line.removeprefix("gpg: ") for line in result.stderr.splitlines() if line.startswith("gpg: ")]
            raise _unusable(self._key, f"gpg does not sign with it ({said[-1] if said else 'it says nothing'})")
        signature: bytes = result.data
        return signature

    def _clean_up(self) -> None:
        if self._home:
            self._home.cleanup()  # the agent that gpg has started there ends when its home is gone


def _unusable(key: str, why: str) -> Stalled:
    return Stalled(
        "InvalidKeys",
        f"--sign-key {key}: {why}. Name a key of `gpg --list-secret-keys`, or a file with one private key; give the "
        "passphrase of a protected one with --passphrase-file.",
    )
