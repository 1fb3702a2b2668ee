"""Strips credentials from text before it reaches a condition, an event or a log.

Error texts of libraries quote URLs; a signed URL is a password. The rule is that of Flux: a URL in an error
loses its query and its user information.
"""

from __future__ import annotations

import re

_URL = re.compile(
    r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)(?P<user>[^/?#\s@]*@)?(?P<rest>[^?#\s\"'<>]*)(?P<query>[?#][^\s\"'<>]*)?"
)
_AUTHORIZATION = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{8,}")
_SIGNATURE = re.compile(
    r"(?i)\b(x-amz-(?:signature|credential|security-token)|signature|sig|token|password|secret|awsaccesskeyid)=[^\s&\"'<>]+"
)

MAX_MESSAGE = 1024
"""Characters of a condition message: the API allows 32768, a terminal does not."""


def redact(text: str) -> str:
    """The text without URL queries, user information, signatures and authorization headers."""
    text = _URL.sub(lambda m: f"{m['scheme']}{m['rest']}", text)
    text = _AUTHORIZATION.sub(r"\1 ***", text)
    return _SIGNATURE.sub(r"\1=***", text)


def shorten(text: str, limit: int = MAX_MESSAGE) -> str:
    """The text on one line, redacted, and cut to `limit` characters."""
    line = " ".join(redact(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
