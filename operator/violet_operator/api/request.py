"""The annotation by which a user asks for a look now, and whether he has had his answer."""

from __future__ import annotations

from collections.abc import Mapping

from violet_operator.api import RECONCILE_ANNOTATION


def requested_at(metadata: Mapping[str, object]) -> str | None:
    """What the user has written last, which need not be a time; None where he never did."""
    annotations = metadata.get("annotations")
    value = annotations.get(RECONCILE_ANNOTATION) if isinstance(annotations, Mapping) else None
    return None if value is None else str(value)


def is_unanswered(metadata: Mapping[str, object], status: Mapping[str, object]) -> bool:
    """Whether the user asks for a new look and, by the last status, has not been answered yet."""
    return requested_at(metadata) not in (None, status.get("lastHandledReconcileAt"))
