"""Making packages of our layout from what people have: an OCI image layout, a bundle directory, or a Helm chart.

What the package is gets read from the content, by the code that reads packages; the caller may name what content
cannot tell.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from violet_operator.errors import Stalled
from violet_operator.package.archive import Archive
from violet_operator.package.chart import read_chart
from violet_operator.package.chart_directory import CHART_FILE, chart_archive
from violet_operator.package.classify import object_name
from violet_operator.package.documents import load_mapping, load_object, mapping
from violet_operator.package.limits import Limits
from violet_operator.package.manifest import API_VERSION, KIND
from violet_operator.package.model import Package
from violet_operator.package.oci import OCI_INDEX, OCI_MANIFEST, descriptors
from violet_operator.package.references import destination
from violet_operator.package.understand import understand
from violet_operator.package.virtual import Entry, VirtualTar, entry_of_bytes, entry_of_file
from violet_operator.support.digests import sha256_digest

OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
REF_NAME = "org.opencontainers.image.ref.name"

_LAYOUT = "index.json"
_IMAGES = "images/"
_INDEX = f"{_IMAGES}{_LAYOUT}"
_MARK = f"{_IMAGES}oci-layout"

_PARTS = ("blobs", _LAYOUT, "manifest.json", "oci-layout")
"""What belongs to a layout, with the names that docker writes beside; a package made there before does not."""

_ADVICE = re.compile(
    r"(?:[Gg]et|[Uu]pload) (?:the package|a corrected package|it)(?: again)?(?: from its vendor)?"
    r"(?:, or add a manifest\.yaml)?"
)

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
        artifact: full reference of the main image; needed for a bundle directory, free for a chart.
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
        path: an OCI image layout, a bundle directory (manifests/, metadata/), a chart directory or archive.
        images: an OCI image layout with further images, or None.
        wishes: what the packager says.

    Raises:
        Stalled: it is none of these, or lacks something; the message says what.
        OSError: a file cannot be read.
    """
    _check(wishes)
    try:
        content, found = _content(path, images, wishes)
        entries = _packed(content, found.name, _manifest(found, wishes.name or found.name, wishes), wishes)
        return understand(Archive.scan(VirtualTar(entries))), entries  # what readers will see, checked once
    except Stalled as error:
        raise error.told(_for_packager(error.message, f"{path} or {images}" if images else str(path))) from None


def _for_packager(message: str, where: str) -> str:
    """What a reader would say to whoever got the package, for whoever makes it."""
    advice = f"end what is in {where}, or copy it there again, and run the command again"
    return _ADVICE.sub(lambda match: f"{'M' if match[0][0].isupper() else 'm'}{advice}", message)


def _check(wishes: Wishes) -> None:
    if wishes.artifact:
        destination(wishes.artifact, "")
    if wishes.name and wishes.name != (usable := object_name(wishes.name)):
        raise Stalled(
            "InvalidPackage", f"--name {wishes.name!r} is no name of a Kubernetes object, as {usable!r} would be."
        )


def _packed(content: list[Entry], name: str, manifest: bytes, wishes: Wishes) -> list[Entry]:
    """Everything under the package's top folder, the manifest first."""
    top = wishes.name or name
    inside = [Entry(f"{top}/{entry.name}", entry.size, entry.open) for entry in content]
    return [entry_of_bytes(f"{top}/manifest.yaml", manifest), *inside]


def _content(path: Path, images: Path | None, wishes: Wishes) -> tuple[list[Entry], Package]:
    """Everything but the manifest, and what it says of itself."""
    if (path / _LAYOUT).is_file():
        if images:
            raise Stalled("UnknownLayout", f"{path} is an OCI image layout itself: put the images of --images into it.")
        content = _directory(path)
    elif (path / "manifests").is_dir() and (path / "metadata").is_dir():
        content = _with_image(_directory(images), _bundle_image(path), _needed(wishes.artifact))
    elif path.is_file() or (path / CHART_FILE).is_file():
        return _around_chart(path, _directory(images), wishes)
    else:
        raise Stalled(
            "UnknownLayout",
            f"{path} is nothing to make a package from: expected an OCI image layout (index.json), a bundle "
            "directory (manifests/ and metadata/), or a Helm chart (Chart.yaml, or an archive).",
        )
    bare = [Entry(entry.name.removeprefix(_IMAGES), entry.size, entry.open) for entry in content]
    return content, understand(Archive.scan(VirtualTar(bare)))


