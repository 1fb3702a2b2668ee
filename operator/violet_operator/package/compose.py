"""Making packages of our layout from what people have: an OCI image layout, or a bundle directory.

What the package is gets read from the content, by the code that reads packages; the caller may name what content
cannot tell.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from violet_operator.errors import Stalled
from violet_operator.package.archive import Archive
from violet_operator.package.manifest import API_VERSION, KIND
from violet_operator.package.model import Package
from violet_operator.package.understand import understand
from violet_operator.package.virtual import Entry, VirtualTar, entry_of_bytes, entry_of_file
from violet_operator.support.digests import sha256_digest

OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
REF_NAME = "org.opencontainers.image.ref.name"

_IMAGES = "images/"
_INDEX = f"{_IMAGES}index.json"
_MARK = f"{_IMAGES}oci-layout"

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the packager says; None: as the content says.

    Attributes:
        name: name of the package.
        version: its version.
        display_name: name for people.
        lifecycle: core, aligned or agnostic.
        catalog_source: default catalog.
        artifact: full reference of the main image; needed for a bundle directory.
    """

    name: str | None = None
    version: str | None = None
    display_name: str | None = None
    lifecycle: str | None = None
    catalog_source: str | None = None
    artifact: str | None = None


def compose(path: Path, images: Path | None, wishes: Wishes) -> tuple[Package, list[Entry]]:
    """The entries of a package made from `path`, and what it is.

    Args:
        path: an OCI image layout, or a bundle directory (manifests/, metadata/).
        images: an OCI image layout with further images, or None.
        wishes: what the packager says.

    Raises:
        Stalled: it is none of these, or lacks something; the message says what.
    """
    content, found = _content(path, images, wishes)
    top = wishes.name or found.name
    entries = [Entry(f"{top}/{entry.name}", entry.size, entry.open) for entry in content]
    entries.insert(0, entry_of_bytes(f"{top}/manifest.yaml", _manifest(found, top, wishes)))
    return understand(Archive.scan(VirtualTar(entries))), entries  # what readers will see, checked once


def _content(path: Path, images: Path | None, wishes: Wishes) -> tuple[list[Entry], Package]:
    """Everything but the manifest, and what it says of itself."""
    if (path / "index.json").is_file():
        content = _directory(path)
    elif (path / "manifests").is_dir() and (path / "metadata").is_dir():
        content = _with_image(_directory(images), _bundle_image(path), _needed(wishes.artifact))
    else:
        raise Stalled(
            "UnknownLayout",
            f"{path} is nothing to make a package from: expected an OCI image layout (index.json), or a bundle "
            "directory (manifests/ and metadata/).",
        )
    bare = [Entry(entry.name.removeprefix(_IMAGES), entry.size, entry.open) for entry in content]
    return content, understand(Archive.scan(VirtualTar(bare)))


def _needed(artifact: str | None) -> str:
    if not artifact:
        raise Stalled(
            "InvalidPackage",
            "A bundle directory does not say what its image is called: give --artifact HOST/REPOSITORY:TAG.",
        )
    return artifact


def _directory(path: Path | None) -> list[Entry]:
    """The files of an OCI image layout, as entries of `images/`."""
    if path is None:
        return []
    files = sorted(file for file in path.rglob("*") if file.is_file() and not file.is_symlink())
    return [entry_of_file(f"{_IMAGES}{file.relative_to(path).as_posix()}", file) for file in files]


@dataclass(frozen=True, slots=True)
class _NewImage:
    """A bundle image in memory: its descriptor and its blobs."""

    descriptor: JsonObject
    blobs: tuple[bytes, ...]


def _bundle_image(path: Path) -> _NewImage:
    """The image that `docker build` makes of a bundle directory (operator-registry, bundle format): one layer."""
    layer = _layer(path)
    annotations = yaml.safe_load((path / "metadata" / "annotations.yaml").read_text(encoding="utf-8-sig"))
    labels = {str(key): str(value) for key, value in (annotations.get("annotations") or {}).items()}
    config = _json(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Labels": labels},
            "rootfs": {"type": "layers", "diff_ids": [sha256_digest(gzip.decompress(layer))]},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": _descriptor(OCI_CONFIG, config),
            "layers": [_descriptor(OCI_LAYER, layer)],
        }
    )
    return _NewImage(_descriptor(OCI_MANIFEST, manifest), (layer, config, manifest))


def _layer(path: Path) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for folder in ("manifests", "metadata"):
            for file in sorted((path / folder).iterdir()):
                data = file.read_bytes()
                header = tarfile.TarInfo(f"{folder}/{file.name}")
                header.size = len(data)
                tar.addfile(header, io.BytesIO(data))
    return gzip.compress(plain.getvalue(), mtime=0)


def _with_image(entries: list[Entry], image: _NewImage, reference: str) -> list[Entry]:
    """The layout's entries with one more image in its index."""
    kept = [entry for entry in entries if entry.name not in (_INDEX, _MARK)]
    old = next((entry for entry in entries if entry.name == _INDEX), None)
    index: JsonObject = json.loads(b"".join(bytes(piece) for piece in old.open(0))) if old else {"manifests": []}
    named = image.descriptor | {"annotations": {REF_NAME: reference}}
    index |= {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [named, *index["manifests"]]}
    known = {entry.name for entry in kept}
    blobs = [entry_of_bytes(f"{_IMAGES}blobs/sha256/{sha256_digest(data)[7:]}", data) for data in image.blobs]
    return [
        entry_of_bytes(_MARK, _json({"imageLayoutVersion": "1.0.0"})),
        entry_of_bytes(_INDEX, _json(index)),
        *(blob for blob in blobs if blob.name not in known),
        *kept,
    ]


def _descriptor(media_type: str, data: bytes) -> JsonObject:
    return {"mediaType": media_type, "digest": sha256_digest(data), "size": len(data)}


def _json(document: JsonObject) -> bytes:
    return json.dumps(document, indent=2).encode()


def _manifest(package: Package, name: str, wishes: Wishes) -> bytes:
    """`manifest.yaml`: what was found, under what the packager says."""
    spec = {
        "displayName": wishes.display_name or package.display_name,
        "type": package.type,
        "version": wishes.version or package.version,
        "platforms": list(package.architectures),
        "catalogSource": wishes.catalog_source or package.catalog_source,
        "lifecycle": wishes.lifecycle or package.lifecycle,
        "artifact": wishes.artifact or package.artifact,
        "relatedImages": list(package.related_images),
    }
    document = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name},
        "spec": {key: value for key, value in spec.items() if value},
    }
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True).encode()
