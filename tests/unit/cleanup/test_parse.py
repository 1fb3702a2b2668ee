"""Reading the platform's objects: a field that is missing is empty, and one of another type is unknown."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.simulation.cleanup.world import GLOBAL, World
from tests.unit.cleanup.bodies import EXAMPLES, METADATA, NEEDS, PACKAGE
from tests.unit.cleanup.platforms import GARBAGE, REGION, deleted, judged, platform
from violet_operator.cleanup import parse
from violet_operator.errors import Waiting

Object = dict[str, Any]

KEYS = st.sampled_from(
    ["metadata", "spec", "status", "name", "labels", "ownerReferences", "operatorStatus", "installation", "installed",
     "dependencies", "targets", "clusters", "package", "appReleases", "version", "creationTimestamp", "artifact"]
)  # fmt: skip
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(KEYS, below, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize("name", EXAMPLES)
@given(body=st.dictionaries(KEYS, ANYTHING, max_size=4))
def test_nothing_breaks_a_reader(name: str, body: Object) -> None:
    with suppress(Waiting):
        EXAMPLES[name].read(body)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_field_is_read(name: str) -> None:
    assert EXAMPLES[name].read(EXAMPLES[name].body) == EXAMPLES[name].facts


OPAQUE = {"generation", "observedGeneration", "readyForDeploy"}
"""Fields that may hold anything: they are compared."""


def fields(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of all fields below, and of the items of lists."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in below:
        if key not in {*OPAQUE, *NEEDS}:  # of what is needed every text counts
            yield (*path, key)
            yield from fields(each, (*path, key))


@pytest.mark.parametrize(("name", "path"), [(name, path) for name in EXAMPLES for path in fields(EXAMPLES[name].body)])
def test_a_field_of_another_type_never_counts_as_missing(name: str, path: tuple[Any, ...]) -> None:
    example = EXAMPLES[name]
    for odd in (7, True, "text", ["text"], [{}], {"x": "y"}, [["x"]]):
        body: Any = deepcopy(example.body)
        place = body
        for step in path[:-1]:
            place = place[step]
        if shape(place[path[-1]]) == shape(odd):
            continue
        place[path[-1]] = odd
        if name == "plugin_view" and path[0] == "status":
            assert example.read(body).installed is None or example.read(body) == example.facts
        else:
            with suppress(Waiting):
                assert example.read(body) == example.facts, "it is read, and its shape goes unnoticed"


def shape(value: Any) -> Any:
    """A value's type; for lists also that of the items."""
    return (list, *{type(each) for each in value}) if isinstance(value, list) else type(value)


OPERATORS, PLUGINS, NOT_REST = ("idle", "busy"), ("rest", "work"), ("idle", "busy", "work")


