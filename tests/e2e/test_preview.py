"""Preview says what an upload would do and writes nothing; imagePlatforms takes a part of the architectures."""

import json
from collections.abc import Iterator

import pytest

from tests.cluster import Kit
from tests.faults import FaultProxy
from tests.harness import SYSTEM, Site, condition, has_failed, installation, is_ready, platform, small, to_platform
from tests.packages import Bundle, Image
from tests.verdicts import Court

pytestmark = pytest.mark.e2e

READS = {"GET", "HEAD"}
MIB = 1 << 20


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
        site.apply(platform("recorded", proxy.address, **registry))
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


def test_preview_is_made_anew_on_request_and_its_hash_is_stable(site: Site) -> None:
    before = site.upload("other")["status"]
    site.reconcile("other")
    body = site.wait("other", lambda body: body["status"].get("lastHandledReconcileAt") is not None)
    assert body["status"]["plan"]["hash"] == before["plan"]["hash"]


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
