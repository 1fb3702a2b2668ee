"""Strips credentials, and what a terminal would act on, from text before it reaches a condition, an event or a log.

Error texts of libraries quote URLs; a signed URL is a password. The rule is that of Flux: a URL in an error
loses its query and its user information.
"""

from __future__ import annotations

import re

_USER = re.compile(r"://[^/?#\s\"<>]*@")
_QUERY = re.compile(r"(://[^?#\s\"'<>]*)([?#][^\s\"'<>]*)?")
_CHARACTER = r"[A-Za-z0-9+/=._~-]"
_HEADER = re.compile(rf"(?i)\b(authorization[\"']?\s*[:=,]\s*\[?(?:b?[\"'])?){_CHARACTER}+(?:\s+{_CHARACTER}+)?")
_WORD = rf"[A-Z]?[a-z-]{{1,19}}\.?(?!{_CHARACTER})"
"""What follows in "Basic authentication": a word for people, no secret."""
_SCHEME = re.compile(rf"\b((?i:bearer|basic))\s+(?!{_WORD}){_CHARACTER}{{8,}}")
_SECRETS = "signature|credential|token|password|secret|accountkey|accesskeyid"
_PARAMETER = re.compile(rf"(?i)\b([\w-]{{0,40}}(?:{_SECRETS})|sig)=(?:\"[^\"]*\"|'[^']*'|[^\s&\"'<>]+)")

MAX_MESSAGE = 1024
"""Characters of a condition message: the API allows 32768, a terminal does not."""


def redact(text: str) -> str:
    """The text without URL queries, user information, signatures and authorization headers."""
    text = _QUERY.sub(r"\1", _USER.sub("://", text))
    text = _SCHEME.sub(r"\1 ***", _HEADER.sub(r"\1***", text))
    return _PARAMETER.sub(r"\1=***", text)


def printable(text: str) -> str:
    """The text with everything escaped that is not seen as it is: line ends, terminal sequences, reversed writing.

    Names in a package are its maker's, and must not pass for words of ours.
    """
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def shorten(text: str, limit: int = MAX_MESSAGE) -> str:
    """The text on one line, redacted, and cut to `limit` characters."""
    line = printable(" ".join(redact(text).split()))
    return line if len(line) <= limit else line[: limit - 1] + "…"
