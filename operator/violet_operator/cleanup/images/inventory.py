"""What a registry has in a repository: every tag, and all that is reached from there. Blocking: for threads.

Other repositories are never looked at: a manifest is deleted in one repository, and only there.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from violet_operator.cleanup.images.model import Manifest, Repository, manifest_of
from violet_operator.clients.registry_reader import RegistryReader
from violet_operator.errors import Waiting
from violet_operator.package.references import Destination
from violet_operator.support.digests import Digest

_LOOKUPS = 8
"""Requests at once: answers of some kilobytes."""


def take_inventory(registry: RegistryReader, places: Iterable[Destination]) -> dict[str, Repository]:
    """The repositories of some images, by name; the images' own digests count although no tag points at them.

    Raises:
        OperatorError: something in them cannot be read.
    """
    digests: dict[str, set[Digest]] = {}
    for to in places:
        digests.setdefault(to.repository, set()).update({Digest(to.tag)} if ":" in to.tag else ())
    with ThreadPoolExecutor(_LOOKUPS, "registry-look") as pool:
        return {name: _Look(registry, name, pool).run(wanted) for name, wanted in sorted(digests.items())}


def there(registry: RegistryReader, places: Iterable[Destination]) -> set[Destination]:
    """Those of these places where the registry has an image, whatever it lists.

    Raises:
        OperatorError: one cannot be looked at.
    """
    wanted = list(places)
    with ThreadPoolExecutor(_LOOKUPS, "registry-look") as pool:
        digests = pool.map(lambda to: registry.manifest_digest(to.repository, to.tag), wanted)
        return {to for to, digest in zip(wanted, digests, strict=True) if digest}


class _Look:
    """A look into one repository."""

    def __init__(self, registry: RegistryReader, name: str, pool: ThreadPoolExecutor) -> None:
        self._registry = registry
        self._name = name
        self._pool = pool
        self._manifests: dict[Digest, Manifest] = {}
        self._lists_referrers = True

    def run(self, digests: Iterable[Digest]) -> Repository:
        """Tags first, then what they lead to, level by level."""
        tags = self._registry.tags(self._name)
        found = dict(zip(tags, self._pool.map(self._tag, tags), strict=True))
        fresh = {each.digest: each for each in found.values()}
        fresh |= self._fetch(digests)
        while fresh:
            self._manifests |= fresh
            linked = {each for manifest in fresh.values() for each in manifest.children}
            linked |= {manifest.subject for manifest in fresh.values() if manifest.subject}
            linked |= self._about(fresh)
            fresh = self._fetch(linked)
        return Repository(self._name, {tag: each.digest for tag, each in found.items()}, self._manifests)

    def _tag(self, tag: str) -> Manifest:
        found = self._registry.find(self._name, tag)
        where = f"{self._registry.address}/{self._name}:{tag}"
        if found is None:
            raise Waiting("ImagesUnknown", f"{where} is listed and cannot be read: push it again, or delete that tag.")
        return manifest_of(found, where)

    def _fetch(self, digests: Iterable[Digest]) -> dict[Digest, Manifest]:
        """Those of these manifests that are there and not known yet."""
        missing = sorted(set(digests) - self._manifests.keys())
        found = zip(missing, self._pool.map(self._manifest, missing), strict=True)
        return {digest: manifest for digest, manifest in found if manifest}

    def _manifest(self, digest: Digest) -> Manifest | None:
        found = self._registry.find(self._name, digest)
        if found is None:  # an index may name platforms that were never pushed
            return None
        where = f"{self._registry.address}/{self._name}@{digest}"
        manifest = manifest_of(found, where)
        if manifest.digest != digest:
            raise Waiting("ImagesUnknown", f"{where} has another digest: the registry is damaged.")
        return manifest

    def _about(self, digests: Iterable[Digest]) -> set[Digest]:
        """What the registry lists as being about these manifests, if it keeps such lists."""
        if not self._lists_referrers:
            return set()
        answers = list(self._pool.map(lambda digest: self._registry.referrers(self._name, digest), digests))
        self._lists_referrers = None not in answers
        return {Digest(digest) for answer in answers for digest in answer or ()}
