"""From a registry's answer to one of our errors: OCI error code first, then HTTP status.

Whether trying again helps is decided here, where the protocol is known (OCI distribution specification, "Error
codes"). Bodies are read with a cap: they end up in a condition.
"""

from __future__ import annotations

import json
import re

import requests

from violet_operator.clients.registry_auth import unauthorized
from violet_operator.errors import OperatorError, Stalled, Transient, Waiting
from violet_operator.support.redact import shorten

RETRIED = (408, 429, 500, 502, 503, 504)
"""Statuses after which the same request may succeed."""

_TLS_WANTED = re.compile(r"(?i)http request\b.*\bhttps (server|port)")
"""What Go's and nginx's TLS servers say to plain HTTP."""


def retry_after(response: requests.Response) -> float | None:
    """Seconds the registry asks us to wait, at most five minutes (RFC 9110 10.2.3; dates are not read)."""
    value = response.headers.get("Retry-After", "")
    return min(float(value), 300.0) if value.isdigit() else None


def describe(response: requests.Response) -> str:
    """Status and error code of an answer, short enough for a condition."""
    text = response.content[:4096].decode("utf-8", "replace")
    try:
        errors = json.loads(text)["errors"]
        detail = "; ".join(f"{item.get('code')}: {item.get('message')}" for item in errors[:3])
    except (ValueError, KeyError, TypeError, AttributeError):
        detail = text if "<" not in text else ""
    return shorten(f"{response.status_code} {detail}".strip(), 300)


def from_response(address: str, what: str, response: requests.Response) -> OperatorError:
    """Our error for an answer that is not the expected one."""
    status, said = response.status_code, describe(response)
    if status == 401:  # noqa: PLR2004
        return unauthorized(address)
    if status == 403 or "DENIED" in said:  # noqa: PLR2004
        return Waiting(
            "RegistryForbidden",
            f"Registry {address} refuses {what}: {said}. Grant the user push on that repository"
            " (in Harbor the project must exist).",
        )
    if status == 400 and _TLS_WANTED.search(response.text[:4096]):  # noqa: PLR2004
        return Waiting(
            "RegistryUntrusted",
            f"Registry {address} speaks TLS, but is asked over HTTP. Take spec.registry.plainHTTP off the Platform.",
        )
    if status == 413:  # noqa: PLR2004
        return Waiting(
            "RegistryRefusesSize",
            f"Registry {address} refuses {what}: {said}. A proxy in front of it limits the size of a request: raise "
            "that limit (nginx: client_max_body_size 0).",
        )
    if status in RETRIED:
        return Transient(
            "RegistryUnavailable",
            f"Registry {address} fails at {what}: {said}. Look at its log.",
            retry_after(response),
        )
    return Stalled(
        "RegistryRefused",
        f"Registry {address} refuses {what}: {said}. Look at its log, and whether its rules allow this push "
        "(in Harbor the project must exist).",
    )


def from_exception(address: str, error: requests.RequestException) -> OperatorError:
    """Our error for a request that got no answer."""
    text = str(error)
    if isinstance(error, requests.exceptions.SSLError):
        if "CERTIFICATE_VERIFY_FAILED" in text or "certificate" in text.lower():
            return Waiting(
                "RegistryUntrusted",
                f"The certificate of registry {address} is not trusted. Give its authority in the Platform's "
                f"spec.registry.caBundleRef. ({shorten(text, 200)})",
            )
        return Waiting(
            "RegistryUntrusted",
            f"Registry {address} does not speak TLS as it should; if it is a plain HTTP registry, set "
            f"spec.registry.plainHTTP: true on the Platform. ({shorten(text, 200)})",
        )
    return Transient(
        "RegistryUnreachable",
        f"Registry {address} does not answer. Check spec.registry.address of the Platform and the network. "
        f"({shorten(_root(error), 200)})",
    )


def _root(error: BaseException) -> str:
    """The innermost cause's text: urllib3 wraps it in layers of repetition."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return f"{type(error).__name__}: {error}"


def upload_error(error: OperatorError, response: requests.Response, sent: int = 0) -> OperatorError:
    """What ends an upload, and what only this try.

    An upload session that is gone (404) or disagrees about its offset (416) is started anew, not given up; so is one
    whose token has expired (401) on the way, as it was good when the upload was opened.
    """
    status = response.status_code
    if status in (requests.codes.not_found, requests.codes.requested_range_not_satisfiable):
        return Transient("RegistryUnavailable", error.message)
    return Transient(error.reason, error.message) if status == requests.codes.unauthorized and sent else error
