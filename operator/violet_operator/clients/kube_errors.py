"""What the refusals of a Kubernetes API mean for us, and what the user can do about them."""

from __future__ import annotations

import json
import re
from typing import Any

import aiohttp

from violet_operator.errors import OperatorError, Stalled, Transient, Waiting
from violet_operator.support.redact import shorten

JsonObject = dict[str, Any]

_DENIED = re.compile(r"admission webhook .* denied the request|AdmissionPolicy .* denied request", re.DOTALL)
"""A policy of the cluster has judged this object; webhooks choose the status themselves: 400, 403, anything."""

_NO_RIGHT = re.compile(r" cannot \S+ (resource|path) ")
"""How the API server itself says so, whatever authorizes."""


class NotFoundError(OperatorError):
    """404: an object or a kind is missing; never leaves the client."""


class NoRightError(Waiting):
    """Our account lacks a right, which concerns whatever else it would do there in the same way."""


def no_answer(cluster: str, error: Exception) -> OperatorError:
    """Our error for a request that got no answer."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        said = shorten(str(error.certificate_error), 200)
        return Waiting(
            "UntrustedCertificate",
            f"The certificate of cluster {cluster} is not trusted ({said}). Correct the authority to trust.",
        )
    said = shorten(f"{type(error).__name__}: {error}".rstrip(": "), 400)
    return Transient(
        "TargetUnreachable",
        f"The API of {cluster} does not answer ({said}). Check that it runs, its address, DNS, firewalls and proxies.",
    )


def explain(cluster: str, what: str, status: int | None, text: str) -> OperatorError:  # noqa: PLR0911 - one per answer
    """The error for an answer that is not a success."""
    answer = _document(text)
    said = shorten(str(answer.get("message") or text), 400).rstrip(". ")
    where = f"Cluster {cluster}: {what}"
    if _DENIED.search(said):
        return Waiting("TargetRefused", f"{where} is refused: {said}. Change that policy, or what it objects to.")
    if status == 401:  # noqa: PLR2004
        return Waiting(
            "TargetUnauthorized",
            f"{where} failed: the login is not accepted (401). Correct the login that its Platform names; for the "
            "operator's own cluster, check the operator's ServiceAccount.",
        )
    if status == 403:  # noqa: PLR2004
        return _forbidden(where, said)
    if status == 404:  # noqa: PLR2004
        return NotFoundError("NotFound", f"{where}: {said}")
    if status == 409:  # noqa: PLR2004
        return _conflict(where, said, answer)
    if status in (400, 422):
        return Stalled(
            "TargetRefused",
            f"{where} is refused: {said}. Change what it objects to; if that is nothing of yours, report it.",
        )
    return Transient(
        "TargetUnavailable",
        f"{where} failed with {status}: {said}. Look at the API server, or at the webhook that it names.",
    )


def _forbidden(where: str, said: str) -> Waiting:
    """The error for what is forbidden to everyone in our place, not for this object alone."""
    said = f"{where} is not allowed: {said}."
    if _NO_RIGHT.search(said):
        return NoRightError(
            "TargetForbidden", f"{said} Give the operator's account that right (see the chart's ClusterRole)."
        )
    if "exceeded quota" in said:
        advice = "Raise that quota, or delete what is not needed any more."
    elif "being terminated" in said:
        advice = "Wait until the namespace is gone, and create it anew."
    else:
        advice = "Ask whoever runs the cluster what forbids it: a policy, a quota, or a proxy on the way."
    return Waiting("TargetForbidden", f"{said} {advice}")


def _conflict(where: str, said: str, answer: JsonObject) -> OperatorError:
    """The error for two who want the same: for ever, or just at the same moment."""
    if "FieldManagerConflict" in json.dumps(answer.get("details")):  # among its causes, one for each field
        advice = "Another manager owns these fields: give them up there, or delete the object."
    elif answer.get("reason") == "AlreadyExists":
        advice = "Delete that object, or choose another name."
    else:
        return Transient("ObjectChanged", f"{where} is off, as it has just changed ({said}). It is tried again.")
    return Stalled("Conflict", f"{where} conflicts: {said}. {advice}")


def require(answer: JsonObject, kind: str, cluster: str, what: str) -> None:
    """See to it that an answer is what was asked for: of a 200 with something else, nothing would look like none.

    Args:
        answer: the document.
        kind: how its kind ends.
        cluster: who answered, and
        what: to which request, for messages.

    Raises:
        Transient: it is something else.
    """
    listed = kind != "List" or isinstance(answer.get("metadata"), dict)
    if not str(answer.get("kind")).endswith(kind) or not listed:
        raise Transient(
            "TargetUnavailable",
            f"Cluster {cluster}: {what} brings no {kind}: something else answers in its place. Check its address.",
        )


def missing(error: NotFoundError, cluster: str, plural: str, api_version: str) -> Waiting:
    """The error for an object that cannot be written: its namespace is missing, or its kind."""
    if "namespaces " in error.message:
        return Waiting("NamespaceMissing", f"{error.message}. Create the namespace.")
    return missing_kind(cluster, plural, api_version)


def missing_kind(cluster: str, plural: str, api_version: str) -> Waiting:
    """The error for a kind that the cluster does not serve."""
    return Waiting(
        "KindMissing",
        f"Cluster {cluster} does not know {plural} ({api_version}): it is no platform cluster, "
        "or the platform's marketplace is not installed there. Install it, or leave that cluster out.",
    )


def _document(text: str) -> JsonObject:
    """The answer, if it is a document: a Status, or what a gateway makes of one."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
