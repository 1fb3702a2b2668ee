"""OCI images without a container engine: blobs that are made when they are written, never held in memory.

Layers are real tar archives with one file of incompressible bytes. They are not gzipped, which OCI allows, so
that a layer of gigabytes costs one pass of AES and one of SHA-256.
"""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.packages.spec import Image

CHUNK = 1 << 20
EPOCH = "1970-01-01T00:00:00Z"
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


@dataclass(frozen=True)
class Blob:
    """Content known by its digest; ``chunks`` makes the bytes anew each time."""

    media_type: str
    digest: str
    size: int
    chunks: Callable[[], Iterator[bytes]]

    @property
    def descriptor(self) -> dict[str, Any]:
        """How a manifest names this blob."""
        return {"size": self.size, "digest": self.digest, "mediaType": self.media_type}


@dataclass(frozen=True)
class BuiltImage:
    """An image as packed: ``manifests`` has the bytes by digest, children first and ``digest`` last."""

    ref: str
    digest: str
    manifests: dict[str, bytes]
    blobs: tuple[str, ...]


@dataclass
class Store:
    """The blobs of one package by digest, in the order met; equal content is kept once, as in a registry."""

    blobs: dict[str, Blob] = field(default_factory=dict)

    def add(self, blob: Blob) -> Blob:
        """Remember a blob and give it back."""
        return self.blobs.setdefault(blob.digest, blob)


def small(media_type: str, content: bytes) -> Blob:
    """A blob that fits in memory."""
    return Blob(media_type, digest_of([content]), len(content), lambda: iter([content]))


def digest_of(chunks: Iterable[bytes]) -> str:
    """The OCI digest of a stream."""
    sha256 = hashlib.sha256()
    for chunk in chunks:
        sha256.update(chunk)
    return f"sha256:{sha256.hexdigest()}"


def random_chunks(key: str, size: int) -> Iterator[bytes]:
    """Incompressible bytes that depend on the key alone (AES in counter mode, 1 GB/s)."""
    secret = hashlib.sha256(key.encode()).digest()
    stream = Cipher(algorithms.AES(secret[:16]), modes.CTR(secret[16:])).encryptor()
    zeros = bytes(CHUNK)
    while size > 0:
        yield stream.update(zeros[: min(size, CHUNK)])
        size -= CHUNK


def random_layer(key: str, size: int) -> Blob:
    """A layer with one file of ``size`` incompressible bytes."""
    info = tarfile.TarInfo("opt/data.bin")
    info.size, info.mode = size, 0o644
    header = info.tobuf(tarfile.PAX_FORMAT)
    end = bytes(-size % tarfile.BLOCKSIZE + 2 * tarfile.BLOCKSIZE)

    def chunks() -> Iterator[bytes]:
        yield header
        yield from random_chunks(key, size)
        yield end

    return Blob(LAYER, digest_of(chunks()), len(header) + size + len(end), chunks)


def tar_gz(files: dict[str, bytes]) -> tuple[bytes, str]:
    """A gzipped tar of small files, and the digest of the tar inside it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o644
            tar.addfile(info, io.BytesIO(content))
    return gzip.compress(buffer.getvalue(), mtime=0), digest_of([buffer.getvalue()])


def bundle_image(store: Store, ref: str, files: dict[str, bytes], labels: dict[str, str]) -> BuiltImage:
    """An OLM bundle image: one gzipped layer, and the labels in its config."""
    content, diff_id = tar_gz(files)
    layer = store.add(small(f"{LAYER}+gzip", content))
    config = _config("linux/amd64", [diff_id], {"Labels": labels})
    manifest, blobs = _manifest(store, config, [layer])
    return BuiltImage(ref, manifest.digest, {manifest.digest: _bytes(manifest)}, blobs)


def related_image(store: Store, image: Image, ref: str, seed: int, shared: int) -> BuiltImage:
    """A related image with random layers, whose first ``shared`` are those of every image of this seed."""
    manifests: dict[str, bytes] = {}
    blobs: list[str] = []
    descriptors = []
    packed = image.platforms if image.packed is None else image.packed
    for platform in image.platforms:
        owner = f"{seed}/{ref}/{platform}"
        keys = [f"{seed}/base/{n}" if n < shared else f"{owner}/{n}" for n in range(image.layers)]
        target = store if platform in packed else Store()
        layers = [target.add(random_layer(key, image.layer_size)) for key in keys]
        manifest, names = _manifest(target, _config(platform, [b.digest for b in layers], {}), layers)
        descriptors.append(manifest.descriptor | {"platform": platform_of(platform)})
        if platform in packed:
            manifests[manifest.digest] = _bytes(manifest)
            blobs += names
    digest = descriptors[0]["digest"]
    if len(descriptors) > 1:
        index = {"manifests": descriptors, "mediaType": INDEX, "schemaVersion": 2}
        blob = store.add(small(INDEX, unusual_json(index)))
        digest, manifests[blob.digest] = blob.digest, _bytes(blob)
    return BuiltImage(ref, digest, manifests, tuple(dict.fromkeys(blobs)))


def platform_of(name: str) -> dict[str, str]:
    """``linux/arm/v7`` as the object that OCI uses."""
    return dict(zip(("os", "architecture", "variant"), name.split("/"), strict=False))


def unusual_json(document: Any) -> bytes:
    """Valid JSON that no library writes by default, so that a re-serialised manifest changes its digest."""
    return (json.dumps(document, indent=3, separators=(" ,", " : ")) + "\n").encode()


def _config(platform: str, diff_ids: list[str], runtime: dict[str, Any]) -> bytes:
    rootfs = {"type": "layers", "diff_ids": diff_ids}
    return unusual_json(
        {"created": EPOCH, "config": runtime, "rootfs": rootfs} | platform_of(platform),
    )


def _manifest(store: Store, config: bytes, layers: list[Blob]) -> tuple[Blob, tuple[str, ...]]:
    config_blob = store.add(small(CONFIG, config))
    document = {
        "layers": [layer.descriptor for layer in layers],
        "config": config_blob.descriptor,
        "mediaType": MANIFEST,
        "schemaVersion": 2,
    }
    names = (config_blob.digest, *(layer.digest for layer in layers))
    return store.add(small(MANIFEST, unusual_json(document))), tuple(dict.fromkeys(names))


def _bytes(blob: Blob) -> bytes:
    return b"".join(blob.chunks())
