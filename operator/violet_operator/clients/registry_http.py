"""The way to a registry: one session, logins by scope, careful retries.

A subclass of oras-py's `Registry` for its session. Its own requests are never used: they have no timeouts, retry
for two minutes whatever happened, and send credentials to hosts that an answer names.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import oras.provider
import requests
from requests.adapters import HTTPAdapter

from violet_operator.clients.registry_auth import TIMEOUT, RegistryAuth
from violet_operator.clients.registry_errors import RETRIED, from_exception, retry_after
from violet_operator.errors import Stalled, Transient
from violet_operator.support.durations import backoff

TRIES = 5
"""Tries of a request without a body, and broken uploads of one blob in a row without progress."""

_LOGINS = 2
"""Challenges answered for one request: the first, and one after an expired token."""

_LOOK_TIMEOUT = (5, 15)
"""Seconds for a look: to connect, and to answer; a registry that needs longer to answer a HEAD is not well."""

_LONGEST_WAIT = 10.0
"""Seconds we sleep inside a request; a registry that asks for more is asked again by a later reconcile."""

Buffer = bytes | memoryview


@dataclass(frozen=True, slots=True)
class RegistrySettings:
    """How to reach a registry.

    Attributes:
        address: HOST[:PORT].
        username: user, or None for anonymous pushes.
        password: its password or token.
        plain_http: HTTP instead of HTTPS.
        ca_bundle: PEM certificates to trust beside the system's, or None.
    """

    address: str
    username: str | None = None
    password: str | None = None
    plain_http: bool = False
    ca_bundle: str | None = None


MANIFEST_TYPES = (
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json"
)


class Body:
    """A request body of known length from an iterator; requests asks for its length and reads it once."""

    def __init__(self, pieces: Iterator[Buffer], length: int, on_bytes: Callable[[int], None]) -> None:
        self._pieces = pieces
        self._length = length
        self._on_bytes = on_bytes
        self.sent = 0
        self.failure: BaseException | None = None

    def __len__(self) -> int:
        return self._length

    def read(self, _size: int = -1) -> Buffer:
        """The next piece, whatever its size; empty at the end alone, as the transport takes that for the end."""
        try:
            piece = next((piece for piece in self._pieces if len(piece)), b"")
        except BaseException as error:
            self.failure = error  # the transport may wrap it; the uploader raises this one
            raise
        self.sent += len(piece)
        self._on_bytes(len(piece))
        return piece


class TrustingAdapter(HTTPAdapter):
    """Connection pool that trusts a CA bundle held in memory: the pod has no disk for it."""

    def __init__(self, ca_bundle: str | None, pool: int, *, verify: bool = True) -> None:
        self._context = ssl.create_default_context()
        if not verify:
            self._context.check_hostname, self._context.verify_mode = False, ssl.CERT_NONE
        if ca_bundle:
            self._context.load_verify_locations(cadata=ca_bundle)
        super().__init__(pool_connections=2, pool_maxsize=pool)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - requests' signature
        """Make the pool, with our authorities."""
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)


class RegistryTransport(oras.provider.Registry):
    """One registry. Thread-safe; one connection pool."""

    def __init__(self, settings: RegistrySettings, *, pool: int = 16) -> None:
        super().__init__(hostname=settings.address, insecure=settings.plain_http)
        self.address = settings.address
        self.session.trust_env = False  # no .netrc: its credentials are not ours
        try:
            adapter = TrustingAdapter(settings.ca_bundle, pool)
        except ssl.SSLError:
            raise Stalled(
                "InvalidCABundle", f"The CA bundle for registry {settings.address} holds no PEM certificates."
            ) from None
        self.session.mount("https://", adapter)
        self.session.mount("http://", HTTPAdapter(pool_connections=2, pool_maxsize=pool))
        self._login = RegistryAuth(self.session, settings.address, settings.username, settings.password)

    def request(
        self, method: str, url: str, scope: str, *, headers: dict[str, str] | None = None, data: bytes | None = None
    ) -> requests.Response:
        """A request that may be repeated; gives back the last answer, or raises where there was none."""
        for attempt in range(TRIES - 1):
            wait = backoff(attempt, first=0.3, longest=5)
            try:
                response = self.once(method, url, scope, headers=headers or {}, data=data)
            except Transient:
                time.sleep(wait)
                continue
            wait = retry_after(response) or wait
            if response.status_code not in RETRIED or wait > _LONGEST_WAIT:
                return response
            time.sleep(wait)
        return self.once(method, url, scope, headers=headers or {}, data=data)

    def once(
        self, method: str, url: str, scope: str, *, headers: dict[str, str], data: bytes | Body | None = None
    ) -> requests.Response:
        """One request; logs in when challenged. Credentials go to the registry's own host alone.

        Raises:
            OperatorError: there was no answer.
        """
        own = url.startswith(f"{self.prefix}://{self.address}/")
        for attempt in range(_LOGINS + 1):
            sent = self._login.header(scope) if own else None
            response = self._send_once(method, url, headers | ({"Authorization": sent} if sent else {}), data)
            if response.status_code != requests.codes.unauthorized or not own:
                return response
            again = self._login.challenged(response.headers.get("Www-Authenticate", ""), scope, sent)
            repeatable = not isinstance(data, Body) or data.sent == 0
            if attempt == _LOGINS or not again or not repeatable:
                return response
        raise AssertionError("the loop returns at its last turn")

    def _send_once(
        self, method: str, url: str, headers: dict[str, str], data: bytes | Body | None
    ) -> requests.Response:
        body = cast("bytes | None", data)  # a Body is read like a file; the stubs ask for more than requests does
        try:
            timeout = _LOOK_TIMEOUT if method in ("GET", "HEAD") else TIMEOUT
            return self.session.request(method, url, data=body, headers=headers, timeout=timeout, allow_redirects=False)
        except requests.RequestException as error:
            raise from_exception(self.address, error) from None
