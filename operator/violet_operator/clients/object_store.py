"""Object storage over obstore's synchronous API, in threads.

obstore's own retry ends after a fixed count however much was received meanwhile; the loop here resumes by range,
pinned to the entity tag, for as long as there is progress.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from obstore import exceptions

from violet_operator.clients.bucket import StorageSettings, connect
from violet_operator.errors import OperatorError, Stalled, Transient, Waiting
from violet_operator.support.cancel import CancelToken
from violet_operator.support.durations import backoff
from violet_operator.support.redact import shorten

MIB = 1 << 20

_PIECE = MIB
"""Bytes a read yields at least: large enough that Python's share of the work vanishes."""

_PAGE = 1000
"""Keys handed over at once: as many as an S3 server puts into one answer."""

_RESUMES = 6
"""Broken reads in a row, without a byte in between, before we give up: with backoff about a minute."""

_QUOTED = re.compile(r'(?:message|error): "([^"]+)"')

_FAILURES = (exceptions.BaseError, FileNotFoundError)
"""What obstore raises: a missing object or bucket is Python's own FileNotFoundError."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object as the storage describes it.

    Attributes:
        key: its key.
        size: bytes.
        etag: entity tag; changes with the content.
        version: version id, where the bucket keeps versions.
    """

    key: str
    size: int
    etag: str | None
    version: str | None


class ObjectStore:
    """One bucket. Thread-safe."""

    def __init__(self, settings: StorageSettings) -> None:
        self._settings = settings
        self._where = f"{settings.url} at {settings.endpoint}" if settings.endpoint else settings.url
        self._store = connect(settings)

    def head(self, key: str) -> ObjectInfo:
        """What the storage says about an object.

        Raises:
            OperatorError: it is not there, not allowed, or the storage cannot be reached.
        """
        try:
            meta = self._store.head(key)
        except _FAILURES as error:
            raise self._explain(self._with_body(key, error)) from None
        return ObjectInfo(key, meta["size"], meta["e_tag"], meta["version"])

    def list(self, prefix: str, cancel: CancelToken) -> Iterator[str]:
        """The keys below a prefix that is empty or ends with a slash; page by page, in no certain order.

        Raises:
            Cancelled: the work was called off.
            OperatorError: it may not be listed, or the storage cannot be reached; never ends early without it.
        """
        try:
            for page in self._store.list(prefix, chunk_size=_PAGE):
                cancel.check()
                for meta in page:
                    yield meta["path"]
        except exceptions.InvalidPathError as error:
            raise Waiting(
                "UnusableName",
                f"{self._where}: an object below the prefix has a name that cannot be worked with, so nothing is known "
                f"of the others: {_cause(str(error))}. Rename it.",
            ) from None
        except ValueError:  # from reading the prefix
            raise Stalled(
                "InvalidSource", f"spec.source.url {self._settings.url!r} has an empty, '.' or '..' part. Correct it."
            ) from None
        except _FAILURES as error:
            explained = self._explain(error)
            if "403 Forbidden" in str(error) and explained.reason in ("SourceUnreachable", "SourceForbidden"):
                raise Waiting(
                    "SourceForbidden",
                    f"{self._where}: the storage refuses to list (403). Grant the key s3:ListBucket on the bucket, or "
                    "name another Secret in spec.source.credentialsSecretRef.",
                ) from None
            raise explained from None

    def read_small(self, key: str, limit: int) -> bytes | None:
        """A small object such as a checksum file, or None where there is none.

        Raises:
            Stalled: it is larger than `limit`.
            OperatorError: as `head`.
        """
        try:
            result = self._store.get(key)
            if result.meta["size"] > limit:
                raise Stalled(
                    "InvalidSideFile",
                    f"{key!r} beside the package has {result.meta['size']} bytes: it is no signature or checksum file.",
                )
            return bytes(result.bytes())
        except (exceptions.NotFoundError, FileNotFoundError):
            return None
        except exceptions.BaseError as error:
            raise self._explain(error) from None

    def put(self, key: str, data: bytes) -> str | None:
        """Write an object, whatever was there before; its entity tag.

        Raises:
            OperatorError: not allowed, or the storage cannot be reached.
        """
        try:
            return self._store.put(key, data)["e_tag"]
        except _FAILURES as error:
            raise self._explain(error, right="s3:PutObject") from None

    def open(self, info: ObjectInfo, cancel: CancelToken) -> PinnedObject:
        """An object to read, pinned to what `head` said of it."""
        return PinnedObject(self, info, cancel)

    def stream(self, info: ObjectInfo, offset: int) -> Iterator[memoryview]:
        """One attempt to read from `offset` to the end. Raises what obstore raises."""
        options: dict[str, Any] = {"if_match": info.etag} if info.etag else {}
        if info.version:
            options["version"] = info.version
        if offset:
            options["range"] = {"offset": offset}
        result = self._store.get(info.key, options=options)  # type: ignore[arg-type]
        for piece in result.stream(min_chunk_size=_PIECE):
            yield memoryview(piece)

    def explain(self, error: Exception) -> OperatorError:
        """Our error for one of obstore's."""
        return self._explain(error)

    def _with_body(self, key: str, error: Exception) -> Exception:
        """A HEAD has no body, so a refused one does not say why: ask again with a GET."""
        if not isinstance(error, (exceptions.PermissionDeniedError, exceptions.NotFoundError, FileNotFoundError)):
            return error
        try:
            self._store.get(key, options={"range": (0, 1)})
        except _FAILURES as detailed:
            return detailed
        return error

    def _explain(self, error: Exception, right: str = "s3:GetObject") -> OperatorError:  # noqa: PLR0911 - one line per kind of answer
        where, text, spec = self._where, str(error), self._settings.field
        if (
            "InvalidAccessKeyId" in text
            or "SignatureDoesNotMatch" in text
            or isinstance(error, exceptions.UnauthenticatedError)
        ):
            return Waiting(
                "SourceUnauthorized",
                f"{where}: the storage does not accept the access key or its secret. "
                f"Correct the Secret that {spec}.credentialsSecretRef names.",
            )
        if isinstance(error, exceptions.PermissionDeniedError):
            return Waiting(
                "SourceForbidden",
                f"{where}: the storage refuses access (403). Grant the key {right} on the bucket, "
                f"or name another Secret in {spec}.credentialsSecretRef.",
            )
        if "NoSuchBucket" in text:
            return Waiting("SourceNotFound", f"{where}: there is no such bucket. Correct {spec}.url or create it.")
        if isinstance(error, (exceptions.NotFoundError, FileNotFoundError)):
            return Waiting(
                "SourceNotFound",
                f"{where}: there is no such object. Upload the package or correct {spec}.url.",
            )
        if isinstance(error, exceptions.PreconditionError):
            return Transient("SourceChanged", f"{where}: the object was replaced while it was read; starting over.")
        if "certificate" in text.lower():
            return Waiting(
                "SourceUntrusted",
                f"{where}: the storage's certificate is not trusted. Give its authority in {spec}.caBundleRef.",
            )
        if "InvalidContentType" in text:  # rustls: what came is no TLS record
            return Waiting(
                "SourceUntrusted", f"{where}: the storage does not speak TLS. Use http:// in {spec}.endpoint."
            )
        return Transient(
            "SourceUnreachable",
            f"{where}: the storage does not answer as it should: {_cause(text)}. "
            f"Check {spec}.endpoint and the network.",
        )


