"""OpenPGP signatures in odd but legal forms, and with what anyone may add to them (RFC 9580)."""

import base64


def packet(kind: int, body: bytes) -> bytes:
    """An OpenPGP packet (RFC 9580 4.2.1)."""
    return bytes([0xC0 | kind, 0xFF]) + len(body).to_bytes(4, "big") + body


def with_unhashed(signature: bytes, kind: int, data: bytes) -> bytes:
    """With one subpacket more where the signature does not cover it: anyone may add it (RFC 9580 5.2.3)."""
    body = signature[2:]
    at = 6 + int.from_bytes(body[4:6])
    end = at + 2 + int.from_bytes(body[at : at + 2])
    unhashed = body[at + 2 : end] + b"\xff" + (len(data) + 1).to_bytes(4) + bytes([kind]) + data
    return packet(2, body[:at] + len(unhashed).to_bytes(2) + unhashed + body[end:])


def with_headers(good: bytes) -> bytes:
    lines = ["-----BEGIN PGP SIGNATURE-----", "Version: 1", "Comment: ours", "", base64.b64encode(good).decode()]
    return "\r\n".join([*lines, "-----END PGP SIGNATURE-----"]).encode()


def new_format(good: bytes) -> bytes:
    """With a length of two octets, which takes 192 bytes: an unhashed private subpacket fills it up."""
    body = with_unhashed(good, 100, b"\0" * 200)[6:]
    return b"\xc2" + (len(body) - 192 + 0xC000).to_bytes(2) + body
