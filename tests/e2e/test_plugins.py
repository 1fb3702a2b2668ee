"""Cluster plugins: published on global alone, Ready when the platform can deploy them, never taken back to the past."""

import json
from collections.abc import Iterator

import pytest

from tests.cluster import Kit
from tests.harness import Object, Site, condition, has_failed, installation, is_ready, to_platform
from tests.observe import until
from tests.packages import Image, Plugin
from tests.platform.plugins import HELD

pytestmark = pytest.mark.e2e

SMALL = {"layers": 1, "layer_size": 1 << 10}


@pytest.fixture(scope="module")
def site(kit: Kit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One installation for all of them."""
    with installation(kit, tmp_path_factory.mktemp("plugins")) as site:
        yield site


def plugin(name: str, version: str = "1.0.0", **fields: object) -> Plugin:
    """A plugin with one small image."""
    image = Image(f"{name}-app", tag=f"v{version}", **SMALL)  # type: ignore[arg-type]
    return Plugin(name=name, version=version, display_name=name.title(), related=(image,), **fields)  # type: ignore[arg-type]


def module(site: Site, name: str) -> Object:
    """The ModulePlugin."""
    return dict(json.loads(site.cluster.kubectl("get", "moduleplugin", name, "-o", "json")))


def message(body: Object) -> str:
    """What `status.targets` says of the only target."""
    (target,) = body["status"]["targets"]
    return str(target["message"])


def test_ready_on_global_whatever_clusters_are_named(site: Site) -> None:
    built = site.put_package("log-center", plugin("log-center"))
    site.apply(site.package_upload("log-center", targets=to_platform("default", "global", "region1")))
    body = site.wait("log-center", is_ready)

    (target,) = body["status"]["targets"]
    assert (target["cluster"], target["phase"]) == ("global", "Ready")
    assert target["objects"] == [{"kind": "ModulePlugin", "name": "log-center"}]
    note = "A plugin is published on cluster global only, for all clusters: not on region1."
    assert note in target["message"]
    assert note in condition(body, "Published")["message"]

    live = module(site, "log-center")
    labels = {
        "cpaas.io/module-name": "log-center",
        "cpaas.io/module-type": "plugin",
        "cpaas.io/lifecycle-type": "agnostic",
        "cpaas.io/managed-by": "violet",
        "app.kubernetes.io/managed-by": "violet-operator",
    }
    assert live["metadata"]["labels"] == labels
    assert live["metadata"]["annotations"]["cpaas.io/display-name"] == '{"en": "Log-Center"}'
    assert live["spec"]["mainChart"] == "acp/log-center"
    assert live["spec"]["deleteable"] is True

    (image,) = built.images
    assert site.registry.manifest("acp/log-center-app", "v1.0.0") == image.manifests[image.digest]
    chart = json.loads(site.registry.manifest("acp/log-center", "1.0.0") or b"{}")
    assert chart["config"]["mediaType"] == "application/vnd.cncf.helm.config.v1+json"
    assert [layer["mediaType"] for layer in chart["layers"]] == ["application/vnd.cncf.helm.chart.content.v1.tar+gzip"]


def test_what_was_altered_is_repaired(site: Site) -> None:
    site.put_package("altered", plugin("altered"))
    site.apply(site.package_upload("altered"))
    site.wait("altered", is_ready)
    before = module(site, "altered")["spec"]
    more = {"name": "more", "chartVersions": [{"name": "acp/more", "releaseName": "more", "version": "v1"}]}
    changes = [
        {"op": "add", "path": "/metadata/labels/team", "value": "blue"},
        {"op": "replace", "path": "/spec/mainChart", "value": "acp/other"},
        {"op": "add", "path": "/spec/appReleases/-", "value": more},
    ]
    for change in changes:
        site.cluster.kubectl("patch", "moduleplugin", "altered", "--type=json", "-p", json.dumps([change]))
    until(lambda: module(site, "altered")["spec"] == before, 90)
    assert module(site, "altered")["spec"] == before
    assert module(site, "altered")["metadata"]["labels"]["team"] == "blue"


def test_cluster_that_is_passed_over_does_not_have_to_be_there(site: Site) -> None:
    site.put_package("anywhere", plugin("anywhere"))
    site.apply(site.package_upload("anywhere", targets=to_platform("default", "region9")))
    body = site.wait("anywhere", is_ready)
    assert "not on region9" in message(body)


def test_waits_until_the_platform_can_deploy_it(site: Site) -> None:
    site.put_package("held", plugin("held", annotations=((HELD, "true"),)))
    site.apply(site.package_upload("held"))
    waiting = site.wait("held", lambda body: "is not readyForDeploy" in condition(body, "Published")["message"])
    assert condition(waiting, "Ready")["reason"] == "Publishing"
    found = json.loads(site.cluster.kubectl("get", "moduleconfig", "-l", "cpaas.io/module-name=held", "-o", "json"))
    (config,) = [item["metadata"]["name"] for item in found["items"]]
    ready = json.dumps({"status": {"readyForDeploy": True, "targetClusterVersions": []}})
    site.cluster.kubectl("patch", "moduleconfig", config, "--subresource=status", "--type=merge", "-p", ready)
    assert message(site.wait("held", is_ready)) == f"ModuleConfig {config} is readyForDeploy."


def test_never_goes_back_to_an_older_version(site: Site) -> None:
    for version in ("1.9.0", "1.10.0", "1.8.0"):
        site.put_package(f"aged-{version}", plugin("aged", version))
    for version in ("1.9.0", "1.10.0"):
        site.apply(site.package_upload(f"aged-{version}"))
        site.wait(f"aged-{version}", is_ready)

    assert "before" not in message(site.upload("aged-1.10.0"))
    site.reconcile("aged-1.9.0")
    kept = site.wait("aged-1.9.0", lambda body: "stays at 1.10.0" in message(body))
    assert is_ready(kept)

    site.apply(site.package_upload("aged-1.8.0"))
    refused = site.wait("aged-1.8.0", has_failed("NewerVersionPresent"))
    assert condition(refused, "Stalled")["status"] == "True"
    assert "ModulePlugin aged of global is at version 1.10.0" in message(refused)
    assert "1.8.0" not in site.registry.tags("acp/aged")
    assert module(site, "aged")["spec"]["version"] == "1.10.0"


def test_a_second_upload_of_one_version_says_so(site: Site) -> None:
    site.put_package("doubled", plugin("doubled"))
    for name in ("doubled", "doubled-again"):
        site.apply(site.package_upload(name, "doubled.tgz"))
        body = site.wait(name, is_ready)
    note = (
        f"PackageUpload {site.namespace}/doubled has published the same version before; one of the two is not needed."
    )
    assert note in message(body)
    assert note in condition(body, "Published")["message"]


def test_taken_back_unless_it_is_used(site: Site) -> None:
    for name in ("passing", "used"):
        site.put_package(name, plugin(name))
        site.apply(site.package_upload(name, deletionPolicy="Delete"))
    site.wait_all(["passing", "used"], is_ready)
    labels = {"cpaas.io/module-name": "used", "cpaas.io/cluster-name": "global"}
    info = {"apiVersion": "cluster.alauda.io/v1alpha1", "kind": "ModuleInfo"}
    info |= {"metadata": {"name": "global-used", "labels": labels}, "spec": {"version": "1.0.0"}}
    site.cluster.kubectl("apply", "-f", "-", stdin=json.dumps(info))
    site.delete("packageupload", "passing", "used")
    assert site.cluster.kubectl("get", "moduleplugin", "passing", "--ignore-not-found") == ""
    assert "1.0.0" not in site.registry.tags("acp/passing")
    assert module(site, "used")["spec"]["version"] == "1.0.0"
    assert site.registry.tags("acp/used") == ["1.0.0"]
    site.cluster.kubectl("delete", "moduleinfo", "global-used")


def test_preview_names_the_object(site: Site) -> None:
    site.put_package("foreseen", plugin("foreseen"))
    site.apply(site.package_upload("foreseen", mode="Preview"))
    plan = site.wait("foreseen", is_ready)["status"]["plan"]
    assert [(item["kind"], item["name"], item["action"]) for item in plan["objects"]] == [
        ("ModulePlugin", "foreseen", "Create")
    ]
    assert "acp/foreseen:1.0.0" in plan["tags"]
