"""What a package must show: the upload's own wish, under what the whole operator demands. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from violet_operator.errors import Stalled
from violet_operator.settings import Settings
from violet_operator.verification.keys import KeySet

Policy = Literal["Require", "IfPresent", "Skip"]

_STRENGTH: tuple[Policy, ...] = ("Skip", "IfPresent", "Require")


@dataclass(frozen=True, slots=True)
class Rules:
    """What counts for one package.

    Attributes:
        policy: Require, IfPresent or Skip.
        keys: public keys of whoever may sign; None: signatures cannot be checked.
        pins: sets of full fingerprints, upper case; a signature must be by one key of each set.
        signature: whether nothing but a good signature will do.
    """

    policy: Policy = "Require"
    keys: KeySet | None = None
    pins: tuple[frozenset[str], ...] = ()
    signature: bool = False

    @property
    def trust(self) -> str | None:
        """Identity of the keys and pins; a verdict counts for as long as it stays the same."""
        if self.keys is None:
            return None
        parts = [self.keys.digest, *(",".join(sorted(pin)) for pin in self.pins)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def accept(self, record: Mapping[str, Any], pin: str | None) -> bool:
        """Whether a verdict in a status (`status.verification`) is still enough."""
        method = record.get("method", "None")
        return (
            "verifiedAt" in record
            and record.get("trust") == self.trust
            and (method == "GPG" or not self.signature)
            and (method != "None" or self.policy != "Require")
            and pin in (None, record.get("sha256"))
        )


def rules(policy: Policy, keys: KeySet | None, fingerprints: Sequence[str], settings: Settings) -> Rules:
    """The rules for one upload.

    Raises:
        Stalled: it wants less than the operator demands of everyone.
    """
    if _STRENGTH.index(policy) < _STRENGTH.index(_policy(settings.minimum_policy)):
        raise Stalled(
            "PolicyForbidden",
            f"spec.verification.policy is {policy}, but this operator demands at least {settings.minimum_policy} "
            "(its setting --minimum-policy). Set that policy.",
        )
    demanded = settings.require_gpg or bool(settings.gpg_fingerprints)
    if demanded and keys is None:
        raise Stalled(
            "PolicyForbidden",
            "This operator demands a GPG signature of every package (its settings --require-gpg, --gpg-fingerprints). "
            "Name the vendor's public keys in spec.verification.gpg.keysRef.",
        )
    pins = (fingerprints, settings.gpg_fingerprints)
    return Rules(
        policy,
        keys,
        tuple(frozenset(item.upper() for item in pin) for pin in pins if pin),
        signature=demanded or (policy == "Require" and keys is not None),
    )


def _policy(text: str) -> Policy:
    return next(policy for policy in _STRENGTH if policy == text)
