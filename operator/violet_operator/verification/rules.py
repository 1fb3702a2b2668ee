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

    def trust(self, *, pinned: bool) -> str:
        """Identity of what a verdict is made by, but for the side files; it counts for as long as this stays the same.

        Args:
            pinned: whether the user has given a sum, which silences checksum files.
        """
        return self._trust(self.policy, pinned)

    def accept(self, record: Mapping[str, Any], pin: str | None) -> bool:
        """Whether a verdict in a status (`status.verification`) is still enough: by the same rules or stronger ones."""
        policies = _STRENGTH[_STRENGTH.index(self.policy) :]
        enough = {self._trust(policy, pinned) for policy in policies for pinned in (False, pin is not None)}
        return (
            "verifiedAt" in record
            and record.get("trust") in enough
            and (record.get("method") == "GPG" or not self.signature)
            and pin in (None, record.get("sha256"))
        )

    def _trust(self, policy: Policy, pinned: bool) -> str:  # noqa: FBT001
        parts = [
            policy,
            str(pinned),
            self.keys.digest if self.keys else "",
            *(",".join(sorted(pin)) for pin in self.pins),
        ]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


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
