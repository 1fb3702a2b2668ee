"""What became of everything that an upload had published, in the words of the event `Withdrawn`: pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from violet_operator.upload.ledger import Tag, Version
from violet_operator.upload.withdraw_judge import Fate

_MOST_NAMES = 10
"""Tags named in one sentence: an event has room for a thousand characters."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a version on its cluster; `removed` are the objects that were deleted, in words."""

    version: Version
    fate: Fate
    removed: Sequence[str] = field(default=())


@dataclass(frozen=True, slots=True)
class TagOutcome:
    """What became of a tag."""

    tag: Tag
    fate: Fate


def sentences(objects: Sequence[Outcome], tags: Sequence[TagOutcome], *, finished: bool) -> str:
    """All of it; while some of it is still to be judged, only what was done."""
    said = [*_of_objects(objects, finished=finished), *_of_tags(tags, finished=finished)]
    return " ".join(said) or ("Nothing of it was published." if finished else "")


def _of_objects(objects: Iterable[Outcome], *, finished: bool) -> Iterable[str]:
    stays: dict[str, None] = {}
    for each in objects:
        if each.removed:
            yield f"Deleted on {each.version.cluster}: {', '.join(each.removed)}."
        elif each.fate.goes and each.version.made and finished:
            yield f"Deleted on {each.version.cluster}: nothing, {each.version.object} was gone."
        if each.fate.stays and finished:
            stays[each.fate.stays] = None
    yield from stays


def _of_tags(tags: Iterable[TagOutcome], *, finished: bool) -> Iterable[str]:
    groups: dict[tuple[str, str], list[str]] = {}
    for each in tags:
        if each.fate.goes or (finished and each.fate.stays):
            groups.setdefault((each.tag.registry, each.fate.stays), []).append(str(each.tag))
    for (registry, stays), names in groups.items():
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        listed = f"{', '.join(names[:_MOST_NAMES])}{more}"
        yield f"Tags stay in {registry}, as {stays}: {listed}." if stays else f"Deleted tags in {registry}: {listed}."
