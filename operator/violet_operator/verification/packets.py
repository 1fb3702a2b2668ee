"""OpenPGP packets without their armor, and nothing else (RFC 9580 4, 6): what gpg is given.

gpg opens compressed data wherever it meets some, so that a few hundred bytes can hold gigabytes of work and memory.
Whatever a file holds is accounted for: nothing is passed over, and each byte is looked at a fixed number of times.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

_SIGNATURES = frozenset({2})
_PRIVATE = frozenset({5, 7})
_KEYS = frozenset({2, 6, 10, 12, 13, 14, 17, 21})  # with what belongs to them: names, signatures, padding

_PRIVATE_TEXT = re.compile(rb"-{4,5} ?BEGIN [A-Z0-9 ]*PRIVATE KEY")
"""OpenPGP, PEM, OpenSSH (RFC 7468), and SSH2 with its own dashes (RFC 4716); words about keys are no keys."""

_BEGIN, _END = b"-----BEGIN PGP ", b"\n-----END PGP "

_BLANK = b" \t\r\n"

_TEXT = b"\t\n\f\r" + bytes(range(0x20, 0x100))
"""What may stand around keys. No packet of a key is such text: its version octet is a control character."""


class PrivateKeyError(ValueError):
    """A private key where public ones belong."""


def signature_packets(data: bytes) -> bytes:
    """The packets of a signature file, binary; it may hold armored blocks, and nothing around them.

    Raises:
        ValueError: it holds none, or broken ones, or anything else.
    """
    binary = _binary(data, b"SIGNATURE-----", _BLANK)
    _check(binary, _SIGNATURES)
    return binary


def key_packets(data: bytes) -> bytes:
    """The packets of public keys, binary; the file may hold armored blocks, with text around them.

    Raises:
        PrivateKeyError: some are private, in whatever form.
        ValueError: it holds none, or broken ones, or some of another type.
    """
    if _PRIVATE_TEXT.search(data):
        raise PrivateKeyError("text of a private key")
    binary = _binary(data, b"PUBLIC KEY BLOCK-----", _TEXT)
    if _check(binary, _KEYS | _PRIVATE) & _PRIVATE:
        raise PrivateKeyError("packets of a private key")
    return binary


def _check(binary: bytes, allowed: frozenset[int]) -> set[int]:
    """The types of the packets."""
    types = set(_types(binary))
    if not types or not types <= allowed:
        raise ValueError("packets of a type that does not belong there")
    return types


def _binary(data: bytes, label: bytes, around: bytes) -> bytes:
    """The content of all armored blocks; the data itself where there is none."""
    if _BEGIN not in data:
        return data
    parts, at = [], 0
    while (begin := data.find(_BEGIN, at)) >= 0:
        head = data.find(b"\n", begin)
        end = data.find(_END + label, head)
        if data[begin + len(_BEGIN) : head].rstrip() != label or end < 0 or data.find(_BEGIN, head, end) >= 0:
            raise ValueError("an armored block of another kind, or without its end")
        _check_around(data[at:begin], around)
        parts.append(_dearmored(data[head + 1 : end]))
        at = end + len(_END + label)
    _check_around(data[at:], around)
    return b"".join(parts)


def _check_around(text: bytes, allowed: bytes) -> None:
    if text.translate(None, allowed):
        raise ValueError("something that is no armored block")


def _dearmored(block: bytes) -> bytes:
    """Headers, a blank line, base64, and perhaps a checksum, which the standard tells not to rely on."""
    lines = [line.strip() for line in block.splitlines()]
    if b"" not in lines:
        raise ValueError("an armored block without its blank line")
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
