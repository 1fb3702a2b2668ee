"""Finding the package, then reading it once, with whatever is to be verified checked on the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from violet_operator.api.conditions import FETCHED, VERIFIED
from violet_operator.clients.bucket import StorageSettings
from violet_operator.clients.object_store import ObjectInfo, ObjectStore
from violet_operator.errors import Stalled
from violet_operator.package.archive import Archive
from violet_operator.package.source import Buffer, ByteSource
from violet_operator.platform.resolve import read_ca_bundle, read_secret
from violet_operator.support.durations import human_bytes
from violet_operator.support.meter import Meter
from violet_operator.support.redact import shorten
from violet_operator.upload.context import Upload
from violet_operator.upload.threads import in_thread
from violet_operator.upload.transfer import reported
from violet_operator.upload.verification import refused
from violet_operator.verification.checks import Checks, Reading
from violet_operator.verification.examine import Examination, Findings


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
    upload.source = await in_thread(lambda: store.head(settings.key), upload)


async def read(upload: Upload) -> None:
    """Read the whole package once, unless an earlier try just did; sets `archive` and `findings`.

    Raises:
        Stalled: it is no package, damaged, cut off or unsafe.
        OperatorError: it cannot be read.
    """
    store, source, status, meter = upload.store, upload.source, upload.status, upload.meter
    assert store is not None
    assert source is not None
    assert upload.checks is not None
    reading = upload.checks.reading
    status.working(FETCHED, "Fetching", f"Reading the package ({human_bytes(source.size)}).")
    status.facts["source"] = source_facts(upload, source, None)
    meter.expect(source.size if upload.preview else 2 * source.size)  # reading, and about as much to push
    pinned = store.open(source, upload.cancel)
    identity = (upload.spec.source.url, source, reading)
    kept = upload.env.packages.find(upload.uid, identity)
    if kept is None:
        async with upload.pacer.transfer(source.size), reported(upload):
            kept = await _scanned(upload, pinned, upload.checks)
        upload.env.packages.put(upload.uid, identity, kept)
    else:
        meter.moved(source.size)
    archive, upload.findings = kept
    archive.rebind(pinned)
    status.facts["source"] = source_facts(upload, source, archive.sha256)
    fetched(upload)
    upload.archive = archive


async def _scanned(upload: Upload, source: ByteSource, checks: Checks) -> tuple[Archive, Findings]:
    try:
        return await in_thread(lambda: scan(source, checks.reading, upload.meter), upload)
    except Stalled as error:
        if error.condition == VERIFIED:
            upload.status.facts["verification"] = refused(checks)
        raise


def fetched(upload: Upload) -> None:
    """State `Fetched`: in the same words after reading as after a later look, so that the look writes nothing.

    What in the package does not agree is named here, where people look first.
    """
    source = upload.status.facts["source"]
    message = f"The package has {human_bytes(source['size'])} and sha256 {source['sha256']}."
    found = (upload.status.facts.get("package") or {}).get("contradictions")
    if found:
        message += f" Contradictions in it ({len(found)}): {' '.join(found)}"
    upload.status.done(FETCHED, "Fetched", shorten(message))


def scan(source: ByteSource, reading: Reading, meter: Meter) -> tuple[Archive, Findings]:
    """The first pass: hashing, listing and gpg side by side on the same bytes.

    Raises:
        OperatorError: as `Archive.scan` and `Examination` do.
    """
    with Examination(reading) as examination:
        archive = Archive.scan(_Watched(source, examination), on_bytes=meter.moved)
        return archive, examination.findings()


@dataclass(frozen=True, slots=True)
class _Watched:
    """A source whose bytes go past an examination."""

    source: ByteSource
    examination: Examination

    @property
    def size(self) -> int:
        """Bytes."""
        return self.source.size

    def read_from(self, offset: int) -> Iterator[Buffer]:
        """The bytes from `offset` to the end."""
        return self.examination.watch(self.source.read_from(offset))


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
