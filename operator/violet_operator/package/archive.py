"""The first pass over a package: one read that hashes, inflates, lists and digests everything.

The compressed bytes are hashed in the thread that reads them, while a second thread inflates, walks the tar and
digests its members: hashlib and zlib release the GIL, so both cores work. Nothing is ever unpacked to disk.
Only regular files and directories are accepted, and only names that stay inside the archive; links of a docker-archive
are noted, for its layout to look up.
"""

from __future__ import annotations

import hashlib
import posixpath
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from violet_operator.errors import Stalled, Transient
from violet_operator.package.forward import ForwardReader
from violet_operator.package.inflate import GZIP_MAGIC, GzipIndex, PlainIndex
from violet_operator.package.limits import KIB, Limits
from violet_operator.package.pipe import piped
from violet_operator.package.source import Buffer, ByteSource
from violet_operator.package.tarwalk import APPLE_DOUBLE, VOLUME_LABEL, entries, is_header
from violet_operator.package.zstd import ZstdIndex, is_zstd
from violet_operator.support.digests import Digest, sha256_digest

SMALL = 256 * KIB
"""Members up to this size are kept in memory: manifests, configs, metadata."""


_ITSELF = "/"
"""Name of the whole object, and beginning of those of held documents: no member's name begins with a slash."""

LAYER_LINK = "/layer.tar"
"""End of the names of links in a docker-archive: from one image to the layer of another, and for old readers."""


@dataclass(frozen=True, slots=True)
class Member:
    """A regular file of the archive.

    Attributes:
        name: path inside the archive.
        offset: where its data starts in the plain tar.
        size: bytes.
        digest: of its data.
    """

    name: str
    offset: int
    size: int
    digest: Digest


