"""Digests of the OCI image specification (`sha256:HEX`)."""

from __future__ import annotations

import hashlib
import re
from typing import NewType

Digest = NewType("Digest", str)
"""`sha256:` and 64 lower-case hex digits."""

_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")


def parse_digest(text: object) -> Digest:
    """The digest, checked.

    Raises:
        ValueError: not a sha256 digest; other algorithms are registered, but no packager uses them.
    """
    if not isinstance(text, str) or not _SHA256.fullmatch(text):
        raise ValueError(f"not a sha256 digest: {str(text)[:80]!r}")
    return Digest(text)


def digest_hex(digest: str) -> str:
    """The digits alone, as Helm's indexes have them."""
    return digest.rpartition(":")[2]


def sha256_digest(data: bytes) -> Digest:
    """The digest of some bytes."""
    return Digest(f"sha256:{hashlib.sha256(data).hexdigest()}")
