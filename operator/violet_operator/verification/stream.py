"""One gpg process that verifies a signature while the package goes by.

gpg reads the package from a named pipe, so that the same `verify_file` does for a stream that serves a file. It is
the slowest part of the first pass: a short queue and a thread of its own keep it beside the others, not before them.
"""

from __future__ import annotations

import fcntl
import os
import queue
import time
from concurrent.futures import Future
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Self

from violet_operator.errors import Stalled, Transient
from violet_operator.verification.evidence import SideFile
from violet_operator.verification.gpg import TIMEOUT, Verdict, hangs
from violet_operator.verification.keyring import Keyring

Buffer = bytes | memoryview

_DEPTH = 8
"""Pieces under way, as between the other threads of the first pass."""

_PIPE = 1 << 20
"""Bytes the kernel holds for gpg: the most that is allowed without privileges (pipe(7))."""

_TICK = 0.2
"""Seconds between two looks whether the other side is still there."""


class SignatureStream:
    """`with SignatureStream(ring, signature) as stream:` feed it the whole package, then ask for the verdict."""

    def __init__(self, ring: Keyring, signature: SideFile, number: int = 0) -> None:
        self.signature = signature
        self._gpg = ring.gpg()
        self._path = ring.home / f"package-{number}"
        self._queue: queue.Queue[Buffer | None] = queue.Queue(_DEPTH)
        self._closed = False

    def __enter__(self) -> Self:
        os.mkfifo(self._path, 0o600)
        self._verdict: Future[Verdict] = self._gpg.begin(
            lambda: self._gpg.verify_file(BytesIO(self.signature.data), str(self._path))
        )
        self._fed: Future[bool] = self._gpg.begin(self._feed)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        self._gpg.kill()
        self._path.unlink(missing_ok=True)

    def put(self, piece: Buffer | None) -> None:
        """The next piece of the package; None after the last.

        Raises:
            Stalled: gpg does not want the package: the signature is none.
            Transient: gpg hangs, or was killed.
        """
        deadline = time.monotonic() + TIMEOUT
        while not self._fed.done():
            with suppress(queue.Full):
                self._queue.put(piece, timeout=_TICK)
                return
            if time.monotonic() > deadline:
                self._gpg.kill()
                raise hangs()
        self._check_whole()

    def verdict(self) -> Verdict:
        """What gpg says once it has everything; raises as `put` does."""
        self.put(None)
        return self._check_whole()

    def _check_whole(self) -> Verdict:
        """What gpg says, which counts only if it has read every byte."""
        whole, verdict = self._gpg.result(self._fed), self._gpg.result(self._verdict)
        if (verdict.returncode or 0) < 0:
            raise Transient("GPGFailed", f"gpg was ended by signal {-(verdict.returncode or 0)}; trying again.")
        if whole:
            return verdict
        raise Stalled(
            "InvalidSignatureFile",
            f"{self.signature.name!r} beside the package is no detached signature of it: gpg did not even read the "
            "package. Make one with gpg --detach-sign.",
        )

    def _feed(self) -> bool:
        """Write what is put into the pipe; whether gpg took all of it."""
        pipe = _open(self._path, self._verdict)
        if pipe is None:
            return False
        try:
            while not self._closed:
                with suppress(queue.Empty):
                    piece = self._queue.get(timeout=_TICK)
                    if piece is None:
                        return True
                    _write(pipe, piece)
        except BrokenPipeError:
            pass
        finally:
            os.close(pipe)
        return False


def _open(path: Path, verdict: Future[Verdict]) -> int | None:
    """The pipe, once gpg has opened it; None if gpg ended before: it opens the package only for a signature."""
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        try:
            pipe = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # ENXIO: nobody reads yet; ENOENT: called off
            if verdict.done() or not path.exists():
                return None
            time.sleep(0.002)
            continue
        os.set_blocking(pipe, True)  # one long write per piece: waking up for each page costs more than gpg does
        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)
        return pipe
    raise hangs()


def _write(pipe: int, piece: Buffer) -> None:
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(pipe, rest) :]
