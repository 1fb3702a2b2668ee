"""Who names an image: a document does if it names it anywhere, in whatever field. Pure.

So a field that this version does not know protects as well. Names are compared without the registry, and generously:
`acp/demo` and `mirror/acp/demo` may be the same repository behind another prefix.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from violet_operator.cleanup.images.model import Mentions
from violet_operator.cleanup.images.values import strings, words
from violet_operator.package.references import Destination, without_registry

_REFERENCE = re.compile(
    r"(?<![\w.-])((?:[\w.-]+(?::[0-9]+)?/)?(?:[\w.-]+/)*[\w.-]*\w)(?::(\w[\w.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?",
    re.ASCII,
)
_MARKS = frozenset("/:@='\"")
"""One of these is in every text that names an image, but for a value that is one word."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_VARIABLE = ("}/", ")/")
"""As in `{{ .Values.registry }}/demo` and `$(REGISTRY)/demo`: what comes before is a registry, or more."""


class Watch:
    """Looks for mentions of some repositories."""

    def __init__(self, repositories: Iterable[str]) -> None:
        self.found = Mentions()
        self._by_last: defaultdict[str, list[str]] = defaultdict(list)
        for name in repositories:
            self._by_last[name.rpartition("/")[2]].append(name)

    def look(self, document: object, who: str) -> None:
        """Note what a document names, `who` being its words for people."""
        for text, open_to in strings(document):
            self._look(text.strip(), who, open_to=open_to)

    def _look(self, text: str, who: str, *, open_to: bool) -> None:
        if "sha256:" in text:
            for digest in _DIGEST.findall(text):
                self.found.digests.setdefault(digest, who)
        if text in self._by_last:
            if open_to:
                self._keep(self._by_last[text], who)
            return
        if not _MARKS.intersection(text) or not any(last in text for last in self._by_last):
            return  # most texts, and quickly
        for match in _REFERENCE.finditer(text):
            self._note(match, who, behind_variable=text.endswith(_VARIABLE, 0, match.start()))
        for word in words(text, self._by_last):
            self._keep(self._by_last[word], who)

    def _note(self, match: re.Match[str], who: str, *, behind_variable: bool) -> None:
        path, tag, digest = without_registry(match[1]), match[2], match[3]
        same = [each for each in self._by_last.get(path.rpartition("/")[2], ()) if _same(each, path)]
        if not tag and not digest and ("/" in match[1] or behind_variable):
            self._keep(same, who)
        for repository in same:
            for reference in (tag, tag and tag.rstrip(".-"), digest):
                if reference:
                    self.found.places.setdefault(Destination(repository, reference), who)

    def _keep(self, repositories: Iterable[str], who: str) -> None:
        """Any image of these may be meant."""
        for each in repositories:
            self.found.repositories.setdefault(each, who)


def _same(one: str, other: str) -> bool:
    """Whether two paths may be the same repository: one ends with the other."""
    return f"/{one}".endswith(f"/{other}") or f"/{other}".endswith(f"/{one}")