@pytest.mark.parametrize(
    ("cluster", "kind", "name", "path", "value", "left"),
    [
        (REGION, "Subscription", "busy-subs", ("spec", "name"), ["busy"], ()),
        (REGION, "Subscription", "busy-subs", ("spec", "name"), None, ()),
        (REGION, "Subscription", "busy-subs", ("status",), ["AtLatestKnown"], ()),
        (REGION, "Subscription", "busy-subs", ("spec", "startingCSV"), ["busy.v1.0.0"], ()),
        (REGION, "ClusterServiceVersion", "busy.v2.0.0", ("metadata", "labels"), ["operators.coreos.com/idle.x"], ()),
        (REGION, "InstallPlan", "install-1", ("spec", "clusterServiceVersionNames"), "idle.v1.0.0", ()),
        (REGION, "InstallPlan", "install-1", ("spec", "clusterServiceVersionNames"), [{"name": "idle.v1.0.0"}], ()),
        (REGION, "InstallPlan", "install-1", ("spec", "clusterServiceVersionNames"), None, ()),
        (REGION, "ArtifactVersion", "busy.v1.0.0", ("status", "version"), ["busy.v1.0.0"], ()),
        (GLOBAL, "OperatorView", "idle", ("status", "operatorStatus", "installation"), ["busy.v1.0.0"], PLUGINS),
        (GLOBAL, "OperatorView", "idle", ("status", "operatorStatus"), [{"phase": "Installed"}], PLUGINS),
        (GLOBAL, "ModulePluginView", "rest", ("status", "installed"), ["region1"], NOT_REST),
        (GLOBAL, "ModulePluginView", "rest", ("status", "installed"), {"region1": "v1.0.0"}, NOT_REST),
        (GLOBAL, "ModulePluginView", "rest", ("status",), ["region1"], NOT_REST),
        (GLOBAL, "ModulePlugin", "rest", ("status", "installed"), ["region1"], OPERATORS),
        (GLOBAL, "ModulePlugin", "rest", ("spec", "deleteable"), "false", OPERATORS),
        (GLOBAL, "ModuleInfo", "region1-work-hash", ("status", "transitVersion"), ["v1.0.0"], OPERATORS),
        (GLOBAL, "ModulePlugin", "work", ("spec", "dependencies"), ["rest"], NOT_REST),
        (GLOBAL, "ModuleConfig", "work-v2.0.0", ("spec", "upgradeBefore"), {"moduleName": "rest"}, NOT_REST),
    ],
)  # fmt: skip
def test_what_is_of_no_known_shape_may_protect_anything(
    cluster: str, kind: str, name: str, path: tuple[str, ...], value: object, left: tuple[str, ...]
) -> None:
    world = platform()
    world.plan(REGION, "elsewhere", "x.v1.0.0", phase="RequiresApproval")
    place = world.get(cluster, kind, name)
    for step in path[:-1]:
        place = place.setdefault(step, {})
    place[path[-1]] = value
    goes = {each for each in GARBAGE if any(f" {word}" in each for word in left)}
    assert set(deleted(world)) == goes


@pytest.mark.parametrize("body", [["odd"], {"metadata": ["odd"]}, {"metadata": {"name": ["odd"]}}])
def test_whatever_is_there_has_a_reason(body: Any) -> None:
    with pytest.raises(Waiting) as caught:
        parse.csv(body)
    assert caught.value.reason == "UnknownShape"


def test_an_odd_object_is_named() -> None:
    world = platform()
    world.get(REGION, "Subscription", "busy-subs")["spec"]["name"] = ["busy"]
    said = judged(world)["Artifact idle"].message
    assert "Subscription busy-subs cannot be understood: spec.name has a shape that is not known (list)" in said


def test_an_owner_of_another_kind_is_no_artifact() -> None:
    world = platform()
    for version in world.objects[REGION, "ArtifactVersion"]:
        uid = world.get(REGION, "Artifact", "idle")["metadata"]["uid"]
        version["metadata"]["ownerReferences"].insert(0, {"kind": "Thing", "uid": uid})
    assert deleted(world) == GARBAGE


@pytest.mark.parametrize(
    ("change", "facts"),
    [
        ({"labels": {}, "annotations": {"cpaas.io/module-name": "noted"}}, "noted"),
        ({"labels": {"cpaas.io/module-name": "said"}, "annotations": {"cpaas.io/module-name": "noted"}}, "said"),
        ({"labels": {}, "annotations": {}}, None),
    ],
)
def test_the_module_by_label_annotation_and_name(change: Object, facts: str | None) -> None:
    body = {"metadata": METADATA | change, "spec": {"name": "spelled"}}
    assert parse.module_plugin(GLOBAL, body).module == (facts or "it")
    assert parse.module_config(GLOBAL, body).module == (facts or "spelled")


@pytest.mark.parametrize(
    ("spec", "status", "version"),
    [
        ({"version": "2"}, {"latestVersion": "1"}, "1"),
        ({"version": "2", "appReleases": [{"chartVersions": [{"version": "3"}]}]}, {}, "2"),
        ({"appReleases": [{"chartVersions": []}, {"chartVersions": [{"version": "3"}, {"version": "4"}]}]}, {}, "3"),
        ({}, {}, ""),
    ],
)
def test_what_a_plugin_offers(spec: Object, status: Object, version: str) -> None:
    assert parse.module_plugin(GLOBAL, {"metadata": METADATA, "spec": spec, "status": status}).version == version


@pytest.mark.parametrize("time", ["2026-01-01T00:00:00", "soon", ""])
def test_a_time_of_no_zone_is_no_time(time: str) -> None:
    assert parse.artifact(GLOBAL, {"metadata": METADATA | {"creationTimestamp": time}}).meta.created is None


