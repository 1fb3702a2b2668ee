"""Digests of the OCI image specification (`sha256:HEX`)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable
from typing import NewType

Digest = NewType("Digest", str)
"""`sha256:` and 64 lower-case hex digits."""

_ANYWHERE = re.compile(rb"sha256:[0-9a-f]{64}(?![0-9a-f])")
_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")


def parse_digest(text: object) -> Digest:
    """The digest, checked.

    Raises:
        ValueError: not a sha256 digest; other algorithms are registered, but no packager uses them.
    """
    if not isinstance(text, str) or not _SHA256.fullmatch(text):
        raise ValueError(f"not a sha256 digest: {str(text)[:80]!r}")
    return Digest(text)


def digests_in(texts: Iterable[bytes], among: Collection[str]) -> frozenset[Digest]:
    """Those of these digests that are written anywhere in texts, UTF-16 included, hence without its zero bytes."""
    if not among:
        return frozenset()
    found = (match[0].decode() for text in texts for match in _ANYWHERE.finditer(text.replace(b"\0", b"")))
    return frozenset(Digest(digest) for digest in found if digest in among)


def digest_hex(digest: str) -> str:
    """The digits alone, as Helm's indexes have them."""
    return digest.rpartition(":")[2]


def sha256_digest(data: bytes) -> Digest:
    """The digest of some bytes."""
    return Digest(f"sha256:{hashlib.sha256(data).hexdigest()}")
