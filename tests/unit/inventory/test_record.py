"""The record of an export in its ConfigMap: believed only where it fits, and never too large."""

from datetime import UTC, datetime
from typing import Any

import pytest

from violet_operator.api.package_inventory_status import CHANGES, Change
from violet_operator.inventory.record import RECORD, Last, Record, recall, sha256

NOW = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
LIMIT = 256 << 10  # bytes of all annotations of one object, as the API has it
TEXT, KEY = "applications: {}\n", "apps.yaml"


def change(name: str, after: str = "1") -> Change:
    return Change(action="Added", type="Chart", name=name, cluster="global", after=after)


def config_map(record: str, text: str = TEXT) -> dict[str, Any]:
    return {"metadata": {"annotations": {RECORD: record}}, "data": {KEY: text}}


def test_what_a_status_knows_needs_no_record() -> None:
    assert recall({"metadata": {}, "data": {KEY: TEXT}}, KEY, sha256(TEXT)) == Last(TEXT, None)


def test_what_follows_what_a_status_knows_is_told_from_its_record() -> None:
    record = Record.of(TEXT, "before", NOW, None, [change("a")])
    assert recall(config_map(record.annotation()), KEY, "before") == Last(TEXT, record)
    assert record.facts() == {
        "lastChangeTime": "2026-01-02T03:04:05Z",
        "changes": [{"action": "Added", "type": "Chart", "name": "a", "cluster": "global", "after": "1"}],
        "changesTotal": 1,
    }


def test_what_was_never_told_is_kept() -> None:
    first = Record.of(TEXT, "before", NOW, None, [change("a")])
    second = Record.of(TEXT, "before", NOW, first, [change("b")])
    assert ([each.name for each in second.changes], second.changes_total) == (["a", "b"], 2)


GOOD = Record.of(TEXT, "before", NOW, None, []).annotation()


@pytest.mark.parametrize(
    "live",
    [
        None,
        {"metadata": {}},
        {"metadata": {}, "data": {KEY: TEXT}},
        config_map(GOOD, "applications: {a: b}\n"),
        config_map(GOOD.replace("before", "another")),
        config_map(""),
        config_map("[]"),
        config_map(GOOD.replace("2026-01-02T03:04:05Z", "yesterday")),
        config_map(GOOD.replace('"changesTotal":0', '"changesTotal":-1')),
        config_map(GOOD.replace('"changes":[]', '"changes":[{"action":"Moved"}]')),
    ],
    ids=str,
)
def test_what_does_not_fit_is_not_the_last_export(live: dict[str, Any] | None) -> None:
    assert recall(live, KEY, "before") is None


def test_a_record_fits_into_the_annotations_of_an_object() -> None:
    many = [change(f"{number:04}" + "界" * 512, "界" * 512) for number in range(5000)]
    record = Record.of(TEXT, "before", NOW, None, many)
    assert 0 < len(record.changes) <= CHANGES
    assert record.changes == many[: len(record.changes)]
    assert record.changes_total == 5000
    assert len(record.annotation().encode()) < LIMIT
    assert len(Record.of(TEXT, "before", NOW, None, [change("a")] * 5000).changes) == CHANGES
