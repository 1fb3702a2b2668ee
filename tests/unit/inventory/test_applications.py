"""The export: the manual's sample to the letter, one text for one state, and what changed between two."""

from itertools import permutations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from violet_operator.api.package_inventory_status import Change
from violet_operator.inventory.applications import (
    TYPES,
    Installed,
    differences,
    merge,
    parse,
    render,
    without_namesakes,
)
from violet_operator.inventory.objects import text as cleaned

SAMPLE = """\
applications:
  topolvm-operator:
    displayName: NativeStor
    type: OperatorBundle
    installed:
    - clusterName: global
      version: 2.3.0
  log-center:
    displayName: Log Center
    type: ModulePlugin
    installed:
    - clusterName: region1
      version: v1.2.0
"""
TOPOLVM = Installed("OperatorBundle", "topolvm-operator", "global", "2.3.0", "NativeStor")
LOGS = Installed("ModulePlugin", "log-center", "region1", "v1.2.0", "Log Center")
CHART = Installed("Chart", "zookeeper", "region1", "1.10", "zookeeper")

TEXTS = st.text(min_size=1, max_size=20).map(cleaned).filter(bool)
ITEMS = st.builds(
    Installed,
    st.sampled_from(TYPES),
    st.sampled_from(["a", "b", "no", "1e3", "null"]) | TEXTS,
    st.sampled_from(["global", "region1", "region2"]),
    st.sampled_from(["1.10", "v1.2.0", "2.3", "2026-01-01", "0x1f", "1_000", "yes", "~", "=", "<<"]) | TEXTS,
    TEXTS,
)


@st.composite
def _exports(draw: st.DrawFn) -> set[Installed]:
    """What an export can hold: one type and one display name for a name."""
    found, _ = without_namesakes(draw(st.sets(ITEMS, max_size=12)))
    titles = {item.name: item.display_name for item in sorted(found)}
    return {Installed(i.type, i.name, i.cluster, i.version, titles[i.name]) for i in found}


EXPORTS = _exports()


def test_the_sample_of_the_manual_is_written_to_the_letter() -> None:
    for items in permutations((LOGS, TOPOLVM)):
        assert render(items) == SAMPLE


def test_nothing_installed_is_an_empty_map() -> None:
    assert render([]) == "applications: {}\n"
    assert parse("applications: {}\n") == set()


def test_charts_follow_and_clusters_and_versions_are_sorted() -> None:
    other = Installed("Chart", "zookeeper", "global", "3.8.6", "zookeeper")
    more = Installed("Chart", "zookeeper", "global", "3.8.4", "zookeeper")
    written = render([CHART, LOGS, other, more])
    assert list(yaml.safe_load(written)["applications"]) == ["log-center", "zookeeper"]
    assert written.endswith(
        "    - clusterName: global\n      version: 3.8.4\n"
        "    - clusterName: global\n      version: 3.8.6\n"
        "    - clusterName: region1\n      version: '1.10'\n"
    )


@given(EXPORTS)
def test_a_yaml_parser_reads_back_what_was_written_as_text(items: set[Installed]) -> None:
    written = render(items)
    assert parse(written) == items
    applications = yaml.safe_load(written)["applications"]
    assert {name: each["type"] for name, each in applications.items()} == {i.name: i.type for i in items}
    assert all(isinstance(place["version"], str) for each in applications.values() for place in each["installed"])


@given(EXPORTS, st.randoms())
def test_the_order_of_what_was_found_does_not_matter(items: set[Installed], random: object) -> None:
    shuffled = list(items)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert render(shuffled) == render(sorted(items))


@given(st.sets(ITEMS, max_size=12))
def test_a_name_belongs_to_one_type_and_the_rest_is_named(items: set[Installed]) -> None:
    kept, lost = without_namesakes(items)
    assert {i.name for i in kept} == {i.name for i in items}
    assert len({(i.name, i.type) for i in kept}) == len({i.name for i in kept})
    assert set(lost) == {f"{i.type} {i.name}" for i in items - kept}


