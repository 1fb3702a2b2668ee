"""Which version of a plugin stays, what a Chart object lists, and who uses a chart."""

from typing import Any

import pytest

from violet_operator.api.module_plugin import module_plugin
from violet_operator.publication.chart import ChartEntry, find_version
from violet_operator.publication.installed import uses
from violet_operator.publication.plugin import PluginPublisher


def module(version: str, **spec: Any) -> dict[str, Any]:
    releases = [{"name": "web", "chartVersions": [{"name": "acp/web", "releaseName": "web", "version": version}]}]
    return {"spec": {"name": "web", "mainChart": "acp/web", "appReleases": releases} | spec}


@pytest.mark.parametrize(
    ("live", "ours", "stays"),
    [
        ("v1.0.0", "v1.0.0", False),
        ("v1.0.0", "1.0.0", False),
        ("v1.9.0", "v1.10.0", False),
        ("v1.10.0", "v1.9.0", True),
        ("v2.0.0-rc.1", "v2.0.0", False),
        ("v2.0.0", "v2.0.0-rc.1", True),
        ("v2.0.0-rc.10", "v2.0.0-rc.9", True),
        ("", "v1.0.0", False),
    ],
)
def test_a_newer_module_plugin_stays(live: str, ours: str, stays: bool) -> None:
    publisher = PluginPublisher(module_plugin("web", module(ours), {}, {}), registry="registry", prefix="")
    (piece,) = publisher.pieces
    assert piece.yields_to(module(live)) is stays
    assert piece.namespace is None


CHART = ChartEntry("web", "1.0.0", "00", "public-charts", "cpaas-system")


@pytest.mark.parametrize(
    ("versions", "listed"),
    [
        ([{"name": "web", "version": "1.0.0"}], True),
        ([{"version": "1.0.0"}], True),
        ([{"name": "acp/charts/web", "version": "1.0.0"}], True),
        ([{"name": "other", "version": "1.0.0"}], False),
        ([{"name": "web", "version": "1.0.1"}], False),
        ([], False),
        (None, False),
    ],
)
def test_what_a_chart_lists(versions: list[dict[str, str]] | None, listed: bool) -> None:
    assert (find_version({"spec": {"versions": versions}}, CHART) is not None) is listed


@pytest.mark.parametrize(
    ("spec", "status", "yes"),
    [
        ({"chart": "public-charts/web", "version": "1.0.0"}, {}, True),
        ({"chart": "public-charts/web"}, {}, True),  # the newest, which may be this one
        ({"chart": "public-charts/web", "version": "1.0.1"}, {"version": "1.0.0"}, True),
        ({"chart": "public-charts/web", "version": "1.0.1"}, {"version": "1.0.1"}, False),
        ({"chart": "private/web", "version": "1.0.0"}, {}, False),
        ({}, None, False),
    ],
)
def test_who_uses_a_chart(spec: dict[str, str], status: dict[str, str] | None, yes: bool) -> None:
    assert uses({"spec": spec, "status": status}, "public-charts/web", "1.0.0") is yes
