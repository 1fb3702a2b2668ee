"""Writing a status and the events that go with it: one way for all kinds.

A run may be called off at any await. What it has written but not told would never be told, as the next run compares
with what was written; so the two are one, and end before the run does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from violet_operator.api.conditions import Event
from violet_operator.clients.kube import Resource
from violet_operator.errors import OperatorError
from violet_operator.platform.environment import JsonObject, Teller
from violet_operator.support.threads import outlasting

logger = logging.getLogger(__name__)

T = TypeVar("T")

_PATIENCE = 10.0
"""Seconds for which a run that is called off waits for its last report: an API that hangs must not hold it for ever."""


async def report(
    teller: Teller, resource: Resource, body: JsonObject, status: JsonObject, events: Iterable[Event]
) -> None:
    """Write a status, then tell the events; both or none, even if the run is called off meanwhile.

    Bound to the object's uid, so that a new object of the same name never gets the old one's status.

    Raises:
        OperatorError: the status was not written; nothing is told then.
    """

    async def both() -> None:
        await teller.kube.write_status(resource, body, status)
        for event in events:
            await tell(teller, body, event)

    await finished(both())


async def tell(teller: Teller, body: JsonObject, event: Event) -> None:
    """A line in the log and an event about an object; like every event it may get lost, and that stops nothing."""
    metadata, level = body["metadata"], logging.WARNING if event.warning else logging.INFO
    about = (body["kind"], metadata["namespace"], metadata["name"])
    logger.log(level, "%s %s/%s: %s: %s", *about, event.reason, event.message)
    try:
        await teller.kube.event(
            body, warning=event.warning, reason=event.reason, message=event.message, now=teller.clock()
        )
    except OperatorError as error:
        logger.warning("%s %s/%s: no event: %s", *about, error.message)


async def finished(work: Coroutine[Any, Any, T]) -> T:
    """What work gives; a run that is called off meanwhile ends after it, or when its patience does.

    Raises:
        asyncio.CancelledError: the run was called off; the work is done all the same.
    """
    task = asyncio.ensure_future(work)
    try:
        return await outlasting(task, _PATIENCE)
    finally:
        task.cancel()
