"""Public keys as users give them: the entries of a Secret or ConfigMap, or files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from violet_operator.errors import Waiting

LIMIT = 1 << 20
"""Bytes of all keys together: what a Secret can hold. A vendor's key has some thousand."""


@dataclass(frozen=True, slots=True)
class KeySet:
    """Public keys, not yet looked into.

    Attributes:
        origin: where they come from, for messages.
        entries: (name, content) of each part, by name.
    """

    origin: str
    entries: tuple[tuple[str, bytes], ...]

    @property
    def digest(self) -> str:
        """Identity of the keys, whatever their entries are called."""
        parts = sorted(hashlib.sha256(content).hexdigest() for _, content in self.entries)
        return hashlib.sha256("".join(parts).encode()).hexdigest()


def key_set(origin: str, entries: Mapping[str, bytes]) -> KeySet:
    """Keys from named parts.

    Raises:
        Waiting: there are none, or far too many bytes.
    """
    size = sum(map(len, entries.values()))
    if size > LIMIT:
        raise Waiting("InvalidKeys", f"{origin} has {size} bytes; all keys together may have {LIMIT}. Name fewer keys.")
    if not size:
        raise Waiting("InvalidKeys", f"{origin} is empty. Put the vendor's public keys into it.")
    return KeySet(origin, tuple(sorted(entries.items())))


def invalid_keys(origin: str, name: str, problem: str) -> Waiting:
    """The error for an entry that is no public key."""
    return Waiting(
        "InvalidKeys", f"{origin}, entry {name!r}: {problem}. Put public keys there, as gpg --export writes."
    )
