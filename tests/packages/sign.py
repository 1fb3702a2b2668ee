"""Detached GPG signatures, as a vendor would make them; the key is made anew for each use."""

import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

NAME = "Vendor of test packages <vendor@example.com>"


class SigningKey:
    """``with SigningKey(folder) as key:`` makes a key pair in that folder, an empty one with a short path.

    ``made`` is a time such as ``20200101T000000`` that gpg is to believe in, for keys and signatures of the past.
    """

    def __init__(
        self, home: Path, *, name: str = NAME, algorithm: str = "ed25519", expires: str = "never", made: str = ""
    ) -> None:
        self._home = home
        self._name = name
        self._algorithm = algorithm
        self._expires = expires
        self._time = ("--faked-system-time", made) if made else ()

    def __enter__(self) -> Self:
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            about = (self._name, self._algorithm, "sign", self._expires)
            self._gpg(*self._time, "--passphrase", "", "--quick-generate-key", *about)
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
    def private_key(self) -> str:
        """The private key, armored."""
        return self._gpg("--armor", "--export-secret-keys")

    @property
    def keybox(self) -> bytes:
        """The keyring file that gpg itself keeps."""
        return (self._home / "pubring.kbx").read_bytes()

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the key, 40 hex digits."""
        return self._fingerprints()[0]

    @property
    def subkey_fingerprint(self) -> str:
        """Fingerprint of the newest subkey."""
        return self._fingerprints()[-1]

    def add_subkey(self) -> None:
        """Give the key a signing subkey, which signs from now on."""
        self._gpg("--passphrase", "", "--quick-add-key", self.fingerprint, self._algorithm, "sign", "never")

    @property
    def revoked_public_key(self) -> str:
        """The public key with a revocation, armored; the private key goes on signing, as a thief's would."""
        certificate = self._home / "openpgp-revocs.d" / f"{self.fingerprint}.rev"
        armed = certificate.read_text().replace("\n:-----BEGIN", "\n-----BEGIN")
        elsewhere = self._home / "revoked"
        elsewhere.mkdir(mode=0o700, exist_ok=True)
        for given in (self.public_key, armed):
            _gpg(elsewhere, "--no-autostart", "--import", given=given)
        return _gpg(elsewhere, "--armor", "--export")

    def sign(self, path: Path, *options: str, armor: bool = False, suffix: str = ".sig") -> Path:
        """Write ``<path>.sig``; further options go to gpg."""
        signature = path.with_name(f"{path.name}{suffix}")
        chosen = [*self._time, *options, *(["--armor"] if armor else [])]
        kind = "--clear-sign" if "--clear-sign" in options else "--sign" if "--sign" in options else "--detach-sign"
        chosen = [option for option in chosen if option not in ("--sign", "--clear-sign")]
        self._gpg(*chosen, "--output", str(signature), kind, str(path))
        return signature

    def _fingerprints(self) -> list[str]:
        rows = [line.split(":") for line in self._gpg("--with-colons", "--list-keys").splitlines()]
        return [row[9] for row in rows if row[0] == "fpr"]

    def _gpg(self, *arguments: str) -> str:
        return _gpg(self._home, *arguments)

    def _stop_agent(self) -> None:
        subprocess.run(["gpgconf", "--homedir", str(self._home), "--kill", "all"], check=True)


def _gpg(home: Path, *arguments: str, given: str = "") -> str:
    command = ["gpg", "--homedir", str(home), "--batch", "--yes", "--quiet", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, input=given).stdout
