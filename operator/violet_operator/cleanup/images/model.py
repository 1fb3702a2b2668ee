"""What is known of images in a registry, and what is to become of them: plain facts, as read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from violet_operator.clients.registry_reader import Found
from violet_operator.errors import Waiting
from violet_operator.package.references import Destination
from violet_operator.support.digests import Digest, parse_digest, sha256_digest

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest or index.

    Attributes:
        digest: its name.
        media_type: as the registry says.
        raw: the document, byte for byte.
        children: manifests that an index names.
        blobs: size of each config and layer that the registry stores, by digest.
        subject: the manifest that it is about, if any.
    """

    digest: Digest
    media_type: str
    raw: bytes = field(repr=False)
    children: tuple[Digest, ...] = ()
    blobs: Mapping[Digest, int] = field(default_factory=dict)
    subject: Digest | None = None


@dataclass(frozen=True, slots=True)
class Repository:
    """What a registry has in one repository: every tag, and all that is reached from there."""

    name: str
    tags: Mapping[str, Digest]
    manifests: Mapping[Digest, Manifest]


@dataclass(frozen=True, slots=True)
class Mentions:
    """Who names what, in words; one of them is enough.

    Attributes:
        places: by tag or digest in a repository.
        digests: by digest alone, wherever.
        repositories: the repository without tag or digest: any of it may be meant.
    """

    places: dict[Destination, str] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    repositories: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImageVerdict:
    """What is to become of an image that the objects of a plan stand for, and why."""

    image: Destination
    digest: Digest
    action: Literal["Delete", "Keep"]
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Deletion:
    """A manifest to delete; its tags go with it.

    Attributes:
        repository: where.
        manifest: what.
        tags: that point at it.
    """

    repository: str
    manifest: Manifest
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImagePlan:
    """What a run has to do in the registry.

    Attributes:
        verdicts: on each image that is there.
        deletions: in this order: an index before its children.
        bytes: estimate of what the registry's garbage collection will free.
        unknown: why nothing of images may be deleted; None: all is known.
        tags: of each repository, and where they pointed when it was judged.
    """

    verdicts: tuple[ImageVerdict, ...] = ()
    deletions: tuple[Deletion, ...] = ()
    bytes: int = 0
    unknown: str | None = None
    tags: Mapping[str, Mapping[str, Digest]] = field(default_factory=dict)


def manifest_of(found: Found, where: str) -> Manifest:
    """A manifest as the registry has it.

    Raises:
        Waiting: what it names cannot be told.
    """
    try:
        document = json.loads(found.raw)
        children = tuple(parse_digest(each["digest"]) for each in document.get("manifests") or ())
        described = [document.get("config"), *(document.get("layers") or ())]
        blobs = {
            parse_digest(each["digest"]): int(each["size"])
            for each in described
            if each and not each.get("urls")  # foreign layers are stored elsewhere
        }
        subject = parse_digest(document["subject"]["digest"]) if document.get("subject") else None
        media_type = found.media_type or str(document.get("mediaType") or "")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Waiting(
            "ImagesUnknown", f"{where} is no manifest that can be read. Push it again, or delete it."
        ) from None
    return Manifest(sha256_digest(found.raw), media_type, found.raw, children, blobs, subject)
