"""What a platform's gateway and its login share: the settings, TLS, one JSON request, and what each failure means."""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from violet_operator.errors import OperatorError, Transient, Waiting
from violet_operator.support.redact import shorten

JsonObject = dict[str, Any]

TIMEOUT = 30
"""Seconds for one request."""

_LONGEST = 32 << 20
"""Bytes of an answer: a thousand clusters take some three million."""

CHECK = "Check spec.address and spec.clientID of the Platform."


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """How to reach a platform: with a token, or with user and password.

    Attributes:
        address: https://HOST[:PORT].
        client_id: OAuth client of the login with a password.
        token: API token, or None.
        username: user, where there is no token.
        password: its password.
        ca_bundle: PEM certificates to trust beside the system's, or None.
        verify: whether the certificate is checked.
    """

    address: str
    client_id: str
    token: str | None = field(default=None, repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_bundle: str | None = field(default=None, repr=False)
    verify: bool = True


def tls(ca_bundle: str | None, *, verify: bool, whose: str, system: bool = True) -> ssl.SSLContext:
    """Whom to trust.

    Args:
        ca_bundle: PEM certificates, or None.
        verify: whether certificates are checked at all.
        whose: what the bundle is for, for messages.
        system: whether the system's authorities are trusted beside those of the bundle.

    Raises:
        Waiting: the bundle holds no certificates.
    """
    try:
        if ca_bundle and not system:
            context = ssl.create_default_context(cadata=ca_bundle)
        else:
            context = ssl.create_default_context()
            if ca_bundle:
                context.load_verify_locations(cadata=ca_bundle)
    except ssl.SSLError:
        raise Waiting("InvalidCABundle", f"The CA bundle for {whose} holds no PEM certificates. Correct it.") from None
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def explained(where: str, error: Exception) -> OperatorError:
    """Our error for a request that got no answer."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return Waiting(
            "UntrustedCertificate",
            f"The certificate of {where} is not trusted ({shorten(str(error.certificate_error), 200)}). Put the "
            "authority that issued it into caBundleRef, or correct the address.",
        )
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return Transient("Unreachable", f"{where} speaks no TLS that we understand. Check the address and its port.")
    said = shorten(f"{type(error).__name__}: {error}".rstrip(": "), 200)
    return Transient("Unreachable", f"{where} does not answer ({said}). Check the address, DNS, firewalls and proxies.")


async def ask(
    session: aiohttp.ClientSession,
    method: str,
    url: str,
    where: str,
    **options: Any,  # noqa: ANN401
) -> tuple[int, bytes]:
    """One request, no redirects followed: status and body.

    Raises:
        OperatorError: there was no answer, or an endless one.
    """
    try:
        async with session.request(method, url, allow_redirects=False, **options) as response:
            body = bytearray()
            async for piece in response.content.iter_any():
                body += piece
                if len(body) > _LONGEST:
                    raise Waiting("NotAPlatform", f"{where} answers with more than any platform would. {CHECK}")
            return response.status, bytes(body)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise explained(where, error) from None


def document(data: bytes) -> JsonObject | None:
    """A JSON object, or None."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
