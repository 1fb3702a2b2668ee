"""What to push where: pure. The registries are asked beforehand; nothing here does I/O."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from violet_operator.package.model import Blob, Image, Manifest
from violet_operator.package.references import Destination, places
from violet_operator.support.digests import Digest


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a registry has of a package.

    Attributes:
        tags: digest by destination; None where the tag does not exist.
        blobs: (repository, digest) of the blobs that are there, as far as asked.
        lists: tags of the lists of referrers that pushing what is missing extends; none where the registry keeps them.
    """

    tags: dict[Destination, Digest | None]
    blobs: frozenset[tuple[str, Digest]] = frozenset()
    lists: frozenset[Destination] = frozenset()


@dataclass(frozen=True, slots=True)
class BlobPush:
    """A blob that a repository lacks.

    Attributes:
        repository: where it goes.
        blob: what goes there.
        mount_from: a repository of the same registry that has it by then, or None: it must be uploaded.
    """

    repository: str
    blob: Blob
    mount_from: str | None


@dataclass(frozen=True, slots=True)
class PushPlan:
    """What is to be done on one registry, in this order: uploads, mounts, manifests, tags.

    Attributes:
        uploads: blobs to send.
        mounts: blobs to take over from another repository, once all uploads are done.
        manifests: (repository, manifest) by digest, children before their index.
        tags: (destination, top manifest); the package's main image last.
        present: blobs that were there.
        overwrites: tags that exist with other content.
        lists: tags of lists of referrers that are made or extended on the way.
    """

    uploads: tuple[BlobPush, ...]
    mounts: tuple[BlobPush, ...]
    manifests: tuple[tuple[str, Manifest], ...]
    tags: tuple[tuple[Destination, Manifest], ...]
    present: int
    overwrites: tuple[Destination, ...]
    lists: tuple[Destination, ...] = ()

    @property
    def bytes(self) -> int:
        """Bytes to send."""
        return sum(push.blob.size for push in self.uploads)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.tags


def plan_hash(plans: dict[str, PushPlan], objects: list[dict[str, Any]]) -> str:
    """Identity of what an upload would write: tags with their digests, and objects with what becomes of them.

    How much of it is in the registries already does not count.
    """
    written = {
        "tags": sorted(
            f"{platform} {to}@{manifest.digest}" for platform, plan in plans.items() for to, manifest in plan.tags
        ),
        "objects": objects,
    }
    return hashlib.sha256(json.dumps(written, sort_keys=True).encode()).hexdigest()[:16]


def wanted_blobs(images: Iterable[Image], prefix: str, tags: dict[Destination, Digest | None]) -> set[tuple[str, Blob]]:
    """(repository, blob) of every image whose tag does not have its digest: what the registry must be asked for.

    Raises:
        Stalled: as `plan_push`.
    """
    return {
        (to.repository, blob)
        for to, image in places(images, prefix).items()
        if tags.get(to) != image.digest
        for blob in image.blobs
    }


def plan_push(images: tuple[Image, ...], prefix: str, inventory: Inventory) -> PushPlan:
    """What is missing. An image whose tag has its digest is complete: a registry takes no manifest without its blobs.

    Args:
        images: the package's images, the main one first.
        prefix: of the repositories.
        inventory: what the registry has.

    Raises:
        Stalled: an image has no name to push it under, or two have the same.
    """
    found = places(images, prefix)
    due = [(to, image) for to, image in reversed(found.items()) if inventory.tags.get(to) != image.digest]
    uploads: dict[Digest, BlobPush] = {}
    mounts: dict[tuple[str, Digest], BlobPush] = {}
    origins = {digest: repository for repository, digest in sorted(inventory.blobs, reverse=True)}
    present: set[tuple[str, Digest]] = set()
    manifests: dict[tuple[str, Digest], Manifest] = {}
    for to, image in due:
        for blob in image.blobs:
            here = (to.repository, blob.digest)
            if here in inventory.blobs:
                present.add(here)
            elif blob.digest in origins:
                mounts.setdefault(here, BlobPush(to.repository, blob, origins[blob.digest]))
            else:
                uploads[blob.digest] = BlobPush(to.repository, blob, None)
                origins[blob.digest] = to.repository
        for manifest in image.manifests:
            manifests.setdefault((to.repository, manifest.digest), manifest)
    first_uploads = {(push.repository, push.blob.digest) for push in uploads.values()}
    return PushPlan(
        uploads=tuple(sorted(uploads.values(), key=lambda push: push.blob.member.offset)),
        mounts=tuple(push for here, push in mounts.items() if here not in first_uploads),
        manifests=tuple((repository, manifest) for (repository, _), manifest in manifests.items()),
        tags=tuple((to, image.manifests[-1]) for to, image in due),
        present=len(present),
        overwrites=tuple(to for to, _ in due if inventory.tags.get(to) is not None),
        lists=tuple(sorted(inventory.lists, key=str)),
    )
