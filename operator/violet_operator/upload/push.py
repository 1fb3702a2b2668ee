"""Carrying out a push plan: blobs several at a time, then manifests, then tags, the package's own tag last."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, Executor, ThreadPoolExecutor, wait

from violet_operator.api.conditions import PUSHED
from violet_operator.clients.registry import Registry
from violet_operator.errors import Stalled
from violet_operator.package.archive import Archive
from violet_operator.package.model import Opened
from violet_operator.platform.resolve import Connection
from violet_operator.support.cancel import CancelToken
from violet_operator.support.durations import human_bytes
from violet_operator.support.meter import Meter
from violet_operator.upload.context import JsonObject, Upload
from violet_operator.upload.plan import BlobPush, Destination, Inventory, PushPlan, destination, plan_push, wanted_blobs
from violet_operator.upload.status import complete
from violet_operator.upload.threads import in_thread
from violet_operator.upload.transfer import reported

_LOOKUPS = 8
"""HEAD requests at once: answers of a few hundred bytes."""


async def push(upload: Upload) -> None:
    """Bring every image into the registry of every target platform.

    Raises:
        Stalled: a tag exists with other content, or a registry refuses something for good.
        OperatorError: the source or a registry fails.
    """
    opened, status = upload.opened, upload.status
    assert opened is not None
    plans = {name: await _plan(upload, connection, opened) for name, connection in upload.connections.items()}
    status.facts["plan"] = _plan_facts(plans)
    _check_overwrites(upload, plans)
    size = sum(plan.bytes for plan in plans.values())
    pushes = sum(len(plan.uploads) + len(plan.mounts) for plan in plans.values())
    present = sum(plan.present for plan in plans.values())
    upload.meter.expect(size - opened.archive.size, blobs=pushes + present, skipped=present)
    status.working(PUSHED, "Pushing", f"Pushing {pushes} blobs ({human_bytes(size)}); {present} are there already.")
    async with upload.pacer.transfer(size), reported(upload):
        for name, plan in plans.items():
            pusher = Pusher(
                upload.connections[name].registry,
                opened.archive,
                upload.env.settings.streams,
                upload.cancel,
                upload.meter,
            )
            await in_thread(lambda pusher=pusher, plan=plan: pusher.run(plan), upload.cancel)  # type: ignore[misc]
    status.facts["images"] = [
        image_facts(image.reference, image.digest, connection)
        for connection in upload.connections.values()
        for image in sorted(opened.package.images, key=lambda image: image.reference)
    ]
    status.facts["progress"] = complete(status.facts["progress"])
    status.done(PUSHED, "Pushed", f"{len(opened.package.images)} images are in {_registries(upload)}.")


async def knock(upload: Upload) -> None:
    """Look whether every registry lets us in, before the package is read for hours to find that it does not.

    Raises:
        OperatorError: one does not.
    """
    for connection in upload.connections.values():
        await in_thread(connection.registry.ping, upload.cancel)


async def in_place(upload: Upload) -> bool:
    """Whether every target registry has every image of the last status under its tag, with its digest."""
    known = {(item["source"], item["digest"]) for item in upload.status.facts.get("images", [])}

    def look() -> bool:
        return all(
            connection.registry.manifest_digest(to.repository, to.tag) == digest
            for connection in upload.connections.values()
            for source, digest in sorted(known)
            for to in (destination(source, connection.prefix),)
        )

    if not known or not await in_thread(look, upload.cancel):
        return False
    upload.status.facts["images"] = [
        image_facts(source, digest, connection)
        for connection in upload.connections.values()
        for source, digest in sorted(known)
    ]
    return True


def image_facts(reference: str, digest: str, connection: Connection) -> JsonObject:
    """An entry of `status.images`."""
    to = destination(reference, connection.prefix)
    return {
        "source": reference,
        "destination": f"{connection.pull_address}/{to}",
        "digest": digest,
        "platform": connection.name,
    }


def _registries(upload: Upload) -> str:
    return ", ".join(sorted({connection.registry.address for connection in upload.connections.values()}))


async def _plan(upload: Upload, connection: Connection, opened: Opened) -> PushPlan:
    images, registry, prefix = opened.package.images, connection.registry, connection.prefix

    def take_inventory() -> Inventory:
        with ThreadPoolExecutor(_LOOKUPS, "registry-look") as pool:
            places = list(dict.fromkeys(destination(image.reference, prefix) for image in images))
            digests = pool.map(lambda to: registry.manifest_digest(to.repository, to.tag), places)
            tags = dict(zip(places, digests, strict=True))
            wanted = list(wanted_blobs(images, prefix, tags))
            found = pool.map(lambda item: registry.has_blob(item[0], item[1].digest), wanted)
            there = {(repository, blob.digest) for (repository, blob), yes in zip(wanted, found, strict=True) if yes}
        return Inventory(tags, frozenset(there))

    return plan_push(images, prefix, await in_thread(take_inventory, upload.cancel))


def _check_overwrites(upload: Upload, plans: dict[str, PushPlan]) -> None:
    if upload.spec.overwrite == "IfDifferent":
        return
    for name, plan in plans.items():
        if plan.overwrites:
            address = upload.connections[name].registry.address
            raise Stalled(
                "TagExists",
                f"Registry {address} has {_names(plan.overwrites)} with other content. Set spec.overwrite: IfDifferent "
                "to replace it, or remove the tag.",
            )


def _names(places: Iterable[Destination]) -> str:
    return ", ".join(map(str, places))


def _plan_facts(plans: dict[str, PushPlan]) -> JsonObject:
    every = list(plans.values())
    return {
        "bytes": sum(plan.bytes for plan in every),
        "blobs": sum(len(plan.uploads) + len(plan.mounts) for plan in every),
        "blobsPresent": sum(plan.present for plan in every),
        "tags": sorted(str(to) for plan in every for to, _ in plan.tags),
        "overwrites": sorted(str(to) for plan in every for to in plan.overwrites),
        "hash": "-".join(plan.hash() for plan in every),
    }


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
            self._registry.put_manifest(repository, manifest.digest, manifest.raw, manifest.media_type)
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
            lambda offset: self._archive.open(blob.member, offset),
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
