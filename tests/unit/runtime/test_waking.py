"""Whom a Platform that works again wakes: objects of every kind that goes to one, as kopf shows them."""

import asyncio
from typing import Any

import pytest

from violet_operator.api import RECONCILE_ANNOTATION
from violet_operator.handlers.events import observe, platform_seen, wake_referring
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


@pytest.mark.parametrize(
    ("change", "begun"),
    [
        ({"metadata": {"annotations": {RECONCILE_ANNOTATION: "now"}}}, 1),
        ({"metadata": {"generation": 2}}, 2),
        ({"metadata": {"generation": 2, "annotations": {RECONCILE_ANNOTATION: "now"}}}, 2),
        ({"metadata": {"uid": "another"}}, 2),
        ({"type": "DELETED"}, 2),
        ({"metadata": {"labels": {"a": "b"}}, "status": {"observedGeneration": 1}}, 1),
    ],
    ids=["asked to look", "changed", "changed and asked", "replaced", "gone", "nothing of weight"],
)
async def test_upload_under_way_starts_over_only_for_another_platform(change: dict[str, Any], begun: int) -> None:
    runs: list[Key] = []

    async def under_way(key: Key) -> Requeue:
        runs.append(key)
        await asyncio.sleep(3600)
        return Requeue()

    async def at_rest(_: Key) -> Requeue:
        return Requeue(after=3600)

    uploads, platforms = KeyedQueue(under_way, "PackageUpload"), KeyedQueue(at_rest, "Platform")
    metadata = {"namespace": "ns", "name": "default", "uid": "u", "generation": 1}
    await platform_seen(platforms, [uploads], {"type": "ADDED", "object": {"metadata": metadata, "spec": {}}})
    spec = REFERRING["PackageUpload"]
    observe(uploads, {"type": "ADDED", "object": {"metadata": metadata | {"name": "it"}, "spec": spec}})
    await settled()
    changed = {"metadata": metadata | change.get("metadata", {}), "spec": {}, "status": change.get("status", {})}
    await platform_seen(platforms, [uploads], {"type": change.get("type", "MODIFIED"), "object": changed})
    await settled()
    await asyncio.gather(uploads.close(), platforms.close())
    assert len(runs) == begun
