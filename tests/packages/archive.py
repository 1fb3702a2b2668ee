"""Writing the package file: tar members from streams, through igzip and SHA-256, to disk."""

import hashlib
import io
import random
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from isal import isal_zlib

from tests.packages.oci import CHUNK, Blob

Compression = Literal["gzip", "none"]
Order = Literal["manifest-first", "blobs-first", "shuffled"]
Sidecar = Literal["sha256", "checksum"]

GZIP_WINDOW = 31  # 15 bits of window, plus 16: with gzip header and trailer (mtime 0)


@dataclass(frozen=True)
class Member:
    """One entry of the tar; ``chunks`` makes its content while it is written."""

    name: str
    size: int = 0
    chunks: Callable[[], Iterator[bytes]] = lambda: iter(())
    kind: bytes = tarfile.REGTYPE
    target: str = ""

    @property
    def info(self) -> tarfile.TarInfo:
        """The header: no time, no owner."""
        info = tarfile.TarInfo(self.name)
        info.type, info.size, info.linkname, info.mode = self.kind, self.size, self.target, 0o644
        return info


def file(name: str, content: bytes) -> Member:
    """A small regular file."""
    return Member(name, len(content), lambda: iter([content]))


def blob_file(name: str, blob: Blob) -> Member:
    """A blob as a file of the image layout."""
    return Member(name, blob.size, blob.chunks)


def ordered(members: list[Member], order: Order, seed: int) -> list[Member]:
    """The members as a packer may have written them: readers must not depend on any order."""
    if order == "blobs-first":
        return [m for m in members if "/blobs/" in m.name] + [m for m in members if "/blobs/" not in m.name]
    if order == "shuffled":
        return random.Random(seed).sample(members, len(members))
    return members


class Output:
    """A file that compresses and digests what is written to it."""

    def __init__(self, path: Path, compression: Compression) -> None:
        self._file = path.open("wb")
        self._gzip = isal_zlib.compressobj(1, wbits=GZIP_WINDOW) if compression == "gzip" else None
        self._sha256 = hashlib.sha256()
        self._position = 0

    def write(self, data: bytes) -> int:
        """Take bytes of the tar."""
        self._position += len(data)
        self._emit(self._gzip.compress(data) if self._gzip else data)
        return len(data)

    def tell(self) -> int:
        """Position in the uncompressed stream, which tarfile asks for."""
        return self._position

    def close(self) -> None:
        """Finish the stream."""
        self._emit(self._gzip.flush() if self._gzip else b"")
        self._file.close()

    @property
    def sha256(self) -> str:
        """Hex digest of the file."""
        return self._sha256.hexdigest()

    def _emit(self, data: bytes) -> None:
        self._sha256.update(data)
        self._file.write(data)


@contextmanager
def output(path: Path, compression: Compression) -> Iterator[Output]:
    """An ``Output`` that is closed at the end."""
    target = Output(path, compression)
    try:
        yield target
    finally:
        target.close()


def write_tar(target: Output, members: Iterable[Member]) -> None:
    """Write all members; the memory needed is one chunk."""
    with tarfile.open(fileobj=target, mode="w", copybufsize=CHUNK) as tar:  # type: ignore[call-overload]
        for member in members:
            tar.addfile(member.info, _Reader(member.chunks()) if member.size else None)


def write_sidecar(path: Path, sha256: str, sidecar: Sidecar) -> Path:
    """A side file in the format of ``sha256sum``."""
    side = path.with_name(f"{path.name}.{sidecar}")
    side.write_text(f"{sha256}  {path.name}\n")
    return side


class _Reader(io.RawIOBase):
    """Chunks as the file object that tarfile copies from."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        parts, missing = [], size
        while missing > 0:
            self._rest = self._rest or next(self._chunks, b"")
            if not self._rest:
                break
            part, self._rest = self._rest[:missing], self._rest[missing:]
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)
