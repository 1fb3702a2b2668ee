"""A server that takes Helm charts over HTTP: the platform's catalog API, or ChartMuseum. Bounded memory, no retries.

Whoever calls tries again later: charts are small, and a request that failed half-way may have been carried out.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, cast

import requests
from requests import codes
from requests.auth import HTTPBasicAuth

from violet_operator.clients.registry_errors import RETRIED, retry_after
from violet_operator.clients.registry_http import Body, Buffer, TrustingAdapter
from violet_operator.errors import OperatorError, Stalled, Transient, Waiting
from violet_operator.support.cancel import CancelToken
from violet_operator.support.redact import shorten

JsonObject = dict[str, Any]

_TIMEOUT = (10, 60)
"""Seconds to connect, and between two bytes: a repository may index before it answers."""

_LONGEST = 1 << 20
"""Bytes of an answer that are read."""


@dataclass(frozen=True, slots=True)
class ChartServerSettings:
    """How to reach it.

    Attributes:
        address: URL without a slash at its end.
        token: bearer token, or None.
        username: user, or None.
        password: its password.
        ca_bundle: PEM certificates to trust beside the system's, or None.
        verify: whether the server's certificate is checked.
    """

    address: str
    token: str | None = field(default=None, repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_bundle: str | None = field(default=None, repr=False)
    verify: bool = True


class _Answer(NamedTuple):
    """What the server said; of its body, the first part."""

    status: int
    is_page: bool
    text: str
    retry_after: float | None


class ChartServer:
    """One server. Blocking: for threads."""

    def __init__(self, settings: ChartServerSettings) -> None:
        self._settings = settings
        self._where = f"Chart server {settings.address}"

    def with_token(self, token: str) -> ChartServer:
        """The same server, with another login."""
        return ChartServer(replace(self._settings, token=token))

    def find(self, path: str) -> JsonObject | None:
        """A JSON document, or None where there is none.

        Raises:
            OperatorError: the server refuses, fails, or cannot be reached.
        """
        answer = self._send("GET", path)
        if answer.status == codes.not_found:
            return None
        if answer.status != codes.ok:
            raise self._refusal(f"GET {path}", answer)
        found = _document(answer)
        if found is None:
            raise self._strange(f"GET {path}")
        return found

    def upload(self, path: str, size: int, pieces: Callable[[], Iterator[Buffer]], *, cancel: CancelToken) -> bool:
        """Send a chart; False where the server has that version already and keeps it.

        Raises:
            Cancelled: the work was called off.
            OperatorError: the package cannot be read; the server refuses, fails, or cannot be reached.
        """

        def checked() -> Iterator[Buffer]:
            for piece in pieces():
                cancel.check()
                yield piece

        body = Body(checked(), size, lambda _: None)
        try:
            answer = self._send("POST", path, body)
        except OperatorError:
            if body.failure is not None:
                raise body.failure from None
            raise
        if answer.status == codes.conflict:
            return False
        if not codes.ok <= answer.status < codes.multiple_choices:
            raise self._refusal(f"POST {path}", answer)
        if answer.is_page:
            raise self._strange(f"POST {path}")
        return True

    def delete(self, path: str) -> bool:
        """Delete a chart; False where there is none, or a server that lets nobody delete.

        Raises:
            OperatorError: the server refuses, fails, or cannot be reached.
        """
        answer = self._send("DELETE", path)
        if answer.status not in (codes.ok, codes.no_content, codes.not_found):
            raise self._refusal(f"DELETE {path}", answer)
        return bool(answer.status != codes.not_found)

    def _send(self, method: str, path: str, body: Body | None = None) -> _Answer:
        settings = self._settings
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/octet-stream"
        if settings.token:
            headers["Authorization"] = f"Bearer {settings.token}"
        login = HTTPBasicAuth(settings.username, settings.password or "") if settings.username else None
        try:
            with requests.Session() as session:
                session.trust_env = False  # no .netrc: its credentials are not ours
                session.mount("https://", self._adapter())
                data = cast("bytes | None", body)  # a Body is read like a file; the stubs ask for more
                session.auth, session.stream, session.verify = login, True, settings.verify
                url = f"{settings.address}{path}"
                return _read(
                    session.request(method, url, data=data, headers=headers, timeout=_TIMEOUT, allow_redirects=False)
                )
        except requests.exceptions.SSLError as error:
            raise Waiting(
                "ChartsUntrusted",
                f"{self._where}: its certificate is not trusted, or it speaks no TLS. Give its authority in the "
                f"Platform's spec.charts.caBundleRef, or correct spec.charts.address. ({shorten(str(error), 200)})",
            ) from None
        except requests.RequestException as error:
            raise Transient(
                "ChartsUnreachable",
                f"{self._where} does not answer ({type(error).__name__}). Check spec.charts.address of the Platform "
                "and the network.",
            ) from None

    def _adapter(self) -> TrustingAdapter:
        try:
            return TrustingAdapter(self._settings.ca_bundle, 1, verify=self._settings.verify)
        except ssl.SSLError:
            address = self._settings.address
            raise Stalled("InvalidCABundle", f"The CA bundle for {address} holds no PEM certificates.") from None

    def _refusal(self, what: str, answer: _Answer) -> OperatorError:
        said = shorten(f"{answer.status} {_said(answer)}".strip(), 300)
        if answer.status == codes.unauthorized:
            return Waiting(
                "ChartsUnauthorized",
                f"{self._where} does not accept the login ({said}). Correct the Secret that spec.charts of the "
                "Platform names; a token may have expired.",
            )
        if answer.status == codes.forbidden:
            return Waiting(
                "ChartsForbidden",
                f"{self._where} refuses {what}: {said}. Give the account the right to upload there (on the platform: "
                "the role platform-admin-system).",
            )
        if answer.status == codes.request_entity_too_large:
            return Waiting(
                "ChartsRefuseSize",
                f"{self._where} refuses {what}: {said}. It, or a proxy before it, limits the size of a request: raise "
                "that limit.",
            )
        if answer.status in (*RETRIED, codes.insufficient_storage):
            return Transient(
                "ChartsUnavailable", f"{self._where} fails at {what}: {said}. Look at its log.", answer.retry_after
            )
        if answer.status in _NO_SUCH_API:
            return self._strange(what)
        return Stalled("ChartsRefused", f"{self._where} refuses {what}: {said}. Look at its log.")

    def _strange(self, what: str) -> Waiting:
        return Waiting(
            "NoChartServer",
            f"{self._where} does not answer {what} as a chart repository does. Check spec.charts (backend, address) of "
            "the Platform.",
        )


_NO_SUCH_API = (codes.moved, codes.found, codes.see_other, codes.not_found, codes.method_not_allowed)
"""A login page, and whatever else there may be at a wrong address."""


def _read(response: requests.Response) -> _Answer:
    text = next(response.iter_content(_LONGEST), b"").decode("utf-8", "replace")
    is_page = "html" in response.headers.get("Content-Type", "")
    return _Answer(response.status_code, is_page, text, retry_after(response))


def _document(answer: _Answer) -> JsonObject | None:
    try:
        found = json.loads(answer.text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _said(answer: _Answer) -> str:
    """The server's own words; pages for browsers say nothing."""
    document = _document(answer)
    if document is not None:
        return str(document.get("error") or document.get("message") or "")
    return "" if answer.is_page or "<" in answer.text else answer.text
