"""The verdict on a package: pure, from what the first pass found. Whatever is not clearly good is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from violet_operator.errors import Stalled
from violet_operator.verification.checks import Checks
from violet_operator.verification.rules import Rules
from violet_operator.verification.signature import Signature, State

_REFUSALS: dict[State, Callable[[str], Stalled]] = {
    "Bad": lambda what: Stalled(
        "BadSignature", f"{what} does not fit the package: it was altered, or the signature belongs to another file."
    ),
    "ExpiredKey": lambda what: Stalled(
        "KeyExpired", f"{what} was made with a key that has expired, then or since. Get the vendor's renewed key."
    ),
    "RevokedKey": lambda what: Stalled(
        "KeyRevoked", f"{what} was made with a key that its owner has revoked. Do not trust this package."
    ),
    "Expired": lambda what: Stalled("SignatureExpired", f"{what} has expired. Have the package signed again."),
    "WeakDigest": lambda what: Stalled(
        "WeakDigest", f"{what} uses MD5, SHA-1 or RIPEMD-160, which can be forged. Have it signed with SHA-256."
    ),
    "TextMode": lambda what: Stalled(
        "InvalidSignatureFile", f"{what} is a text signature, which does not cover every byte. Sign in binary mode."
    ),
    "Unclear": lambda what: Stalled(
        "InvalidSignatureFile", f"{what} cannot be judged: gpg does not say clearly what it is. Make a new one."
    ),
}


class Found(Protocol):
    """What the first pass found out (`examine.Findings`)."""

    @property
    def sha512(self) -> str | None:
        """Hex, where it was asked for."""
        ...

    @property
    def signatures(self) -> tuple[tuple[str, tuple[Signature, ...]], ...]:
        """What gpg says, by name of the signature file."""
        ...


@dataclass(frozen=True, slots=True)
class Proof:
    """What a package has shown.

    Attributes:
        method: the strongest thing it has shown.
        signature: the signature that counted.
        unchecked: signature files that no key was there for.
    """

    method: Literal["GPG", "Pin", "Checksum", "None"]
    signature: Signature | None = None
    unchecked: tuple[str, ...] = ()

    @property
    def signed_at(self) -> datetime | None:
        """When the signature was made, as the signer says."""
        return self.signature.signed_at if self.signature else None


def judge(checks: Checks, sha256: str, found: Found) -> Proof:
    """The verdict: signatures first, then sums; every one that is there must be good.

    Raises:
        Stalled: one is not.
    """
    evidence, rules = checks.evidence, checks.rules
    accepted = [_accepted(name, given, rules) for name, given in found.signatures]
    if len(accepted) != len(checks.reading.signatures) or (rules.signature and not accepted):
        raise AssertionError("a signature was not checked")
    actual = {"sha256": sha256, "sha512": found.sha512}
    if evidence.pin not in (None, sha256):
        raise _mismatch("sha256", sha256, f"spec.source.sha256 says {evidence.pin}")
    for item in evidence.sums:
        if actual[item.algorithm] != item.value:
            about = f", for {item.of!r}" if item.of else ""
            said = f"the checksum file beside it says {item.value} ({item.name}{about})"
            raise _mismatch(item.algorithm, str(actual[item.algorithm]), said)
    if accepted:
        return Proof("GPG", accepted[0])
    unchecked = tuple(signature.name for signature in evidence.signatures)
    return Proof("Pin" if evidence.pin else "Checksum" if evidence.sums else "None", None, unchecked)


def judge_rehearsal(name: str, given: Sequence[Signature], rules: Rules) -> None:
    """Refuse what cannot become good, from gpg's words on an empty package.

    Raises:
        Stalled: it is no signature, or none of its keys is known or pinned.
    """
    if not given:
        raise Stalled(
            "InvalidSignatureFile",
            f"{name!r} beside the package is cut off, or is no detached signature. Make one with gpg --detach-sign, "
            "and upload it again.",
        )
    if all(item.state == "UnknownKey" for item in given):
        raise _unknown(name, given, rules)


def _accepted(name: str, given: Sequence[Signature], rules: Rules) -> Signature:
    """The signature of a file that counts. Those by unknown keys prove nothing, in either direction."""
    judge_rehearsal(name, given, rules)
    for item in given:
        if item.state not in ("Good", "UnknownKey"):
            raise _REFUSALS[item.state](_who(name, item))
    good = [item for item in given if item.state == "Good"]
    counting = [item for item in good if all(pin & {item.fingerprint, item.primary} for pin in rules.pins)]
    if not counting:
        raise Stalled(
            "SignerNotAllowed",
            f"{_who(name, good[0])} is good, but its key {good[0].primary} is none of the pinned ones "
            f"({', '.join(sorted(set().union(*rules.pins)))}). Get a package signed by one of those, or correct "
            "spec.verification.gpg.fingerprints or the operator's setting --gpg-fingerprints.",
        )
    return counting[0]


def _unknown(name: str, given: Sequence[Signature], rules: Rules) -> Stalled:
    ids = ", ".join(dict.fromkeys(item.fingerprint or item.key_id for item in given))
    origin = rules.keys.origin if rules.keys else "the keys"
    return Stalled(
        "UnknownKey",
        f"The signature {name!r} is by key {ids}, which is not in {origin}. Do not trust the package, unless you know "
        "that key to be its vendor's: then add it.",
    )


def _who(name: str, item: Signature) -> str:
    return f"The signature {name!r} by {item.user_id or 'an unnamed key'} ({item.fingerprint or item.key_id})"


def _mismatch(algorithm: str, actual: str, said: str) -> Stalled:
    return Stalled(
        "ChecksumMismatch",
        f"The package has {algorithm} {actual}, but {said}. It was altered or damaged on the way, or the sum belongs "
        "to another file. Upload both again.",
    )
