"""Reading the platform's objects: whatever they look like, a fact is missing at worst, and nothing breaks."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.simulation.cleanup.world import GLOBAL, World
from violet_operator.cleanup import parse

PARSERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "artifact": partial(parse.artifact, GLOBAL),
    "artifact_version": partial(parse.artifact_version, GLOBAL),
    "operator_view": parse.operator_view,
    "subscription": parse.subscription,
    "install_plan": parse.install_plan,
    "csv": parse.csv,
    "module_plugin": partial(parse.module_plugin, GLOBAL),
    "module_config": partial(parse.module_config, GLOBAL),
    "module_info": parse.module_info,
    "plugin_view": parse.plugin_view,
    "upload": parse.upload,
}
KEYS = st.sampled_from(
    ["metadata", "spec", "status", "name", "labels", "ownerReferences", "operatorStatus", "installation", "installed",
     "dependencies", "targets", "clusters", "package", "appReleases", "version", "creationTimestamp", "artifact"]
)  # fmt: skip
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(KEYS, below, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize("name", PARSERS)
@given(body=st.dictionaries(KEYS, ANYTHING, max_size=4))
def test_nothing_breaks_a_parser(name: str, body: dict[str, Any]) -> None:
    PARSERS[name](body)


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
