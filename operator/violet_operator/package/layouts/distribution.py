"""The storage tree of a distribution registry (`docker/registry/v2`), alone or as the `images/` of our own layout.

Names have no registry host: the tree does not know what its registry was called. What has no tag is carried only if
the package names its digest, as CSVs do, or if it is about an image that is carried (`subject`); old manifests that a
registry keeps around are left behind.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from violet_operator.errors import Stalled
from violet_operator.package.archive import Archive, Member
from violet_operator.package.documents import JsonObject, load_object, text
from violet_operator.package.layouts.base import Contents, Layout
from violet_operator.package.limits import Limits
from violet_operator.package.model import Image
from violet_operator.package.oci import ImageReader, check_names
from violet_operator.support.digests import Digest, parse_digest

_TREE = "docker/registry/v2/"
_BLOB = re.compile(r"blobs/sha256/([0-9a-f]{2})/(\1[0-9a-f]{62})/data")
_TAG = re.compile(r"repositories/(?P<repository>.+)/_manifests/tags/(?P<tag>[^/]+)/current/link")
_REVISION = re.compile(r"repositories/(?P<repository>.+)/_manifests/revisions/sha256/(?P<hex>[0-9a-f]{64})/link")


def _recognise(archive: Archive) -> str | None:
    for name in archive.members:
        head, found, _ = f"/{name}".partition(f"/{_TREE}")
        if found:
            return f"{head}/".lstrip("/")
    return None


def _contents(archive: Archive, root: str, limits: Limits) -> Contents:
    tree = _Tree(archive, root, limits)
    images = list(tree.images())
    if not images:
        raise Stalled("InvalidPackage", f"The registry tree {root}{_TREE} in the package has no tagged images.")
    return Contents(images=tuple(images), untagged=tree.untagged)


LAYOUT = Layout("a registry's storage tree (docker/registry/v2)", _recognise, _contents)


class _Tree:
    def __init__(self, archive: Archive, root: str, limits: Limits) -> None:
        self._archive = archive
        prefix = f"{root}{_TREE}"
        self._files = {
            name.removeprefix(prefix): member for name, member in archive.members.items() if name.startswith(prefix)
        }
        self._blobs = {
            Digest(f"sha256:{match[2]}"): member
            for name, member in self._files.items()
            if (match := _BLOB.fullmatch(name))
        }
        self._reader = ImageReader(archive, self._blobs.get, limits)
        self._known: set[tuple[str, Digest]] = set()
        self._listed: set[str] = set()

    def images(self) -> Iterator[Image]:
        check_names(self._blobs)
        for name, member in sorted(self._files.items()):
            if match := _TAG.fullmatch(name):
                reference = f"{match['repository']}:{match['tag']}"
                for image in self._tagged(reference, self._link(member)):
                    yield self._noted(image, match["repository"])
        yield from self._about()

    def untagged(self, wanted: Collection[str]) -> list[Image]:
        """The images of these digests that have no tag, and what is about them."""
        found = [
            self._noted(self._reader.image(self._descriptor(digest, repository), f"{repository}@{digest}"), repository)
            for repository, digest in self._revisions()
            if digest in wanted and (repository, digest) not in self._known
        ]
        return [*found, *self._about()] if found else []

    def _about(self) -> Iterator[Image]:
        """What is about the images that were found."""
        for repository, digest in self._revisions():
            blob = self._blobs.get(digest)
            subject = self._subject(blob) if blob is not None else None
            reference = f"{repository}@{digest}"
            if subject is not None and (repository, subject) in self._known and reference not in self._listed:
                self._listed.add(reference)
                yield self._reader.image(self._descriptor(digest, reference), reference, subject)

    def _revisions(self) -> Iterator[tuple[str, Digest]]:
        for name in sorted(self._files):
            if match := _REVISION.fullmatch(name):
                yield match["repository"], Digest(f"sha256:{match['hex']}")

    def _noted(self, image: Image, repository: str) -> Image:
        self._known |= {(repository, manifest.digest) for manifest in image.manifests}
        self._listed.add(image.reference)
        return image

    def _tagged(self, reference: str, digest: Digest) -> list[Image]:
        """The image of a tag; or, where the tag keeps a list of referrers, what it lists."""
        descriptor = self._descriptor(digest, reference)
        referrers = self._reader.referrers(reference, self._reader.document(descriptor, reference)[2])
        return [self._reader.image(descriptor, reference)] if referrers is None else referrers

    def _link(self, member: Member) -> Digest:
        try:
            return parse_digest(self._archive.read(member).decode().strip())
        except ValueError as error:
            raise Stalled("InvalidPackage", f"{member.name!r} in the package holds no digest: {error}.") from None

    def _descriptor(self, digest: Digest, reference: str) -> JsonObject:
        """As an index would have it; the document itself states its media type (schema 2 and OCI)."""
        blob = self._blobs.get(digest)
        if blob is None:
            raise Stalled("IncompletePackage", f"The package holds no manifest {digest}, which {reference} names.")
        return {"digest": digest, "size": blob.size}

    def _subject(self, blob: Member) -> Digest | None:
        document = load_object(repr(blob.name), self._archive.read(blob))
        return Digest(text(document, "subject", "digest")) or None
