"""Preview says what an upload would do and writes nothing; imagePlatforms takes a part of the architectures."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
import requests

from tests.cluster import Kit
from tests.faults import FaultProxy
from tests.harness import (
    REQUESTED,
    SYSTEM,
    Object,
    Site,
    condition,
    has_failed,
    installation,
    is_ready,
    platform,
    small,
    to_platform,
)
from tests.observe import until
from tests.packages import Bundle, Chart, Image, Plugin
from tests.platform import Charts
from tests.unit.package.inputs import about, bundle_layout, files_of, manifest
from tests.unit.package.source import gz, tar_of
from tests.verdicts import Court

pytestmark = pytest.mark.e2e

READS = {"GET", "HEAD"}
MIB = 1 << 20
SHOWN = ("displayName", "type", "architectures", "version", "artifact", "relatedImages")
"""What `violet show --all` prints."""


@pytest.fixture(scope="module")
def proxy(kit: Kit) -> Iterator[FaultProxy]:
    """Records what the operator says to the registry."""
    with FaultProxy(kit.registry().address) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def site(kit: Kit, proxy: FaultProxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An installation whose registry is reached through the recording proxy."""
    with installation(kit, tmp_path_factory.mktemp("preview")) as site:
        registry = {"anonymous": True, "plainHTTP": True, "pullAddress": kit.registry().address}
        recorded = platform("recorded", proxy.address, **registry)
        site.apply(recorded | {"spec": recorded["spec"] | {"charts": {"backend": "oci"}}})
        with Charts(kit.cluster().kubeconfig, kit.registry().address) as charts:
            charts.add_repository("public-charts", "OCI")
            yield site


def two_platforms(name: str, version: str = "1.0.0", seed: int = 1) -> Bundle:
    """A bundle with one related image for two architectures."""
    image = Image(f"{name}-app", tag=f"v{version}", platforms=("linux/amd64", "linux/arm64"), layers=2, layer_size=MIB)
    return Bundle(name=name, version=version, tag=f"v{version}", display_name=name, related=(image,), seed=seed)


def test_preview_tells_the_plan_and_writes_nothing(site: Site, proxy: FaultProxy) -> None:
    site.put_package("seen", two_platforms("seen"))
    proxy.clear()
    before, court = len(proxy.requests), Court(site)
    site.apply(site.package_upload("seen", mode="Preview", targets=to_platform("recorded")))
    body = site.wait("seen", is_ready)

    status = body["status"]
    assert condition(body, "Ready")["reason"] == "Previewed"
    assert "Nothing was written" in condition(body, "Ready")["message"]
    assert status["package"]["architectures"] == ["linux/amd64", "linux/arm64"]
    assert status["package"]["relatedImages"] == ["harbor.example.com/acp/seen-app:v1.0.0"]
    plan = status["plan"]
    assert plan["tags"] == ["acp/seen-app:v1.0.0", "acp/seen-bundle:v1.0.0"]
    assert plan["bytes"] > 4 * MIB
    assert plan["blobsPresent"] == 0
    assert [(each["kind"], each["name"], each["action"]) for each in plan["objects"]] == [
        ("Artifact", "seen", "Create"),
        ("ArtifactVersion", "seen.v1.0.0", "Create"),
    ]
    sent = proxy.requests[before:]
    assert sent
    assert {request.method for request in sent} <= READS
    court.check_nothing_visible()


def test_preview_becomes_an_upload_of_the_same_plan(site: Site) -> None:
    site.apply(site.package_upload("seen", mode="Upload", targets=to_platform("recorded")))
    body = site.wait("seen", is_ready)
    assert condition(body, "Ready")["reason"] == "Installable"
    assert "plan" not in body["status"]
    assert {"seen", "seen.v1.0.0"} <= set(site.artifacts())


def test_preview_names_what_is_there_and_what_would_be_replaced(site: Site) -> None:
    site.put_package("again", two_platforms("seen"))
    site.put_package("other", two_platforms("seen", seed=2))
    preview = {"mode": "Preview", "targets": to_platform("recorded")}
    site.apply(site.package_upload("again", **preview), site.package_upload("other", **preview))
    found = site.wait_all(["again", "other"], is_ready)

    same, other = (found[name]["status"]["plan"] for name in ("again", "other"))
    assert (same["tags"], same["blobs"], same["overwrites"]) == ([], 0, [])
    assert {each["action"] for each in same["objects"]} == {"Keep"}
    assert other["overwrites"] == ["acp/seen-app:v1.0.0"]
    assert same["hash"] != other["hash"]


