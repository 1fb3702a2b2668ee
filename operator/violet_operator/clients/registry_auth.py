"""Logging in to a registry: Basic, or Bearer tokens by scope (distribution specification, token authentication).

oras-py keeps one token for everything and sends credentials wherever a server points; so this is ours. A token
belongs to its scope, is renewed before it expires, and credentials go to the registry itself or to the token
server it names over an equally safe scheme, and nowhere else.
"""

from __future__ import annotations

import base64
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import requests
from oras.auth.utils import parse_auth_header

from violet_operator.errors import Transient, Waiting
from violet_operator.support.redact import shorten

TIMEOUT = (10, 60)
"""Seconds to connect, and between two bytes."""

_SPARE = 10.0
"""Seconds before its expiry from which a token is renewed."""

_LIFETIME = 60.0
"""Seconds a token lives when the server does not say (the specification's default)."""


class RegistryAuth:
    """The Authorization header for each request to one registry. Thread-safe."""

    def __init__(self, session: requests.Session, address: str, username: str | None, password: str | None) -> None:
        self._session = session
        self._address = address
        self._basic: str | None = None
        if username is not None:
            pair = f"{username}:{password or ''}".encode()
            self._basic = f"Basic {base64.b64encode(pair).decode()}"
        self._lock = threading.Lock()
        self._challenge: str | None = None
        self._tokens: dict[str, tuple[str, float]] = {}

    def header(self, scope: str) -> str | None:
        """The header's value for a scope such as `repository:acp/topolvm:pull,push`, or None before any challenge.

        Raises:
            OperatorError: the token server refuses or fails.
        """
        challenge = self._challenge
        if challenge is None:
            return None
        if challenge.lower().startswith("basic"):
            return self._basic
        with self._lock:
            token, expiry = self._tokens.get(scope, ("", 0.0))
            if expiry - _SPARE < time.monotonic():
                token, expiry = self._fetch(challenge, scope)
                self._tokens[scope] = (token, expiry)
            return f"Bearer {token}"

    def challenged(self, header: str, scope: str, sent: str | None) -> bool:
        """Take up the challenge of a 401; False where another try with it cannot help.

        Args:
            header: the challenge.
            scope: of the request.
            sent: its Authorization header; several first requests may go out at once, all without one.
        """
        with self._lock:
            if header.lower().startswith("basic"):
                self._challenge = header
                return self._basic is not None and sent != self._basic
            if not header.lower().startswith("bearer") or not _realm(header).startswith(("http://", "https://")):
                return False
            self._challenge = header
            if sent == f"Bearer {self._tokens.get(scope, ('', 0.0))[0]}":
                del self._tokens[scope]
            return True

    def _fetch(self, challenge: str, scope: str) -> tuple[str, float]:
        realm = _realm(challenge)
        safe = urlsplit(realm).scheme == "https" or urlsplit(realm).hostname == urlsplit(f"//{self._address}").hostname
        headers = {"Authorization": self._basic} if self._basic and safe else {}
        query = {"service": parse_auth_header(challenge).service or "", "scope": scope.split()}
        try:
            response = self._session.get(realm, params=query, headers=headers, timeout=TIMEOUT, allow_redirects=False)
        except requests.RequestException as error:
            raise Transient(
                "RegistryUnreachable",
                f"The token server of registry {self._address} does not answer: {shorten(str(error), 200)}",
            ) from None
        if response.status_code in (400, 401, 403):
            raise unauthorized(self._address)
        if response.status_code != requests.codes.ok:
            raise Transient(
                "RegistryUnreachable",
                f"The token server of registry {self._address} answers {response.status_code}.",
            )
        return self._token(response)

    def _token(self, response: requests.Response) -> tuple[str, float]:
        try:
            document: dict[str, Any] = response.json()
            token = str(document.get("token") or document["access_token"])
            lifetime = float(document.get("expires_in") or _LIFETIME)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Transient(
                "RegistryUnreachable", f"The token server of registry {self._address} sends no token."
            ) from None
        return token, time.monotonic() + lifetime


def _realm(challenge: str) -> str:
    """Address of the token server that a challenge names, or nothing."""
    return str(parse_auth_header(challenge).realm or "")


def unauthorized(address: str) -> Waiting:
    """The error for credentials that a registry does not accept."""
    return Waiting(
        "RegistryUnauthorized",
        f"Registry {address} does not accept the credentials (401). "
        "Correct the Secret that the Platform's spec.registry.credentialsSecretRef names.",
    )
