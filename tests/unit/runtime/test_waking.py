"""Whom a Platform that works again wakes: objects of every kind that goes to one, as kopf shows them."""

import asyncio
from typing import Any

import pytest

from violet_operator.handlers.events import observe, wake_referring
from violet_operator.runtime.queue import Key, KeyedQueue
from violet_operator.support.requeue import Requeue

REFERRING: dict[str, dict[str, Any]] = {
    "PackageUpload": {"targets": [{"platformRef": {"name": "other"}}, {"platformRef": {"name": "default"}}]},
    "PackageInventory": {"platformRef": {"name": "default"}},
    "CleanupPolicy": {"platformRef": {"name": "default"}},
    "CleanupRun": {"platformRef": {"name": "default"}},
}
OTHERS: dict[str, dict[str, Any]] = {
    "PackageUpload": {"targets": [{"platformRef": {"name": "other"}}]},
    "PackageUploadSet": {"source": {"url": "s3://bucket/default"}},
    "CleanupRun": {"platformRef": {"name": "other"}},
}


async def settled() -> None:
    """Some turns of the loop: a run that waits for nothing has ended then."""
    for _ in range(10):
        await asyncio.sleep(0)


async def runs_after_waking(kind: str, spec: dict[str, Any], namespace: str) -> int:
    """How often an object is looked at that waits for an hour, in the end."""
    runs: list[Key] = []

    async def reconcile(key: Key) -> Requeue:
        runs.append(key)
        return Requeue(after=3600)

    queue = KeyedQueue(reconcile, kind)
    metadata = {"namespace": "ns", "name": "it", "uid": "u", "generation": 1}
    observe(queue, {"type": "ADDED", "object": {"metadata": metadata, "spec": spec}})
    await settled()
    assert len(runs) == 1
    assert not queue.running
    wake_referring([queue], (namespace, "default"), restart=False)
    await settled()
    await queue.close()
    return len(runs)


@pytest.mark.parametrize("kind", REFERRING)
async def test_whoever_refers_to_it_is_woken(kind: str) -> None:
    assert await runs_after_waking(kind, REFERRING[kind], "ns") == 2
    assert await runs_after_waking(kind, REFERRING[kind], "elsewhere") == 1


@pytest.mark.parametrize("kind", OTHERS)
async def test_nobody_else_is(kind: str) -> None:
    assert await runs_after_waking(kind, OTHERS[kind], "ns") == 1