CHART = {"name": "web", "version": "v1.4.0", "tag": "v1.4.0", "display_name": "The Web", "seed": 3}


@pytest.mark.parametrize(
    ("kind", "spec", "chart", "made"),
    [
        ("chart", Chart(**CHART), "public-charts/web:v1.4.0", ("Chart", "web.public-charts")),
        ("plugin", Plugin(**CHART, lifecycle="aligned"), "acp/web:v1.4.0", ("ModulePlugin", "web")),
    ],
)
def test_preview_of_a_chart_or_plugin(
    kind: str, spec: Chart, chart: str, made: tuple[str, str], site: Site, proxy: FaultProxy
) -> None:
    image = Image(f"{kind}-app", tag="v7", layers=2, layer_size=MIB)
    site.put_package(kind, replace(spec, related=(image,)))
    before, court = len(proxy.requests), Court(site)
    site.apply(site.package_upload(kind, mode="Preview", targets=to_platform("recorded")))
    body = site.wait(kind, is_ready)

    package, plan = body["status"]["package"], body["status"]["plan"]
    assert {field: package[field] for field in SHOWN} == {
        "displayName": "The Web",
        "type": kind,
        "architectures": ["linux/amd64", "linux/arm64"],
        "version": "v1.4.0",
        "artifact": "harbor.example.com/acp/web:v1.4.0",
        "relatedImages": [f"harbor.example.com/acp/{kind}-app:v7"],
    }
    assert (plan["tags"], plan["overwrites"], plan["blobsPresent"]) == (sorted([f"acp/{kind}-app:v7", chart]), [], 0)
    assert plan["bytes"] > 4 * MIB
    assert plan["blobs"] == 8  # two layers and a config for each of two architectures; a chart and its config
    (planned,) = plan["objects"]
    assert (planned["kind"], planned["name"], planned["action"]) == (*made, "Create")
    sent = proxy.requests[before:]
    assert sent
    assert {request.method for request in sent} <= READS
    court.check_nothing_visible()


def test_preview_reads_well(site: Site) -> None:
    table = site.cluster.kubectl("get", "packageuploads", "-n", site.namespace)
    rows = {line.split()[0]: line.split()[1:6] for line in table.splitlines()}
    assert rows["NAME"] == ["READY", "REASON", "PROGRESS", "PACKAGE", "VERSION"]
    assert rows["plugin"] == ["True", "Previewed", "100", "web", "v1.4.0"]
    text = site.cluster.kubectl("describe", "packageupload", "plugin", "-n", site.namespace)
    for line in ("Display Name:", "The Web", "linux/arm64", "acp/plugin-app:v7", "Main Chart:", "acp/web", "Previewed"):
        assert line in text


def actions(body: Object) -> list[str]:
    """What would become of the objects on the clusters."""
    return [each["action"] for each in body["status"]["plan"]["objects"]]


def answered(body: Object) -> bool:
    """Whether the last request for a look was answered."""
    return bool(body["status"].get("lastHandledReconcileAt") == body["metadata"]["annotations"][REQUESTED])


def test_preview_is_made_anew_on_request_and_its_hash_is_stable(site: Site) -> None:
    site.put_package("anew")
    site.apply(site.package_upload("anew", mode="Preview", targets=to_platform("recorded")))
    first = site.wait("anew", is_ready)
    assert actions(first) == ["Create", "Create"]
    site.operator.stop()  # or the package is at hand, and every look previews it
    spec = {"artifactVersionSelector": {}, "present": False, "registry": "r.example.com", "repository": "other/place"}
    artifact = {"apiVersion": "app.alauda.io/v1alpha1", "kind": "Artifact", "spec": spec | {"type": "bundle"}}
    metadata = {"name": "anew", "namespace": SYSTEM}
    site.cluster.kubectl("apply", "-f", "-", stdin=json.dumps(artifact | {"metadata": metadata}))
    site.operator.start()

    site.reconcile("anew")
    second = site.wait("anew", lambda body: actions(body) == ["Change", "Create"])
    assert second["status"]["plan"]["hash"] != first["status"]["plan"]["hash"]
    site.reconcile("anew")
    third = site.wait("anew", lambda body: answered(body) and condition(body, "Reconciling")["status"] == "")
    assert third["status"]["plan"]["hash"] == second["status"]["plan"]["hash"]


