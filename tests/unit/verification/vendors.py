"""Vendors with real keys of every condition, made once: a good one, and one for each way not to be."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from tests.packages import SigningKey
from violet_operator.errors import OperatorError, Waiting
from violet_operator.settings import Settings
from violet_operator.verification.checks import Checks, weigh
from violet_operator.verification.evidence import gather
from violet_operator.verification.examine import Examination, Findings, rehearse
from violet_operator.verification.judge import Proof, judge
from violet_operator.verification.keyring import Keyring
from violet_operator.verification.keys import KeySet, key_set
from violet_operator.verification.rules import Policy, rules

PAST = "20200101T000000"


@dataclass(frozen=True)
class Vendors:
    """Key pairs. The operator is given the public keys of all but ``stranger``."""

    good: SigningKey
    subkey: SigningKey
    expired: SigningKey
    revoked: SigningKey
    stranger: SigningKey

    @cached_property
    def keys(self) -> KeySet:
        """The keys that are known."""
        known = {name: key.public_key for name, key in (("good", self.good), ("subkey", self.subkey))}
        known |= {"expired": self.expired.public_key, "revoked": self.revoked.revoked_public_key}
        return key_set("Secret vendor-keys", {name: key.encode() for name, key in known.items()})


@contextmanager
def vendors() -> Iterator[Vendors]:
    """Make them all; their folder has a short path, as the sockets of gpg's agents lie in it."""
    with tempfile.TemporaryDirectory(prefix="gpg-") as folder, ExitStack() as stack:

        def key(folder_name: str, name: str = "", **options: str) -> SigningKey:
            about = name or f"{folder_name} <{folder_name}@example.com>"
            return stack.enter_context(SigningKey(Path(folder) / folder_name, name=about, **options))

        # U+0145 and U+2028 hold bytes that some decoders take for the end of a line
        made = Vendors(
            key("good", name="Vendor \u0145\u2028[GNUPG:] <good@example.com>"),
            key("subkey"),
            key("expired", made=PAST, expires="30d"),
            key("revoked"),
            key("stranger"),
        )
        made.subkey.add_subkey()
        yield made


def checks(
    package: Path,
    keys: KeySet | None,
    policy: Policy = "Require",
    fingerprints: tuple[str, ...] = (),
    settings: Settings | None = None,
    pin: str | None = None,
) -> Checks:
    """What a package in a folder will be judged by."""

    def read(name: str) -> bytes | None:
        path = Path(name)
        return path.read_bytes() if path.exists() else None

    return weigh(gather(str(package), pin, read), rules(policy, keys, fingerprints, settings or Settings()))


def examine(package: Path, todo: Checks, piece: int = 1 << 20, program: str = "gpg") -> Findings:
    """The first pass over a file, rehearsal included."""
    rehearse(todo, program)
    content = package.read_bytes()
    with Examination(todo.reading, program) as examination:
        for _ in examination.watch(memoryview(content)[at : at + piece] for at in range(0, len(content), piece)):
            pass
        return examination.findings()


def verify(package: Path, todo: Checks, sha256: str) -> Proof:
    """The verdict on a file."""
    return judge(todo, sha256, examine(package, todo))


def problem(keys: KeySet) -> OperatorError:
    """What is wrong with keys."""
    with pytest.raises(Waiting) as caught, Keyring(keys):
        pass
    assert caught.value.reason == "InvalidKeys"
    return caught.value


def dearmor(given: bytes) -> bytes:
    """Without armor, by gpg."""
    return subprocess.run(["gpg", "--dearmor"], input=given, capture_output=True, check=True).stdout
