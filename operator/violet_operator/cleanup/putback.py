"""What has to be done to have a saved object back: pure, from the backup and what is there now."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from violet_operator.cleanup.backup import OWNERS, RESOURCES, Entry

JsonObject = dict[str, Any]

_KEPT = ("labels", "annotations")
"""Of the metadata, beside name and namespace; everything else is the API server's, or its platform's to set again."""

FindUid = Callable[[str, str], str | None]
"""The uid of an owner by kind and name, as it is now."""


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


def put_back(entry: Entry, live: JsonObject | None, find_uid: FindUid) -> PutBack:
    """What to do about an object, of which `live` is there now."""
    references, missing = _owners(entry, find_uid)
    if live is None:
        if missing:
            return PutBack(entry, "Failed", f"{missing} owned it and is not there: without it, it would not stay.")
        return PutBack(entry, "Create", "It was put back.", _body(entry, references))
    if why := _going(live, find_uid):
        return PutBack(entry, "Failed", why)
    if differing := _differing(entry, live):
        return PutBack(entry, "Skipped", f"It is there with other {differing}, and was left alone.")
    return PutBack(entry, "Restored", "It is there as it was.")


def _going(live: JsonObject, find_uid: FindUid) -> str | None:
    """Why what is there will not stay, if so."""
    if live["metadata"].get("deletionTimestamp"):
        held = ", ".join(live["metadata"].get("finalizers") or ()) or "nothing that is named"
        return f"It is still being deleted, and held by {held}."
    for each in live["metadata"].get("ownerReferences") or ():
        if each["kind"] in OWNERS and find_uid(each["kind"], each["name"]) != each["uid"]:
            return f"It belongs to a {each['kind']} {each['name']} that is gone, and will be deleted with it."
    return None


def _owners(entry: Entry, find_uid: FindUid) -> tuple[list[JsonObject], str | None]:
    """The references to its owners as they are now, and one that is missing."""
    found = []
    for reference in entry.body["metadata"].get("ownerReferences") or ():
        if reference.get("kind") not in OWNERS:
            continue  # whether such an owner is there cannot be told; without it nothing would be collected
        uid = find_uid(reference["kind"], reference["name"])
        if uid is None:
            return [], f"{reference['kind']} {reference['name']}"
        found.append({**reference, "uid": uid})
    return found, None


def _body(entry: Entry, references: list[JsonObject]) -> JsonObject:
    saved = entry.body["metadata"]
    metadata = {key: saved[key] for key in ("name", "namespace", *_KEPT) if saved.get(key)}
    if references:
        metadata["ownerReferences"] = references
    rest = {key: value for key, value in entry.body.items() if key not in ("metadata", "status")}
    return {**rest, "metadata": metadata}


def _differing(entry: Entry, live: JsonObject) -> str | None:
    """What of it is other than it was saved."""
    if entry.ref.uid == live["metadata"]["uid"]:
        return None  # it never went
    for key in _KEPT:
        if (entry.body["metadata"].get(key) or {}) != (live["metadata"].get(key) or {}):
            return key
    mine = {key: value for key, value in entry.body.items() if key not in ("metadata", "status")}
    theirs = {key: value for key, value in live.items() if key not in ("metadata", "status")}
    return None if mine == theirs else "content"
