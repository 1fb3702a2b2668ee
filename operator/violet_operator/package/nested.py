"""Small files out of an archive inside the archive: a Helm chart, a layer of a bundle image."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from violet_operator.errors import Stalled
from violet_operator.package.archive import Member
from violet_operator.package.forward import ForwardReader
from violet_operator.package.inflate import GZIP_MAGIC, Inflater, slices
from violet_operator.package.limits import Limits
from violet_operator.package.source import Buffer
from violet_operator.package.tarwalk import APPLE_DOUBLE, entries
from violet_operator.package.zstd import ZstdDecoder, is_zstd

_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
"""Prefix of a file that says that a lower layer's file or folder is gone, and the one that says it of all that is
beside it (OCI image specification 1.1, layer.md)."""


class Opener(Protocol):
    """Whatever holds the outer archive: a package, or a registry."""

    def open(self, member: Member) -> Iterator[Buffer]:
        """The bytes of a member."""
        ...


@dataclass(slots=True)
class Budget:
    """What archives that belong together may still cost.

    Attributes:
        unpacked: bytes.
        kept: bytes of wanted files.
    """

    unpacked: int
    kept: int

    @classmethod
    def of(cls, limits: Limits) -> Budget:
        """For a chart, or all layers of an image."""
        return cls(limits.nested, limits.documents)


def files_in(
    archive: Opener, member: Member, wanted: Callable[[str, int], bool], limits: Limits, budget: Budget | None = None
) -> dict[str, bytes | None]:
    """The wanted files of a tar, plain or compressed; None for a file or folder of lower layers that it removes.

    Links and special files are passed over: an image layer may hold them, and nothing here is unpacked.

    Args:
        archive: what holds it.
        member: the inner archive.
        wanted: says by path, without leading "./", and size whether a file is wanted.
        limits: caps.
        budget: shared with other archives; None: this one has its own.

    Raises:
        Stalled: it is damaged, not a tar, or beyond the caps.
        OperatorError: the package cannot be read.
    """
    what = f"{member.name!r} in the package"
    budget = budget or Budget.of(limits)
    reader = ForwardReader(_capped(plain_bytes(archive, member), what, limits, budget), limits.header)
    found: dict[str, bytes | None] = {}
    if reader.ended:  # a layer of nothing
        return found
    for count, entry in enumerate(entries(reader, limits.header, what)):
        if count >= limits.nested_members:
            raise Stalled("PackageTooLarge", f"{what} holds more than {limits.nested_members} files.")
        path = "/".join(part for part in entry.name.split("/") if part not in ("", "."))
        folder, _, name = path.rpartition("/")
        if name.startswith(_WHITEOUT):
            removed = "" if name == _OPAQUE else name.removeprefix(_WHITEOUT)
            found.setdefault("/".join(filter(None, (folder, removed))), None)
        elif entry.isreg() and not entry.issparse() and not name.startswith(APPLE_DOUBLE) and wanted(path, entry.size):
            if entry.size > limits.document:
                raise Stalled(
                    "PackageTooLarge",
                    f"{path!r} of {what} has {entry.size} bytes; a document may have {limits.document}.",
                )
            budget.kept -= entry.size
            if budget.kept < 0:
                raise Stalled("PackageTooLarge", f"{what} holds more than {limits.documents} bytes of metadata.")
            reader.seek(entry.offset_data)
            found[path] = b"".join(bytes(piece) for piece in reader.take(entry.size))
    reader.drain()
    return found


def plain_bytes(archive: Opener, member: Member) -> Iterator[Buffer]:
    """A member's bytes, decompressed if they are gzip or zstd.

    Raises:
        Stalled: they are damaged.
        OperatorError: the package cannot be read.
    """
    decoder: Inflater | ZstdDecoder | None = None
    for number, piece in enumerate(archive.open(member)):
        if number == 0:
            head = bytes(piece[:4])
            decoder = Inflater() if head[:2] == GZIP_MAGIC else ZstdDecoder() if is_zstd(head) else None
        if decoder is None:
            yield piece
            continue
        for part in slices(piece):
            yield from decoder.feed(part)
    if decoder is not None:
        decoder.finish()


def _capped(pieces: Iterator[Buffer], what: str, limits: Limits, budget: Budget) -> Iterator[Buffer]:
    for piece in pieces:
        budget.unpacked -= len(piece)
        if budget.unpacked < 0:
            raise Stalled("PackageTooLarge", f"{what} unpacks to more than {limits.nested} bytes.")
        yield piece
