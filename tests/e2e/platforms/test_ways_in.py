"""Platforms behind a gateway: two real API servers, real logins, and everything that may be wrong with the way in."""

from typing import Any

import pytest
import yaml

from tests.cluster.process import free_port
from tests.gateways import ADMIN, BOTH, EXTERNAL, PASSWORD, VIEWER, WRONG, World
from tests.harness import API, SYSTEM, Object, condition, has_failed, is_ready, secret, to_platform
from tests.observe import until
from tests.platform import grant
from tests.verdicts import check, waiting

pytestmark = pytest.mark.e2e

TOKEN_ADVICE = "Put a new one into the Secret"
PASSWORD_ADVICE = "cannot log in with a password: make an API token"
ROLE_ADVICE = "It needs the role platform-admin-system (type System)"

BAD: dict[str, tuple[dict[str, str], dict[str, Any], str, str]] = {
    "bad-token": ({"token": WRONG}, {}, "Unauthorized", TOKEN_ADVICE),
    "bad-password": ({"username": ADMIN, "password": WRONG}, {}, "Unauthorized", "Correct the Secret"),
    "external-user": ({"username": EXTERNAL, "password": PASSWORD}, {}, "Unauthorized", PASSWORD_ADVICE),
    "bad-client": (
        {"username": ADMIN, "password": PASSWORD}, {"clientID": "nobody"}, "NotAPlatform", "and spec.clientID"
    ),
    "no-admin": ({"token": VIEWER}, {}, "NotPlatformAdmin", ROLE_ADVICE),
    "bad-ca": ({"token": ADMIN}, {"caBundleRef": None}, "UntrustedCertificate", "into caBundleRef"),
    "nobody-there": ({"token": ADMIN}, {"address": f"https://127.0.0.1:{free_port()}"}, "Unreachable", "firewalls"),
    "both-logins": ({"token": ADMIN, "username": ADMIN, "password": WRONG}, {}, "InvalidCredentials", "either the key"),
    "no-login": ({"user": ADMIN}, {}, "InvalidCredentials", "either the key token"),
}  # fmt: skip
"""Name: entries of the Secret (a user's name stands for a good token of his), fields, reason, advice."""


def test_way_in_that_is_barred_is_named_with_advice(world: World) -> None:
    site = world.site
    for name, (login, fields, _, _) in BAD.items():
        token = login.get("token")
        good = {"token": world.gateway.login.token(token)} if token in (ADMIN, VIEWER) else {}
        site.apply(secret(name, **{**login, **good}), world.platform(name, **fields))
    for name, (_, _, reason, advice) in BAD.items():
        found = site.wait(name, has_failed(reason), kind="platforms")
        assert advice in condition(found, "Ready")["message"], name
        assert condition(found, "Reconciling")["reason"] == "ProgressingWithRetry", name
    assert world.gateway.login.refused == 2, "a refused password is tried once"
    until(lambda: any(each["reason"] == "Unauthorized" for each in site.events("bad-token")))
    assert [each["type"] for each in site.events("bad-token")] == ["Warning"]
    site.put_package("barred")
    site.apply(site.package_upload("barred", targets=to_platform("no-admin")))
    check(site.wait("barred", has_failed()), waiting("PlatformNotReady", ROLE_ADVICE, ""))
    assert "barred" not in site.artifacts()


def test_token_publishes_on_every_cluster_and_an_unchanged_upload_asks_the_gateway_nothing_new(world: World) -> None:
    site, gateway = world.site, world.gateway
    site.apply(secret("by-token", token=gateway.login.token(ADMIN)), world.platform("by-token"))
    found = world.connected("by-token")
    assert condition(found, "Ready")["reason"] == "Connected"
    assert found["status"]["clusters"] == [{"name": name, "ready": True} for name in BOTH]
    assert found["status"]["registry"]["origin"] == "Spec"
    world.upload("by-token", "by-token", *BOTH)
    upload = site.wait("by-token", is_ready)
    assert [(item["cluster"], item["phase"]) for item in upload["status"]["targets"]] == [
        (name, "Ready") for name in BOTH
    ]
    for name in BOTH:
        assert "by-token" in world.published(name)
    before, listed = len(gateway.requests), gateway.count("/auth/v1/clusters", ADMIN)
    site.reconcile("by-token")
    handled = upload["status"].get("lastHandledReconcileAt")
    site.wait("by-token", lambda body: is_ready(body) and body["status"].get("lastHandledReconcileAt") != handled)
    assert gateway.count("/auth/v1/clusters", ADMIN) == listed
    looks = [path.partition("/region1/apis/")[2] for path, _ in gateway.requests[before:]]
    about = ("/by-token", "/catalogsources")
    assert sorted(path for path in looks if any(each in path for each in about)) == [
        "app.alauda.io/v1alpha1/namespaces/cpaas-system/artifacts/by-token",
        "app.alauda.io/v1alpha1/namespaces/cpaas-system/artifactversions/by-token.v1.0.0",
        "packages.operators.coreos.com/v1/namespaces/cpaas-system/packagemanifests/by-token",
    ]


