"""Who names an image: a document does if it names it anywhere, in whatever field. Pure.

So a field that this version does not know protects as well. Names are compared without the registry, and generously:
`acp/demo` and `mirror/acp/demo` may be the same repository behind another prefix.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from violet_operator.cleanup.images.model import Mentions
from violet_operator.package.references import Destination, without_registry

_REFERENCE = re.compile(
    r"(?<![\w.-])((?:[\w.-]+(?::[0-9]+)?/)?(?:[\w.-]+/)*[\w.-]*\w)(?::(\w[\w.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?",
    re.ASCII,
)
_MARKS = frozenset("/:@")
"""One of these is in every name of an image, but for a repository of one word."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Watch:
    """Looks for mentions of some repositories."""

    def __init__(self, repositories: Iterable[str]) -> None:
        self.found = Mentions()
        self._by_last: defaultdict[str, list[str]] = defaultdict(list)
        for name in repositories:
            self._by_last[name.rpartition("/")[2]].append(name)

    def look(self, document: object, who: str) -> None:
        """Note what a document names, `who` being its words for people."""
        for text in _texts(document):
            self._look(text, who)

    def _look(self, text: str, who: str) -> None:
        if "sha256:" in text:
            for digest in _DIGEST.findall(text):
                self.found.digests.setdefault(digest, who)
        stripped = text.strip()
        if not _MARKS.intersection(stripped) and stripped not in self._by_last:
            return  # most texts, and quickly
        if not any(last in stripped for last in self._by_last):
            return
        for match in _REFERENCE.finditer(stripped):
            self._note(match, who, whole=match.span() == (0, len(stripped)))

    def _note(self, match: re.Match[str], who: str, *, whole: bool) -> None:
        path, tag, digest = without_registry(match[1]), match[2], match[3]
        for repository in self._by_last.get(path.rpartition("/")[2], ()):
            if tag or digest:
                if _same(repository, path):
                    for reference in (tag, tag and tag.rstrip(".-"), digest):
                        if reference:
                            self.found.places.setdefault(Destination(repository, reference), who)
            elif ("/" in path and _same(repository, path)) or (whole and repository == path):
                self.found.repositories.setdefault(repository, who)


def _same(one: str, other: str) -> bool:
    """Whether two paths may be the same repository: one ends with the other."""
    return f"/{one}".endswith(f"/{other}") or f"/{other}".endswith(f"/{one}")


def _texts(document: object) -> Iterator[str]:
    """Every string of a document, names of fields included."""
    pending = [document]
    while pending:
        each = pending.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            pending += each.keys()
            pending += each.values()
        elif isinstance(each, list):
            pending += each
