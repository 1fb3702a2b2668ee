"""The core/v1 Event about an object, as `kubectl describe` shows it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from violet_operator.api import FIELD_MANAGER
from violet_operator.api.conditions import timestamp
from violet_operator.support.redact import shorten

JsonObject = dict[str, Any]


def event_about(about: JsonObject, *, warning: bool, reason: str, message: str, now: datetime) -> JsonObject:
    """The event to create in the namespace of `about`, whose apiVersion, kind and metadata count."""
    metadata, stamp = about["metadata"], timestamp(now)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{metadata['name'][:200]}.", "namespace": metadata["namespace"]},
        "involvedObject": {
            "apiVersion": about["apiVersion"],
            "kind": about["kind"],
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata["uid"],
        },
        "type": "Warning" if warning else "Normal",
        "reason": reason,
        "message": shorten(message),
        "source": {"component": FIELD_MANAGER},
        "reportingComponent": FIELD_MANAGER,
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
    }
