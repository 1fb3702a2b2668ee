"""From description to file: the one function that tests and demo call."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.packages import content, oci
from tests.packages.archive import (
    Compression,
    Member,
    Order,
    Sidecar,
    blob_file,
    file,
    ordered,
    output,
    write_sidecar,
    write_tar,
)
from tests.packages.defects import Defect, change_members, damage_file, instead_of_tar
from tests.packages.spec import Bundle, Chart, Package


@dataclass(frozen=True)
class Built:
    """A package on disk and everything a test wants to find in the registry afterwards."""

    path: Path
    sha256: str
    size: int
    artifact: str
    images: tuple[oci.BuiltImage, ...]
    sidecar: Path | None


def build(
    spec: Package,
    path: Path,
    *,
    compression: Compression = "gzip",
    defect: Defect | None = None,
    top: str | None = None,
    sidecar: Sidecar | None = "sha256",
    order: Order = "manifest-first",
) -> Built:
    """Write the package (and its side file) to ``path``; ``top`` is its top folder, by default its name.

    ``sha256`` and ``size`` of the result are those of the file as it lies there, damaged or not.
    """
    store = oci.Store()
    images = _images(spec, store)
    folder = f"{top or spec.name}/"
    members = ordered(list(_members(spec, folder, store, images)), order, spec.seed)
    members = change_members(defect, spec, members, _blob_name(folder, _victim(images)))
    strange = instead_of_tar(defect, spec.seed)
    with output(path, "none" if defect == "not-gzip" else compression) as target:
        if strange:
            for chunk in strange:
                target.write(chunk)
        else:
            write_tar(target, members)
    sha256 = _file_sha256(path) if damage_file(defect, path) else target.sha256
    stated = hashlib.sha256(sha256.encode()).hexdigest() if defect == "wrong-checksum" else sha256
    side = write_sidecar(path, stated, sidecar) if sidecar else None
    return Built(path, sha256, path.stat().st_size, spec.artifact, images, side)


def _images(spec: Package, store: oci.Store) -> tuple[oci.BuiltImage, ...]:
    references = zip(spec.related, spec.related_references, strict=True)
    related = [oci.related_image(store, i, ref, spec.seed, spec.shared_layers) for i, ref in references]
    if not isinstance(spec, Bundle):
        return tuple(related)
    files, labels = content.bundle_files(spec), content.bundle_labels(spec)
    return (oci.bundle_image(store, spec.artifact, files, labels), *related)


def _members(spec: Package, folder: str, store: oci.Store, images: tuple[oci.BuiltImage, ...]) -> Iterator[Member]:
    yield file(f"{folder}manifest.yaml", content.package_manifest(spec))
    if isinstance(spec, Chart):
        archive, _ = oci.tar_gz(content.chart_files(spec))
        yield file(f"{folder}chart/{spec.name}-{spec.version}.tgz", archive)
    if not images:
        return
    yield file(f"{folder}images/oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
    entries = [
        store.blobs[image.digest].descriptor | {"annotations": {"org.opencontainers.image.ref.name": image.ref}}
        for image in images
    ]
    index = {"schemaVersion": 2, "mediaType": oci.INDEX, "manifests": entries}
    yield file(f"{folder}images/index.json", oci.unusual_json(index))
    for digest, blob in store.blobs.items():
        yield blob_file(_blob_name(folder, digest), blob)


def _blob_name(folder: str, digest: str) -> str:
    return f"{folder}images/blobs/{digest.replace(':', '/')}"


def _victim(images: tuple[oci.BuiltImage, ...]) -> str:
    """The blob that defects hit: a layer, of a related image if there is one."""
    return images[-1].blobs[-1] if images else ""


def _file_sha256(path: Path) -> str:
    with path.open("rb") as package:
        return hashlib.file_digest(package, "sha256").hexdigest()
