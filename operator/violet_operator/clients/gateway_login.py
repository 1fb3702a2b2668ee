"""Logging in to a platform with user and password: five steps over Dex, one cookie jar throughout (`platform.md` 2.3).

The password travels encrypted with the platform's RSA key, together with a `ts` that counts once. What is known of the
steps is what they are sent and what is read here; nothing more is assumed of the answers.
"""

from __future__ import annotations

import base64
import binascii
import json
import ssl
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

import aiohttp
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from violet_operator.clients.gateway_http import CHECK, TIMEOUT, GatewaySettings, JsonObject, ask, document
from violet_operator.clients.gateway_token import Token, read_token
from violet_operator.errors import Transient, Waiting
from violet_operator.support.redact import shorten

_SCOPE = "openid profile offline_access email groups ext"
_REFUSED = (400, 401, 403)
_OK = 200
_SERVER_ERROR = 500


class RefusedError(Waiting):
    """The platform does not take this user and password."""


async def sign_in(settings: GatewaySettings, tls: ssl.SSLContext, now: datetime) -> Token:
    """A token for user and password.

    Raises:
        RefusedError: the platform does not take them.
        Waiting: it is no platform, or has no login with a password.
        Transient: it does not answer.
    """
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=tls),
        cookie_jar=aiohttp.CookieJar(unsafe=True),  # "unsafe": keeps cookies of IP addresses too
        timeout=aiohttp.ClientTimeout(total=TIMEOUT),
        trust_env=True,
    )
    async with session:
        return await _SignIn(settings, session).run(now)


class _SignIn:
    """One login."""

    def __init__(self, settings: GatewaySettings, session: aiohttp.ClientSession) -> None:
        self._settings = settings
        self._session = session

    async def run(self, now: datetime) -> Token:
        request = await self._begin()
        secret = await self._encrypted()
        code, state = await self._authorize(request, secret)
        answer = await self._get("/console-platform/api/v1/token/callback", {"code": code, "state": state})
        token = read_token(answer, now)
        if token is None:
            raise self._strange("/console-platform/api/v1/token/callback", "access_token")
        return token

    async def _begin(self) -> str:
        """Steps 1 and 2: announce the login; gives back its id."""
        path = "/console-platform/api/v1/token/login"
        parameters = {
            "client_id": self._settings.client_id,
            "redirect_uri": f"{self._settings.address}/dex/callback",
            "response_type": "code",
            "scope": _SCOPE,
        }
        place = urlsplit(str((await self._get(path, parameters)).get("auth_url") or ""))
        if not place.query:
            raise self._strange(path, "auth_url")
        # Of the address that it names only the query counts: the password goes to no other host than spec.address.
        request = (await self._get(f"/dex/api/v1/authorize?{place.query}", {})).get("req")
        if not isinstance(request, str) or not request:
            raise RefusedError(
                "Unauthorized",
                f"Platform {self._settings.address} offers no login with a password to client "
                f"{self._settings.client_id!r}. {_EXTERNAL_USERS}",
            )
        return request

    async def _encrypted(self) -> str:
        """Step 3: the password, for the key and the `ts` of this moment."""
        answer = await self._get("/dex/pubkey", {})
        key = _public_key(answer)
        if key is None or "ts" not in answer:
            raise self._strange("/dex/pubkey", "pubkey and ts")
        plain = json.dumps({"ts": answer["ts"], "password": self._settings.password}).encode()
        try:
            return base64.b64encode(key.encrypt(plain, PKCS1v15())).decode()
        except ValueError:
            raise RefusedError(
                "Unauthorized",
                f"The password of user {self._settings.username!r} is too long for the key of platform "
                f"{self._settings.address}. {_EXTERNAL_USERS}",
            ) from None

    async def _authorize(self, request: str, secret: str) -> tuple[str, str]:
        """Step 4: user and password; gives back what the token is had for."""
        path = "/dex/api/v1/authorize/local"
        body = {"account": self._settings.username, "password": secret}
        status, data = await self._ask("POST", path, params={"req": request}, json=body)
        answer = document(data)
        if status in _REFUSED or (status == _OK and answer is not None and not answer.get("redirect_url")):
            raise RefusedError(
                "Unauthorized",
                f"Platform {self._settings.address} does not accept user {self._settings.username!r} with this "
                f"password{self._said(answer)}. Correct the Secret. {_EXTERNAL_USERS}",
            )
        if answer is None or status != _OK:
            raise self._odd(path, status)
        query = parse_qs(urlsplit(str(answer["redirect_url"])).query)
        if not query.get("code"):
            raise self._strange(path, "redirect_url with a code")
        return query["code"][0], query.get("state", [""])[0]

    async def _get(self, path: str, parameters: dict[str, str]) -> JsonObject:
        options = {"params": parameters} if parameters else {}
        status, data = await self._ask("GET", path, **options)
        answer = document(data)
        if status != _OK or answer is None:
            raise self._odd(path, status)
        return answer

    async def _ask(self, method: str, path: str, **options: object) -> tuple[int, bytes]:
        where = f"Platform {self._settings.address}"
        return await ask(self._session, method, self._settings.address + path, where, **options)

    def _odd(self, path: str, status: int) -> Transient | Waiting:
        """An answer that is none of the login's."""
        path = path.partition("?")[0]
        if status >= _SERVER_ERROR:
            said = (
                f"Platform {self._settings.address} answers {status} to {path}: look at its console-platform and dex."
            )
            return Transient("Unreachable", said)
        return Waiting("NotAPlatform", f"{self._settings.address}{path} answers {status}, not as a platform. {CHECK}")

    def _strange(self, path: str, lacks: str) -> Waiting:
        return Waiting(
            "NotAPlatform",
            f"{self._settings.address}{path} answers without {lacks}: this login is not as we know it. {CHECK} "
            "If it is a platform, use a token.",
        )

    def _said(self, answer: JsonObject | None) -> str:
        """The platform's own words, without the password, whatever it answers."""
        text = next((text for key in ("message", "error", "reason") if (text := (answer or {}).get(key))), "")
        words = shorten(str(text).replace(str(self._settings.password), "***"), 200)
        return f" ({words})" if words else ""


_EXTERNAL_USERS = (
    "A user of an external identity provider (LDAP, OIDC) cannot log in with a password: make an API token in the "
    "web console (Profile > API Tokens) and put it into the Secret as the key token."
)


def _public_key(answer: JsonObject) -> RSAPublicKey | None:
    """The key, as PEM or as base64 of it."""
    for text in (answer.get("pubkey"), answer.get("pubkey_encode")):
        if not isinstance(text, str):
            continue
        for pem in (text.encode(), _decoded(text)):
            try:
                key = load_pem_public_key(pem)
            except (ValueError, UnsupportedAlgorithm):
                continue
            if isinstance(key, RSAPublicKey):
                return key
    return None


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except (ValueError, binascii.Error):
        return b""