@pytest.mark.parametrize("read", [parse.module_plugin, parse.module_config])
@pytest.mark.parametrize(("said", "deletable"), [(None, True), (True, True), (False, False)])
def test_deletable_unless_the_platform_says_no(read: Callable[..., Any], said: bool | None, deletable: bool) -> None:
    assert read(GLOBAL, {"metadata": METADATA, "spec": {"deleteable": said}}).deletable is deletable


@pytest.mark.parametrize("ready", [None, False, "true", "True", 1])
def test_ready_is_what_says_so(ready: object) -> None:
    assert not parse.module_config(GLOBAL, {"metadata": METADATA, "status": {"readyForDeploy": ready}}).ready


@pytest.mark.parametrize("stamp", ["2026-01-01T00:00:00Z", ["odd"]])
def test_what_has_a_time_of_deletion_is_being_deleted(stamp: object) -> None:
    assert parse.artifact(GLOBAL, {"metadata": METADATA | {"deletionTimestamp": stamp}}).meta.deleting


@pytest.mark.parametrize(
    ("fields", "wants"),
    [
        ({}, True),
        ({"spec": {"mode": "Preview"}}, False),
        ({"spec": {"mode": ["Preview"]}}, True),
        ({"spec": {"skipResources": True}}, False),
        ({"spec": {"skipResources": "True"}}, True),
        ({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, False),
    ],
)
def test_which_uploads_want_nothing(fields: dict[str, Object], wants: bool) -> None:
    body = EXAMPLES["upload"].body
    found = parse.upload({key: body[key] | fields.get(key, {}) for key in body})
    assert found == (EXAMPLES["upload"].facts if wants else None)


def test_an_upload_that_names_no_cluster_is_for_global() -> None:
    body = EXAMPLES["upload"].body
    found = parse.upload(body | {"spec": body["spec"] | {"targets": []}})
    assert found == replace(EXAMPLES["upload"].facts, clusters=frozenset({GLOBAL}))


@pytest.mark.parametrize(
    ("key", "fields"),
    [
        ("metadata", {"generation": 4}),
        ("spec", {"source": {"url": "s3://packages/other.tgz"}}),
        ("spec", {"source": {"url": "s3://packages/p.tgz", "sha256": "1" * 64}}),
        ("status", {"package": PACKAGE | {"name": ""}}),
    ],
)
def test_an_upload_that_was_not_read_may_want_anything(key: str, fields: Object) -> None:
    body = EXAMPLES["upload"].body
    found = parse.upload(body | {key: body[key] | fields})
    assert found is not None
    assert (found.package, found.versions) == ("", frozenset())


def test_the_version_of_a_config_is_never_that_of_its_name() -> None:
    world = World()
    world.config("log-center", "v1.2.0")["metadata"]["name"] = "log-center-default"
    (config,) = world.state().configs.items
    assert (config.module, config.version) == ("log-center", "v1.2.0")


@pytest.mark.parametrize(
    ("artifact", "tag"),
    [
        ("harbor.example.com:443/acp/x-bundle:v1.2.3", "v1.2.3"),
        ("harbor.example.com:443/acp/x-bundle:v1.2.3@sha256:0123", "v1.2.3"),
        ("harbor.example.com:443/acp/x-bundle", None),
        ("", None),
    ],
)
def test_an_upload_wants_version_csv_and_tag(artifact: str, tag: str | None) -> None:
    world = World()
    world.upload("u", {"name": "x", "version": "1.0.0", "csv": "x.v1.0.0", "artifact": artifact})
    (upload,) = world.state().uploads.items
    assert upload.versions == {"1.0.0", "x.v1.0.0"} | ({tag} if tag else set())
    assert upload.clusters == {GLOBAL}


def test_a_view_without_a_list_says_nowhere_and_one_without_a_status_says_nothing() -> None:
    assert parse.plugin_view({"metadata": {"name": "p"}, "status": {}}).installed == ()
    assert parse.plugin_view({"metadata": {"name": "p"}}).installed is None
    assert parse.plugin_view({"metadata": {"name": "p"}, "status": {"installed": "?"}}).installed is None
