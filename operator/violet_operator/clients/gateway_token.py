"""How long a platform's token lasts: pure, the clock is passed in.

The login answers with `expire_at`; how it is written is nowhere documented, so that numbers, RFC 3339 and the token's
own claim (RFC 7519 `exp`) all count. A token whose end is unknown is used until it is refused.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

_MARGIN = timedelta(seconds=60)
"""A token is renewed so long before its end, or a fifth of its life before if that is less."""

_MILLISECONDS = 10_000_000_000
"""A count beyond this is one of milliseconds: as seconds it would be the year 2286."""


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token.

    Attributes:
        value: what goes into the header.
        obtained: when we got it.
        expires: when it ends, or None where nobody says.
    """

    value: str = field(repr=False)
    obtained: datetime
    expires: datetime | None = None

    def is_due(self, now: datetime) -> bool:
        """Whether it is time for another one."""
        if self.expires is None:
            return False
        return now >= self.expires - min(_MARGIN, (self.expires - self.obtained) / 5)

    def is_over(self, now: datetime) -> bool:
        """Whether it opens nothing any more."""
        return self.expires is not None and now >= self.expires


def read_token(answer: dict[str, Any], now: datetime) -> Token | None:
    """The token in the answer of the login's last step; None where there is none."""
    value = answer.get("access_token") or answer.get("id_token")
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or " " in value:
        return None
    expires = _moment(answer.get("expire_at")) or _moment(_claims(value).get("exp"))
    return Token(value, now, expires if expires is None or expires > now else None)


def _moment(value: object) -> datetime | None:
    """A time from seconds, milliseconds or text."""
    try:
        number = float(str(value))
    except ValueError:
        return _parsed(str(value))
    try:
        return datetime.fromtimestamp(number / 1000 if number > _MILLISECONDS else number, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _parsed(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _claims(token: str) -> dict[str, Any]:
    """What a JWT says of itself, unverified: it is a hint when to ask for another, and opens nothing."""
    parts = token.split(".")
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (IndexError, ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}
