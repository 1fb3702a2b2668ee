"""A platform's gateway: one login and one pool of connections for all of its clusters and its own API."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import cast
from urllib.parse import quote

import aiohttp
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.rest import RESTResponse

from violet_operator.clients.gateway_http import CHECK, TIMEOUT, GatewaySettings, JsonObject, document, explained, tls
from violet_operator.clients.gateway_login import RefusedError, sign_in
from violet_operator.clients.gateway_token import Token
from violet_operator.clients.kube import Kube
from violet_operator.errors import OperatorError, Transient, Waiting

_CLUSTERS = "/auth/v1/clusters"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_OK, _UNAUTHORIZED, _FORBIDDEN, _SERVER_ERROR = 200, 401, 403, 500

_REFUSAL_COUNTS = timedelta(minutes=30)
"""A password that was refused is not tried again before: platforms lock accounts after some wrong ones."""

_PAUSE = timedelta(seconds=10)
"""Between two tries to exchange a token that is still good: one that gets no answer holds up every request."""


class Login:
    """The token in use: given, or had for a password; at most one login at a time."""

    def __init__(self, settings: GatewaySettings, context: ssl.SSLContext, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._context = context
        self._clock = clock
        self._lock = asyncio.Lock()
        self._token: Token | None = None
        self._refused: tuple[datetime, RefusedError] | None = None
        self._not_before = clock()
        if settings.token is not None:
            self._token = Token(settings.token, clock())

    async def token(self) -> str:
        """A token that is good for a while; at its end for a moment at least, where another is not to be had yet."""
        async with self._lock:
            now = self._clock()
            if self._token is None or self._token.is_over(now):
                self._token = await self._sign_in()
            elif self._token.is_due(now) and now >= self._not_before:
                await self._exchange(self._token)
            return self._token.value

    async def _exchange(self, token: Token) -> None:
        """Another token before the end of this one: until then no failure matters."""
        try:
            self._token = await self._sign_in()
        except OperatorError:
            now = self._clock()
            if token.is_over(now):
                raise
            self._not_before = now + _PAUSE

    async def renew(self, sent: str) -> None:
        """Another token for one that was refused, unless there is another one already.

        Raises:
            Waiting: there is none to be had.
        """
        async with self._lock:
            if self._token is not None and self._token.value != sent:
                return
            if self._settings.token is not None:
                raise Waiting(
                    "Unauthorized",
                    f"Platform {self._settings.address} does not accept the token: it has expired, was revoked, or is "
                    "of another platform. Put a new one into the Secret (web console, Profile > API Tokens).",
                )
            self._token = None
            self._token = await self._sign_in()

    async def _sign_in(self) -> Token:
        now = self._clock()
        if self._refused and now < self._refused[0] + _REFUSAL_COUNTS:
            raise self._refused[1]
        try:
            return await sign_in(self._settings, self._context, now)
        except RefusedError as error:
            self._refused = now, error
            raise


class _Client(ApiClient):
    """The official client, with our login. A request that is refused is sent again with a new token, once."""

    def __init__(self, settings: GatewaySettings, context: ssl.SSLContext, login: Login) -> None:
        configuration = Configuration(host=settings.address)
        super().__init__(configuration)
        self.rest_client.ssl_context = context
        self._login = login

    async def call_api(
        self,
        method: str,
        url: str,
        header_params: dict[str, str] | None = None,
        body: object = None,
        post_params: object = None,
        _request_timeout: float = TIMEOUT,
        _preload_content: bool = True,  # noqa: FBT001, FBT002 - the library's signature
    ) -> RESTResponse:
        """Send a request with our token."""

        async def send(token: str) -> RESTResponse:
            headers = {**(header_params or {}), "Authorization": f"Bearer {token}"}
            response = await super(_Client, self).call_api(method, url, headers, body, post_params, _request_timeout)
            if response.status == _UNAUTHORIZED:
                await response.read()  # type: ignore[no-untyped-call] # frees the connection
            return response

        sent = await self._login.token()
        response = await send(sent)
        if response.status != _UNAUTHORIZED or await self._is_good(sent):
            return response
        await self._login.renew(sent)
        return await send(await self._login.token())

    async def _is_good(self, token: str) -> bool:
        """Whether the gateway takes a token that a cluster has refused: then another one would not help there."""
        headers = {"Authorization": f"Bearer {token}"}
        url = self.configuration.host + _CLUSTERS
        response = await super().call_api("GET", url, headers, _request_timeout=TIMEOUT)
        await response.read()  # type: ignore[no-untyped-call]
        return bool(response.status != _UNAUTHORIZED)


class Gateway:
    """One platform, with one login."""

    def __init__(self, settings: GatewaySettings, clock: Callable[[], datetime]) -> None:
        self.address = settings.address
        self.settings = settings
        context = tls(settings.ca_bundle, verify=settings.verify, whose=f"platform {settings.address}")
        self.login = Login(settings, context, clock)
        self._client = _Client(settings, context, self.login)

    def cluster(self, name: str) -> Kube:
        """The Kubernetes API of a cluster, behind the gateway."""
        return Kube(self._client, name, prefix=f"/kubernetes/{quote(name, safe='')}")

    async def clusters(self) -> tuple[str, ...]:
        """The names of the clusters that the account may see.

        Raises:
            OperatorError: the login is not accepted, it may see none, or this is no platform.
        """
        status, data = await self.request("GET", _CLUSTERS)
        if status == _FORBIDDEN:
            raise self._no_admin("may not list clusters")
        if status >= _SERVER_ERROR:
            raise Transient("Unreachable", f"Platform {self.address} answers {status}: look at its gateway.")
        names = cluster_names(document(data)) if status == _OK else None
        if names is None:
            raise Waiting("NotAPlatform", f"{self.address}{_CLUSTERS} answers {status} and lists no clusters. {CHECK}")
        if not names:
            raise self._no_admin("sees no cluster")
        return names

    async def request(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, body: object = None
    ) -> tuple[int, bytes]:
        """A request to the platform's own API; status and body of the answer.

        Raises:
            OperatorError: there was no answer, or the login is not accepted.
        """
        where = f"Platform {self.address}"
        headers = {"Accept": "application/json", **(headers or {})}
        try:
            response = await self._client.call_api(method, self.address + path, headers, body, _request_timeout=TIMEOUT)
            data = cast("bytes", await response.read())  # type: ignore[no-untyped-call]
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise explained(where, error) from None
        if response.status == _UNAUTHORIZED:
            raise Waiting("Unauthorized", f"{where} does not accept the login, not even anew. Look at the account.")
        return int(response.status), data

    async def close(self) -> None:
        """Close the connections; a request that still comes opens new ones."""
        await self._client.close()  # type: ignore[no-untyped-call]
        self._client.rest_client.pool_manager = None

    def _no_admin(self, what: str) -> Waiting:
        return Waiting(
            "NotPlatformAdmin",
            f"The account {what} on platform {self.address}. It needs the role platform-admin-system (type System); "
            "custom roles are not enough.",
        )


def cluster_names(answer: JsonObject | None) -> tuple[str, ...] | None:
    """The names in a list of clusters, sorted; None where it is no such list. What is no name is left out."""
    items = (answer or {}).get("items")
    if not isinstance(items, list):
        return () if answer and "items" in answer and items is None else None
    metadata = [item.get("metadata") for item in items if isinstance(item, dict)]
    names = {each.get("name") for each in metadata if isinstance(each, dict)}
    return tuple(sorted(name for name in names if isinstance(name, str) and _NAME.fullmatch(name)))
