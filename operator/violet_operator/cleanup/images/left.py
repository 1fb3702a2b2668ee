"""Which manifests of a plan a run may have deleted, by what its status says of images. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from violet_operator.cleanup.images.model import Deletion
from violet_operator.cleanup.images.report import repository_of

JsonObject = dict[str, Any]


def may_be_gone(planned: Sequence[Deletion], facts: JsonObject) -> list[Deletion]:
    """What a run may have deleted: not what it has left alone, nor what belongs to that.

    The status names images. An image that stays keeps what it consists of, and what is about it.
    """
    if (facts.get("outcomes") or {}).keys() == {"skipped"}:
        return []
    items = facts.get("items") or []
    left = {(repository_of(each), each["digest"]) for each in items if each.get("outcome") == "Skipped"}
    while more := {key for each in planned for key in _kept(each, left)} - left:
        left |= more
    return [each for each in planned if _key(each) not in left]


def _kept(each: Deletion, left: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """What stays with a manifest if that is left, and the manifest itself if it is about one that is."""
    if _key(each) in left:
        subject = (each.manifest.subject,) if each.manifest.subject else ()
        return {(each.repository, digest) for digest in (*each.manifest.children, *subject)}
    about = {each.manifest.subject, *(tag.replace("-", ":", 1).partition(".")[0] for tag in each.tags)}
    return {_key(each)} if any((each.repository, digest) in left for digest in about if digest) else set()


def _key(each: Deletion) -> tuple[str, str]:
    return each.repository, each.manifest.digest
