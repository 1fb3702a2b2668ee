"""What kopf shows us of our kinds: that an object is there, changed or gone. The queues decide what it means.

Low-level event handlers, on purpose: kopf's change handlers and daemons keep annotations and finalizers on the
objects, patch them, and hide a change from a handler that still runs (docs/architecture.md; measured in
`tests/benchmarks/control_plane.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

import kopf

from violet_operator.api import FINALIZER, GROUP, VERSION
from violet_operator.api.request import requested_at
from violet_operator.cleanup import history
from violet_operator.runtime.queue import Key, KeyedQueue
from violet_operator.runtime.relay import Relay
from violet_operator.upload_set import outcome

Body = dict[str, Any]


class _State(NamedTuple):
    """What makes a new run necessary when it differs: another object, another spec, a request, the end."""

    uid: object
    generation: object
    requested: str | None
    deleting: bool


def register(
    registry: kopf.OperatorRegistry,
    queues: Mapping[str, KeyedQueue],
    platforms: KeyedQueue,
    relays: Mapping[str, Relay],
) -> None:
    """Connect kopf's registry with the queues, by the plural of their kind. Coroutines, to run on the loop.

    Args:
        registry: kopf's.
        queues: of the kinds whose objects may refer to Platforms.
        platforms: of these.
        relays: are told of objects that others own, by the plural of their kind.
    """
    for plural, queue in queues.items():
        kopf.on.event(GROUP, VERSION, plural, registry=registry, id=plural)(partial(_seen, queue))
    for plural, relay in relays.items():
        relayed = partial(_relayed, relay, *_SEEN[plural])
        kopf.on.event(GROUP, VERSION, plural, registry=registry, id=f"relay-{plural}")(relayed)
    kopf.on.event(GROUP, VERSION, "platforms", registry=registry, id="platforms")(
        partial(platform_seen, platforms, queues.values())
    )


def wake_referring(queues: Iterable[KeyedQueue], platform: Key, *, restart: bool) -> None:
    """Run whatever refers to a Platform, now; `restart`: also what runs already."""
    for queue in queues:
        queue.wake_referring(*platform, restart=restart)


async def platform_seen(
    platforms: KeyedQueue,
    referring: Iterable[KeyedQueue],
    event: kopf.RawEvent,
    **_: Any,  # noqa: ANN401 - kopf's protocol
) -> None:
    """Look at a Platform that is new or changed, or has gone; and have those that refer to it look again."""
    key = _key(event)
    before = platforms.state(key)
    if observe(platforms, event):
        wake_referring(referring, key, restart=_is_another(before, platforms.state(key)))


def _is_another(before: Hashable | None, now: Hashable | None) -> bool:
    """Whether a run under way has used a Platform that is another one now, or has gone; asked to look, it is none."""
    if not isinstance(before, _State):  # it is new, or we are: no run can have used another version
        return False
    return not isinstance(now, _State) or before._replace(requested=now.requested) != now


async def _seen(queue: KeyedQueue, event: kopf.RawEvent, **_: Any) -> None:  # noqa: ANN401 - kopf's protocol
    observe(queue, event)


async def _relayed(
    relay: Relay,
    owner: Callable[[Body], str | None],
    gist: Callable[[Body], Hashable],
    event: kopf.RawEvent,
    **_: Any,  # noqa: ANN401 - kopf's protocol
) -> None:
    body = dict(event["object"])
    if event["type"] == "DELETED":
        relay.gone(_key(event))
    else:
        relay.observe(_key(event), owner(body), gist(body))


_SEEN: Mapping[str, tuple[Callable[[Body], str | None], Callable[[Body], Hashable]]] = {
    "packageuploads": (lambda body: (outcome.owner(body) or {}).get("name"), outcome.gist),
    "cleanupruns": (history.owner, history.gist),
}
"""Of each kind that others own: the owner's name, and all that it looks at."""


def observe(queue: KeyedQueue, event: kopf.RawEvent) -> bool:
    """Hand an event to a queue; whether it meant anything new."""
    metadata, key = event["object"]["metadata"], _key(event)
    deleting = "deletionTimestamp" in metadata
    if event["type"] == "DELETED" or (deleting and FINALIZER not in metadata.get("finalizers", [])):
        queue.forget(key)
        return True
    spec = event["object"].get("spec") or {}
    referring = (spec, *(spec.get("targets") or ()))
    refers = frozenset(str(each["platformRef"]["name"]) for each in referring if "platformRef" in each)
    state = _State(metadata.get("uid"), metadata.get("generation"), requested_at(metadata), deleting)
    return queue.observe(key, state, refers)


def _key(event: kopf.RawEvent) -> Key:
    metadata = event["object"]["metadata"]
    return str(metadata["namespace"]), str(metadata["name"])
