"""Images inside a package: from a top manifest down to every blob, each digest and size checked.

OCI Image Specification 1.1, manifest.md and image-index.md; Docker's media types are read alike (schema 2 only).
Documents are kept byte for byte: a digest and its signatures must survive the journey. Whatever an index lists is
carried, build attestations too.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from violet_operator.errors import Stalled
from violet_operator.package.archive import Archive, Member
from violet_operator.package.documents import JsonObject, load_object, mapping, text
from violet_operator.package.limits import Limits
from violet_operator.package.model import Blob, Image, Manifest
from violet_operator.package.platforms import platform_of
from violet_operator.support.digests import Digest, parse_digest

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"

INDEXES = (OCI_INDEX, DOCKER_LIST)
MANIFESTS = (OCI_MANIFEST, DOCKER_MANIFEST)

_LIST = re.compile(r"(?P<repository>.+):sha256-(?P<hex>[0-9a-f]{64})")
"""Name of a list of referrers (OCI distribution specification 1.1, referrers tag schema)."""

_CONFIGS = ("image.config.v1+json", "container.image.v1+json")

Find = Callable[[Digest], Member | None]
"""Where the package holds a blob."""


@dataclass(slots=True)
class _Tree:
    """What one image consists of, while it is walked."""

    name: str
    manifests: dict[Digest, Manifest] = field(default_factory=dict)
    blobs: dict[Digest, Blob] = field(default_factory=dict)
    platforms: list[str] = field(default_factory=list)
    labels: list[dict[str, str]] = field(default_factory=list)


class ImageReader:
    """Reads images whose blobs `find` finds."""

    def __init__(self, archive: Archive, find: Find, limits: Limits) -> None:
        self._archive = archive
        self._find = find
        self._limits = limits
        self._bytes = 0

    def image(self, descriptor: JsonObject, reference: str, subject: Digest | None = None) -> Image:
        """The image that a descriptor names.

        Args:
            descriptor: of its top manifest or index.
            reference: its full name; empty: the package gives none.
            subject: what it is about, for a signature or another referrer.

        Raises:
            Stalled: a document is not what it should be, or something named is missing or altered.
        """
        tree = _Tree(reference or str(descriptor.get("digest"))[:80])
        self._walk(descriptor, tree, 0)
        labels = tree.labels[0].items() if tree.labels else ()
        return Image(
            reference=reference,
            digest=parse_digest(descriptor["digest"]),
            manifests=tuple(tree.manifests.values()),
            blobs=tuple(tree.blobs.values()),
            platforms=tuple(dict.fromkeys(tree.platforms)),
            labels={key: value for key, value in labels if all(other.get(key) == value for other in tree.labels)},
            subject=subject,
        )

    def referrers(self, reference: str, document: JsonObject) -> list[Image] | None:
        """What a list of referrers names, each by its digest; None: this is an image like any other.

        Registries with a referrers API need no such tag, and others may have entries of their own under it.

        Raises:
            Stalled: as `image`.
        """
        match = _LIST.fullmatch(reference)
        if not match or "manifests" not in document:
            return None
        subject = Digest(f"sha256:{match['hex']}")
        listed = descriptors(reference, document, "manifests")
        if any(text(self.document(entry, reference)[2], "subject", "digest") != subject for entry in listed):
            return None
        return [self.image(entry, f"{match['repository']}@{entry['digest']}", subject) for entry in listed]

    def document(self, descriptor: JsonObject, name: str) -> tuple[Member, bytes, JsonObject]:
        """The manifest or index that a descriptor names.

        Raises:
            Stalled: it is not inside, or no such document.
        """
        member = self._member(descriptor, name)
        raw = self._read(member)
        return member, raw, load_object(f"the manifest of {name}", raw)

    def _walk(self, descriptor: JsonObject, tree: _Tree, depth: int) -> None:
        name = tree.name
        if depth > self._limits.depth:
            raise Stalled("InvalidPackage", f"Image {name} nests indexes deeper than {self._limits.depth} levels.")
        member, raw, document = self.document(descriptor, name)
        if member.digest in tree.manifests:  # or few indexes that name each other often take for ever
            return
        media_type, platform = media_type_of(document, descriptor), None
        if media_type in INDEXES:
            for child in descriptors(name, document, "manifests"):
                self._walk(child, tree, depth + 1)
        elif media_type in MANIFESTS:
            platform = self._leaf(document, tree)
        else:
            raise Stalled(
                "InvalidPackage",
                f"Image {name} has a manifest of media type {str(media_type)[:100]!r}, which is not supported. "
                "Expected an OCI manifest or index, or Docker's of schema 2; copy the image with a newer tool.",
            )
        tree.manifests[member.digest] = Manifest(member.digest, str(media_type), raw, platform)

    def _leaf(self, document: JsonObject, tree: _Tree) -> str | None:
        """Take up what a manifest names; gives back its platform, if it has one."""
        config = document.get("config")
        if not isinstance(config, dict):
            raise Stalled("InvalidPackage", f"Image {tree.name} has a manifest without a config.")
        for descriptor in (config, *descriptors(tree.name, document, "layers")):
            if descriptor.get("urls") and self._find(_digest(descriptor, tree.name)) is None:
                continue  # a foreign layer that was not packed: clients fetch it from its own address
            member = self._member(descriptor, tree.name)
            tree.blobs[member.digest] = Blob(member.digest, member.size, member)
        if not str(config.get("mediaType", "")).endswith(_CONFIGS):
            return None
        data = self._read(self._member(config, tree.name))
        parsed = load_object(f"the config of {tree.name}", data)
        platforms = platform_of(parsed)
        if platforms:  # attestations have none, and no labels to agree on
            tree.labels.append({str(key): str(value) for key, value in mapping(parsed, "config", "Labels").items()})
        tree.platforms.extend(platforms)
        return platforms[0] if platforms else None

    def _read(self, member: Member) -> bytes:
        self._bytes += member.size
        if self._bytes > self._limits.documents:
            raise Stalled(
                "PackageTooLarge",
                f"The package's image manifests and configs have more than {self._limits.documents} bytes together.",
            )
        return self._archive.read(member)

    def _member(self, descriptor: JsonObject, name: str) -> Member:
        digest = _digest(descriptor, name)
        member = self._find(digest)
        if member is None:
            raise Stalled(
                "IncompletePackage",
                f"The package holds no blob {digest}, which image {name} needs. "
                "It was made or copied incompletely; get it again from its vendor.",
            )
        if descriptor.get("size") != member.size:
            raise Stalled(
                "DigestMismatch",
                f"Image {name} says that blob {digest} has {str(descriptor.get('size'))[:20]} bytes; "
                f"it has {member.size}.",
            )
        return member


def _digest(descriptor: JsonObject, name: str) -> Digest:
    try:
        return parse_digest(descriptor.get("digest"))
    except ValueError as error:
        raise Stalled("InvalidPackage", f"Image {name} has a descriptor with a bad digest: {error}.") from None


def check_names(members: dict[Digest, Member]) -> None:
    """Check that blobs are what their names say.

    Raises:
        Stalled: one is not.
    """
    for digest, member in members.items():
        if digest != member.digest:
            raise Stalled(
                "DigestMismatch",
                f"{member.name!r} of the package is not what its name says: its content has the digest "
                f"{member.digest}. The package was altered or damaged; get it again from its vendor.",
            )


def media_type_of(document: JsonObject, descriptor: JsonObject) -> object:
    """Media type of a manifest or index: its own word, its descriptor's, or, as OCI makes both optional, its shape."""
    shape = OCI_INDEX if "manifests" in document else OCI_MANIFEST if "layers" in document else None
    return document.get("mediaType") or descriptor.get("mediaType") or shape


def descriptors(name: str, document: JsonObject, key: str) -> list[JsonObject]:
    """The descriptors in a list of a manifest or index; null is how Go writes a list of nothing.

    Raises:
        Stalled: there is no such list.
    """
    items = document.get(key, "")
    if items is None:
        return []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Stalled("InvalidPackage", f"{name} in the package has no list {key!r} of descriptors.")
    return items