def test_password_logs_in_once_and_an_expired_token_is_replaced_on_the_way(world: World) -> None:
    site, gateway = world.site, world.gateway
    site.apply(secret("by-password", username=ADMIN, password=PASSWORD), world.platform("by-password"))
    world.connected("by-password")
    before = gateway.login.issued
    world.upload("first", "by-password", *BOTH)
    site.wait("first", is_ready)
    assert gateway.login.issued == before
    gateway.login.revoke_all()
    world.upload("second", "by-password", *BOTH)
    site.wait("second", is_ready)
    assert gateway.login.issued == before + 1
    assert {"first", "second"} <= world.published("region1")


def test_revoked_token_is_told_and_a_new_one_in_the_secret_counts(world: World) -> None:
    site, gateway = world.site, world.gateway
    site.apply(secret("rotated", token=gateway.login.token(ADMIN)), world.platform("rotated"))
    world.connected("rotated")
    gateway.login.revoke_all()
    world.upload("rotated", "rotated")  # it is refused, and has the Platform looked at, long before its next turn
    site.wait("rotated", has_failed("Unauthorized"), kind="platforms")
    site.wait("rotated", has_failed("PlatformNotReady"))
    site.apply(secret("rotated", token=gateway.login.token(ADMIN)))
    site.wait("rotated", is_ready, seconds=120)


def test_new_token_counts_in_the_very_look_that_is_asked_for(world: World) -> None:
    site, gateway = world.site, world.gateway
    site.apply(secret("asked", token=gateway.login.token(ADMIN)), world.platform("asked"))
    world.connected("asked")  # a moment ago, with the token that is revoked now
    gateway.login.revoke_all()
    site.apply(secret("asked", token=gateway.login.token(ADMIN)))
    site.reconcile("asked", kind="platform")
    site.wait("asked", lambda body: is_ready(body) and "lastHandledReconcileAt" in body["status"], kind="platforms")
    assert [each["reason"] for each in site.events("asked")] == ["Connected"]


def test_uploads_wait_for_a_platform_that_is_away_and_go_on_when_it_is_back(world: World) -> None:
    site, gateway = world.site, world.gateway
    site.apply(secret("away", token=gateway.login.token(ADMIN)), world.platform("away"))
    world.connected("away")
    gateway.stop()
    try:
        world.upload("away", "away", "region1")
        site.wait("away", has_failed("Unreachable"), kind="platforms")
        site.wait("away", has_failed("PlatformNotReady"))
    finally:
        gateway.start()
    site.wait("away", is_ready, seconds=120)
    assert "away" in world.published("region1")


def test_cluster_that_is_down_holds_back_no_other(world: World) -> None:
    site, gateway = world.site, world.gateway
    gateway.down.add("region1")
    try:
        site.apply(secret("partly", token=gateway.login.token(ADMIN)), world.platform("partly"))
        found = world.connected("partly")
        assert condition(found, "Ready")["reason"] == "PartlyConnected"
        assert "Not ready: region1" in condition(found, "Ready")["message"]
        states = {item["name"]: item for item in found["status"]["clusters"]}
        assert (states["global"]["ready"], states["region1"]["ready"]) == (True, False)
        assert "TargetUnavailable" in states["region1"]["message"]
        world.upload("partly-global", "partly", "global")
        site.wait("partly-global", is_ready)
        world.upload("partly-region1", "partly", "region1")
        site.wait("partly-region1", has_failed("TargetUnavailable"))
    finally:
        gateway.down.clear()
    site.reconcile("partly", kind="platform")
    site.wait("partly-region1", is_ready, seconds=120)