class PinnedObject:
    """An object that is read as one immutable stream, however often the connection breaks (a `ByteSource`)."""

    def __init__(self, store: ObjectStore, info: ObjectInfo, cancel: CancelToken) -> None:
        self._store = store
        self._info = info
        self._cancel = cancel

    @property
    def size(self) -> int:
        """Bytes."""
        return self._info.size

    def read_from(self, offset: int) -> Iterator[memoryview]:
        """The bytes from `offset` to the end.

        Raises:
            Cancelled: the work was called off.
            OperatorError: the object cannot be read, or was replaced.
        """
        failures = 0
        while offset < self._info.size:
            self._cancel.check()
            try:
                for piece in self._store.stream(self._info, offset):
                    self._cancel.check()
                    failures = 0
                    offset += len(piece)
                    yield piece
                if offset >= self._info.size:
                    return
                error: Exception = ConnectionError(f"the storage ended the object at byte {offset}")
            except (exceptions.BaseError, OSError) as caught:
                error = caught
            explained = self._store.explain(error)
            failures += 1
            if failures > _RESUMES or not isinstance(explained, Transient) or explained.reason == "SourceChanged":
                raise explained
            self._cancel.sleep(backoff(failures - 1, first=0.5, longest=15))


def _cause(text: str) -> str:
    """The innermost cause in an error text of obstore: one line, then Rust's debug form of the whole chain."""
    quoted = _QUOTED.findall(text)
    first = text.split("\n", 1)[0].rpartition(" - ")[2]
    return shorten(quoted[-1] if quoted else first, 300).rstrip(": ")
