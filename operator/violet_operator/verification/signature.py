"""gpg's verdict on one signature file, from its status lines alone (GnuPG doc/DETAILS). Pure.

gpg's exit status is 0 for expired and revoked keys and 2 beside a good signature, so it never decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import unquote_to_bytes

StatusLine = tuple[str, str]
"""Keyword and arguments."""

State = Literal["Good", "UnknownKey", "Bad", "ExpiredKey", "RevokedKey", "Expired", "WeakDigest", "TextMode", "Unclear"]

_VERDICTS = ("GOODSIG", "BADSIG", "ERRSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG")
_FAILURES: dict[str, State] = {
    "BADSIG": "Bad",
    "EXPSIG": "Expired",
    "EXPKEYSIG": "ExpiredKey",
    "REVKEYSIG": "RevokedKey",
}
_STRONG = frozenset({"8", "9", "10", "11", "12", "14"})  # RFC 9580 9.5: SHA-2 and SHA-3; not MD5, SHA-1, RIPEMD
_NO_PUBLIC_KEY, _DIGEST_REFUSED = "9", "5"  # gpg-error codes in ERRSIG
_VALIDSIG_FIELDS = 10


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature as gpg judged it.

    Attributes:
        state: Good, or why not.
        key_id: of the key that made it; all that is known where the key is not.
        fingerprint: of that key, or an empty string.
        primary: fingerprint of the primary key that it belongs to, or an empty string.
        user_id: the key's user, or an empty string.
        signed_at: when, as the signer says.
    """

    state: State
    key_id: str = ""
    fingerprint: str = ""
    primary: str = ""
    user_id: str = ""
    signed_at: datetime | None = None


def signatures(lines: Sequence[StatusLine]) -> list[Signature]:
    """Every signature that gpg speaks of; anything that is not exactly as expected is Unclear."""
    return [_judge(part) for part in _parts(lines)]


def _parts(lines: Sequence[StatusLine]) -> Iterator[dict[str, list[str]]]:
    """The lines of each signature by keyword: gpg begins each with NEWSIG."""
    part: dict[str, list[str]] | None = None
    for keyword, value in lines:
        if keyword == "NEWSIG":
            if part is not None:
                yield part
            part = {}
        if part is not None:
            part.setdefault(keyword, []).append(value)
    if part is not None:
        yield part


def _judge(part: dict[str, list[str]]) -> Signature:
    verdicts = [(keyword, value) for keyword in _VERDICTS for value in part.get(keyword, [])]
    if len(verdicts) != 1 or "PLAINTEXT" in part:
        return Signature("Unclear")
    keyword, value = verdicts[0]
    key_id, _, rest = value.partition(" ")
    if keyword == "ERRSIG":
        return _not_checked(key_id, rest.split())
    user_id = _printable(rest)
    if keyword != "GOODSIG":
        return Signature(_FAILURES[keyword], key_id, user_id=user_id)
    valid = part.get("VALIDSIG", [])
    fields = valid[0].split() if len(valid) == 1 else []
    if len(fields) < _VALIDSIG_FIELDS:
        return Signature("Unclear", key_id, user_id=user_id)
    fingerprint, _, stamp, _, _, _, _, digest, kind, primary = fields[:_VALIDSIG_FIELDS]
    state: State = "Good" if digest in _STRONG else "WeakDigest"
    if kind != "00":  # RFC 9580 5.2.1.2: a text signature holds whatever becomes of line ends
        state = "TextMode"
    return Signature(state, key_id, fingerprint.upper(), primary.upper(), user_id, _time(stamp))


def _not_checked(key_id: str, fields: list[str]) -> Signature:
    """ERRSIG's further fields: key algorithm, digest algorithm, class, time, error, fingerprint."""
    error = fields[4] if len(fields) > 4 else ""  # noqa: PLR2004
    fingerprint = fields[5].upper() if len(fields) > 5 and fields[5] != "-" else ""  # noqa: PLR2004
    states: dict[str, State] = {_NO_PUBLIC_KEY: "UnknownKey", _DIGEST_REFUSED: "WeakDigest"}
    return Signature(states.get(error, "Unclear"), key_id, fingerprint)


def _printable(text: str) -> str:
    """A user id without gpg's percent escapes, and without what a terminal might obey."""
    plain = unquote_to_bytes(text.encode("utf-8", "surrogateescape")).decode("utf-8", "replace")
    return "".join(char if char.isprintable() else "\ufffd" for char in plain)


def _time(stamp: str) -> datetime | None:
    """Seconds since 1970, or ISO 8601 basic, which gpg may write as well."""
    try:
        if "T" in stamp:
            return datetime.strptime(stamp, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        return datetime.fromtimestamp(int(stamp), UTC)
    except (ValueError, OverflowError, OSError):
        return None
