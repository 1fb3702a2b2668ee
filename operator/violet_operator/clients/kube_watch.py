"""Watching objects of a cluster: their metadata alone, as whole objects would cost memory for nothing."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, NamedTuple

from violet_operator.clients.kube import Kube, Resource
from violet_operator.clients.kube_errors import require
from violet_operator.errors import Transient

JsonObject = dict[str, Any]

_METADATA_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
_METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
_PERIOD = 300
"""Seconds after which the server ends a watch, so that a connection that is silently dead is noticed."""


class Sight(NamedTuple):
    """What was seen of one object, or of all.

    Attributes:
        gone: whether it has been deleted.
        objects: metadata; of the one object, or of every object there is at the start of a watch (`whole`).
        whole: whether what is not among `objects` does not exist.
    """

    gone: bool
    objects: list[JsonObject]
    whole: bool = False


async def watch(kube: Kube, resource: Resource, namespace: str | None, labels: str) -> AsyncGenerator[Sight]:
    """Everything there is, then every change, until the server ends the watch.

    Raises:
        Waiting: the kind does not exist there, or we may not watch it.
        Transient: the API does not answer, or has lost the place to go on from; begin anew.
    """
    query = {"labelSelector": labels}
    path = resource.path(namespace)
    listed = await kube.call("GET", path, f"listing {resource.plural}", query=query, accept=_METADATA_LIST)
    require(listed, "List", kube.name, f"listing {resource.plural}")
    yield Sight(False, [item["metadata"] for item in listed.get("items") or []], whole=True)
    query |= {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(_PERIOD)}
    query |= {"resourceVersion": listed["metadata"]["resourceVersion"]}
    lines = kube.stream(path, f"watching {resource.plural}", query=query, accept=_METADATA, seconds=_PERIOD + 30)
    async with aclosing(lines):
        async for line in lines:
            event = json.loads(line)
            if event["type"] == "ERROR":
                raise Transient("WatchEnded", f"Cluster {kube.name} ends the watch of {resource.plural}.")
            if event["type"] != "BOOKMARK":
                yield Sight(event["type"] == "DELETED", [event["object"]["metadata"]])
