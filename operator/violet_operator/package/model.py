"""What a package is, once read: the same for every layout."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from violet_operator.package.archive import Archive, Member
from violet_operator.support.digests import Digest

PackageType = Literal["bundle", "plugin", "chart"]


@dataclass(frozen=True, slots=True)
class Blob:
    """Content that a manifest names: a config or a layer.

    Attributes:
        digest: its name.
        size: bytes.
        member: where the package holds it.
    """

    digest: Digest
    size: int
    member: Member


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest or an index, byte for byte as packed.

    Attributes:
        digest: of `raw`.
        media_type: as its descriptor or the document itself says.
        raw: the document.
    """

    digest: Digest
    media_type: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Image:
    """An image of the package.

    Attributes:
        reference: HOST/REPOSITORY:TAG as the packager named it.
        digest: of its top manifest or index.
        manifests: children first, the top one last: the order in which a registry takes them.
        blobs: every config and layer, once.
        platforms: os/arch[/variant] of each image manifest that names one.
        labels: of the config, where the image has exactly one (an operator bundle does).
    """

    reference: str
    digest: Digest
    manifests: tuple[Manifest, ...]
    blobs: tuple[Blob, ...]
    platforms: tuple[str, ...]
    labels: dict[str, str]


@dataclass(frozen=True, slots=True)
class Package:
    """A package and what it holds.

    Attributes:
        name: name of the package; also that of the Artifact.
        display_name: name for people.
        type: bundle, plugin or chart.
        version: as the packager says.
        lifecycle: core, aligned or agnostic.
        catalog_source: the packager's default catalog.
        artifact: reference of the main image.
        related_images: references of the others.
        images: what is inside, the main image first.
    """

    name: str
    display_name: str
    type: PackageType
    version: str
    lifecycle: str
    catalog_source: str | None
    artifact: str
    related_images: tuple[str, ...]
    images: tuple[Image, ...]

    @property
    def architectures(self) -> list[str]:
        """Platforms of all images, each once."""
        return sorted({platform for image in self.images for platform in image.platforms})

    def main_image(self) -> Image:
        """The image that `artifact` names."""
        return next(image for image in self.images if image.reference == self.artifact)

    def blobs(self) -> Iterator[Blob]:
        """Every blob, once."""
        seen: set[Digest] = set()
        for image in self.images:
            for blob in image.blobs:
                if blob.digest not in seen:
                    seen.add(blob.digest)
                    yield blob


@dataclass(frozen=True, slots=True)
class Opened:
    """A package that has been read once, with the archive to read its blobs from."""

    archive: Archive
    package: Package