class Archive:
    """A package that has been read once.

    Attributes:
        sha256: of the object as stored, hex.
        size: bytes of the object as stored.
        members: regular files by name.
        links: what the links of a docker-archive lead to, by name: a path from the top, or anything at all.
    """

    def __init__(self, source: ByteSource, limits: Limits) -> None:
        self._source = source
        self._limits = limits
        self._index: GzipIndex | ZstdIndex | PlainIndex = PlainIndex(source)
        self._kept: dict[str, bytes] = {}
        self._kept_size = 0
        self.sha256 = ""
        self.size = source.size
        self.members: dict[str, Member] = {}
        self.links: dict[str, str] = {}

    @classmethod
    def scan(
        cls,
        source: ByteSource,
        *,
        limits: Limits | None = None,
        on_bytes: Callable[[int], None] = lambda _: None,
        on_flaw: Callable[[str], None] | None = None,
    ) -> Archive:
        """Read the whole package once.

        Args:
            source: the package.
            limits: caps.
            on_bytes: told the number of bytes of each piece read; may raise to call the scan off.
            on_flaw: told the sha256 of what is no sound package, which is read to its end for that; may raise
                what counts more.

        Raises:
            Stalled: not a package, damaged, cut off, unsafe, or over the caps.
            OperatorError: the source cannot be read.
        """
        limits = limits or Limits()
        if source.size > limits.size:
            raise Stalled("PackageTooLarge", f"The package has {source.size} bytes; the cap is {limits.size}.")
        archive = cls(source, limits)
        digest = hashlib.sha256()

        def pieces() -> Iterator[Buffer]:
            for piece in source.read_from(0):
                on_bytes(len(piece))
                digest.update(piece)
                yield piece
            archive.sha256 = digest.hexdigest()

        try:
            piped(pieces(), archive._walk, to_end=on_flaw is not None)
        except Stalled:
            if on_flaw is not None and archive.sha256:  # or it was the source that failed
                on_flaw(archive.sha256)
            raise
        return archive

    def rebind(self, source: ByteSource) -> None:
        """Read from now on through another handle on the very same bytes."""
        self._source = source
        self._index.rebind(source)

    @property
    def itself(self) -> Member:
        """The object as it is stored, in the form of a member."""
        return Member(_ITSELF, 0, self.size, Digest(f"sha256:{self.sha256}"))

    def hold(self, name: str, data: bytes) -> Member:
        """Take in a small document that is made of the package, to be read like a member."""
        name = f"{_ITSELF}{name}"
        self._kept[name] = data
        return Member(name, 0, len(data), sha256_digest(data))

    def _walk(self, pieces: Iterator[Buffer]) -> None:
        first = _first_block(pieces)
        if first[:2] == GZIP_MAGIC:
            self._index = GzipIndex(self._source, self._limits)
        elif is_zstd(first):
            self._index = ZstdIndex(self._source, self._limits)
        elif not is_header(first[: tarfile.BLOCKSIZE]):
            what = "not a package: it is neither gzip nor zstd nor tar" if first else "empty"
            raise Stalled(
                "UnknownFormat",
                f"The object is {what}. Upload the real one; an upload that broke off, or an HTML error page saved "
                "under its name, is a common cause.",
            )
        reader = ForwardReader(self._index.first_pass(_chain(first, pieces)), self._limits.header)
        for entry in entries(reader, self._limits.header):
            self._take(entry, reader)
        reader.expect_end()

    def _take(self, entry: tarfile.TarInfo, reader: ForwardReader) -> None:
        if entry.type == VOLUME_LABEL:
            return
        name = self._safe_name(entry)
        if entry.isdir():
            return
        if (entry.issym() or entry.islnk()) and name.endswith(LAYER_LINK):
            folder = name.rpartition("/")[0] if entry.issym() else ""
            short = entry.linkname if len(entry.linkname) <= self._limits.name else ""
            target = posixpath.normpath(posixpath.join(folder, short))
            _check_once(name, same=self.links.setdefault(name, target) == target and name not in self.members)
            return
        if not entry.isreg() or entry.issparse():
            raise Stalled(
                "UnsafeArchive",
                f"The package holds {name!r}, which is a link, a device or another special file. Only plain files and "
                "directories are accepted; build the package anew without it.",
            )
        if name.rpartition("/")[2].startswith(APPLE_DOUBLE):
            return
        reader.seek(entry.offset_data)
        hasher = hashlib.sha256()
        kept: list[bytes] | None = self._keeps(entry.size)
        for piece in reader.take(entry.size):
            hasher.update(piece)
            if kept is not None:
                kept.append(bytes(piece))
        member = Member(name, entry.offset_data, entry.size, Digest(f"sha256:{hasher.hexdigest()}"))
        known = self.members.setdefault(name, member)
        _check_once(name, same=known.digest == member.digest and name not in self.links)
        if kept is not None:
            self._kept[name] = b"".join(kept)
            self._kept_size += entry.size

    def _keeps(self, size: int) -> list[bytes] | None:
        return [] if size <= SMALL and self._kept_size + size <= self._limits.kept else None

    def _safe_name(self, entry: tarfile.TarInfo) -> str:
        name = entry.name
        parts = name.split("/")
        if len(name) > self._limits.name or "\0" in name or "\\" in name or name.startswith("/") or ".." in parts:
            raise Stalled(
                "UnsafeArchive",
                f"The package holds a member named {name[:200]!r}, which leads out of the archive. "
                "Do not trust this package; get it again from its vendor.",
            )
        if len(self.members) + len(self.links) >= self._limits.members:
            raise Stalled("PackageTooLarge", f"The package holds more than {self._limits.members} files.")
        return "/".join(part for part in parts if part not in ("", "."))

    def open(self, member: Member) -> Iterator[Buffer]:
        """The bytes of a member; the last of them come only if all are those of the first pass, which was verified.

        Raises:
            Transient: they are not: the storage gives out something else now.
            OperatorError: as the source does.
        """
        hasher, held = hashlib.sha256(), b""
        for piece in self.stream(member):
            if held:
                yield held
            held = bytes(piece)
            hasher.update(held)
        if hasher.hexdigest() != member.digest.partition(":")[2]:
            raise Transient(
                "SourceChanged",
                f"The storage gave other bytes for {member.name!r} than when the package was verified. None of it is "
                "used; trying again. If it stays, do not trust that storage.",
            )
        if held:
            yield held

    def stream(self, member: Member, start: int = 0) -> Iterator[Buffer]:
        """The bytes of a member from `start` on, unchecked: for whoever checks their digest himself, as registries do.

        Reads only the part of the package that holds it.

        Raises:
            OperatorError: as the source does.
        """
        if member.name == _ITSELF:
            yield from self._source.read_from(start)
            return
        kept = self._kept.get(member.name)
        if kept is not None:
            if start < member.size:
                yield memoryview(kept)[start:]
            return
        if start < member.size:
            yield from self._index.read(member.offset + start, member.size - start)

    def read(self, member: Member) -> bytes:
        """A document of the archive, whole.

        Raises:
            Stalled: it is larger than a document may be.
            OperatorError: as the source does.
        """
        if member.size > self._limits.document:
            raise Stalled(
                "PackageTooLarge",
                f"{member.name!r} has {member.size} bytes; a document may have {self._limits.document}.",
            )
        return b"".join(bytes(piece) for piece in self.open(member))


def _check_once(name: str, *, same: bool) -> None:
    if not same:
        raise Stalled(
            "UnsafeArchive",
            f"The package holds {name!r} twice, with different content. Build the package anew.",
        )


def _first_block(pieces: Iterator[Buffer]) -> bytes:
    first = b""
    while len(first) < tarfile.BLOCKSIZE and (piece := next(pieces, None)) is not None:
        first += bytes(piece)
    return first


def _chain(first: Buffer, rest: Iterator[Buffer]) -> Iterator[Buffer]:
    yield first
    yield from rest
