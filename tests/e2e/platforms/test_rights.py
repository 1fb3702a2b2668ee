"""What an account may do on each cluster, and what a Platform says of what it may not."""

import pytest
from aiohttp import web

from tests.gateways import ADMIN, BOTH, VIEWER, World, allow
from tests.harness import condition, has_failed, secret

pytestmark = pytest.mark.e2e


def test_right_that_is_missing_is_named_with_its_cluster(world: World) -> None:
    site, user = world.site, "limited@example.com"
    most = ["get", "list", "watch", "create", "patch"]
    allow(world, "global", user, artifacts=most, artifactversions=most)
    allow(world, "region1", user, artifacts=[*most, "delete"], artifactversions=["get", "list", "create", "delete"])
    site.apply(secret("limited", token=world.gateway.login.token(user)), world.platform("limited"))
    found = world.connected("limited")
    states = {item["name"]: item for item in found["status"]["clusters"]}
    assert states["global"]["ready"]
    note = (
        "the account may not delete artifacts; delete artifactversions in namespace cpaas-system, which deletionPolicy"
    )
    lacks = (
        "the account may not watch, patch artifactversions in namespace cpaas-system. It needs the role platform-admin"
    )
    assert note in states["global"]["message"]
    assert not states["region1"]["ready"]
    assert lacks in states["region1"]["message"]
    assert states["region1"]["message"].startswith("NotPlatformAdmin: ")
    ready = condition(found, "Ready")
    assert ready["reason"] == "PartlyConnected"
    assert note in ready["message"]
    assert lacks in ready["message"]


def test_cluster_that_answers_no_reviews_is_as_good_as_what_it_lets_us_read(world: World) -> None:
    site, gateway = world.site, world.gateway

    async def unknown(*_: object) -> web.Response:
        return web.json_response({"message": "no such page"}, status=404)

    reviews = [f"/kubernetes/{name}/apis/authorization.k8s.io" for name in BOTH]
    for user in (ADMIN, VIEWER):
        site.apply(secret(user[:5], token=gateway.login.token(user)))
    gateway.routes = {**dict.fromkeys(reviews, unknown), **gateway.routes}
    try:
        site.apply(world.platform("admin"), world.platform("viewe"))
        assert all(item["ready"] for item in world.connected("admin")["status"]["clusters"])
        found = site.wait("viewe", has_failed("TargetForbidden"), kind="platforms")
        assert "listing artifacts is not allowed" in condition(found, "Ready")["message"]
    finally:
        for path in reviews:
            del gateway.routes[path]
