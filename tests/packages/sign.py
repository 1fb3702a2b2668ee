"""Detached GPG signatures, as a vendor would make them; the key is made anew for each use."""

import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

NAME = "Vendor of test packages <vendor@example.com>"


class SigningKey:
    """``with SigningKey(folder) as key:`` makes a key pair in that folder, an empty one with a short path."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def __enter__(self) -> Self:
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self._gpg("--passphrase", "", "--quick-generate-key", NAME, "ed25519", "sign", "never")
        except BaseException:
            self._stop_agent()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_agent()

    @property
    def public_key(self) -> str:
        """The public key, armored."""
        return self._gpg("--armor", "--export")

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the key, 40 hex digits."""
        rows = [line.split(":") for line in self._gpg("--with-colons", "--list-keys").splitlines()]
        return next(row[9] for row in rows if row[0] == "fpr")

    def sign(self, path: Path, *, armor: bool = False) -> Path:
        """Write ``<path>.sig``."""
        signature = path.with_name(f"{path.name}.sig")
        self._gpg(*(["--armor"] if armor else []), "--output", str(signature), "--detach-sign", str(path))
        return signature

    def _gpg(self, *arguments: str) -> str:
        command = ["gpg", "--homedir", str(self._home), "--batch", "--yes", "--quiet"]
        done = subprocess.run([*command, *arguments], check=True, capture_output=True, text=True)
        return done.stdout

    def _stop_agent(self) -> None:
        subprocess.run(["gpgconf", "--homedir", str(self._home), "--kill", "all"], check=True)
