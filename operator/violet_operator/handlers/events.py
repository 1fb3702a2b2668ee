"""What kopf shows us of our kinds: that an object is there, changed or gone. The queues decide what it means.

Low-level event handlers, on purpose: kopf's change handlers and daemons keep annotations and finalizers on the
objects, patch them, and hide a change from a handler that still runs (docs/architecture.md; measured in
`tests/benchmarks/control_plane.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import kopf

from violet_operator.api import FINALIZER, GROUP, RECONCILE_ANNOTATION, VERSION
from violet_operator.runtime.queue import Key, KeyedQueue


def register(
    registry: kopf.OperatorRegistry, uploads: KeyedQueue, platforms: KeyedQueue, others: Mapping[str, KeyedQueue]
) -> None:
    """Connect kopf's registry with the queues. Coroutines, so that they run on the loop and not in a thread.

    `others` are the queues of kinds that concern nobody else, by plural.
    """

    async def upload_seen(event: kopf.RawEvent, **_: Any) -> None:  # noqa: ANN401 - kopf's protocol
        _observe(uploads, event)

    async def platform_seen(event: kopf.RawEvent, **_: Any) -> None:  # noqa: ANN401
        metadata = event["object"]["metadata"]
        namespace, name = str(metadata["namespace"]), str(metadata["name"])
        changed = (namespace, name) in platforms  # else it is new, or we are: no run can have used another version
        if _observe(platforms, event):
            uploads.wake_referring(namespace, name, restart=changed)

    kopf.on.event(GROUP, VERSION, "packageuploads", registry=registry, id="uploads")(upload_seen)
    kopf.on.event(GROUP, VERSION, "platforms", registry=registry, id="platforms")(platform_seen)
    for plural, queue in others.items():
        kopf.on.event(GROUP, VERSION, plural, registry=registry, id=plural)(partial(_seen, queue))


async def _seen(queue: KeyedQueue, event: kopf.RawEvent, **_: Any) -> None:  # noqa: ANN401
    _observe(queue, event)


def _observe(queue: KeyedQueue, event: kopf.RawEvent) -> bool:
    """Hand an event to a queue; whether it meant anything new."""
    metadata = event["object"]["metadata"]
    key: Key = (str(metadata["namespace"]), str(metadata["name"]))
    deleting = "deletionTimestamp" in metadata
    if event["type"] == "DELETED" or (deleting and FINALIZER not in metadata.get("finalizers", [])):
        queue.forget(key)
        return True
    requested = (metadata.get("annotations") or {}).get(RECONCILE_ANNOTATION)
    targets = (event["object"].get("spec") or {}).get("targets") or []
    refers = frozenset(str(target["platformRef"]["name"]) for target in targets)
    return queue.observe(key, (metadata.get("uid"), metadata.get("generation"), requested, deleting), refers)
