"""An OCI image layout (OCI Image Specification 1.1, image-layout.md), alone or as the `images/` of our own layout.

Names of images: containerd and newer docker put the full one into `io.containerd.image.name` and the tag alone into
`org.opencontainers.image.ref.name`; skopeo, buildah and we put it into the latter. Entries may nest. Entries without
a name that are about another image (`subject`) go into that image's repository, by digest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from violet_operator.errors import Stalled
from violet_operator.package.archive import Archive, Member
from violet_operator.package.documents import JsonObject, load_object, mapping, objects, text
from violet_operator.package.layouts import docker_archive
from violet_operator.package.layouts.base import Contents, Layout, shallowest
from violet_operator.package.limits import Limits
from violet_operator.package.model import Image
from violet_operator.package.oci import INDEXES, ImageReader, check_names, descriptors, media_type_of
from violet_operator.support.digests import Digest

REF_NAME = "org.opencontainers.image.ref.name"
FULL_NAME = "io.containerd.image.name"

_MARK = "oci-layout"
_INDEX = "index.json"


def _recognise(archive: Archive) -> str | None:
    root = shallowest(archive, _MARK)
    return root if root is not None and f"{root}{_INDEX}" in archive.members else None


def _contents(archive: Archive, root: str, limits: Limits) -> Contents:
    return Contents(images=tuple(OCILayout(archive, root, limits).images()))


LAYOUT = Layout(
    "an OCI image layout (oci-layout, index.json, blobs/) with an operator bundle or a chart", _recognise, _contents
)


class OCILayout:
    """The images of a layout at `root` (a path prefix ending in a slash, or nothing)."""

    def __init__(self, archive: Archive, root: str, limits: Limits | None = None) -> None:
        self._archive = archive
        self._root = root
        self._limits = limits or Limits()
        prefix = f"{root}blobs/sha256/"
        self._blobs: dict[Digest, Member] = {
            Digest(f"sha256:{name.removeprefix(prefix)}"): member
            for name, member in archive.members.items()
            if name.startswith(prefix)
        }
        self._reader = ImageReader(archive, self._blobs.get, self._limits)

    def images(self) -> list[Image]:
        """Every image that `index.json` names, then what is about them.

        Raises:
            Stalled: a document is not what it should be, or something named is missing or altered.
        """
        check_names(self._blobs)
        index = self._archive.members.get(f"{self._root}{_INDEX}")
        if index is None:
            raise Stalled("InvalidPackage", f"The package holds no {self._root}{_INDEX}: no OCI image layout there.")
        entries = list(self._entries(load_object(repr(index.name), self._archive.read(index)), index.name, 0))
        if not entries:
            raise Stalled("InvalidPackage", f"{index.name!r} of the package names no images.")
        subjects = [text(document, "subject", "digest") for _, _, document in entries]
        listed: dict[str, Image] = {}
        images: list[Image] = []
        for (descriptor, reference, document), subject in zip(entries, subjects, strict=True):
            referrers = self._reader.referrers(reference, document)
            if referrers is not None:
                listed |= {image.reference: image for image in referrers}
            elif reference or not subject:
                images.append(self._reader.image(descriptor, reference))
        about = [
            (Digest(subject), descriptor)
            for (descriptor, reference, _), subject in zip(entries, subjects, strict=True)
            if subject and not reference
        ]
        images = self._with_docker_names(images)
        return images + self._referrers(images, listed, about)

    def _entries(self, index: JsonObject, where: str, depth: int) -> Iterator[tuple[JsonObject, str, JsonObject]]:
        """Descriptor, name and document of each image; an index that has no name may hold named ones."""
        if depth > self._limits.depth:
            raise Stalled("InvalidPackage", f"{where!r} nests indexes deeper than {self._limits.depth} levels.")
        listed = descriptors(where, index, "manifests")
        if len(listed) > self._limits.images:
            raise Stalled("PackageTooLarge", f"{where!r} lists more than {self._limits.images} images.")
        for descriptor in listed:
            _, _, document = self._reader.document(descriptor, name_in(descriptor) or where)
            if (
                not name_in(descriptor)
                and media_type_of(document, descriptor) in INDEXES
                and self._names_inside(document, depth + 1)
            ):
                yield from self._entries(document, where, depth + 1)
            else:
                yield descriptor, name_in(descriptor), document

    def _names_inside(self, index: JsonObject, depth: int) -> bool:
        """Whether an index, or one within it, names images."""
        children = objects(index, "manifests")
        if any(name_in(child) for child in children):
            return True
        indexes = [child for child in children if child.get("mediaType") in INDEXES]
        return depth < self._limits.depth and any(
            self._names_inside(self._reader.document(child, "an index")[2], depth + 1) for child in indexes
        )

    def _with_docker_names(self, images: list[Image]) -> list[Image]:
        """Names from the `manifest.json` that docker writes beside, for images that have none here."""
        if all(image.reference for image in images):
            return images
        names = docker_archive.names(self._archive, self._root)
        return [
            named
            for image in images
            for named in (
                [image]
                if image.reference
                else [image.renamed(name) for blob in image.blobs for name in names.get(blob.member.name, ())]
                or [image]
            )
        ]

    def _referrers(
        self, images: list[Image], listed: dict[str, Image], about: list[tuple[Digest, JsonObject]]
    ) -> list[Image]:
        """Signatures and the like, each once per repository of its subject; chains of them too."""
        repositories: dict[Digest, set[str]] = defaultdict(set)
        for image in (*images, *listed.values()):
            for manifest in image.manifests if image.repository else ():
                repositories[manifest.digest].add(image.repository)
        found = dict(listed)
        for _ in range(self._limits.depth):  # a referrer of a referrer
            for subject, descriptor in about:
                for repository in sorted(repositories.get(subject, ())):
                    reference = f"{repository}@{descriptor.get('digest')}"
                    if reference not in found:
                        found[reference] = image = self._reader.image(descriptor, reference, subject)
                        repositories[image.digest].add(repository)
        return list(found.values())


def name_in(descriptor: JsonObject) -> str:
    """The name that a descriptor's annotations give an image; empty where they give none."""
    annotations = mapping(descriptor, "annotations")
    return text(annotations, FULL_NAME) or text(annotations, REF_NAME)
