"""What the refusals of a Kubernetes API mean for us, and what the user can do about them."""

from __future__ import annotations

import json

import aiohttp

from violet_operator.errors import OperatorError, Stalled, Transient, Waiting
from violet_operator.support.redact import shorten


class NotFoundError(OperatorError):
    """404: an object or a kind is missing; never leaves the client."""


def no_answer(cluster: str, error: Exception) -> OperatorError:
    """Our error for a request that got no answer."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        said = shorten(str(error.certificate_error), 200)
        return Waiting(
            "UntrustedCertificate",
            f"The certificate of cluster {cluster} is not trusted ({said}). Correct the authority to trust.",
        )
    said = shorten(f"{type(error).__name__}: {error}", 400)
    return Transient("TargetUnreachable", f"The API of {cluster} does not answer ({said}).")


def explain(cluster: str, what: str, status: int | None, text: str) -> OperatorError:
    """The error for an answer that is not a success."""
    said = _message(text)
    where = f"Cluster {cluster}: {what}"
    if status == 401:  # noqa: PLR2004
        return Waiting("TargetUnauthorized", f"{where} failed: the login is not accepted (401).")
    if status == 403:  # noqa: PLR2004
        return Waiting(
            "TargetForbidden",
            f"{where} is not allowed: {said}. Give the operator's account that right (see the chart's "
            "ClusterRole), or raise the quota if it speaks of one.",
        )
    if status == 404:  # noqa: PLR2004
        return NotFoundError("NotFound", f"{where}: {said}")
    if status == 409:  # noqa: PLR2004
        return Stalled(
            "Conflict",
            f"{where} conflicts: {said}. Another manager owns these fields: give them up there, or delete the object.",
        )
    if status in (400, 422):
        return Stalled("TargetRefused", f"{where} is refused: {said}")
    return Transient("TargetUnavailable", f"{where} failed with {status}: {said}")


def missing_kind(cluster: str, plural: str, api_version: str) -> Waiting:
    """The error for a kind that the cluster does not serve."""
    return Waiting(
        "KindMissing",
        f"Cluster {cluster} does not know {plural} ({api_version}): it is no platform cluster, "
        "or the platform's marketplace is not installed there. Install it, or take the cluster out of the targets.",
    )


def _message(text: str) -> str:
    try:
        return shorten(str(json.loads(text)["message"]), 400)
    except (ValueError, KeyError, TypeError):
        return shorten(text, 200)
