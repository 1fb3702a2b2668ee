"""Some architectures of a package: pure.

A subset of an image index is another document with another digest. Whatever points at the old digest would not
hold for it: so a subset is refused where the package signs the index, instead of pushing an image whose
signature is broken. Images that are not indexes (an operator bundle has no architecture) are taken as they are.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from violet_operator.errors import Stalled
from violet_operator.package.model import Image, Manifest, Package
from violet_operator.package.oci import INDEXES
from violet_operator.support.digests import sha256_digest

JsonObject = dict[str, Any]

ATTESTS = "vnd.docker.reference.digest"
"""Annotation of an attestation manifest (BuildKit): the manifest of the same index that it is about."""


def subset_package(package: Package, platforms: Sequence[str] | None) -> Package:
    """The package with only these architectures (os/arch, os/arch/variant) of each image index.

    Args:
        package: all of it.
        platforms: what to keep, or None for everything.

    Raises:
        Stalled: an image has none of them, or the package signs an index that would change.
    """
    if platforms is None:
        return package
    signed = {image.subject or reference_of_signature(image.reference) for image in package.images}
    images = tuple(image if image.attached else _subset(image, set(platforms), signed) for image in package.images)
    architectures = tuple(item for item in package.architectures if _matches(item, set(platforms)))
    return dataclasses.replace(package, images=images, architectures=architectures)


def reference_of_signature(reference: str) -> str | None:
    """The digest that a cosign tag (`sha256-HEX.sig`, `.att`, `.sbom`) is about, or None for another tag."""
    tag = reference.rpartition(":")[2]
    stem, _, kind = tag.partition(".")
    return stem.replace("-", ":", 1) if kind in ("sig", "att", "sbom") and stem.startswith("sha256-") else None


def _subset(image: Image, platforms: set[str], signed: set[str | None]) -> Image:
    top = image.manifests[-1]
    if top.media_type not in INDEXES:
        return image
    document: JsonObject = json.loads(top.raw)
    entries = _entries(top)
    kept = [entry for entry in entries if _platform(entry) is None or _matches(_platform(entry), platforms)]
    named = {entry["digest"] for entry in kept if _attested(entry) is None}
    kept = [entry for entry in kept if _attested(entry) is None or _attested(entry) in named]
    if len(kept) == len(entries):
        return image
    if not named:
        have = ", ".join(sorted(image.platforms))
        raise Stalled(
            "PlatformMissing",
            f"Image {image.reference} has none of the architectures in spec.imagePlatforms; it has {have}. "
            "Name one of these, or remove spec.imagePlatforms.",
        )
    if image.digest in signed:
        raise Stalled(
            "SignatureWouldBreak",
            f"The package signs all architectures of {image.reference} together ({image.digest}); a subset has another "
            "digest, which that signature does not cover. Remove spec.imagePlatforms.",
        )
    return _rebuilt(image, top, document | {"manifests": kept})


def _rebuilt(image: Image, top: Manifest, document: JsonObject) -> Image:
    by_digest = {str(manifest.digest): manifest for manifest in image.manifests}
    children: dict[str, Manifest] = {}
    for entry in document["manifests"]:
        _collect(str(entry["digest"]), by_digest, children)
    raw = json.dumps(document, separators=(",", ":")).encode()
    index = Manifest(sha256_digest(raw), top.media_type, raw)
    named = {digest for manifest in children.values() for digest in _blobs(manifest)}
    platforms = {platform for entry in document["manifests"] if (platform := _platform(entry))}
    return dataclasses.replace(
        image,
        digest=index.digest,
        manifests=(*children.values(), index),
        blobs=tuple(blob for blob in image.blobs if blob.digest in named),
        platforms=tuple(item for item in image.platforms if _matches(item, platforms)),
    )


def _collect(digest: str, known: dict[str, Manifest], found: dict[str, Manifest]) -> None:
    """A manifest and what it names, children first; each is looked at once, however often it is named."""
    if digest in found:
        return
    for entry in _entries(known[digest]):
        _collect(str(entry["digest"]), known, found)
    found[digest] = known[digest]


def _entries(manifest: Manifest) -> list[JsonObject]:
    """What an index names; nothing where it is none."""
    entries: list[JsonObject] = json.loads(manifest.raw)["manifests"] if manifest.media_type in INDEXES else []
    return entries


def _blobs(manifest: Manifest) -> set[str]:
    if manifest.media_type in INDEXES:
        return set()
    document = json.loads(manifest.raw)
    return {str(item["digest"]) for item in (document["config"], *document["layers"]) if "digest" in item}


def _platform(entry: JsonObject) -> str | None:
    """os/arch[/variant] of an index entry; None where it names none, or stands for an attestation."""
    platform = entry.get("platform")
    if not isinstance(platform, dict):
        return None
    parts = [platform.get("os"), platform.get("architecture"), platform.get("variant")]
    if parts[0] in (None, "unknown"):
        return None
    return "/".join(str(part) for part in parts if part)


def _attested(entry: JsonObject) -> str | None:
    annotations = entry.get("annotations")
    about = annotations.get(ATTESTS) if isinstance(annotations, dict) else None
    return None if about is None else str(about)


def _matches(platform: str | None, wanted: set[str]) -> bool:
    """Whether a platform is wanted; `linux/arm64` wants every variant of it, and `linux/arm64/v8` also has no name."""
    if platform is None:
        return False
    return any(
        platform == item or platform.startswith(f"{item}/") or item.startswith(f"{platform}/") for item in wanted
    )
