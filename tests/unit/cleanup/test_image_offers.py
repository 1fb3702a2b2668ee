"""What objects of the platform offer: the image of a version, the charts of a plugin, nothing where none is named."""

from typing import Any

import pytest

from violet_operator.cleanup.images.offers import of_artifacts, of_plugins
from violet_operator.package.references import Destination

Object = dict[str, Any]


def artifact(name: str = "demo", **spec: Any) -> Object:
    found = {"registry": "r.example.com", "repository": "acp/demo-bundle"} | spec
    return {"metadata": {"name": name, "namespace": "cpaas-system", "uid": f"uid-of-{name}"}, "spec": found}


def version(owner: str = "", label: str = "", tag: str = "v1") -> Object:
    metadata: Object = {"name": f"demo.{tag}", "namespace": "cpaas-system", "uid": "u"}
    metadata |= {"ownerReferences": [{"kind": "Artifact", "uid": owner}]} if owner else {}
    metadata |= {"labels": {"cpaas.io/artifact-version": label}} if label else {}
    return {"metadata": metadata, "spec": {"tag": tag}}


SHORTENED = {"artifactVersionSelector": {"matchLabels": {"cpaas.io/artifact-version": "short"}}}


@pytest.mark.parametrize(
    ("owner", "one"),
    [
        (artifact(), version(owner="uid-of-demo")),
        (artifact(), version(label="demo")),
        (artifact(**SHORTENED), version(label="short")),
        (artifact(), version(owner="somebody-else", label="demo")),
    ],
)
def test_a_version_offers_its_tag_of_its_artifacts_repository(owner: Object, one: Object) -> None:
    (found,) = of_artifacts("region1", [artifact("other", repository="acp/other"), owner], [one])
    assert found.places == (Destination("acp/demo-bundle", "v1"),)
    assert (found.who, found.uid, found.registry) == ("ArtifactVersion demo.v1 of region1", "u", "r.example.com")


@pytest.mark.parametrize(
    ("owner", "one"),
    [
        (artifact(), version()),
        (artifact(), version(owner="gone")),
        (artifact(repository=""), version(label="demo")),
        (artifact(), version(label="demo", tag="")),
        ({}, {}),
    ],
)
def test_without_a_repository_or_tag_nothing_is_offered(owner: Object, one: Object) -> None:
    assert of_artifacts("region1", [owner], [one]) == []


def module(**spec: Any) -> Object:
    return {"kind": "ModulePlugin", "metadata": {"name": "web", "uid": "u"}, "spec": spec}


RELEASES = [{"chartVersions": [{"name": "acp/chart-web", "version": "v1"}, {"name": "acp/chart-db", "version": "v2"}]}]


@pytest.mark.parametrize(
    ("spec", "charts"),
    [
        ({}, []),
        ({"mainChart": "acp/chart-web"}, []),
        ({"mainChart": "acp/chart-web", "version": "v1"}, [("acp/chart-web", "v1")]),
        ({"mainChart": "acp/chart-web", "version": "1.0.0+2"}, [("acp/chart-web", "1.0.0_2")]),
        ({"mainChart": "acp/chart-web", "appReleases": RELEASES}, [("acp/chart-db", "v2"), ("acp/chart-web", "v1")]),
    ],
)
def test_a_plugin_offers_its_charts(spec: Object, charts: list[tuple[str, str]]) -> None:
    assert [each.places[0] for each in of_plugins("global", "", [module(**spec)])] == [
        Destination(path, tag) for path, tag in charts
    ]


def test_a_chart_may_be_before_or_behind_our_prefix() -> None:
    (found,) = of_plugins("global", "mirror", [module(mainChart="acp/chart-web", version="v1")])
    assert found.places == (Destination("mirror/acp/chart-web", "v1"), Destination("acp/chart-web", "v1"))
    assert found.who == "ModulePlugin web of global (chart acp/chart-web v1)"


def test_the_latest_version_counts_where_the_spec_says_none() -> None:
    (found,) = of_plugins("global", "", [module(mainChart="acp/a") | {"status": {"latestVersion": "v7"}}])
    assert found.places == (Destination("acp/a", "v7"),)