def test_cluster_that_joins_gets_what_has_waited_for_it(world: World) -> None:
    site, user = world.site, "joining@example.com"
    grant(world.kit.cluster("global"), user)
    site.apply(secret("joining", token=world.gateway.login.token(user)), world.platform("joining"))
    assert [item["name"] for item in world.connected("joining")["status"]["clusters"]] == ["global"]
    world.upload("joining", "joining", "region1")
    failed = site.wait("joining", has_failed("UnknownCluster"))
    assert "only global" in condition(failed, "Ready")["message"]
    wanted = {"platformRef": {"name": "joining"}, "clusters": ["region1"], "output": {"configMapRef": {"name": "list"}}}
    site.apply({"apiVersion": API, "kind": "PackageInventory", "metadata": {"name": "joining"}, "spec": wanted})
    site.wait("joining", has_failed("UnknownCluster"), kind="packageinventories")  # it would look again in an hour
    grant(world.kit.cluster("region1"), user)
    site.reconcile("joining", kind="platform")
    site.wait("joining", is_ready)
    site.wait("joining", has_failed("ExportForbidden"), kind="packageinventories")  # and so it has read the cluster


def test_registry_is_discovered(world: World) -> None:
    site = world.site
    closed = world.kit.registry(htpasswd=True)
    base = {"registry": {"address": closed.address, "preferPlatformURL": False}}
    documents = [
        {"apiVersion": "product.alauda.io/v1alpha1", "kind": "ProductBase", "metadata": {"name": "base"}, "spec": base},
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "global-info", "namespace": "kube-public"},
            "data": {"registryAddress": closed.address, "platformURL": world.gateway.address},
        },
        secret("registry-admin", username=str(closed.username), password=str(closed.password))
        | {"metadata": {"name": "registry-admin", "namespace": SYSTEM}},
    ]
    site.cluster.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(documents))
    login = secret("discovery", token=world.gateway.login.token(ADMIN))
    site.apply(login, world.platform("discovery", registry={"plainHTTP": True}))
    inside = {"inCluster": {}, "registry": {"plainHTTP": True}}
    site.apply({"apiVersion": API, "kind": "Platform", "metadata": {"name": "discovery-inside"}, "spec": inside})
    for name in ("discovery", "discovery-inside"):
        found = world.connected(name)
        expected = {"address": closed.address, "pullAddress": closed.address, "origin": "Discovered"}
        assert found["status"]["registry"].items() >= expected.items()
        world.upload(f"by-{name}", name)
        site.wait(f"by-{name}", is_ready)
    assert any("by-discovery" in name for name in closed.repositories())


def test_kubeconfig_leads_to_its_contexts(world: World) -> None:
    site = world.site
    merged: Object = {"apiVersion": "v1", "kind": "Config", "clusters": [], "users": [], "contexts": []}
    for cluster in world.kit.clusters:
        config = yaml.safe_load(cluster.kubeconfig.read_text())
        config["users"][0]["name"] = cluster.name
        merged["clusters"] += config["clusters"]
        merged["users"] += config["users"]
        merged["contexts"].append({"name": cluster.name, "context": {"cluster": cluster.name, "user": cluster.name}})
    one = world.kit.cluster("region1").kubeconfig.read_text()
    evil = merged | {"users": [{"name": name, "user": {"exec": {"command": "touch"}}} for name in BOTH]}
    for name, text in {"edge": yaml.safe_dump(merged), "single": one, "evil": yaml.safe_dump(evil)}.items():
        fields = {"address": None, "credentialsSecretRef": None, "caBundleRef": None}
        by_kubeconfig = world.platform(name, kubeconfigSecretRef={"name": name}, **fields)
        site.apply(secret(name, kubeconfig=text), by_kubeconfig)
    assert [item["name"] for item in world.connected("edge")["status"]["clusters"]] == list(BOTH)
    assert [item["name"] for item in world.connected("single")["status"]["clusters"]] == ["global"]
    found = site.wait("evil", has_failed("InvalidKubeconfig"), kind="platforms")
    assert "uses exec" in condition(found, "Ready")["message"]
    world.upload("edge", "edge", *BOTH)
    site.wait("edge", is_ready)
    assert "edge" in world.published("region1")


def test_no_secret_is_shown(world: World) -> None:
    world.court.check_no_secret(PASSWORD, WRONG, world.registry_password, *world.gateway.login.given)
