"""Packages in memory for tests of the reading: a byte source in small pieces, tars with odd members, OCI layouts."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
REFERENCE = "registry.example.com/acp/thing:v1"


@dataclass
class MemorySource:
    """A `ByteSource` over bytes; counts what was read of it."""

    data: bytes
    piece: int = 1 << 20
    given: int = field(default=0, init=False)

    @property
    def size(self) -> int:
        return len(self.data)

    def read_from(self, offset: int) -> Iterator[bytes]:
        for start in range(offset, len(self.data), self.piece):
            part = self.data[start : start + self.piece]
            self.given += len(part)
            yield part


def header(name: str, *, size: int = 0, kind: bytes = tarfile.REGTYPE, form: int = tarfile.USTAR_FORMAT) -> bytes:
    """One tar header."""
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    info.linkname = "target" if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
    return info.tobuf(form)


def padded(data: bytes) -> bytes:
    """Data as it lies in a tar."""
    return data + bytes(-len(data) % 512)


def member(name: str, data: bytes, form: int = tarfile.USTAR_FORMAT) -> bytes:
    """One file of a tar, header and data."""
    return header(name, size=len(data), form=form) + padded(data)


def pax(records: dict[str, str], kind: bytes = tarfile.XHDTYPE) -> bytes:
    """An extended header of POSIX pax, whatever it says."""
    lines = []
    for key, value in records.items():
        text = f" {key}={value}\n".encode()
        length = len(text) + len(str(len(text)))
        length = len(text) + len(str(length))
        lines.append(str(length).encode() + text)
    body = b"".join(lines)
    return header("pax", size=len(body), kind=kind) + padded(body)


END = bytes(1024)


def tar(*parts: bytes) -> bytes:
    """A tar of such parts with its end mark."""
    return b"".join(parts) + END


def tar_of(files: dict[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar made by `tarfile`, so by other code than the helpers here."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def gz(data: bytes) -> bytes:
    """The same bytes each time."""
    return gzip.compress(data, compresslevel=1, mtime=0)


class Layout:
    """An OCI image layout in the making: blobs by digest, and what `index.json` names."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.named: list[Any] = []

    def add(self, content: bytes | dict[str, Any], media_type: str = OCI_LAYER) -> dict[str, Any]:
        """A blob; gives back its descriptor."""
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        digest = hashlib.sha256(data).hexdigest()
        self.files[f"images/blobs/sha256/{digest}"] = data
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    def image(self, *layers: dict[str, Any], platform: str = "amd64", **changes: Any) -> dict[str, Any]:
        """An image manifest over layers; gives back its descriptor."""
        config = self.add({"os": "linux", "architecture": platform}, OCI_CONFIG)
        document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": list(layers)}
        return self.add(document | changes, OCI_MANIFEST)

    def index(self, *children: dict[str, Any], media_type: str = OCI_INDEX) -> dict[str, Any]:
        """An index over manifests; gives back its descriptor."""
        return self.add({"schemaVersion": 2, "mediaType": media_type, "manifests": list(children)}, media_type)

    def name(self, descriptor: dict[str, Any], reference: str = REFERENCE) -> None:
        """Let `index.json` name an image."""
        self.named.append(descriptor | {"annotations": {"org.opencontainers.image.ref.name": reference}})

    def tar(self, **more: bytes) -> bytes:
        """The layout as a tar."""
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": self.named}
        return tar_of({"images/index.json": json.dumps(index).encode(), **self.files, **more})