def _around_chart(path: Path, images: list[Entry], wishes: Wishes) -> tuple[list[Entry], Package]:
    """A chart, its images beside it."""
    packed = entry_of_file(path.name, path) if path.is_file() else entry_of_bytes(path.name, chart_archive(path))
    archive = Archive.scan(VirtualTar([packed]))
    chart = read_chart(archive, next(iter(archive.members.values())), Limits())
    content = [Entry(f"chart/{chart.name}-{chart.version}.tgz", packed.size, packed.open), *images]
    spec = {"type": "plugin" if chart.plugin else "chart", "version": chart.version}
    name = object_name(chart.name)
    entries = _packed(content, name, _document(name, spec), wishes)
    return content, understand(Archive.scan(VirtualTar(entries)))


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
    if not (path / _LAYOUT).is_file():
        raise Stalled("UnknownLayout", f"{path} is no OCI image layout: it has no {_LAYOUT}.")
    files = (file for part in _PARTS for file in _files(path / part))
    return [entry_of_file(f"{_IMAGES}{file.relative_to(path).as_posix()}", file) for file in files]


def _files(path: Path) -> Iterator[Path]:
    """The file at a path, or all below a folder. One that is a link is not left out in silence."""
    for file in (path, *sorted(path.rglob("*"))):
        if file.is_symlink():
            raise Stalled("InvalidPackage", f"{file} is a link, which is not followed: put the file itself there.")
        if file.is_file():
            yield file


@dataclass(frozen=True, slots=True)
class _NewImage:
    """A bundle image in memory: its descriptor and its blobs."""

    descriptor: JsonObject
    blobs: tuple[bytes, ...]


def _bundle_image(path: Path) -> _NewImage:
    """The image that `docker build` makes of a bundle directory (operator-registry, bundle format): one layer."""
    layer = _layer(path)
    file = path / "metadata" / "annotations.yaml"
    annotations = mapping(load_mapping(str(file), file.read_bytes()), "annotations")
    labels = {key: value for key, value in annotations.items() if isinstance(value, str)}
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
            for file in _files(path / folder):
                data = file.read_bytes()
                header = tarfile.TarInfo(file.relative_to(path).as_posix())
                header.size = len(data)
                tar.addfile(header, io.BytesIO(data))
    return gzip.compress(plain.getvalue(), mtime=0)


def _with_image(entries: list[Entry], image: _NewImage, reference: str) -> list[Entry]:
    """The layout's entries with one more image in its index."""
    kept = [entry for entry in entries if entry.name not in (_INDEX, _MARK)]
    old = next((entry for entry in entries if entry.name == _INDEX), None)
    index = load_object(old.name, b"".join(bytes(piece) for piece in old.open(0))) if old else {"manifests": []}
    named = image.descriptor | {"annotations": {REF_NAME: reference}}
    index |= {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [named, *descriptors(_INDEX, index, "manifests")],
    }
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
    """`manifest.yaml`: what was found, under what the packager says; of the related images those that are inside."""
    inside = (image.reference for image in package.images if not image.attached)
    artifact = wishes.artifact or package.artifact
    return _document(
        name,
        {
            "displayName": wishes.display_name or package.display_name,
            "type": package.type,
            "version": wishes.version or package.version,
            "platforms": list(package.architectures),
            "catalogSource": wishes.catalog_source or package.catalog_source,
            "lifecycle": wishes.lifecycle or package.lifecycle,
            "artifact": artifact,
            "relatedImages": [reference for reference in inside if reference != artifact],
        },
    )


def _document(name: str, spec: JsonObject) -> bytes:
    document = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name},
        "spec": {key: value for key, value in spec.items() if value},
    }
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True).encode()
