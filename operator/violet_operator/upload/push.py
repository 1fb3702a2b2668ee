"""Carrying out a push plan: blobs several at a time, then manifests, then tags, the package's own tag last."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, Executor, ThreadPoolExecutor, wait
from functools import partial

from violet_operator.api.conditions import PUSHED
from violet_operator.clients.referrers import push_manifest
from violet_operator.clients.registry import Registry
from violet_operator.package.archive import Archive
from violet_operator.support.cancel import CancelToken
from violet_operator.support.durations import human_bytes
from violet_operator.support.meter import Meter
from violet_operator.upload import charts
from violet_operator.upload.context import Upload
from violet_operator.upload.ledger import record
from violet_operator.upload.plan import BlobPush, PushPlan
from violet_operator.upload.publish import begin
from violet_operator.upload.status import complete
from violet_operator.upload.survey import state_images
from violet_operator.upload.targets import each_platform, named
from violet_operator.upload.threads import in_thread
from violet_operator.upload.transfer import reported


async def push(upload: Upload) -> None:
    """Bring images and chart to every target platform, as planned; one that fails drops out.

    Platforms are pushed to side by side, as each reads the package for itself, and share the streams. One that has its
    images goes on to its clusters at once: a registry that is slow holds back no other platform.
    """
    opened, status, plans = upload.opened, upload.status, upload.plans
    assert opened is not None
    size = sum(plan.bytes for plan in plans.values())
    pushes = sum(len(plan.uploads) + len(plan.mounts) for plan in plans.values())
    present = sum(plan.present for plan in plans.values())
    upload.meter.expect(size - opened.archive.size, blobs=pushes + present, skipped=present)
    status.working(PUSHED, "Pushing", f"Pushing {pushes} blobs ({human_bytes(size)}); {present} are there already.")
    await record(upload)
    streams = upload.env.settings.streams
    share, at_once = max(1, streams // len(plans)), asyncio.Semaphore(streams)

    async def carry_out(name: str) -> None:
        async with at_once:
            pusher = Pusher(upload.connections[name].registry, opened.archive, share, upload.cancel, upload.meter)
            await in_thread(partial(pusher.run, plans[name]), upload)
            await charts.deliver(upload, name)
        begin(upload, name)

    async with upload.pacer.transfer(size), reported(upload):
        await each_platform(upload, PUSHED, carry_out, list(plans))
    if not upload.connections:
        return
    upload.repairs += [
        f"{', '.join(str(to) for to, _ in plan.tags)} was missing in {upload.connections[name].registry.address}"
        for name, plan in plans.items()
        if plan.tags and upload.intact >= {key for key in named(upload) if key[0] == name}
    ]
    state_images(upload, sorted((image.reference, image.digest) for image in opened.package.images))
    status.facts["progress"] = complete(status.facts["progress"])
    said = f"{len(opened.package.images)} images are in {_registries(upload)}.{charts.delivered(upload)}"
    status.done(PUSHED, "Pushed", said)


def _registries(upload: Upload) -> str:
    return ", ".join(sorted({connection.registry.address for connection in upload.connections.values()}))


class Pusher:
    """Carries out one plan on one registry; runs in a thread, with more of them for the blobs."""

    def __init__(self, registry: Registry, archive: Archive, streams: int, cancel: CancelToken, meter: Meter) -> None:
        self._registry = registry
        self._archive = archive
        self._streams = streams
        self._cancel = cancel
        self._meter = meter

    def run(self, plan: PushPlan) -> None:
        """All of it, in order.

        Raises:
            Cancelled: the run was called off.
            OperatorError: the source or the registry fails.
        """
        with ThreadPoolExecutor(self._streams, "blob-push") as pool:
            self._each(pool, self._upload, plan.uploads)
            self._each(pool, self._mount, plan.mounts)
        for repository, manifest in plan.manifests:
            self._cancel.check()
            push_manifest(self._registry, repository, manifest.raw, manifest.media_type)
        for to, manifest in plan.tags:
            self._cancel.check()
            self._registry.put_manifest(to.repository, to.tag, manifest.raw, manifest.media_type)

    def _each(self, pool: Executor, work: Callable[[BlobPush], None], items: Iterable[BlobPush]) -> None:
        """Several at once; the first failure stops what has not begun, and what runs ends at its next check."""
        futures = [pool.submit(work, item) for item in items]
        done, rest = wait(futures, return_when=FIRST_EXCEPTION)
        failed = next((error for future in done if (error := future.exception())), None)
        if failed is not None:
            for future in rest:
                future.cancel()
            raise failed

    def _upload(self, push: BlobPush) -> None:
        blob = push.blob
        self._registry.upload(
            push.repository,
            blob.digest,
            blob.size,
            lambda offset: self._archive.stream(blob.member, offset),
            cancel=self._cancel,
            on_bytes=self._meter.moved,
        )
        self._meter.blob_done()

    def _mount(self, push: BlobPush) -> None:
        self._cancel.check()
        if push.mount_from and self._registry.mount(push.repository, push.blob.digest, push.mount_from):
            self._meter.blob_done()
            return
        self._meter.expect(push.blob.size)
        self._upload(push)
