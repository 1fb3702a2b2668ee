"""The platform stand-in over a real API server and registry, with our CRDs and with the platform's own."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import Cluster, Kit, Registry
from tests.integration.images import push
from tests.integration.objects import add_version, apply, get, package, phase, publish, until, view
from tests.platform import KINDS, Bundles, Marketplace, find_real_crds, install_crds
from tests.platform.bundles import BundleError

pytestmark = pytest.mark.integration
REAL = find_real_crds()


@pytest.fixture(scope="module", params=[None, REAL] if REAL else [None], ids=lambda p: "real" if p else "own")
def kit(request: pytest.FixtureRequest) -> Iterator[Kit]:
    """Two clusters of their own, with our CRDs or the platform's."""
    with Kit(clusters=("global", "region1"), storage=None) as kit:
        for cluster in kit.clusters:
            install_crds(cluster.kubectl, request.param)
            cluster.kubectl("create", "namespace", "cpaas-system")
        yield kit


@pytest.fixture(scope="module")
def registry(kit: Kit) -> Registry:
    """The registry that holds the bundles."""
    return kit.registry()


@pytest.fixture(scope="module")
def marketplace(kit: Kit) -> Marketplace:
    """A marketplace that does nothing by itself."""
    return Marketplace({c.name: c.kubeconfig for c in kit.clusters}, Bundles(plain=True))


@pytest.fixture
def running(kit: Kit) -> Iterator[None]:
    """A marketplace at work on both clusters."""
    with Marketplace({c.name: c.kubeconfig for c in kit.clusters}, Bundles(plain=True)):
        yield


@pytest.fixture
def region(kit: Kit) -> Iterator[Cluster]:
    """The workload cluster, empty of artifacts afterwards."""
    cluster = kit.cluster("region1")
    yield cluster
    cluster.kubectl("delete", "artifacts,artifactversions", "--all", "--namespace", "cpaas-system")


def test_kinds_are_served_as_the_table_says(kit: Kit) -> None:
    found = json.loads(kit.cluster().kubectl("get", "crds", "-o", "json"))["items"]
    crds = {crd["spec"]["names"]["kind"]: crd["spec"] for crd in found}
    for name, kind in KINDS.items():
        crd, versions = crds[name], crds[name]["versions"]
        assert (crd["group"], crd["names"]["plural"]) == (kind.group, kind.plural), name
        assert crd["scope"] == ("Namespaced" if kind.namespaced else "Cluster"), name
        assert set(crd["names"].get("shortNames", [])) == set(kind.short), name
        assert {v["name"] for v in versions if v["served"]} == set(kind.versions), name
        assert [v["name"] for v in versions if v["storage"]] == [kind.versions[0]], name
        assert {"status" in v.get("subresources", {}) for v in versions} == {kind.has_status}, name


def test_version_in_the_registry_becomes_present(
    kit: Kit, region: Cluster, registry: Registry, running: None, tmp_path: Path
) -> None:
    built = package(tmp_path, "alpha")
    push(built, registry)
    name = add_version(region, publish(region, built, registry), "v1.0.0")
    until(phase(region, name), "Present")
    status = get(region, "ArtifactVersion", name)["status"]
    assert status["reason"] == "Success"
    assert (status["name"], status["version"], status["type"]) == ("alpha", "alpha.v1.0.0", "bundle")
    until(lambda: get(region, "Artifact", "alpha").get("status", {}).get("availableArtifactVersion"), 1)
    assert get(region, "Artifact", "alpha")["status"]["synced"] is True
    until(lambda: view(kit, "alpha").get("phase"), "Ready")
    manifest = get(region, "PackageManifest", "alpha")["status"]
    assert (manifest["catalogSource"], manifest["defaultChannel"]) == ("custom", "stable")
    assert manifest["channels"][0]["currentCSVDesc"]["displayName"] == "Alpha"
    assert get(kit.cluster("global"), "PackageManifest", "alpha") == {}
    source = get(region, "CatalogSource", "custom")
    assert source["status"]["connectionState"]["lastObservedState"] == "READY"


