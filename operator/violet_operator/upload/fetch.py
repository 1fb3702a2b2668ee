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
from violet_operator.support.redact import shorten
from violet_operator.upload.context import Upload
from violet_operator.upload.threads import in_thread
from violet_operator.upload.transfer import reported

_SUFFIXES = (".tar.gz", ".tgz", ".tar.zst", ".tar")
_LINE = re.compile(r"^(?:SHA256 \((?P<bsd>.+)\) = )?(?P<hex>[0-9a-fA-F]{64})(?:\s+\*?(?P<name>\S.*))?\s*$")


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


async def expect(upload: Upload) -> None:
    """Find out what the object's sha256 must be: the pin, else a checksum file beside it; sets `expected`.

    Raises:
        Waiting: the policy demands one and there is none.
        Stalled: a checksum file is there, but cannot be read as one.
    """
    store, source, policy = upload.store, upload.source, upload.spec.verification.policy
    assert store is not None
    assert source is not None
    if upload.spec.source.sha256:
        upload.expected, upload.method = upload.spec.source.sha256, "Pin"
        return
    if policy == "Skip":
        return
    names = side_files(source.key)
    for name in names:
        data = await in_thread(partial(store.read_small, name), upload.cancel)
        if data is not None:
            upload.expected, upload.method = parse_checksum(name, data, source.key), "Checksum"
            return
    if policy == "Require":
        raise Waiting(
            "ChecksumMissing",
            f"There is no checksum file beside the package ({', '.join(names)}), and spec.verification.policy is "
            "Require. Upload one, or give the sum in spec.source.sha256.",
        )


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
    meter.expect(source.size if upload.preview else 2 * source.size)  # reading, and about as much to push
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
    fetched(upload)
    upload.archive = archive


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


async def verify(upload: Upload) -> None:
    """The judgement on the sha256; states `Verified`.

    Raises:
        Stalled: it is not the expected one.
    """
    assert upload.archive is not None
    status, actual = upload.status, upload.archive.sha256
    if upload.expected is None:
        status.facts["verification"] = {"method": "None"}
        status.done(VERIFIED, "NotRequired", "Nothing was checked: the policy demands nothing, and no sum was given.")
        return
    if actual != upload.expected:
        origin = "spec.source.sha256" if upload.method == "Pin" else "the checksum file beside it"
        raise Stalled(
            "ChecksumMismatch",
            f"The package has sha256 {actual}, but {origin} says {upload.expected}. It was altered or damaged on the "
            "way, or the sum belongs to another file. Upload both again.",
        )
    status.facts["verification"] = {"method": upload.method, "sha256": upload.expected, "verifiedAt": status.stamp()}
    status.done(VERIFIED, "ChecksumMatches", f"The package has the expected sha256 {actual}.")


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


def side_files(key: str) -> list[str]:
    """Names that a checksum file for `key` may have (`platform.md` 5.4), most usual first."""
    stem = next((key.removesuffix(suffix) for suffix in _SUFFIXES if key.endswith(suffix)), None)
    names = [f"{key}.sha256", f"{key}.checksum"]
    return names + ([f"{stem}.sha256"] if stem else [])


def parse_checksum(name: str, data: bytes, key: str) -> str:
    """The sum in a checksum file: bare hex, or lines of `sha256sum` or BSD `sha256`.

    Lines that name the package count first; a file with one sum needs no right name, as packages get renamed.

    Raises:
        Stalled: it holds no such sum, or several that contradict each other.
    """
    lines = [match for line in data.decode("utf-8-sig", "replace").splitlines() if (match := _LINE.match(line.strip()))]
    ours = [
        match for match in lines if (match["bsd"] or match["name"] or "").rpartition("/")[2] == key.rpartition("/")[2]
    ]
    sums = {match["hex"].lower() for match in ours or lines}
    if len(sums) != 1:
        found = "several sha256 sums, none of them clearly for it" if sums else "no sha256 sum"
        raise Stalled(
            "InvalidChecksumFile",
            f"{name!r} beside the package holds {found}: expected 64 hex digits, or a line of sha256sum that names the "
            "package. Upload it again.",
        )
    return sums.pop()
