"""Finding out, while the bytes of a package go by, what it will be judged by."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from violet_operator.api.conditions import VERIFIED
from violet_operator.errors import OperatorError
from violet_operator.verification.checks import Checks, Reading
from violet_operator.verification.judge import judge_rehearsal
from violet_operator.verification.keyring import Keyring
from violet_operator.verification.signature import Signature, signatures
from violet_operator.verification.stream import Buffer, SignatureStream


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found out about one package.

    Attributes:
        sha512: hex, where it was asked for.
        signatures: what gpg says, by name of the signature file.
    """

    sha512: str | None = None
    signatures: tuple[tuple[str, tuple[Signature, ...]], ...] = ()


def rehearse(checks: Checks, program: str = "gpg") -> None:
    """Refuse, before the package is read for hours, a signature that cannot become good.

    Raises:
        Stalled: a signature file is none, or none of its keys is known.
        Waiting: the keys are not usable, or there is no gpg.
        Transient: gpg hangs.
    """
    reading = checks.reading
    if reading.keys is None:
        return
    with Keyring(reading.keys, program) as ring:
        for signature in reading.signatures:
            judge_rehearsal(signature.name, signatures(ring.rehearse(signature).lines), checks.rules)


class Examination:
    """`with Examination(reading) as examination:` pass every piece through `watch`, then take the `findings`.

    Its own failures say that they are no failures of whoever brings the pieces.
    """

    def __init__(self, reading: Reading, program: str = "gpg") -> None:
        self._reading = reading
        self._program = program
        self._sha512 = hashlib.sha512() if reading.sha512 else None
        self._streams: list[SignatureStream] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Start gpg where a signature is to be checked.

        Raises:
            OperatorError: as `rehearse` does.
        """
        with ExitStack() as stack, _own_failures():
            if self._reading.keys is not None:
                ring = stack.enter_context(Keyring(self._reading.keys, self._program))
                for number, signature in enumerate(self._reading.signatures):
                    self._streams.append(stack.enter_context(SignatureStream(ring, signature, number)))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def watch(self, pieces: Iterator[Buffer]) -> Iterator[Buffer]:
        """The pieces, unchanged.

        Raises:
            Transient: gpg hangs.
        """
        for piece in pieces:
            if self._sha512 is not None:
                self._sha512.update(piece)
            with _own_failures():
                for stream in self._streams:
                    stream.put(piece)
            yield piece

    def findings(self) -> Findings:
        """What was found out, once every piece went by.

        Raises:
            Stalled: gpg did not read the whole package.
            Transient: gpg hangs.
        """
        with _own_failures():
            found = [(stream.signature.name, tuple(signatures(stream.verdict().lines))) for stream in self._streams]
        return Findings(self._sha512.hexdigest() if self._sha512 else None, tuple(found))


@contextmanager
def _own_failures() -> Iterator[None]:
    try:
        yield
    except OperatorError as error:
        error.condition = VERIFIED
        raise
