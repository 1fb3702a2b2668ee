"""The login of the platform's gateway: API tokens, and the five steps over Dex for users with a password.

Everything is checked that the real one is known to check: client, redirect, cookie, request, state, code, and that the
password comes encrypted with the RSA key of this very gateway and with a `ts` that counts once.
"""

import base64
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

COOKIE = "cpaas_oidc_auth_flow"
CLIENT = "alauda-auth"

Step = Callable[[web.BaseRequest, str], Awaitable[web.StreamResponse]]


@dataclass
class _Flow:
    """One login on its way: each of its secrets counts once."""

    cookie: str
    state: str
    user: str = ""


@dataclass
class Login:
    """Users and their tokens.

    Attributes:
        users: passwords by user; a user of an external identity provider is not among them.
        lifetime: seconds that a token lasts which was had for a password.
        refused: logins with a wrong password.
        issued: tokens had for a password.
    """

    users: dict[str, str] = field(default_factory=dict)
    lifetime: float = 3600.0
    refused: int = 0
    issued: int = 0

    def __post_init__(self) -> None:
        self.clients = {CLIENT}
        self._key = generate_private_key(65537, 2048)
        self.given: list[str] = []
        """Every token so far, to look for where none may be."""
        self._tokens: dict[str, tuple[str, float]] = {}
        self._starts: dict[str, None] = {}
        self._flows: dict[str, _Flow] = {}
        self._codes: dict[str, _Flow] = {}
        self._stamps: set[str] = set()
        self.steps: dict[tuple[str, str], Step] = {
            ("GET", "/console-platform/api/v1/token/login"): self._start,
            ("GET", "/dex/api/v1/authorize"): self._request,
            ("GET", "/dex/pubkey"): self._pubkey,
            ("POST", "/dex/api/v1/authorize/local"): self._local,
            ("GET", "/console-platform/api/v1/token/callback"): self._callback,
        }

    def token(self, user: str, lifetime: float = 3600.0) -> str:
        """An API token, as from the web console."""
        token = f"{secrets.token_urlsafe(24)}.{secrets.token_urlsafe(24)}"
        self.given.append(token)
        self._tokens[token] = user, time.monotonic() + lifetime
        return token

    def revoke_all(self) -> None:
        """No token given so far counts any more."""
        self._tokens.clear()

    def user(self, header: str) -> str | None:
        """Whose token this is."""
        user, end = self._tokens.get(header.removeprefix("Bearer "), ("", 0.0))
        return user if time.monotonic() < end else None

    async def _start(self, request: web.BaseRequest, address: str) -> web.StreamResponse:
        query = request.query
        if query.get("client_id") not in self.clients:
            return _refuse(400, "unknown client")
        if query.get("redirect_uri") != f"{address}/dex/callback" or query.get("response_type") != "code":
            return _refuse(400, "bad redirect_uri or response_type")
        if "openid" not in query.get("scope", "").split():
            return _refuse(400, "bad scope")
        start = secrets.token_urlsafe(16)
        self._starts[start] = None
        return web.json_response({"auth_url": f"{address}/dex/auth?{urlencode({'state': start, **query})}"})

    async def _request(self, request: web.BaseRequest, address: str) -> web.StreamResponse:
        state = request.query.get("state", "")
        if state not in self._starts:
            return _refuse(400, "unknown state")
        del self._starts[state]
        req, cookie = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
        self._flows[req] = _Flow(cookie, state)
        answer = web.json_response({"req": req})
        answer.set_cookie(COOKIE, cookie, path="/", secure=True, httponly=True)
        return answer

    async def _pubkey(self, request: web.BaseRequest, address: str) -> web.StreamResponse:
        stamp = str(time.time_ns())
        self._stamps.add(stamp)
        pem = self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return web.json_response({"ts": stamp, "pubkey": pem.decode(), "pubkey_encode": base64.b64encode(pem).decode()})

    async def _local(self, request: web.BaseRequest, address: str) -> web.StreamResponse:
        flow = self._flows.pop(request.query.get("req", ""), None)
        if flow is None or request.cookies.get(COOKIE) != flow.cookie:
            return _refuse(400, "unknown request or no cookie")
        body = await request.json()
        secret = json.loads(self._key.decrypt(base64.b64decode(body["password"]), PKCS1v15()))
        if secret["ts"] not in self._stamps:
            return _refuse(400, "ts has been used")
        self._stamps.remove(secret["ts"])
        if self.users.get(body["account"]) != secret["password"]:
            self.refused += 1
            return _refuse(401, "account or password is wrong")
        flow.user = body["account"]
        code = secrets.token_urlsafe(16)
        self._codes[code] = flow
        return web.json_response({"redirect_url": f"/dex/callback?{urlencode({'code': code, 'state': flow.state})}"})

    async def _callback(self, request: web.BaseRequest, address: str) -> web.StreamResponse:
        flow = self._codes.pop(request.query.get("code", ""), None)
        if flow is None or request.query.get("state") != flow.state or request.cookies.get(COOKIE) != flow.cookie:
            return _refuse(400, "unknown code, state or cookie")
        self.issued += 1
        return web.json_response(
            {
                "access_token": self.token(flow.user, self.lifetime),
                "refresh_token": secrets.token_urlsafe(16),
                "expire_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + self.lifetime)),
            }
        )


def _refuse(status: int, message: str) -> web.StreamResponse:
    return web.json_response({"message": message}, status=status)