def test_version_that_is_not_in_the_registry_fails_until_it_is(
    region: Cluster, registry: Registry, running: None, tmp_path: Path
) -> None:
    built = package(tmp_path, "beta")
    name = add_version(region, publish(region, built, registry), "v1.0.0")
    until(phase(region, name), "Failed")
    message = get(region, "ArtifactVersion", name)["status"]["message"]
    assert message == f"{registry.address}/acp/beta-bundle:v1.0.0: the registry answered 404 Not Found"
    assert get(region, "PackageManifest", "beta") == {}
    push(built, registry)
    until(phase(region, name), "Present")
    assert get(region, "ArtifactVersion", name)["status"]["message"] == ""


def test_version_without_owner_fails(region: Cluster, registry: Registry, running: None, tmp_path: Path) -> None:
    built = package(tmp_path, "gamma")
    push(built, registry)
    name = add_version(region, publish(region, built, registry), "v1.0.0", owned=False)
    until(phase(region, name), "Failed")
    message = get(region, "ArtifactVersion", name)["status"]["message"]
    assert message == "aritfactVersion not have OwnerReference"


def test_artifact_that_violet_did_not_make_is_withdrawn(
    region: Cluster, registry: Registry, running: None, tmp_path: Path
) -> None:
    built = package(tmp_path, "delta")
    push(built, registry)
    artifact = publish(region, built, registry, labels={"cpaas.io/library": "custom"})
    until(lambda: get(region, "Artifact", "delta")["spec"]["present"], False)
    name = add_version(region, artifact, "v1.0.0")
    until(lambda: get(region, "ArtifactVersion", name), {})


def test_package_manifest_follows_the_versions(
    kit: Kit, region: Cluster, registry: Registry, running: None, tmp_path: Path
) -> None:
    versions = ("1.9.0", "1.10.0", "1.10.0-rc.1")
    made = [package(tmp_path, "epsilon", version, ("stable", "fast")) for version in versions]
    for built in made:
        push(built, registry)
    artifact = publish(region, made[0], registry)
    names = [add_version(region, artifact, f"v{version}") for version in versions]

    def entries() -> list[str]:
        channels = get(region, "PackageManifest", "epsilon").get("status", {}).get("channels", [])
        assert [channel["name"] for channel in channels] in ([], ["stable", "fast"])
        return [entry["version"] for entry in channels[0]["entries"]] if channels else []

    until(entries, ["1.10.0", "1.10.0-rc.1", "1.9.0"])
    region.kubectl("delete", "artifactversion", names[1], "--namespace", "cpaas-system")
    until(entries, ["1.10.0-rc.1", "1.9.0"])
    region.kubectl("delete", "artifactversion", names[0], names[2], "--namespace", "cpaas-system")
    until(lambda: get(region, "PackageManifest", "epsilon"), {})
    until(lambda: view(kit, "epsilon"), {"phase": "Absent"})


def test_operator_view_follows_the_subscription(
    kit: Kit, region: Cluster, registry: Registry, running: None, tmp_path: Path
) -> None:
    built = package(tmp_path, "zeta")
    push(built, registry)
    add_version(region, publish(region, built, registry), "v1.0.0")
    until(lambda: view(kit, "zeta").get("phase"), "Ready")
    spec = {"name": "zeta", "source": "custom", "sourceNamespace": "cpaas-system", "channel": "stable"}
    apply(region, "Subscription", "zeta", "default", spec=spec)
    until(lambda: view(kit, "zeta").get("phase"), "Installed")
    assert view(kit, "zeta")["installation"]["subscription"]["installedCSV"] == ""
    status = {"installedCSV": "zeta.v1.0.0", "state": "AtLatestKnown", "lastUpdated": "2026-01-01T00:00:00Z"}
    apply(region, "Subscription", "zeta", "default", spec=spec, status=status)
    until(lambda: view(kit, "zeta")["installation"]["subscription"]["installedCSV"], "zeta.v1.0.0")
    region.kubectl("delete", "subscriptions.operators.coreos.com", "zeta")
    until(lambda: view(kit, "zeta"), {"phase": "Ready"})


