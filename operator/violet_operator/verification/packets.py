"""OpenPGP packets without their armor, and nothing else (RFC 9580 4, 6): what gpg is given.

gpg opens compressed data wherever it meets some, so that a few hundred bytes can hold gigabytes of work and memory.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

SIGNATURES = frozenset({2})
"""Packet types of a detached signature."""

KEYS = frozenset({2, 5, 6, 7, 10, 12, 13, 14, 17, 21})
"""Packet types of keys: private ones too, for gpg to name them."""

_BLOCK = re.compile(
    rb"-----BEGIN PGP (?:SIGNATURE|PUBLIC KEY BLOCK|PRIVATE KEY BLOCK)-----[ \t]*\r?\n(.*?)\n-----END PGP ", re.DOTALL
)


def packets(data: bytes, allowed: frozenset[int]) -> bytes:
    """The packets of a file, binary; it may hold armored blocks, with text around them.

    Raises:
        ValueError: it holds none, or broken ones, or some of a type that is not allowed.
    """
    blocks = _BLOCK.findall(data)
    binary = b"".join(map(_dearmored, blocks)) if blocks else data
    types = set(_types(binary))
    if not types or not types <= allowed:
        raise ValueError("packets of a type that does not belong there")
    return binary


def _dearmored(block: bytes) -> bytes:
    """Headers, a blank line, base64, and perhaps a checksum, which the standard tells not to rely on."""
    lines = [line.strip() for line in block.splitlines()]
    body = lines[lines.index(b"") + 1 :]
    return base64.b64decode(b"".join(line for line in body if not line.startswith(b"=")), validate=True)


def _types(data: bytes) -> Iterator[int]:
    """The type of each packet; all must have a length, and be whole."""
    at = 0
    while at < len(data):
        first = data[at]
        if not first & 0x80:
            raise ValueError("no packet")
        kind, size, header = _new_header(data, at) if first & 0x40 else _old_header(data, at)
        at += header + size
        if at > len(data):
            raise ValueError("a packet that is cut off")
        yield kind


def _new_header(data: bytes, at: int) -> tuple[int, int, int]:
    """Type, size of the body, size of the header (RFC 9580 4.2.1)."""
    kind, length = data[at] & 0x3F, data[at + 1 : at + 6]
    if length[:1] < b"\xc0":
        return kind, int.from_bytes(length[:1]), 2
    if length[:1] < b"\xe0":
        return kind, int.from_bytes(length[:2]) - 0xC000 + 192, 3
    if length[:1] == b"\xff":
        return kind, int.from_bytes(length[1:]), 6
    raise ValueError("a packet in parts, which signatures and keys never are")


def _old_header(data: bytes, at: int) -> tuple[int, int, int]:
    """The same for the old format (RFC 9580 4.2.2)."""
    width = (1, 2, 4, 0)[data[at] & 3]
    if not width:
        raise ValueError("a packet without a length")
    return data[at] >> 2 & 0xF, int.from_bytes(data[at + 1 : at + 1 + width]), 1 + width
