"""Helm charts get into a chart repository through each backend, are Ready when it lists them, and are kept there."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.charts import Ground, archive, at_rest, chart, chart_ground
from tests.cluster import Kit
from tests.harness import (
    condition,
    has_failed,
    is_ready,
    platform,
    secret,
    to_platform,
)
from tests.observe import until
from tests.packages import Image
from tests.platform import grant
from tests.platform.charts import POWERLESS

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def ground(kit: Kit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """One installation, with a Platform for each backend."""
    with chart_ground(kit, tmp_path_factory.mktemp("charts")) as ground:
        yield ground


@pytest.mark.parametrize(("way", "repository"), [("catalog", "public-charts"), ("museum", "museum-charts")])
def test_uploaded_and_listed(ground: Ground, way: str, repository: str) -> None:
    image = Image(f"{way}-app", layers=1, layer_size=1 << 10)
    spec = chart(f"{way}-zookeeper", related=(image,))
    name = ground.upload(spec, way, repository, targets=to_platform(way, "global", "region1"))
    body = ground.site.wait(name, is_ready)
    assert ground.stored(spec, repository) == archive(spec)
    assert ground.site.registry.tags(f"acp/{way}-app") == ["v1.0.0"]
    (target,) = body["status"]["targets"]
    assert target["objects"] == [{"kind": "Chart", "namespace": "cpaas-system", "name": f"{spec.name}.{repository}"}]
    assert (
        f"Chart {spec.name}.{repository} lists 1.0.0. A chart is published on cluster global only" in target["message"]
    )
    assert f"Chart {spec.name} 1.0.0 is in chart repository {repository}" in condition(body, "Pushed")["message"]


def test_pushed_to_the_registry_and_listed(ground: Ground) -> None:
    spec = chart("oci-zookeeper", "1.0.0+3")
    body = ground.site.wait(ground.upload(spec, "oci", "oci-charts"), is_ready)
    manifest = json.loads(ground.site.registry.manifest("oci-charts/oci-zookeeper", "1.0.0_3") or b"{}")
    assert manifest["layers"][0]["size"] == len(archive(spec))
    assert body["status"]["images"][0]["source"] == "oci-charts/oci-zookeeper:1.0.0_3"


def test_a_bare_chart_is_a_package(ground: Ground, tmp_path: Path) -> None:
    spec = chart("bare")
    path = tmp_path / "bare-1.0.0.tgz"
    path.write_bytes(archive(spec))
    ground.site.storage.put(path.name, path)
    fields = {"targets": to_platform("catalog"), "verification": {"policy": "Skip"}}
    ground.site.apply(ground.site.package_upload("bare", path.name, **fields))
    ground.site.wait("bare", is_ready)
    assert ground.stored(spec, "public-charts") == archive(spec)


def test_second_upload_of_a_chart_says_so(ground: Ground) -> None:
    site = ground.site
    first = ground.upload(chart("double"), "museum", "museum-charts")
    site.wait(first, is_ready)
    fields = {"targets": to_platform("museum"), "chartRepository": "museum-charts"}
    site.apply(site.package_upload("double-again", f"{first}.tgz", **fields))
    said = f"PackageUpload {site.namespace}/{first} has published the same version before"
    site.wait("double-again", lambda body: is_ready(body) and said in condition(body, "Published")["message"])
    for name in (first, "double-again"):
        before = site.upload(name)["status"].get("lastHandledReconcileAt")
        site.reconcile(name)
        body = site.wait(name, lambda it, old=before: at_rest(it) and it["status"].get("lastHandledReconcileAt") != old)
        assert (said in condition(body, "Published")["message"]) is (name != first)
    site.delete("packageupload", first)
    site.reconcile("double-again")
    site.wait("double-again", lambda body: at_rest(body) and said not in condition(body, "Published")["message"])


@pytest.mark.parametrize(("way", "repository"), [("catalog", "public-charts"), ("museum", "museum-charts")])
def test_what_is_gone_is_uploaded_again_and_what_is_there_is_not(ground: Ground, way: str, repository: str) -> None:
    spec = chart(f"{way}-gone")
    name = ground.upload(spec, way, repository)
    ground.site.wait(name, is_ready)
    ground.site.reconcile(name)
    ground.site.wait(name, lambda body: at_rest(body) and "lastHandledReconcileAt" in body["status"])
    path = (
        f"/catalog/v1/chartrepos/cpaas-system/{repository}/charts" if way == "catalog" else f"/api/{repository}/charts"
    )
    before = ground.charts.requests.count(("POST", path))

    ground.charts.drop(repository, spec.name, spec.version)
    if way == "catalog":  # what is there is known as captain lists it
        ground.site.cluster.kubectl("wait", "--for=delete", f"chart/{spec.name}.{repository}", "-n", "cpaas-system")
    ground.site.reconcile(name)
    until(lambda: ground.stored(spec, repository) is not None)
    ground.site.wait(name, at_rest)
    assert ground.stored(spec, repository) == archive(spec)
    assert ground.charts.requests.count(("POST", path)) == before + 1


def test_another_build_of_a_version_is_another_version(ground: Ground) -> None:
    builds = [chart("museum-builds", f"1.0.0+{build}", seed=build) for build in (3, 4)]
    for build in builds:  # ChartMuseum answers with the first when it is asked for the second
        ground.site.wait(ground.upload(build, "museum", "museum-charts"), is_ready)
    assert [ground.stored(build, "museum-charts") for build in builds] == [archive(build) for build in builds]


@pytest.mark.parametrize(("way", "repository"), [("catalog", "public-charts"), ("museum", "museum-charts")])
def test_other_content_is_replaced_only_when_told_to(ground: Ground, way: str, repository: str) -> None:
    first, second = chart(f"{way}-twice"), chart(f"{way}-twice", seed=1)
    ground.site.wait(ground.upload(first, way, repository), is_ready)
    name = ground.upload(second, way, repository)
    body = ground.site.wait(name, has_failed("ChartExists"))
    assert condition(body, "Stalled")["status"] == "True"
    assert ground.stored(second, repository) == archive(first)
    ground.upload(second, way, repository, overwrite="IfDifferent")
    ground.site.wait(name, is_ready)
    assert ground.stored(second, repository) == archive(second)


def test_an_unknown_repository_stalls_with_those_that_there_are(ground: Ground) -> None:
    body = ground.site.wait(ground.upload(chart("lost"), "catalog", "nowhere"), has_failed("UnknownChartRepository"))
    assert (
        "'nowhere' in cpaas-system, only museum-charts, oci-charts, public-charts."
        in condition(body, "Ready")["message"]
    )
    assert condition(body, "Stalled")["status"] == "True"


def test_who_may_not_upload_is_told_so(ground: Ground) -> None:
    body = ground.site.wait(ground.upload(chart("denied"), "powerless"), has_failed("ChartsForbidden"))
    assert "no permission to create charts" in condition(body, "Ready")["message"]
    assert POWERLESS not in ground.site.operator.log + json.dumps(body)


def test_wrong_password_is_told(ground: Ground) -> None:
    upload = ground.upload(chart("stranger"), "closed-museum", "museum-charts")
    body = ground.site.wait(upload, has_failed("ChartsUnauthorized"))
    assert "Correct the Secret that spec.charts of the Platform names" in condition(body, "Ready")["message"]


def test_version_that_is_stored_but_not_listed_is_waited_for(ground: Ground) -> None:
    spec, museum = chart("hidden"), ground.charts.museum
    key = ("museum-charts", spec.name, spec.version)
    museum.archives[key] = archive(spec)
    museum.unlisted.add(key)
    name = ground.upload(spec, "museum", "museum-charts")
    body = ground.site.wait(name, has_failed("ChartsUnavailable"))
    assert "has hidden 1.0.0 in its storage, but does not list it" in condition(body, "Ready")["message"]
    museum.unlisted.clear()
    ground.site.reconcile(name)
    ground.site.wait(name, is_ready)


def test_a_platform_without_an_address_for_charts_is_told_so(ground: Ground) -> None:
    body = ground.site.wait(ground.upload(chart("homeless"), "default"), has_failed("ChartAddressMissing"))
    assert "Give spec.charts.address" in condition(body, "Ready")["message"]


def test_taken_back_where_there_is_a_way(ground: Ground) -> None:
    kept, gone, before = chart("kept"), chart("gone"), chart("before")
    ground.charts.museum.save("museum-charts", archive(before), force=True)
    uploads = [
        ground.upload(kept, "catalog", deletionPolicy="Delete"),
        *(ground.upload(each, "museum", "museum-charts", deletionPolicy="Delete") for each in (gone, before)),
    ]
    ground.site.wait_all(uploads, is_ready)
    ground.site.delete("packageupload", *uploads)
    assert ground.stored(gone, "museum-charts") is None
    assert ground.stored(kept, "public-charts") == archive(kept)
    assert ground.stored(before, "museum-charts") == archive(before)
    told = [event for name in uploads for event in ground.site.events(name)]
    assert [event["message"] for event in told if event["reason"] == "Withdrawn"] == [
        "Kept on global: chart kept 1.0.0 of public-charts, which the catalog API has no documented way to delete.",
        "Deleted on global: chart gone 1.0.0 of museum-charts.",
        "Kept on global: chart before 1.0.0 of museum-charts, which was there before.",
    ]


def test_version_is_taken_back_though_another_has_an_image_in_common(ground: Ground) -> None:
    image = Image("common-app", layers=1, layer_size=1 << 10)
    one, two = (chart("versions", version, related=(image,)) for version in ("1.0.0", "2.0.0"))
    first = ground.upload(one, "museum", "museum-charts", deletionPolicy="Delete")
    ground.site.wait(first, is_ready)
    ground.site.put_package("versions-2", two)
    fields = {"targets": to_platform("museum"), "chartRepository": "museum-charts"}
    ground.site.apply(ground.site.package_upload("versions-2", **fields))
    ground.site.wait("versions-2", is_ready)
    ground.site.delete("packageupload", first)
    assert (ground.stored(one, "museum-charts"), ground.stored(two, "museum-charts")) == (None, archive(two))
    assert ground.site.registry.tags("acp/common-app") == ["v1.0.0"]


def test_through_the_platforms_own_address_and_login(ground: Ground, kit: Kit) -> None:
    site, gateway = ground.site, ground.gateway
    seen: list[str] = []

    async def take(request: web.BaseRequest, user: str) -> web.StreamResponse:
        seen.append(user)
        chart = await request.read()
        if len(seen) == 1:
            gateway.login.revoke_all()
            return web.json_response({"message": "token has expired"}, status=401)
        repository = request.path.split("/")[-2]
        return web.json_response({}, status=ground.charts.museum.save(repository, chart, force=True))

    gateway.routes["/catalog/v1/chartrepos/cpaas-system"] = take
    gateway.login.users |= {"admin@example.com": "password-of-the-admin"}
    grant(kit.cluster(), "admin@example.com")
    ca = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "gateway-ca"}}
    ca |= {"data": {"ca.crt": gateway.ca_file.read_text()}}
    body = platform("remote", site.registry.address)
    way = {
        "address": gateway.address,
        "credentialsSecretRef": {"name": "remote"},
        "caBundleRef": {"name": "gateway-ca"},
    }
    body["spec"] = {"registry": body["spec"]["registry"]} | way
    site.apply(ca, secret("remote", username="admin@example.com", password="password-of-the-admin"), body)
    spec = chart("remote-zookeeper")
    name = ground.upload(spec, "remote")
    site.wait(name, at_rest, 90)
    site.delete("packageupload", name)
    site.delete("platform", "remote")
    assert ground.stored(spec, "public-charts") == archive(spec)
    assert seen == ["admin@example.com"] * 2


def test_preview_uploads_nothing(ground: Ground) -> None:
    spec = chart("foreseen")
    body = ground.site.wait(ground.upload(spec, "catalog", mode="Preview"), is_ready)
    planned = [(item["kind"], item["name"], item["action"]) for item in body["status"]["plan"]["objects"]]
    assert planned == [("Chart", "foreseen.public-charts", "Create")]
    assert ground.stored(spec, "public-charts") is None
