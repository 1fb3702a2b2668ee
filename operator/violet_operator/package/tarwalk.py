"""The entries of a tar, whatever its writer did: one place that turns tarfile's failures into ours."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import IO, cast

from violet_operator.errors import Stalled
from violet_operator.package.forward import ForwardReader

APPLE_DOUBLE = "._"
"""Begins the names of files that macOS puts beside each file, with its attributes; they belong to no package."""

VOLUME_LABEL = b"V"
"""Type of the entry that GNU tar writes for `--label`."""


def entries(reader: ForwardReader, longest_header: int, what: str = "The package") -> Iterator[tarfile.TarInfo]:
    """Every entry, in order; the reader stands before its data.

    Args:
        reader: the plain tar.
        longest_header: bytes that the global headers may have together.
        what: its name, as the subject of a message.

    Raises:
        Stalled: it is not a tar, or damaged.
    """
    try:
        with tarfile.open(fileobj=cast("IO[bytes]", reader), mode="r:", errorlevel=0) as tar:
            for entry in tar:
                tar.members.clear()  # type: ignore[attr-defined]  # or tarfile remembers every entry
                if entry.size < 0 or sum(len(value) for value in tar.pax_headers.values()) > longest_header:
                    raise Stalled(
                        "UnsafeArchive",
                        f"{what} holds a tar header before {entry.name[:200]!r} that no honest archive has. "
                        "Do not trust it.",
                    )
                yield entry
    except (tarfile.TarError, ValueError, OverflowError, RecursionError) as error:  # tarfile trusts numbers and nesting
        raise Stalled("NotATar", f"{what} holds no readable tar archive ({error}). Upload the package again.") from None


def is_header(block: bytes) -> bool:
    """Whether a block of 512 bytes is the header of a tar entry: its checksum fits (POSIX, GNU and old v7 alike)."""
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError, OverflowError):
        return False
    return True
