"""Is an object as we want it, and whose are its fields: pure, on what server-side apply notes in `managedFields`.

Who applies a field declares what he wants, and is not overruled. Who merely updates one (`kubectl edit`, the
marketplace itself) leaves drift, which is repaired.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from violet_operator.api import FIELD_MANAGER
from violet_operator.api.artifact import VERIFIED_AT

JsonObject = dict[str, Any]

_SHARED_LIST = "ownerReferences"
"""The one list of ours that others add to; every other one is ours as a whole."""


def includes(live: Any, wanted: Any) -> bool:  # noqa: ANN401 - JSON values
    """Whether `live` says what `wanted` says; keys that others added, and when we verified, do not matter."""
    if not isinstance(wanted, dict):
        return bool(live == wanted)
    if not isinstance(live, dict):
        return False
    told, theirs = wanted.keys() - {VERIFIED_AT, _SHARED_LIST}, live.get(_SHARED_LIST) or []
    return all(key in live and includes(live[key], wanted[key]) for key in told) and all(
        any(includes(item, each) for item in theirs) for each in wanted.get(_SHARED_LIST) or []
    )


def is_as_wanted(live: JsonObject, wanted: JsonObject) -> bool:
    """Whether an object says all that we want, and nothing of ours that we want no more."""
    return includes(live, wanted) and not any(
        _says_more(fields, wanted) for manager, fields in _appliers(live) if manager == FIELD_MANAGER
    )


def _says_more(owned: JsonObject, wanted: Any) -> bool:  # noqa: ANN401 - JSON values
    """Whether fields are owned that are not wanted; of a list, the whole has been compared already."""
    return isinstance(wanted, dict) and any(
        name not in wanted or _says_more(below, wanted[name]) for name, below in _below(owned)
    )


def is_claimed(live: JsonObject, wanted: JsonObject) -> bool:
    """Whether somebody else applies a field that we want, and wants something else there."""
    return any(_clashes(fields, live, wanted) for manager, fields in _appliers(live) if manager != FIELD_MANAGER)


def _clashes(owned: JsonObject, live: Any, wanted: Any) -> bool:  # noqa: ANN401 - JSON values
    if not owned:
        return not includes(live, wanted)
    if not isinstance(live, dict) or not isinstance(wanted, dict):
        return False  # entries of a list, each with an owner of its own
    return any(name in wanted and _clashes(below, live.get(name), wanted[name]) for name, below in _below(owned))


def is_ours(live: JsonObject) -> bool:
    """Whether we have published this object, or taken it over."""
    return any(manager == FIELD_MANAGER for manager, _ in _appliers(live))


def is_applied(live: JsonObject, *path: str) -> bool:
    """Whether anybody applies a field, be it we: it is as he wants it."""
    return any(_has(fields, path) for _, fields in _appliers(live))


def _has(owned: JsonObject, path: tuple[str, ...]) -> bool:
    if not path:
        return True
    below = owned.get(f"f:{path[0]}")
    return below is not None and _has(below, path[1:])


def _appliers(live: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    """Name and fields of every manager that applies the object; a status that is applied says nothing of the rest."""
    for entry in live["metadata"].get("managedFields", []):
        if entry["operation"] == "Apply" and not entry.get("subresource"):
            yield entry["manager"], entry.get("fieldsV1") or {}


def _below(owned: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    """The named fields of `fieldsV1`: not the map itself (`.`), nor entries of lists (`k:`, `v:`)."""
    return ((key[2:], below) for key, below in owned.items() if key.startswith("f:"))
