"""What an upload remembers of what it has written: once ours, always ours; found is not pushed; never too much."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from violet_operator.upload import ledger
from violet_operator.upload.ledger import Ledger, Tag, Version

TAG = Tag("p", "registry", "mirror", "acp/web", "v1", "sha256:1", pushed=True)
FOUND = replace(TAG, pushed=False)
NEXT = replace(TAG, tag="v2", digest="sha256:2")
VERSION = Version("p", "global", "registry", "mirror", "bundle", "web", "1", "web.v1", csv="web.1", made=True)


def test_survives_the_status() -> None:
    full = Ledger((TAG, FOUND), (VERSION, replace(VERSION, type="chart", repository="r", digest="d", made=False)))
    assert Ledger.of({"published": full.to_api()}) == full
    assert Ledger.of({}) == Ledger()
    assert Ledger.of({"published": {"tags": [{**full.to_api()["tags"][0], "laterField": 1}]}}) == Ledger((TAG,))


@pytest.mark.parametrize(
    ("before", "now", "after"),
    [
        ([], [TAG], [TAG]),
        ([], [FOUND], [FOUND]),
        ([TAG], [FOUND], [TAG]),  # in place, as we have left it
        ([FOUND], [FOUND], [FOUND]),
        ([FOUND], [TAG], [TAG]),  # was gone, and we have pushed it again
        ([TAG], [replace(FOUND, digest="sha256:2")], [replace(FOUND, digest="sha256:2")]),  # somebody else has
        ([TAG], [NEXT], [TAG, NEXT]),  # the next version
        ([FOUND], [NEXT], [NEXT]),  # not needed any more, and never ours
        ([FOUND], [], [FOUND]),  # nothing was looked at
        ([FOUND], [replace(NEXT, platform="q")], [FOUND, replace(NEXT, platform="q")]),
        ([TAG], [replace(FOUND, registry="other")], [TAG, replace(FOUND, registry="other")]),
    ],
)
def test_tags(before: list[Tag], now: list[Tag], after: list[Tag]) -> None:
    assert Ledger(tuple(before)).with_tags(now).tags == tuple(after)


def test_versions_are_kept_and_stay_made() -> None:
    images_only, elsewhere = replace(VERSION, made=False), replace(VERSION, cluster="edge")
    later = replace(VERSION, version="2", object="web.v2")
    assert Ledger((), (VERSION,)).with_versions([images_only]).versions == (VERSION,)
    assert Ledger((), (images_only,)).with_versions([VERSION]).versions == (VERSION,)
    found = Ledger((), (VERSION, elsewhere)).with_versions([later])
    assert found.versions == (VERSION, elsewhere, later)
    assert found.with_versions([later]) == found, "the same again is no change"


@given(st.lists(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=4)))
def test_what_was_pushed_is_never_forgotten_and_what_was_found_never_pushed(runs: list[list[tuple[str, bool]]]) -> None:
    found, pushed = Ledger(), set()
    for run in runs:
        tags = {name: replace(TAG, tag=name, pushed=new) for name, new in run}
        pushed |= {name for name, tag in tags.items() if tag.pushed}
        found = found.with_tags(list(tags.values()))
        assert {tag.tag for tag in found.tags if tag.pushed} == pushed
        assert len({tag.tag for tag in found.tags}) == len(found.tags)


def test_the_oldest_go_where_it_grows_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "_MOST_TAGS", 3)
    monkeypatch.setattr(ledger, "_MOST_VERSIONS", 2)
    found = Ledger()
    for number in range(5):
        found = found.with_tags([replace(TAG, tag=str(number))])
        found = found.with_versions([replace(VERSION, version=str(number))])
    assert [tag.tag for tag in found.tags] == ["2", "3", "4"]
    assert [version.version for version in found.versions] == ["3", "4"]
    many = [replace(TAG, tag=f"now-{number}") for number in range(9)]
    assert found.with_tags(many).tags == tuple(many), "what is needed now is never dropped"


def test_all_versions_of_a_plugin_are_one_subject() -> None:
    plugin = replace(VERSION, type="plugin", object="web")
    assert plugin.subject == replace(plugin, version="2").subject
    chart = replace(VERSION, type="chart", object="web.repo")
    assert chart.subject != replace(chart, version="2").subject
    assert TAG.references == {"registry/acp/web:v1", "mirror/acp/web:v1"}
