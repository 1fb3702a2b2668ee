"""What has to be done to have a saved object back: pure, from the backup and what is there now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from violet_operator.cleanup.backup import OWNERS, RESOURCES, Entry

JsonObject = dict[str, Any]

_KEPT = ("labels", "annotations")
"""Of the metadata, beside name and namespace; everything else is the API server's, or its platform's to set again."""

Key = tuple[str, str, str]
"""API group, kind and name of an owner: what stays when it is made anew."""


@dataclass(frozen=True, slots=True)
class Owner:
    """An owner as it is now.

    Attributes:
        uid: its identity; None: there is nothing to link to.
        missing: why not, as in "which is not there".
        other: it is there with other content than was saved.
    """

    uid: str | None
    missing: str = ""
    other: bool = False


@dataclass(frozen=True, slots=True)
class PutBack:
    """What to do about one object.

    Attributes:
        entry: what was saved.
        outcome: Create: `body` is to be made. Restored: it is there. Skipped: it stays as it is. Failed: not now.
        message: why, for people.
        body: what is to be made.
    """

    entry: Entry
    outcome: Literal["Create", "Restored", "Skipped", "Failed"]
    message: str
    body: JsonObject | None = None


def ordered(entries: Iterable[Entry]) -> list[Entry]:
    """Owners first, as what they own names them."""
    order = list(RESOURCES)
    return sorted(entries, key=lambda each: order.index(each.ref.kind))


def references(body: JsonObject | None) -> list[JsonObject]:
    """To its owners."""
    return list(((body or {}).get("metadata") or {}).get("ownerReferences") or ())


def key_of(reference: JsonObject) -> Key:
    """Which owner it names."""
    group = str(reference.get("apiVersion")).rpartition("/")[0]
    return group, str(reference.get("kind")), str(reference.get("name"))


def is_package(reference: JsonObject) -> bool:
    """Whether it names an Artifact or ModulePlugin: what belongs to one goes with it."""
    group, kind, _ = key_of(reference)
    return kind in OWNERS and group == RESOURCES[kind].group


def put_back(entry: Entry, live: JsonObject | None, owners: Mapping[Key, Owner]) -> PutBack:
    """What to do about an object, of which `live` is there now; `owners` are those of both, as they are now."""
    if live is None:
        return _anew(entry, owners)
    if why := _going(live, owners):
        return PutBack(entry, "Failed", why)
    if entry.ref.uid == live["metadata"]["uid"]:
        return PutBack(entry, "Restored", "It is there as it was.")  # it never went
    if differing := _differing(entry, live, owners):
        return PutBack(entry, "Skipped", f"It is there with other {differing}, and was left alone.")
    without = _without(entry, owners)
    return PutBack(entry, "Restored", f"It is there{without}." if without else "It is there as it was.")


def _anew(entry: Entry, owners: Mapping[Key, Owner]) -> PutBack:
    """What is gone is made again, if it would stay."""
    for each in references(entry.body):
        owner, name = owners[key_of(each)], f"{each['kind']} {each['name']}"
        if owner.other:
            said = f"{name}, which owned it, is there with other content: the platform would remove it again."
            return PutBack(entry, "Skipped", f"{said} To have it back, delete that {each['kind']}, and restore again.")
        if owner.uid is None and is_package(each):
            said = f"{name} owned it and {owner.missing}: without it, it would not stay."
            return PutBack(entry, "Failed", said)
    return PutBack(entry, "Create", f"It was put back{_without(entry, owners)}.", _body(entry, owners))


def _going(live: JsonObject, owners: Mapping[Key, Owner]) -> str | None:
    """Why what is there will not stay, if so."""
    if live["metadata"].get("deletionTimestamp"):
        held = ", ".join(live["metadata"].get("finalizers") or ()) or "nothing that is named"
        return f"It is still being deleted, and held by {held}."
    for each in references(live):
        if is_package(each) and owners[key_of(each)].uid != each["uid"]:
            return f"It belongs to a {each['kind']} {each['name']} that is gone, and will be deleted with it."
    return None


def _without(entry: Entry, owners: Mapping[Key, Owner]) -> str:
    """Which links to owners could not be made again."""
    left_out = [each for each in references(entry.body) if owners[key_of(each)].uid is None]
    names = (f"its owner {each['kind']} {each['name']}, which {owners[key_of(each)].missing}" for each in left_out)
    return f", without {', and without '.join(names)}" if left_out else ""


def _linked(entry: Entry, owners: Mapping[Key, Owner]) -> list[JsonObject]:
    """The references to its owners as they are now."""
    found = ((each, owners[key_of(each)].uid) for each in references(entry.body))
    return [{**reference, "uid": uid} for reference, uid in found if uid is not None]


def _body(entry: Entry, owners: Mapping[Key, Owner]) -> JsonObject:
    saved = entry.body["metadata"]
    metadata = {key: saved[key] for key in ("name", "namespace", *_KEPT) if saved.get(key)}
    if linked := _linked(entry, owners):
        metadata["ownerReferences"] = linked
    rest = {key: value for key, value in entry.body.items() if key not in ("metadata", "status")}
    return {**rest, "metadata": metadata}


def _differing(entry: Entry, live: JsonObject, owners: Mapping[Key, Owner]) -> str | None:
    """What of it is other than it was saved; what others have added since does not matter."""
    wanted = _body(entry, owners)
    for key in _KEPT:
        if not (wanted["metadata"].get(key) or {}).items() <= (live["metadata"].get(key) or {}).items():
            return key
    there = {(*key_of(each), each["uid"]) for each in references(live)}
    if not {(*key_of(each), each["uid"]) for each in references(wanted)} <= there:
        return "owners"
    mine = {key: value for key, value in wanted.items() if key != "metadata"}
    theirs = {key: value for key, value in live.items() if key not in ("metadata", "status")}
    return None if mine == theirs else "content"
