"""An OCI image layout inside a package: from `index.json` to images, every digest and size checked.

OCI Image Specification 1.1, image-layout.md, manifest.md, image-index.md; Docker's media types are read alike
(schema 2 only). Documents are kept byte for byte: a digest and its signatures must survive the journey.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from violet_operator.errors import Stalled
from violet_operator.package.archive import Archive, Member
from violet_operator.package.limits import Limits
from violet_operator.package.model import Blob, Image, Manifest
from violet_operator.support.digests import Digest, parse_digest

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
REF_NAME = "org.opencontainers.image.ref.name"

INDEXES = (OCI_INDEX, DOCKER_LIST)
_MANIFESTS = (OCI_MANIFEST, DOCKER_MANIFEST)

JsonObject = dict[str, Any]


@dataclass(slots=True)
class _Tree:
    """What one image consists of, while it is walked."""

    manifests: dict[Digest, Manifest] = field(default_factory=dict)
    blobs: dict[Digest, Blob] = field(default_factory=dict)
    platforms: list[str] = field(default_factory=list)
    configs: list[JsonObject] = field(default_factory=list)


class OCILayout:
    """An OCI image layout at `root` (a path prefix ending in a slash, or nothing) of an archive."""

    def __init__(self, archive: Archive, root: str, limits: Limits | None = None) -> None:
        self._archive = archive
        self._root = root
        self._limits = limits or Limits()

    def images(self) -> list[Image]:
        """Every image that `index.json` names.

        Raises:
            Stalled: a document is not what it should be, or something named is missing or altered.
        """
        self._check_blob_names()
        index = self._archive.members.get(f"{self._root}index.json")
        if index is None:
            raise Stalled("InvalidPackage", f"The package holds no {self._root}index.json: no OCI image layout there.")
        document = _json(index.name, self._archive.read(index))
        images = [self._image(descriptor) for descriptor in _objects(index.name, document, "manifests")]
        if not images:
            raise Stalled("InvalidPackage", f"{index.name!r} of the package names no images.")
        return images

    def _check_blob_names(self) -> None:
        prefix = f"{self._root}blobs/sha256/"
        for name, member in self._archive.members.items():
            if name.startswith(prefix) and f"sha256:{name.removeprefix(prefix)}" != member.digest:
                raise Stalled(
                    "DigestMismatch",
                    f"{name!r} of the package is not what its name says: its content has the digest {member.digest}. "
                    "The package was altered or damaged; get it again from its vendor.",
                )

    def _image(self, descriptor: JsonObject) -> Image:
        annotations = descriptor.get("annotations")
        reference = annotations.get(REF_NAME) if isinstance(annotations, dict) else None
        if not isinstance(reference, str) or not reference:
            raise Stalled(
                "InvalidPackage",
                f"An image in {self._root}index.json of the package has no annotation {REF_NAME!r} with its full name.",
            )
        tree = _Tree()
        self._walk(descriptor, tree, reference, 0)
        config = tree.configs[0].get("config") if len(tree.configs) == 1 else None
        labels = (config or {}).get("Labels") if isinstance(config, dict) else None
        return Image(
            reference=reference,
            digest=parse_digest(descriptor["digest"]),
            manifests=tuple(tree.manifests.values()),
            blobs=tuple(tree.blobs.values()),
            platforms=tuple(dict.fromkeys(tree.platforms)),
            labels={str(key): str(value) for key, value in labels.items()} if isinstance(labels, dict) else {},
        )

    def _walk(self, descriptor: JsonObject, tree: _Tree, reference: str, depth: int) -> None:
        if depth > self._limits.depth:
            raise Stalled("InvalidPackage", f"Image {reference} nests indexes deeper than {self._limits.depth} levels.")
        member = self._member(descriptor, reference)
        if member.digest in tree.manifests:  # or few indexes that name each other often take for ever
            return
        raw = self._archive.read(member)
        document = _json(f"the manifest of {reference}", raw)
        media_type = document.get("mediaType") or descriptor.get("mediaType")
        if media_type in INDEXES:
            for child in _objects(reference, document, "manifests"):
                self._walk(child, tree, reference, depth + 1)
        elif media_type in _MANIFESTS:
            self._leaf(document, tree, reference)
        else:
            raise Stalled(
                "InvalidPackage",
                f"Image {reference} has a manifest of media type {str(media_type)[:100]!r}, which is not supported.",
            )
        tree.manifests[member.digest] = Manifest(member.digest, str(media_type), raw)

    def _leaf(self, document: JsonObject, tree: _Tree, reference: str) -> None:
        config = document.get("config")
        if not isinstance(config, dict):
            raise Stalled("InvalidPackage", f"Image {reference} has a manifest without a config.")
        for descriptor in (config, *_objects(reference, document, "layers")):
            if descriptor.get("urls") and self._find(descriptor) is None:
                continue  # a foreign layer that was not packed: clients fetch it from its own address
            member = self._member(descriptor, reference)
            tree.blobs[member.digest] = Blob(member.digest, member.size, member)
        if str(config.get("mediaType", "")).endswith(("image.config.v1+json", "container.image.v1+json")):
            parsed = _json(f"the config of {reference}", self._archive.read(self._member(config, reference)))
            tree.configs.append(parsed)
            tree.platforms.extend(_platform(parsed))

    def _member(self, descriptor: JsonObject, reference: str) -> Member:
        try:
            digest = parse_digest(descriptor.get("digest"))
        except ValueError as error:
            raise Stalled("InvalidPackage", f"Image {reference} has a descriptor with a bad digest: {error}.") from None
        member = self._find(descriptor)
        if member is None:
            raise Stalled(
                "IncompletePackage",
                f"The package holds no blob {digest}, which image {reference} needs. "
                "It was made or copied incompletely; get it again from its vendor.",
            )
        if descriptor.get("size") != member.size:
            raise Stalled(
                "DigestMismatch",
                f"Image {reference} says that blob {digest} has {descriptor.get('size')} bytes; it has {member.size}.",
            )
        return member

    def _find(self, descriptor: JsonObject) -> Member | None:
        digest = str(descriptor.get("digest"))
        return self._archive.members.get(f"{self._root}blobs/sha256/{digest.removeprefix('sha256:')}")


def _platform(config: JsonObject) -> list[str]:
    parts = [config.get(key) for key in ("os", "architecture", "variant")]
    if not all(isinstance(part, str) and part for part in parts[:2]):
        return []
    return ["/".join(str(part) for part in parts if part)]


def _json(name: str, data: bytes) -> JsonObject:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Stalled("InvalidPackage", f"{name} in the package is not JSON ({error}).") from None
    if not isinstance(document, dict):
        raise Stalled("InvalidPackage", f"{name} in the package is not a JSON object.")
    return document


def _objects(name: str, document: JsonObject, key: str) -> list[JsonObject]:
    items = document.get(key)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Stalled("InvalidPackage", f"{name} in the package has no list {key!r} of descriptors.")
    return items
