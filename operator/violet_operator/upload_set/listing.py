"""What lies under a prefix, looked up once per interval: an upload that changes is no reason to list again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urlsplit

from violet_operator.api.package_upload_set import PackageUploadSetSpec
from violet_operator.clients.bucket import StorageSettings
from violet_operator.clients.object_store import ObjectStore
from violet_operator.errors import Stalled
from violet_operator.platform.resolve import Reader, read_ca_bundle, read_secret
from violet_operator.support.cancel import CancelToken
from violet_operator.upload_set.selection import select

_KEPT = 256
"""Listings kept; the one used least goes first, and is then looked up again."""

_MOST = 5000
"""Packages of one Set: more is a mistake (a whole bucket of something else), or work for several Sets."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Packages under a prefix.

    Attributes:
        packages: names below the prefix, in order.
        at: when they were listed, on the monotonic clock.
    """

    packages: tuple[str, ...]
    at: float

    @property
    def age(self) -> float:
        """Seconds."""
        return time.monotonic() - self.at


class Listings:
    """The last listing of each Set, by its uid and generation."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], Listing] = {}

    def find(self, uid: str, generation: int) -> Listing | None:
        """The last one, however old."""
        return self._kept.get((uid, generation))

    def put(self, uid: str, generation: int, listing: Listing) -> None:
        """Keep it."""
        self._kept.pop((uid, generation - 1), None)
        self._kept.pop((uid, generation), None)
        self._kept[uid, generation] = listing
        if len(self._kept) > _KEPT:
            del self._kept[next(iter(self._kept))]


async def look(spec: PackageUploadSetSpec, reader: Reader, namespace: str, owner: str) -> Listing:
    """List the prefix now.

    Raises:
        Waiting: the storage lets us not in.
        Stalled: there are far too many packages, or the source cannot be right.
        OperatorError: the storage cannot be reached.
    """
    source = spec.source
    if urlsplit(source.url).scheme != "s3":
        raise Stalled(
            "NotSupportedYet",
            "spec.source.url with another scheme than s3:// is not supported by this version of the operator. Put the "
            "packages into an S3 bucket.",
        )
    credentials = bundle = None
    if source.credentials_secret_ref:
        credentials = await read_secret(reader, namespace, source.credentials_secret_ref.name, owner)
    if source.ca_bundle_ref:
        bundle = await read_ca_bundle(reader, namespace, source.ca_bundle_ref, owner)
    store = ObjectStore(StorageSettings(source.url, source.endpoint, source.region, credentials, bundle))
    prefix = StorageSettings(source.url).key
    cancel = CancelToken()
    try:
        packages = await asyncio.to_thread(lambda: _packages(store.list(prefix, cancel), prefix, spec))
    finally:
        cancel.cancel()  # called off: the thread ends at its next page
    return Listing(packages, time.monotonic())


def _packages(keys: Iterable[str], prefix: str, spec: PackageUploadSetSpec) -> tuple[str, ...]:
    found = tuple(sorted(islice(select(keys, prefix, spec.include, spec.exclude), _MOST + 1)))
    if len(found) > _MOST:
        raise Stalled(
            "TooManyPackages",
            f"There are more than {_MOST} packages under {spec.source.url}. Narrow spec.source.url, include or "
            "exclude, or make several PackageUploadSets.",
        )
    return found
