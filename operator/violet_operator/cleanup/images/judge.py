"""Which manifests may go: a pure function of what goes, of what the registry has, and of who names any of it.

Deleting a manifest takes all of its tags with it, and breaks every index that names it. So a manifest goes only if
nothing that stays leads to it: no tag but those that go, no index, no signature, nobody who names it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from graphlib import TopologicalSorter

from violet_operator.cleanup.images.model import Deletion, ImagePlan, ImageVerdict, Mentions, Repository
from violet_operator.package.references import Destination
from violet_operator.support.digests import Digest

_ATTACHED = re.compile(r"sha256-([0-9a-f]{64})(\.(sig|att|sbom))?")
"""Tags of what is about an image: cosign's, and the referrers tag schema's (OCI distribution specification 1.1)."""


def judge(candidates: Collection[Destination], repositories: Mapping[str, Repository], mentions: Mentions) -> ImagePlan:
    """What may go of these images.

    Args:
        candidates: tags and digests of the images that the objects of a plan stand for.
        repositories: all that the registry has where candidates are, by name.
        mentions: who names any of it.
    """
    verdicts: list[ImageVerdict] = []
    deletions: list[Deletion] = []
    kept: set[Digest] = set()
    for name in sorted(repositories):
        each = _Repository(repositories[name], {to.tag for to in candidates if to.repository == name}, mentions)
        verdicts += each.verdicts()
        deletions += each.deletions()
        kept |= each.kept_blobs()
    tags = {name: each.tags for name, each in repositories.items()}
    return ImagePlan(tuple(verdicts), tuple(deletions), estimate(deletions, kept), tags=tags)


def estimate(deletions: Iterable[Deletion], kept: Collection[Digest]) -> int:
    """Bytes that nothing known needs after these deletions: the manifests, and blobs that no kept one has."""
    freed: dict[Digest, int] = {}
    for each in deletions:
        freed[each.manifest.digest] = len(each.manifest.raw)
        freed |= each.manifest.blobs
    return sum(size for digest, size in freed.items() if digest not in kept)


class _Repository:
    """One repository: what stays in it, and what goes."""

    def __init__(self, repository: Repository, candidates: Collection[str], mentions: Mentions) -> None:
        self._it = repository
        self._candidates = candidates
        self._mentions = mentions
        self._about = defaultdict[Digest, set[Digest]](set)
        self._parents = defaultdict[Digest, set[Digest]](set)
        for manifest in repository.manifests.values():
            for child in manifest.children:
                self._parents[child].add(manifest.digest)
            if manifest.subject:
                self._about[manifest.subject].add(manifest.digest)
        self._tags = defaultdict[Digest, list[str]](list)
        for tag, digest in sorted(repository.tags.items()):
            self._tags[digest].append(tag)
            if subject := self._subject(tag):
                self._about[subject].add(digest)
        self._stays, self._goes = self._decide()

    def verdicts(self) -> Iterator[ImageVerdict]:
        """On each candidate that is there."""
        for reference in sorted(self._candidates):
            image, digest = Destination(self._it.name, reference), self._digest(reference)
            if digest is None:
                continue
            if digest in self._stays:
                yield ImageVerdict(image, digest, "Keep", "ImageInUse", self._stays[digest])
            else:
                yield ImageVerdict(image, digest, "Delete", "Unreferenced", "Nothing refers to it any more.")

    def deletions(self) -> list[Deletion]:
        """What goes, an index before its children: registries may insist on it."""
        order = TopologicalSorter[Digest]()
        for digest in sorted(self._goes):
            order.add(digest, *sorted(self._parents.get(digest, set()) & self._goes))
        return [
            Deletion(self._it.name, self._it.manifests[digest], tuple(self._tags.get(digest, ())))
            for digest in order.static_order()
        ]

    def kept_blobs(self) -> set[Digest]:
        """Manifests that stay, and their blobs."""
        staying = [manifest for digest, manifest in self._it.manifests.items() if digest not in self._goes]
        return {digest for each in staying for digest in (each.digest, *each.blobs)}

    def _decide(self) -> tuple[dict[Digest, str], set[Digest]]:
        """What must stay and why, and what goes: whatever belongs to the candidates and need not stay."""
        roots = self._roots()
        wanted = self._reached({each: "" for each in map(self._digest, self._candidates) if each}, keeps=False)
        while True:
            stays = self._reached(roots, keeps=True)
            goes = wanted.keys() - stays.keys()
            more = {each: reason for each in goes if (reason := self._needed(each, goes))}
            if not more:
                return stays, goes
            roots |= more

    def _needed(self, digest: Digest, goes: Collection[Digest]) -> str | None:
        """Why something that would go must stay: an index, or what a tag says about an image, that does not go."""
        for parent in self._parents.get(digest, ()):
            if parent not in goes:
                return f"Index {parent} of {self._it.name} needs it, and stays."
        for tag in self._tags.get(digest, ()):
            subject = self._subject(tag)
            if subject and subject not in goes and tag not in self._candidates:
                return f"Tag {tag} of {self._it.name} needs it, and stays."
        return None

    def _roots(self) -> dict[Digest, str]:
        """What stays for its own sake: tags that do not go (those about an image go with it), and what is named."""
        roots: dict[Digest, str] = {}
        for tag, digest in sorted(self._it.tags.items()):
            if reason := self._named(tag, digest):
                roots.setdefault(digest, reason)
            elif tag not in self._candidates and self._subject(tag) is None:
                roots.setdefault(digest, f"Tag {tag} of {self._it.name} needs it, and stays.")
        for digest in self._it.manifests:
            if reason := self._named(digest, digest):
                roots.setdefault(digest, reason)
        return roots

    def _named(self, reference: str, digest: Digest) -> str | None:
        """Who names it, as a sentence."""
        mentions, place = self._mentions, Destination(self._it.name, reference)
        for who in (mentions.places.get(place), mentions.digests.get(digest)):
            if who:
                return f"{who} names it."
        who = mentions.repositories.get(self._it.name)
        return f"{who} names repository {self._it.name} without a tag, so that any of it may be meant." if who else None

    def _reached(self, roots: Mapping[Digest, str], *, keeps: bool) -> dict[Digest, str]:
        """All that belongs to these manifests. Who keeps something keeps what that is about, too."""
        found: dict[Digest, str] = {}
        pending = list(roots.items())
        while pending:
            digest, reason = pending.pop()
            manifest = self._it.manifests.get(digest)
            if digest in found or manifest is None:
                continue
            found[digest] = reason
            subject = {manifest.subject} if keeps and manifest.subject else set()
            pending += [(each, reason) for each in self._below(digest) | subject]
        return found

    def _below(self, digest: Digest) -> set[Digest]:
        """Children of an index, and what is about a manifest."""
        return {*self._it.manifests[digest].children, *self._about.get(digest, ())}

    def _digest(self, reference: str) -> Digest | None:
        """What a tag or digest stands for, if it is there."""
        found = self._it.tags.get(reference) or Digest(reference)
        return found if found in self._it.manifests else None

    def _subject(self, tag: str) -> Digest | None:
        """What a tag of cosign's is about; None: it is a tag as any other."""
        match = _ATTACHED.fullmatch(tag)
        return Digest(f"sha256:{match[1]}") if match else None
