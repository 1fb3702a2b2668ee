"""python-gnupg with what it lacks here: an end to waiting, exact status lines, and nothing of the machine's own gpg."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from subprocess import Popen
from typing import TextIO, TypeVar

import gnupg

from violet_operator.errors import OperatorError, Stalled, Transient, Waiting
from violet_operator.verification.signature import StatusLine

T = TypeVar("T")

TIMEOUT = 60.0
"""Seconds without progress after which gpg counts as hanging; its steps take milliseconds."""

WORDS = 4 << 20
"""Characters that one call of gpg may say: far more than of honest keys, and less than it says of a megabyte of
broken packets."""

_ENCODING = "cp437"
"""python-gnupg splits lines after decoding, and Unicode has line ends that gpg does not escape (U+0085): in its
default Latin-1, a name or a forged signature could bring status lines of its own. Code page 437 has none."""

_OPTIONS = (
    "--no-options",  # no configuration but this
    "--no-autostart",  # or each import leaves a gpg-agent behind
    "--no-auto-key-retrieve",
    "--disable-dirmngr",  # no network
    "--trust-model=always",  # the keyring is the trust: it holds what the user named, and nothing else
    "--no-auto-check-trustdb",
)

logging.getLogger("gnupg").setLevel(logging.CRITICAL)  # its debug lines hold keys; what matters, we report ourselves


class Verdict(gnupg.StatusHandler):  # type: ignore[misc]
    """gpg's status lines as they came; python-gnupg's own reading of them takes an expired key for valid."""

    returncode: int | None = None

    def __init__(self, gpg: Gpg) -> None:
        super().__init__(gpg)
        self.lines: list[StatusLine] = []

    def handle_status(self, key: str, value: str) -> None:
        """Keep a line."""
        self.lines.append((key, value.encode(_ENCODING).decode("utf-8", "surrogateescape")))


class Gpg(gnupg.GPG):  # type: ignore[misc]
    """The gpg program on one home directory. Every call goes through `call`, which ends."""

    result_map = gnupg.GPG.result_map | {"verify": Verdict}

    def __init__(self, home: Path, program: str, keyring: Path | None = None) -> None:
        self._started: list[Popen[bytes]] = []
        self._flooded = False
        self._program = program
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home), "LC_ALL": "C"}

        def start() -> None:
            gnupg.GPG.__init__(
                self,
                gpgbinary=program,
                gnupghome=str(home),
                keyring=str(keyring) if keyring else None,
                options=list(_OPTIONS),
                env=environment,
                encoding=_ENCODING,
            )

        self.call(start)

    def call(self, work: Callable[[], T]) -> T:
        """The result of blocking work with this gpg.

        Raises:
            Waiting: there is no gpg.
            Transient: it hangs, and was ended.
            Stalled: it has too much to say.
        """
        return self.result(self.begin(work))

    def begin(self, work: Callable[[], T]) -> Future[T]:
        """Let blocking work run in a thread of its own."""
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(work())
            except Exception as error:  # noqa: BLE001 - carried over to whoever asks for the result
                future.set_exception(error)

        threading.Thread(target=run, name="gpg", daemon=True).start()
        return future

    def result(self, future: Future[T]) -> T:
        """The result of what was begun; raises as `call` does."""
        try:
            done = future.result(TIMEOUT)
        except TimeoutError:
            self.kill()
            raise hangs() from None
        except (OSError, ValueError) as error:
            raise Waiting(
                "GPGUnavailable",
                f"gpg cannot be run ({self._program}: {error}). Install GnuPG where the operator runs; its own image "
                "has it.",
            ) from None
        if self._flooded:
            raise Stalled(
                "InvalidSignatureFile",
                "gpg has far too much to say of the signature beside the package. Make one with gpg --detach-sign.",
            )
        return done

    def kill(self) -> None:
        """End what still runs."""
        for process in self._started:
            if process.poll() is None:
                process.kill()

    def _read_response(self, stream: TextIO, result: object) -> None:
        super()._read_response(_Bounded(stream, self._note_flood), result)

    def _note_flood(self) -> None:
        self._flooded = True

    def _open_subprocess(self, args: list[str], passphrase: bool = False) -> Popen[bytes]:  # noqa: FBT001, FBT002
        process: Popen[bytes] = super()._open_subprocess(args, passphrase)
        self._started.append(process)
        return process


class _Bounded:
    """What gpg says, line by line; no more than `WORDS` of it is kept."""

    def __init__(self, stream: TextIO, excess: Callable[[], None]) -> None:
        self._stream = stream
        self._excess = excess
        self._left = WORDS

    def readline(self) -> str:
        """The next line; empty at the end."""
        line = self._stream.readline()
        self._left -= len(line)
        if self._left >= 0:
            return line
        self._excess()
        while self._stream.readline():
            pass
        return ""


def hangs() -> OperatorError:
    """The error for a gpg that does nothing any more."""
    return Transient("GPGTimeout", f"gpg did nothing for {TIMEOUT:.0f} s and was ended; trying again.")
