"""What a ConfigMap tells of the export in it, as an annotation: written in one with it, so it outlives the operator.

The status is written after the ConfigMap. An operator that dies in between would find an export of which its status
knows nothing; by the record it knows its own, and what changed is told after all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, NamedTuple

from pydantic import AwareDatetime, Field, ValidationError

from violet_operator.api import GROUP
from violet_operator.api.model import ApiModel
from violet_operator.api.package_inventory_status import CHANGES, Change

JsonObject = dict[str, Any]

RECORD = f"{GROUP}/export"
"""The annotation."""

_LIMIT = 128 << 10
"""Bytes of a record: the API takes twice that as annotations of one object, and others may have some."""


def sha256(text: str) -> str:
    """The sum of an export."""
    return hashlib.sha256(text.encode()).hexdigest()


class Record(ApiModel):
    """What changed with an export; `since` is the last one that a status knew, or the inventory that had none."""

    sha256: str
    since: str
    last_change_time: AwareDatetime
    changes: Annotated[list[Change], Field(max_length=CHANGES)]
    changes_total: Annotated[int, Field(ge=0)]

    @classmethod
    def of(cls, text: str, since: str, now: datetime, untold: Record | None, changes: Iterable[Change]) -> Record:
        """The record of an export: what an earlier one tells that no status ever told, then what changed since."""
        found = list(changes)
        told = [*(untold.changes if untold else ()), *found]
        total = len(found) + (untold.changes_total if untold else 0)
        record = cls(
            sha256=sha256(text),
            since=since,
            last_change_time=now.replace(microsecond=0),
            changes=[],
            changes_total=total,
        )
        kept = told[:CHANGES]
        while len((fitting := record.model_copy(update={"changes": kept})).annotation().encode()) > _LIMIT:
            kept = kept[: len(kept) // 2]
        return fitting

    def annotation(self) -> str:
        """As the ConfigMap has it."""
        return self.model_dump_json(by_alias=True, exclude_none=True)

    def facts(self) -> JsonObject:
        """As the status has it."""
        return {key: value for key, value in self.to_api().items() if key not in ("sha256", "since")}


class Last(NamedTuple):
    """The last export, as it lies in a ConfigMap.

    Attributes:
        text: the export.
        untold: its record, if no status tells of it.
    """

    text: str
    untold: Record | None


def holds(live: JsonObject | None, key: str) -> str | None:
    """What a ConfigMap has under a key."""
    found = ((live or {}).get("data") or {}).get(key)
    return None if found is None else str(found)


def recall(live: JsonObject | None, key: str, known: str) -> Last | None:
    """The last export, if it is there as it was written: the one that the status knows, or one that follows it."""
    text = holds(live, key)
    if live is None or text is None:
        return None
    if sha256(text) == known:
        return Last(text, None)
    record = _read(live["metadata"].get("annotations") or {})
    return Last(text, record) if record and (record.sha256, record.since) == (sha256(text), known) else None


def _read(annotations: Mapping[str, str]) -> Record | None:
    """None also where somebody has written there."""
    try:
        return Record.model_validate_json(annotations.get(RECORD, ""))
    except ValidationError:
        return None
