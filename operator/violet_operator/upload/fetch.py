"""Finding the package and what it must match, then reading it once: verified before anything is written."""

from __future__ import annotations

import re
from functools import partial

from violet_operator.api.conditions import FETCHED, VERIFIED
from violet_operator.clients.object_store import ObjectInfo, ObjectStore, StorageSettings
from violet_operator.errors import Stalled, Waiting
from violet_operator.package.archive import Archive
from violet_operator.platform.resolve import read_ca_bundle, read_secret
from violet_operator.support.durations import human_bytes
from violet_operator.upload.context import Upload
from violet_operator.upload.threads import in_thread
from violet_operator.upload.transfer import reported


async def locate(upload: Upload) -> None:
    """Find the object; sets `store` and `source`.

    Raises:
        OperatorError: it is not there, not allowed, or the storage cannot be reached.
    """
    source = upload.spec.source
    owner = f"PackageUpload {upload.name}"
    credentials = bundle = None
    if source.credentials_secret_ref:
        credentials = await read_secret(upload.env, upload.namespace, source.credentials_secret_ref.name, owner)
    if source.ca_bundle_ref:
        bundle = await read_ca_bundle(upload.env, upload.namespace, source.ca_bundle_ref, owner)
    settings = StorageSettings(source.url, source.endpoint, source.region, credentials, bundle)
    upload.store = store = ObjectStore(settings)
    upload.source = await in_thread(lambda: store.head(settings.key), upload.cancel)


async def read(upload: Upload) -> None:
    """Read the whole package once, unless an earlier try just did; sets `archive`.

    Raises:
        Stalled: it is no package, damaged, cut off or unsafe.
        OperatorError: it cannot be read.
    """
    store, source, status, meter = upload.store, upload.source, upload.status, upload.meter
    assert store is not None
    assert source is not None
    status.working(FETCHED, "Fetching", f"Reading the package ({human_bytes(source.size)}).")
    status.facts["source"] = source_facts(upload, source, None)
    meter.expect(2 * source.size)  # reading, and at most about as much to push
    pinned = store.open(source, upload.cancel)
    archive = upload.env.packages.find(upload.uid, upload.spec.source.url, source)
    if archive is None:
        async with upload.pacer.transfer(source.size), reported(upload):
            archive = await in_thread(lambda: Archive.scan(pinned, on_bytes=meter.moved), upload.cancel)
        upload.env.packages.put(upload.uid, upload.spec.source.url, source, archive)
    else:
        meter.moved(source.size)
        archive.rebind(pinned)
    status.facts["source"] = source_facts(upload, source, archive.sha256)
    status.done(FETCHED, "Fetched", f"Read {human_bytes(source.size)} with sha256 {archive.sha256}.")
    upload.archive = archive


def source_facts(upload: Upload, source: ObjectInfo, sha256: str | None) -> dict[str, object]:
    """`status.source`."""
    facts = {
        "url": upload.spec.source.url.partition("?")[0],
        "etag": source.etag,
        "version": source.version,
        "size": source.size,
        "sha256": sha256,
    }
    return {key: value for key, value in facts.items() if value is not None}
