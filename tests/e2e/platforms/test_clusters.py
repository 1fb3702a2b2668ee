"""Several clusters of one platform: each is told as it is, at once, and none is left with half a package."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from aiohttp import web

from tests.cluster import KubectlError
from tests.gateways import ADMIN, BOTH, World
from tests.harness import REQUESTED, SYSTEM, Object, condition, has_failed, is_ready, secret
from tests.observe import until

pytestmark = pytest.mark.e2e

NAME = "two-clusters"
VERSIONS = "/kubernetes/region1/apis/packages.operators.coreos.com/v1/namespaces/cpaas-system/packagemanifests"


@pytest.fixture(scope="module", autouse=True)
def connected(world: World) -> None:
    """A Platform that shows both."""
    world.site.apply(secret(NAME, token=world.gateway.login.token(ADMIN)), world.platform(NAME))
    world.connected(NAME)


def phases(body: Object) -> dict[str, str]:
    """Phase by cluster."""
    return {item["cluster"]: item["phase"] for item in (body.get("status") or {}).get("targets", [])}


@contextmanager
def no_new_versions(world: World) -> Iterator[None]:
    """region1 takes no new ArtifactVersion."""
    region = world.kit.cluster("region1")
    head = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": "no-versions"}}
    rule = {"apiGroups": ["app.alauda.io"], "apiVersions": ["*"], "operations": ["CREATE"]}
    spec = {
        "matchConstraints": {"resourceRules": [rule | {"resources": ["artifactversions"]}]},
        "validations": [{"expression": "false", "message": "not today"}],
    }
    bound = {"policyName": "no-versions", "validationActions": ["Deny"]}
    policy = head | {"kind": "ValidatingAdmissionPolicy", "spec": spec}
    binding = head | {"kind": "ValidatingAdmissionPolicyBinding", "spec": bound}
    probe = {"apiVersion": "app.alauda.io/v1alpha1", "kind": "ArtifactVersion", "spec": {"present": True, "tag": "v1"}}
    probe |= {"metadata": {"name": "probe", "namespace": SYSTEM}}

    def refuses() -> bool:
        try:
            region.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(probe))
        except KubectlError:
            return True
        return False

    for each in (policy, binding):
        region.kubectl("apply", "-f", "-", stdin=json.dumps(each))
    until(refuses, 60)
    yield
    for each in (binding, policy):
        region.kubectl("delete", "-f", "-", stdin=json.dumps(each))
    until(lambda: not refuses(), 60)


def test_cluster_that_refuses_a_version_is_given_no_artifact_either(world: World) -> None:
    site = world.site
    with no_new_versions(world):
        world.upload("halves", NAME, *BOTH)
        body = site.wait("halves", has_failed("TargetRefused"))
        assert phases(body) == {"global": "Ready", "region1": "Failed"}
        assert "not today" in condition(body, "Ready")["message"]
        assert "halves" in world.published("global")
        assert "halves" not in world.published("region1")
        site.reconcile("halves")  # this look finds the images in place
        wanted, failed = site.upload("halves")["metadata"]["annotations"][REQUESTED], has_failed("TargetRefused")
        site.wait("halves", lambda it: failed(it) and it["status"].get("lastHandledReconcileAt") == wanted)
        assert "halves" not in world.published("region1")
    site.reconcile("halves")
    site.wait("halves", is_ready, 120)
    assert "halves" in world.published("region1")


def test_cluster_that_is_done_says_so_while_another_is_waited_for(world: World) -> None:
    site, gateway = world.site, world.gateway

    async def not_listed(*_: object) -> web.Response:
        return web.json_response({"message": "not found"}, status=404)

    path = f"{VERSIONS}/waits"
    gateway.routes = {path: not_listed, **gateway.routes}
    try:
        world.upload("waits", NAME, *BOTH)
        body = site.wait("waits", lambda it: phases(it) == {"global": "Ready", "region1": "Publishing"})
        since = {item["cluster"]: item.get("waitingSince") for item in body["status"]["targets"]}
        assert since["global"] is None
        assert since["region1"]
        assert condition(body, "Reconciling")["status"] == "True"
        assert condition(body, "Published")["status"] == "Unknown"
    finally:
        del gateway.routes[path]
    targets = site.wait("waits", is_ready)["status"]["targets"]
    assert not any("waitingSince" in item for item in targets)
