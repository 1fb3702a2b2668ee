"""What the platform's objects say is installed: one table per type, and objects of any shape."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from violet_operator.inventory import objects
from violet_operator.inventory.objects import Listing, charts, csv_version, operators, plugins

Object = dict[str, Any]
SYSTEM = "cpaas-system"


def view(name: str = "topolvm-operator", phase: str = "Installed", csv: str | None = None, **more: Any) -> Object:
    """An OperatorView of cluster region1."""
    installation: Object = {"artifactName": more.get("artifact", name), "subscription": {"installedCSV": csv}}
    channels = [{"currentCSVDesc": {"displayName": more.get("title", "NativeStor")}}]
    status = {"phase": phase, "installation": installation}
    return {
        "metadata": {"name": name, "namespace": more.get("cluster", "region1"), "labels": more.get("labels")},
        "status": {"operatorStatus": status, "packageManifestStatus": {"channels": channels}},
    }


def subscription(name: str = "topolvm-operator", csv: str | None = None, **more: Any) -> Object:
    spec = {"name": name, "source": more.get("source", "platform"), "sourceNamespace": more.get("where", SYSTEM)}
    return {"metadata": {"name": "x", "labels": more.get("labels")}, "spec": spec, "status": {"installedCSV": csv}}


def csv(name: str, version: str | None = None, title: str | None = None, labels: Object | None = None) -> Object:
    return {"metadata": {"name": name, "labels": labels}, "spec": {"version": version, "displayName": title}}


def rows(listing: Listing) -> list[tuple[str, str, str, str]]:
    return sorted((item.name, item.cluster, item.version, item.display_name) for item in listing.installed)


CORE = {objects.LIFECYCLE: "core"}
ALIGNED = {objects.LIFECYCLE: "aligned"}
V230 = "topolvm-operator.v2.3.0"
INSTALLED = [("topolvm-operator", "region1", "2.3.0", "NativeStor")]


@pytest.mark.parametrize(
    ("views", "subscriptions", "csvs", "expected"),
    [
        ([view(csv=V230)], [subscription(csv=V230)], [csv(V230, "2.3.0", "NativeStor")], INSTALLED),
        ([view(csv=V230)], [], [], INSTALLED),  # without its CSV: version from its name, title from the view
        ([], [subscription(csv=V230)], [csv(V230, "2.3.0", "NativeStor")], INSTALLED),  # without views
        ([view(csv=V230, artifact="operatorhub-topolvm-operator")], [subscription(csv=V230)], [], INSTALLED),
        ([view(phase="INSTALLED", csv=V230)], [], [], INSTALLED),
        ([view(phase="Upgrading", csv=V230)], [], [], INSTALLED),  # a phase that nobody has told us of
        ([view(phase="Ready")], [], [], []),
        ([view(phase="Absent")], [], [], []),
        ([view(csv=V230, cluster="region2")], [], [], []),  # of another cluster
        ([], [subscription(csv=V230, where="olm")], [csv(V230, "2.3.0")], []),  # of no catalog of the platform
        ([view(csv="topolvm-operator.v2.2.0")], [subscription(csv=V230)], [], INSTALLED),  # the view lags
        ([view(csv=V230, labels=CORE)], [], [], []),
        ([view(csv=V230)], [subscription(csv=V230, labels=CORE)], [], []),
        ([view(csv=V230)], [], [csv(V230, labels=CORE)], []),
        ([view(csv=V230)], [subscription(csv=V230, source="system")], [], []),
        ([view(csv=V230)], [subscription(csv=V230, source="system", labels=ALIGNED)], [], INSTALLED),
        ([view(csv="")], [subscription(csv=None)], [], []),  # waits for approval
        ([view(csv="")], [subscription(csv=V230)], [], INSTALLED),
    ],
)
def test_operators(views: list[Object], subscriptions: list[Object], csvs: list[Object], expected: list[Any]) -> None:
    assert rows(operators("region1", views, subscriptions, csvs, SYSTEM)) == expected


@pytest.mark.parametrize("viewed", [V230, "topolvm-operator.v2.2.0"])  # the view lags
@pytest.mark.parametrize("artifact", ["topolvm", "operatorhub-topolvm", "another"])
def test_an_operator_whose_artifact_is_not_called_like_its_package_is_listed_once(viewed: str, artifact: str) -> None:
    found = operators("region1", [view(artifact, csv=viewed)], [subscription(csv=V230)], [], SYSTEM)
    assert [(each.name, each.version) for each in found.installed] == [("topolvm-operator", "2.3.0")]
    assert not found.pending


def test_an_operator_whose_csv_is_not_called_like_its_package_is_listed_once() -> None:
    found = operators("region1", [view("a", csv="other.v1.0.0")], [subscription("b", csv="other.v1.0.0")], [], SYSTEM)
    assert [(each.name, each.version) for each in found.installed] == [("b", "1.0.0")]


def test_an_operator_in_two_versions_on_one_cluster_is_listed_twice() -> None:
    two = [subscription(csv=V230), subscription(csv="topolvm-operator.v2.2.0")]
    assert [row[2] for row in rows(operators("region1", [], two, [], SYSTEM))] == ["2.2.0", "2.3.0"]


def test_core_and_pending_operators_are_counted() -> None:
    views = [view("a", csv="a.v1", labels=CORE), view("b", csv=""), view("c", phase="Ready")]
    found = operators("region1", views, [], [], SYSTEM)
    assert (found.installed, found.core) == (set(), {("OperatorBundle", "a")})
    assert found.pending == {("OperatorBundle", "b", "region1")}


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [
        ("harbor-ce-operator.v2.12.11", "2.12.11", "2.12.11"),
        ("harbor-ce-operator.v2.12.11", None, "2.12.11"),
        ("harbor-ce-operator.2.12.11", None, "2.12.11"),  # without a v
        ("harbor-ce-operator.v2.12.11", "v2.12.11", "2.12.11"),
        ("harbor-ce-operator.v1.5.0-build.20251226181113", None, "1.5.0-build.20251226181113"),
        ("harboroperator.v1.0.0", None, "1.0.0"),  # not named like its package
        ("harbor", None, "harbor"),
        ("harbor-ce-operator-1.9.0", None, "1.9.0"),
        ("harbor-ce-operator-v1.9.0", None, "1.9.0"),
        ("harbor-ce-operator-1.9", None, "1.9"),
        ("demo-1.9.0", None, "1.9.0"),  # neither named like its package, nor with a dot before its version
        ("demo-v1.9.0-rc.1", None, "1.9.0-rc.1"),
        ("harbor-ce-operator.v2.12.11", "2.12.12", "2.12.12"),  # the CSV knows better than its name
    ],
)
def test_the_version_of_a_csv(name: str, version: str | None, expected: str) -> None:
    known = csv(name, version) if version else None
    assert csv_version(name, "harbor-ce-operator", known) == expected


def plugin(title: str | None = '{"en": "Log Center", "zh": "日志中心"}', **more: Any) -> Object:
    labels = {objects.MODULE: "log-center"} | more.get("labels", {})
    annotations = {objects.DISPLAY_NAME: title} if title is not None else None
    installed = more.get("installed", [{"cluster": "region1", "version": "v1.2.0"}])
    return {
        "metadata": {"name": "log-center", "labels": labels, "annotations": annotations},
        "status": {"installed": installed},
    }


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (plugin(), [("log-center", "region1", "v1.2.0", "Log Center")]),
        (plugin(labels=ALIGNED), [("log-center", "region1", "v1.2.0", "Log Center")]),
        (plugin(labels=CORE), []),
        (plugin(labels={objects.LIFECYCLE: "Core"}), []),
        (plugin('{"zh": "日志中心"}'), [("log-center", "region1", "v1.2.0", "日志中心")]),
        (plugin("Log Center"), [("log-center", "region1", "v1.2.0", "Log Center")]),
        (plugin('["Log"]'), [("log-center", "region1", "v1.2.0", '["Log"]')]),
        (plugin(None), [("log-center", "region1", "v1.2.0", "log-center")]),
        (plugin(installed=[]), []),
        (plugin(installed=None), []),
        (plugin(installed=[{"cluster": "region3", "version": "v1"}]), []),  # not asked for
        (plugin(installed=[{"cluster": "region1", "version": ""}]), []),
    ],
)
def test_plugins(item: Object, expected: list[Any]) -> None:
    assert rows(plugins([item], ["global", "region1"])) == expected


def test_a_plugin_on_one_cluster_of_three() -> None:
    placed = [{"cluster": "region2", "version": "v1"}]
    found = plugins([plugin(installed=placed)], ["global", "region1", "region2"])
    assert [row[1] for row in rows(found)] == ["region2"]


def test_core_plugins_are_counted_where_they_are_installed() -> None:
    assert plugins([plugin(labels=CORE)], ["region1"]).core == {("ModulePlugin", "log-center")}
    assert plugins([plugin(labels=CORE, installed=[])], ["region1"]).core == set()


def application(source: str | None = "public-charts/zookeeper", version: str | None = "3.8.6") -> Object:
    return {"metadata": {"name": "z", "annotations": {objects.CHART: source, objects.CHART_VERSION: version}}}


def request(chart: str | None = "public-charts/zookeeper", **more: Any) -> Object:
    status = {"phase": more.pop("phase", "Synced"), "version": more.pop("installed", "3.8.6")}
    return {"metadata": {"name": "r"}, "spec": {"chart": chart, "version": "3.8.7"} | more, "status": status}


ZOOKEEPER = [("zookeeper", "region1", "3.8.6", "zookeeper")]
HERE = {"clusterName": "region1"}


@pytest.mark.parametrize(
    ("applications", "requests", "expected"),
    [
        ([application()], [], ZOOKEEPER),
        ([application()], [request(**HERE, installed="3.8.5")], ZOOKEEPER),  # the Application is nearer
        ([application(source=None)], [], []),  # of no chart
        ([{"metadata": {"name": "plain"}}], [], []),
        ([application(version=None)], [], []),
        ([], [request(**HERE)], ZOOKEEPER),
        ([], [request(**HERE, installed=None)], [("zookeeper", "region1", "3.8.7", "zookeeper")]),
        ([], [request(**HERE, installed=None, phase="Pending")], []),
        ([], [request(**HERE, source={"oci": {"repo": "x"}})], []),  # of no chart of a repository
        ([], [request(clusterName="region2")], []),
        ([], [request()], []),  # for the management cluster
        ([], [request(installToAllClusters=True)], ZOOKEEPER),
        ([], [request(targetClusters={"clusterNames": {"names": ["region1"]}})], ZOOKEEPER),
        ([], [request(targetClusters={"clusterNames": {"names": ["region2"]}}, **HERE)], []),
        (
            [application("public-charts/middleware/chart-zookeeper")],
            [],
            [("chart-zookeeper", "region1", "3.8.6", "chart-zookeeper")],
        ),
    ],
)
def test_charts(applications: list[Object], requests: list[Object], expected: list[Any]) -> None:
    assert rows(charts("region1", applications, requests, "global")) == expected


def test_a_request_that_names_no_cluster_is_for_the_management_cluster() -> None:
    assert rows(charts("global", [], [request()], "global")) == [("zookeeper", "global", "3.8.6", "zookeeper")]


KEYS = [
    *("metadata", "labels", "annotations", "status", "spec", "name", "namespace", "version", "chart", "phase"),
    *("installed", "cluster", "operatorStatus", "installation", "subscription", "installedCSV"),
    *("packageManifestStatus", "channels", "sourceNamespace", "targetClusters", objects.LIFECYCLE, objects.CHART),
]
JUNK = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | st.sampled_from(["core", "c", SYSTEM, "\ud800"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.lists(st.dictionaries(st.sampled_from(["metadata", "status", "spec"]), JUNK), max_size=3)


@given(OBJECTS, OBJECTS, OBJECTS)
def test_objects_of_any_shape_are_read(one: list[Object], two: list[Object], three: list[Object]) -> None:
    for listing in (operators("c", one, two, three, SYSTEM), plugins(one, ["c"]), charts("c", one, two, "c")):
        for item in listing.installed:
            assert item.name
            assert item.version
            json.dumps([item.name, item.version, item.display_name]).encode()