def test_preview_notices_a_platform_that_changed_while_the_operator_was_away(site: Site, proxy: FaultProxy) -> None:
    open_registry = {"anonymous": True, "plainHTTP": True}
    site.put_package("moved")
    site.apply(platform("moving", proxy.address, **open_registry))
    site.apply(site.package_upload("moved", mode="Preview", targets=to_platform("moving")))
    assert site.wait("moved", is_ready)["status"]["plan"]["tags"] == ["acp/moved-bundle:v1.0.0"]
    site.operator.stop()
    site.apply(platform("moving", proxy.address, repositoryPrefix="mirror", **open_registry))
    site.operator.start()
    body = site.wait("moved", lambda body: body["status"]["plan"]["tags"] == ["mirror/acp/moved-bundle:v1.0.0"])
    assert body["status"]["plan"]["registries"] == [
        {"platform": "moving", "address": f"{proxy.address}/mirror", "pullAddress": f"{proxy.address}/mirror"}
    ]


def test_what_is_about_an_image_is_found_from_it(site: Site) -> None:
    """The kit's registry does not list referrers itself: a tag does, which is previewed, pushed, and put back."""
    layout = bundle_layout()
    app = layout.named[1]
    layout.named.append(about(layout, app))
    data = gz(tar_of(files_of(layout, "demo/images/") | {"demo/manifest.yaml": manifest()}))
    for suffix, content in {"": data, ".sha256": hashlib.sha256(data).hexdigest().encode()}.items():
        path = site.directory / f"about.tgz{suffix}"
        path.write_bytes(content)
        site.storage.put(path.name, path)
    repository, tag = "acp/demo", app["digest"].replace(":", "-")
    site.apply(site.package_upload("about", mode="Preview", targets=to_platform("recorded")))
    assert f"{repository}:{tag}" in site.wait("about", is_ready)["status"]["plan"]["tags"]
    assert site.registry.manifest(repository, tag) is None
    site.apply(site.package_upload("about", mode="Upload", targets=to_platform("recorded")))
    site.wait("about", is_ready)
    listed = site.registry.manifest(repository, tag)
    assert listed is not None
    assert [entry["digest"] for entry in json.loads(listed)["manifests"]] == [layout.named[2]["digest"]]

    url = f"{site.registry.url}/v2/{repository}/manifests/sha256:{hashlib.sha256(listed).hexdigest()}"
    requests.delete(url, timeout=30).raise_for_status()
    assert site.registry.manifest(repository, tag) is None
    site.reconcile("about")
    until(lambda: site.registry.manifest(repository, tag) is not None)
    assert site.registry.manifest(repository, tag) == listed


def architectures(site: Site, repository: str) -> list[str]:
    """Architectures of the index that the registry has under the tag."""
    raw = site.registry.manifest(repository, "v1.0.0")
    assert raw is not None
    return [entry["platform"]["architecture"] for entry in json.loads(raw)["manifests"]]


def test_one_architecture_of_two_is_pushed(site: Site) -> None:
    site.put_package("part", two_platforms("part"))
    site.apply(site.package_upload("part", imagePlatforms=["linux/arm64"], targets=to_platform("recorded")))
    site.wait("part", is_ready)
    assert architectures(site, "acp/part-app") == ["arm64"]
    versions = site.all("artifactversions", SYSTEM)
    assert versions["part.v1.0.0"]["status"]["phase"] == "Present"


def test_an_architecture_that_is_not_inside_is_named(site: Site) -> None:
    site.put_package("none", two_platforms("none"))
    site.apply(site.package_upload("none", imagePlatforms=["linux/s390x"], targets=to_platform("recorded")))
    body = site.wait("none", has_failed("PlatformMissing"))
    assert "linux/amd64, linux/arm64" in condition(body, "Stalled")["message"]
    assert "none" not in site.artifacts()


def test_a_small_bundle_is_not_an_index_and_is_taken_whole(site: Site) -> None:
    site.put_package("plain", small("plain"))
    site.apply(site.package_upload("plain", imagePlatforms=["linux/arm64"], targets=to_platform("recorded")))
    assert condition(site.wait("plain", is_ready), "Ready")["reason"] == "Installable"