def test_an_operator_wins_over_a_chart_of_its_name() -> None:
    chart = Installed("Chart", "topolvm-operator", "region1", "9.9.9", "x")
    assert without_namesakes([chart, TOPOLVM]) == ({TOPOLVM}, ["Chart topolvm-operator"])


@given(EXPORTS, EXPORTS, st.sets(st.tuples(st.sampled_from(["global", "region1"]), st.sampled_from(TYPES))))
def test_what_cannot_be_read_stays_as_it_was(found: set[Installed], last: set[Installed], unread: set) -> None:  # type: ignore[type-arg]
    merged = merge(found, unread, last)
    for item in merged | found | last:
        source = last if (item.cluster, item.type) in unread else found
        assert (item in merged) == (item in source)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([TOPOLVM], [TOPOLVM], []),
        ([], [TOPOLVM], [("Added", None, "2.3.0")]),
        ([TOPOLVM], [], [("Removed", "2.3.0", None)]),
        (["1.9"], ["1.10"], [("Upgraded", "1.9", "1.10")]),
        (["1.10"], ["1.9"], [("Downgraded", "1.10", "1.9")]),
        (["1.0+a"], ["1.0+b"], [("Upgraded", "1.0+a", "1.0+b")]),
        (["1", "2"], ["2", "3"], [("Upgraded", "1", "3")]),
        (["1", "2"], ["3"], [("Removed", "1", None), ("Removed", "2", None), ("Added", None, "3")]),
        (["1"], ["1", "2"], [("Added", None, "2")]),
    ],
)
def test_what_changed(before: list, after: list, expected: list) -> None:  # type: ignore[type-arg]
    old, new = (
        [Installed("Chart", "a", "c", each, "A") if isinstance(each, str) else each for each in side]
        for side in (before, after)
    )
    assert [(change.action, change.before, change.after) for change in differences(old, new)] == expected


def test_a_new_display_name_is_no_change() -> None:
    renamed = Installed("OperatorBundle", "topolvm-operator", "global", "2.3.0", "TopoLVM")
    assert differences([TOPOLVM], [renamed]) == []


def test_the_same_package_on_two_clusters_changes_twice() -> None:
    before = [Installed("Chart", "a", cluster, "1", "a") for cluster in ("x", "y")]
    after = [Installed("Chart", "a", cluster, "2", "a") for cluster in ("x", "z")]
    assert differences(before, after) == [
        Change(action="Upgraded", type="Chart", name="a", cluster="x", before="1", after="2"),
        Change(action="Removed", type="Chart", name="a", cluster="y", before="1"),
        Change(action="Added", type="Chart", name="a", cluster="z", after="2"),
    ]


BOMB = f"""\
applications:
  a0: &bomb
    displayName: a
    type: Chart
    installed:
{"".join(f"    - {{clusterName: c{number}, version: v}}{chr(10)}" for number in range(10_000))}\
{"".join(f"  a{number}: *bomb{chr(10)}" for number in range(1, 10_000))}"""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "applications: []\n",
        "applications: {a: 1}\n",
        "applications: {a: {displayName: b, type: Else, installed: []}}\n",
        "applications: {a: {displayName: b, type: Chart, installed: [{clusterName: c}]}}\n",
        "applications: !!python/name:os.system []\n",
        "- " * 50_000,  # kills a loader in C
        BOMB,  # a million million bytes
    ],
    ids=range(9),
)
def test_what_is_no_export_is_not_read(text: str) -> None:
    with pytest.raises(ValueError, match="no export"):
        parse(text)


@given(EXPORTS, EXPORTS)
def test_changes_lead_from_one_export_to_the_other(before: set[Installed], after: set[Installed]) -> None:
    state = {(i.type, i.name, i.cluster, i.version) for i in before}
    for change in differences(before, after):
        place = (change.type, change.name, change.cluster)
        if change.before is not None:
            state.remove((*place, change.before))
        if change.after is not None:
            state.add((*place, change.after))
    assert state == {(i.type, i.name, i.cluster, i.version) for i in after}
