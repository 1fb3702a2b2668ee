"""From evidence and rules to what has to be checked while the package is read. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from violet_operator.errors import Stalled, Waiting
from violet_operator.verification.evidence import Evidence, SideFile, checksum_names, signature_names
from violet_operator.verification.keys import KeySet
from violet_operator.verification.rules import Rules


@dataclass(frozen=True, slots=True)
class Reading:
    """What must be found out while the bytes go by; equal ones need no second pass.

    Attributes:
        signatures: to be checked by gpg.
        keys: with these keys.
        sha512: whether some checksum file needs it.
    """

    signatures: tuple[SideFile, ...] = ()
    keys: KeySet | None = None
    sha512: bool = False


@dataclass(frozen=True, slots=True)
class Checks:
    """Everything that a package will be judged by."""

    evidence: Evidence
    rules: Rules

    @property
    def reading(self) -> Reading:
        """What the first pass must find out."""
        keys = self.rules.keys
        sha512 = any(item.algorithm == "sha512" for item in self.evidence.sums)
        return Reading(self.evidence.signatures if keys else (), keys if self.evidence.signatures else None, sha512)

    @property
    def may_fail(self) -> bool:
        """Whether there is anything that the content of the package must agree with."""
        return bool(self.reading.signatures or self.evidence.sums or self.evidence.pin)

    @property
    def identity(self) -> str:
        """The same checks on the same package have the same verdict."""
        evidence, rules = self.evidence, self.rules
        parts = [str(evidence.pin), rules.trust(pinned=evidence.pin is not None), str(rules.signature)]
        parts += [f"{item.name} {hashlib.sha256(item.data).hexdigest()}" for item in evidence.signatures]
        parts += [f"{item.name} {item.value}" for item in evidence.sums]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def weigh(evidence: Evidence, rules: Rules) -> Checks:
    """What to check.

    Raises:
        Waiting: something that the rules demand is not there yet.
        Stalled: a signature is all there is, and no keys to check it with.
    """
    if rules.signature and not evidence.signatures:
        names = ", ".join(signature_names(evidence.package))
        raise Waiting(
            "SignatureMissing",
            f"There is no signature beside the package ({names}), and one is demanded. Upload it. (With "
            "spec.verification.gpg, policy Require demands a signature; IfPresent does without.)",
        )
    has_sum = bool(evidence.sums or evidence.pin)
    if rules.policy != "Skip" and evidence.signatures and rules.keys is None and not has_sum:
        raise Stalled(
            "KeysMissing",
            f"The package comes with a signature ({evidence.signatures[0].name}), which cannot be checked without the "
            "vendor's public keys. Name them in spec.verification.gpg.keysRef, or give a checksum.",
        )
    if rules.policy == "Require" and not evidence.signatures and not has_sum:
        names = ", ".join(checksum_names(evidence.package))
        raise Waiting(
            "ChecksumMissing",
            f"There is no checksum file beside the package ({names}), and spec.verification.policy is Require. "
            "Upload one, or give the sum in spec.source.sha256.",
        )
    return Checks(evidence, rules)