def test_plugin_gets_its_configs_status_and_view(kit: Kit, running: None) -> None:
    world = kit.cluster("global")
    labels = {"cpaas.io/module-name": "web-cli", "cpaas.io/lifecycle-type": "aligned"}
    texts = {"description": {"en": "x", "zh": "x"}, "logo": "data:,", "name": "web-cli", "deleteable": True}

    def plugin(version: str) -> None:
        chart = {"name": "acp/web-cli", "releaseName": "web-cli", "version": version}
        spec = texts | {"appReleases": [{"name": "web-cli", "chartVersions": [chart]}]}
        apply(world, "ModulePlugin", "web-cli", spec=spec, metadata={"labels": labels})

    plugin("v4.0.9")
    until(lambda: get(world, "ModuleConfig", "web-cli-v4.0.9").get("status", {}).get("readyForDeploy"), True)
    assert get(world, "ModuleConfig", "web-cli-v4.0.9")["spec"]["version"] == "v4.0.9"
    plugin("v4.0.10")
    until(lambda: get(world, "ModulePlugin", "web-cli").get("status", {}).get("latestVersion"), "v4.0.10")
    until(lambda: [c["version"] for c in get(world, "ModulePlugin", "web-cli")["status"]["moduleConfigs"]],
          ["v4.0.10", "v4.0.9"])  # fmt: skip
    until(lambda: get(world, "ModulePluginView", "web-cli").get("status"), {"installed": []})
    info = {"cpaas.io/module-name": "web-cli", "cpaas.io/cluster-name": "region1"}
    status = {"phase": "Running", "version": "v4.0.9"}
    spec = {"version": "v4.0.10"}
    apply(world, "ModuleInfo", "region1-1a2b", spec=spec, status=status, metadata={"labels": info})
    installed = [{"cluster": "region1", "version": "v4.0.9"}]
    until(lambda: get(world, "ModulePluginView", "web-cli")["status"]["installed"], installed)
    assert get(world, "ModulePluginView", "web-cli")["metadata"]["labels"].items() >= labels.items()
    assert get(world, "ModulePlugin", "web-cli")["status"]["installed"][0]["phase"] == "Running"


def test_a_round_without_changes_writes_nothing(
    kit: Kit, region: Cluster, registry: Registry, marketplace: Marketplace, tmp_path: Path
) -> None:
    good, absent = package(tmp_path, "eta"), package(tmp_path, "theta")
    push(good, registry)
    for built in (good, absent):
        add_version(region, publish(region, built, registry), "v1.0.0")
    marketplace.sync()
    assert phase(region, "eta.v1.0.0")() == "Present"
    before = [len(cluster.audit_writes("admin")) for cluster in kit.clusters]
    marketplace.sync()
    since = [c.audit_writes("admin")[n:] for c, n in zip(kit.clusters, before, strict=True)]
    assert since == [[], []]


def test_bundle_in_a_registry_with_tls_and_password(kit: Kit, tmp_path: Path) -> None:
    registry = kit.registry(tls=True, htpasswd=True)
    push(package(tmp_path, "iota"), registry)
    place = (registry.address, "acp/iota-bundle", "v1.0.0")
    login = {"username": registry.username or "", "password": registry.password or ""}
    assert Bundles(ca_file=registry.ca_file, **login).find(*place).csv == "iota.v1.0.0"
    with pytest.raises(BundleError, match="401 Unauthorized"):
        Bundles(ca_file=registry.ca_file).find(*place)
    with pytest.raises(BundleError, match="certificate verify failed"):
        Bundles(**login).find(*place)


def test_runs_as_a_process(kit: Kit, region: Cluster, registry: Registry, tmp_path: Path) -> None:
    built = package(tmp_path, "kappa")
    push(built, registry)
    name = add_version(region, publish(region, built, registry), "v1.0.0")
    world = kit.cluster("global").kubeconfig
    options = ["--plain-http", "--kubeconfig", str(world), "--workload", f"region1={region.kubeconfig}"]
    with subprocess.Popen([sys.executable, "-m", "tests.platform", *options]) as process:
        try:
            until(phase(region, name), "Present")
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
