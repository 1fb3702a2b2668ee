"""Strings of a document, and whether a single word there may name a repository: charts split names of images. Pure.

`repository: demo` beside `registry: HOST/acp` means `acp/demo`. But objects, containers and labels are often called
like their image: what is a name of something else by its place counts as no image, or nothing would ever go.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from violet_operator.errors import Stalled
from violet_operator.package.documents import load_yaml

_IDENTITIES = frozenset(
    {
        *("annotations", "label", "labels", "matchlabels", "metadata", "ownerreferences", "selector"),
        *("apigroups", "categories", "kind", "names", "resources", "singular", "verbs"),
        *("command", "keywords", "serviceaccount"),
    }
)
"""Fields, in small letters, in which a word names something else than an image."""

_COORDINATES = frozenset({"digest", "pullPolicy", "registry", "sha256", "tag"})
"""A `name` beside one of these is a name of an image."""

_SCALAR = re.compile(
    r"""(?:(?<![\w./-])([\w./-]++)["']?\s*+[:=]\s*+|(?:^|[\n\[,])[\s-]{0,200}+)(?:[&!]\S{0,99}+\s{1,99}+){0,2}+"""
    r"""(?:"(\w[\w.-]*+)"|'(\w[\w.-]*+)'|(\w[\w.-]*+)(?=[ \t]*+(?:[,}\]#\r\n]|$)))"""
    r"""|["'](\w[\w.-]*+)["'](?!\s*+:)""",
    re.ASCII,
)
"""A word that is a whole value in YAML, JSON, a template of them, or a list of variables; with its field, if any."""

_DEPTH = 4
"""Text in text, as in an annotation of a file."""


def strings(document: object) -> Iterator[tuple[str, bool]]:
    """Every string of a document, names of fields included, and whether a single word there may name a repository."""
    pending: list[tuple[object, str, bool]] = [(document, "", True)]
    while pending:
        each, field, open_to = pending.pop()
        if isinstance(each, str):
            yield each, open_to
        elif isinstance(each, dict):
            for key, value in each.items():
                pending += [(key, "", False), (value, str(key), _may_name(str(key), each, field, open_to=open_to))]
        elif isinstance(each, list):
            pending += [(value, field, open_to) for value in each]


def words(text: str, wanted: Collection[str], depth: int = 0) -> Iterator[str]:
    """Which of these words are values in a text that may name a repository there."""
    found = [match for match in _SCALAR.finditer(text.replace('\\"', '"')) if _word(match) in wanted]
    if not found or depth >= _DEPTH:
        return
    documents = _documents(text)
    if documents is None:
        yield from (_word(match) for match in found if not match[1] or _may_name(match[1], {}, "", open_to=True))
    for value, open_to in strings(documents):
        if value.strip() in wanted:
            yield from (value.strip(),) if open_to else ()
        else:
            yield from words(value, wanted, depth + 1)


def _word(match: re.Match[str]) -> str:
    return next(filter(None, match.groups()[1:]), "")


def _documents(text: str) -> list[Any] | None:
    """A text as YAML or JSON; None: it is neither, as a template."""
    try:
        found = load_yaml("", text.encode("utf-8", "replace"))
    except Stalled:
        return None
    return found if any(isinstance(each, dict | list) for each in found) else None


def _may_name(field: str, beside: Collection[str], above: str, *, open_to: bool) -> bool:
    """Whether a word in a field may name a repository, by the fields beside and above it."""
    small = field.lower()
    if _is_about_images(small):
        return True
    if not open_to or small in _IDENTITIES:
        return False
    if small == "name":
        return "image" not in beside and (_is_about_images(above.lower()) or not _COORDINATES.isdisjoint(beside))
    return not small.endswith(("name", "names"))


def _is_about_images(field: str) -> bool:
    return "image" in field or "repo" in field
