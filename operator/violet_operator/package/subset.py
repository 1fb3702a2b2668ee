"""Some architectures of a package: pure.

A subset of an image index is another document with another digest. Whatever points at the old digest would not
hold for it: so a subset is refused where the package signs the index, or names by digest what would not be pushed.
What does not run has no architecture and is taken as it is: bundles (which mostly say linux/amd64 of themselves),
charts, signatures.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from typing import Any

from violet_operator.errors import Stalled
from violet_operator.package.bundle import is_labelled
from violet_operator.package.model import Image, Manifest, Package
from violet_operator.package.oci import INDEXES
from violet_operator.package.platforms import normal, platform_of
from violet_operator.support.digests import sha256_digest

JsonObject = dict[str, Any]

ATTESTS = "vnd.docker.reference.digest"
"""Annotation of an attestation manifest (BuildKit): the manifest of the same index that it is about."""


def subset_package(package: Package, platforms: Sequence[str] | None) -> Package:
    """The package with only these architectures (os/arch, os/arch/variant) of each image that runs.

    Args:
        package: all of it.
        platforms: what to keep, or None for everything.

    Raises:
        Stalled: an image has none of them, or the package signs or names by digest what would change.
    """
    if platforms is None:
        return package
    signed = {image.subject or reference_of_signature(image.reference) for image in package.images}
    pinned = _pinned(package)
    images = []
    for image in package.images:
        part = _subset(image, set(platforms)) if _runs(image, package) else image
        _check(image, part, signed, pinned)
        images.append(part)
    kept = {platform for image in images if _runs(image, package) for platform in image.platforms}
    architectures = tuple(sorted(kept)) or package.architectures
    return dataclasses.replace(package, images=tuple(images), architectures=architectures)


def reference_of_signature(reference: str) -> str | None:
    """The digest that a cosign tag (`sha256-HEX.sig`, `.att`, `.sbom`) is about, or None for another tag."""
    tag = reference.rpartition(":")[2]
    stem, _, kind = tag.partition(".")
    return stem.replace("-", ":", 1) if kind in ("sig", "att", "sbom") and stem.startswith("sha256-") else None


def _runs(image: Image, package: Package) -> bool:
    return not (image.attached or image.reference == package.artifact or is_labelled(image))


def _pinned(package: Package) -> set[str]:
    """Digests by which the package names images."""
    named = [package.artifact, *package.related_images, *(image.reference for image in package.images)]
    written = [part.pinned for part in (package.bundle, package.chart) if part]
    return {reference.partition("@")[2] for reference in named}.union(*written)


def _check(whole: Image, part: Image, signed: set[str | None], pinned: set[str]) -> None:
    """Refuse a part of an image if it lacks something that others point at.

    Raises:
        Stalled: it does.
    """
    if part is whole:
        return
    kept = {manifest.digest for manifest in part.manifests}
    lost = [manifest for manifest in whole.manifests if manifest.digest not in kept]
    about = signed | {_attested(entry) for manifest in whole.manifests for entry in _entries(manifest)}
    for manifest in lost:
        if manifest.media_type in INDEXES and manifest.digest in about:
            raise Stalled(
                "SignatureWouldBreak",
                f"The package signs all architectures of {whole.reference} together ({manifest.digest}); a subset has "
                "another digest, which that signature does not cover. Remove spec.imagePlatforms.",
            )
        if manifest.digest in pinned:
            raise Stalled(
                "DigestWouldBreak",
                f"The package names {manifest.digest} of image {whole.reference} by its digest, and a subset of the "
                "architectures does not have it: whatever names it could not be pulled. Remove spec.imagePlatforms.",
            )


def _subset(image: Image, wanted: set[str]) -> Image:
    top = image.manifests[-1]
    if top.media_type not in INDEXES:
        if image.platforms and not any(_matches(platform, wanted) for platform in image.platforms):
            raise _missing(image)
        return image
    cut = _Cut({str(manifest.digest): manifest for manifest in image.manifests}, wanted)
    index = cut.index(top)
    if index is top:
        return image
    if index is None:
        raise _missing(image)
    found: dict[str, Manifest] = {}
    _collect(index, cut.all(), found)
    manifests = tuple(found.values())
    platforms = tuple(dict.fromkeys(manifest.platform for manifest in manifests if manifest.platform))
    if image.platforms and not platforms:
        raise _missing(image)
    named = {digest for manifest in manifests for digest in _blobs(manifest)}
    blobs = tuple(blob for blob in image.blobs if blob.digest in named)
    return dataclasses.replace(image, digest=index.digest, manifests=manifests, blobs=blobs, platforms=platforms)


def _missing(image: Image) -> Stalled:
    have = ", ".join(sorted(image.platforms)) or "others"
    return Stalled(
        "PlatformMissing",
        f"Image {image.reference} has none of the architectures in spec.imagePlatforms; it has {have}. "
        "Name one of these, or remove spec.imagePlatforms.",
    )


class _Cut:
    """The indexes of one image, each cut once, however often it is named."""

    def __init__(self, known: dict[str, Manifest], wanted: set[str]) -> None:
        self._known = known
        self._wanted = wanted
        self._made: dict[str, Manifest | None] = {}

    def all(self) -> dict[str, Manifest]:
        """Every manifest by its digest, those that were made too."""
        return self._known | {str(made.digest): made for made in self._made.values() if made}

    def index(self, index: Manifest) -> Manifest | None:
        """What is left of an index: itself, if all of it is; None: nothing."""
        digest = str(index.digest)
        if digest not in self._made:
            self._made[digest] = self._index(index)
        return self._made[digest]

    def _index(self, index: Manifest) -> Manifest | None:
        entries = _entries(index)
        left = [(entry, child) for entry in entries if (child := self._child(entry))]
        there = {str(entry["digest"]) for entry, _ in left if _attested(entry) is None}
        kept = [_described(entry, child) for entry, child in left if (_attested(entry) or entry["digest"]) in there]
        if kept == entries:
            return index
        if not there:
            return None
        raw = json.dumps(json.loads(index.raw) | {"manifests": kept}, separators=(",", ":")).encode()
        return Manifest(sha256_digest(raw), index.media_type, raw)

    def _child(self, entry: JsonObject) -> Manifest | None:
        """What is left of what an index names; whether an attestation stays is for what it is about to say."""
        child = self._known[str(entry["digest"])]
        platform = _platform(entry, child)
        if platform and _attested(entry) is None and not _matches(platform, self._wanted):
            return None
        return self.index(child) if child.media_type in INDEXES else child


def _described(entry: JsonObject, child: Manifest) -> JsonObject:
    """The descriptor of what is left; a copy of the content in it (`data`) is of the old one."""
    if entry["digest"] == child.digest:
        return entry
    rest = {key: value for key, value in entry.items() if key != "data"}
    return rest | {"digest": str(child.digest), "size": len(child.raw)}


def _collect(manifest: Manifest, known: dict[str, Manifest], found: dict[str, Manifest]) -> None:
    """A manifest and what it names, children first; each is looked at once, however often it is named."""
    if str(manifest.digest) in found:
        return
    for entry in _entries(manifest):
        _collect(known[str(entry["digest"])], known, found)
    found[str(manifest.digest)] = manifest


def _entries(manifest: Manifest) -> list[JsonObject]:
    """What an index names; nothing where it is none."""
    entries: list[JsonObject] = json.loads(manifest.raw)["manifests"] if manifest.media_type in INDEXES else []
    return entries or []


def _blobs(manifest: Manifest) -> set[str]:
    if manifest.media_type in INDEXES:
        return set()
    document = json.loads(manifest.raw)
    return {str(item["digest"]) for item in (document["config"], *(document["layers"] or ())) if "digest" in item}


def _platform(entry: JsonObject, child: Manifest) -> str | None:
    """os/arch[/variant] of an index entry, else of the config behind it; None: it has none, as an attestation."""
    said = entry.get("platform")
    if not isinstance(said, dict) or not said:
        return child.platform
    return next(iter(platform_of(said)), None)


def _attested(entry: JsonObject) -> str | None:
    annotations = entry.get("annotations")
    about = annotations.get(ATTESTS) if isinstance(annotations, dict) else None
    return None if about is None else str(about)


def _matches(platform: str, wanted: Iterable[str]) -> bool:
    """Whether a platform is wanted; `linux/arm` wants every variant of it."""
    return any(platform == normal(item) or platform.startswith(f"{item}/") for item in wanted)
