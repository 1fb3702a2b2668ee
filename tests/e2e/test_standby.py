"""Primary and standby in one upload: each with its own registry and cluster, and what a cluster may refuse."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.cluster import Cluster, Kit, KubectlError, Registry
from tests.faults import FaultProxy
from tests.harness import (
    API,
    OPEN,
    SYSTEM,
    Object,
    Site,
    condition,
    has_failed,
    installation,
    is_ready,
    platform,
    secret,
    to_platform,
)
from tests.observe import until
from tests.platform import Bundles, install_crds

pytestmark = pytest.mark.e2e

TARGETS = to_platform("default") + to_platform("standby")


@dataclass(frozen=True)
class World:
    """Two platforms: the one that the operator runs in, and the standby with a cluster and a registry of its own."""

    site: Site
    standby: Cluster
    registry: Registry

    def upload(self, name: str) -> None:
        """Apply an upload of a package of its own for both."""
        self.site.put_package(name)
        self.site.apply(self.site.package_upload(name, targets=TARGETS))

    def on_standby(self, body: Object) -> None:
        """Apply an object there."""
        self.standby.kubectl("apply", "-f", "-", stdin=json.dumps(body))

    def artifact(self, name: str) -> Object:
        """An Artifact of the standby."""
        found: Object = json.loads(self.standby.kubectl("get", "artifact", name, "-n", SYSTEM, "-o", "json"))
        return found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Both platforms with their marketplace."""
    directory = tmp_path_factory.mktemp("standby")
    with Kit(clusters=("global", "standby")) as kit:
        registry, standby = kit.registry(htpasswd=True), kit.cluster("standby")
        login = {"username": str(registry.username), "password": str(registry.password)}
        install_crds(standby.kubectl)
        with installation(kit, directory, bundles=Bundles(plain=True, **login)) as site:
            spec = {
                "kubeconfigSecretRef": {"name": "standby"},
                "registry": {
                    "address": registry.address,
                    "credentialsSecretRef": {"name": "standby-registry"},
                    "plainHTTP": True,
                    "imagePullSecrets": ["pull"],
                },
            }
            site.apply(
                secret("standby", kubeconfig=standby.kubeconfig.read_text()),
                secret("standby-registry", **login),
                {"apiVersion": API, "kind": "Platform", "metadata": {"name": "standby"}, "spec": spec},
            )
            site.wait("standby", is_ready, kind="platforms")
            yield World(site, standby, registry)


@contextmanager
def refusing(world: World, kind: str, name: str, group: str, **fields: object) -> Iterator[None]:
    """Something on the standby that takes no more Artifacts."""
    world.on_standby({"apiVersion": group, "kind": kind, "metadata": {"name": name, "namespace": SYSTEM}, **fields})
    yield
    world.standby.kubectl("delete", kind, name, "-n", SYSTEM)


def fails(world: World, name: str, reason: str, *said: str) -> None:
    """The standby refuses a new upload in its own words; the primary has it all the same."""
    world.upload(name)
    body = world.site.wait(name, has_failed(reason), 120)
    targets = {item["platform"]: item for item in body["status"]["targets"]}
    assert (targets["default"]["phase"], targets["standby"]["phase"]) == ("Ready", "Failed")
    message = condition(body, "Ready")["message"]
    assert all(words in message for words in said), message
    assert message.startswith(("Platform standby", "Cluster global of standby"))


def mended(world: World, name: str) -> None:
    """It is published there too once nothing stands in the way."""
    world.site.reconcile(name)
    world.site.wait(name, is_ready, 120)
    assert world.artifact(name)


def test_each_platform_gets_images_and_objects_of_its_own(world: World) -> None:
    world.upload("twin")
    body = world.site.wait("twin", is_ready)
    places = {item["platform"]: item["destination"] for item in body["status"]["images"]}
    addresses = {"default": world.site.registry.address, "standby": world.registry.address}
    assert places == {name: f"{address}/acp/twin-bundle:v1.0.0" for name, address in addresses.items()}
    assert world.registry.tags("acp/twin-bundle") == world.site.registry.tags("acp/twin-bundle") == ["v1.0.0"]
    assert world.site.all("artifacts", SYSTEM)["twin"]["spec"]["registry"] == addresses["default"]
    there = world.artifact("twin")["spec"]
    assert (there["registry"], there["imagePullSecrets"]) == (addresses["standby"], ["pull"])
    assert condition(body, "Published")["message"].startswith("2 of 2 clusters can install the package.")


def test_deleted_object_of_the_standby_comes_back_unasked(world: World) -> None:
    world.upload("kept")
    world.site.wait("kept", is_ready)
    before = world.artifact("kept")["metadata"]["uid"]
    world.standby.kubectl("delete", "artifact", "kept", "-n", SYSTEM)

    until(lambda: "kept" in world.standby.kubectl("get", "artifacts", "-n", SYSTEM), 90)
    assert world.artifact("kept")["metadata"]["uid"] != before
    until(lambda: any(event["reason"] == "Repaired" for event in world.site.events("kept")))
    (event,) = (event for event in world.site.events("kept") if event["reason"] == "Repaired")
    assert "Artifact kept was missing on global of standby" in event["message"]


def test_registry_that_is_silent_does_not_hold_back_another_platform(world: World) -> None:
    site = world.site
    with FaultProxy(site.registry.address) as proxy:
        site.apply(platform("silent", proxy.address))
        site.wait("silent", is_ready, kind="platforms")
        proxy.delay(120, when=lambda request: request.method in ("POST", "PATCH", "PUT"))
        site.put_package("beside")
        both = to_platform("silent") + to_platform("standby")
        site.apply(site.package_upload("beside", targets=both))

        def standby_is_done(body: Object) -> bool:
            found = (body.get("status") or {}).get("targets", [])
            targets = {item["platform"]: item["phase"] for item in found}
            return targets.get("standby") == "Ready"

        body = site.wait("beside", standby_is_done)
        assert (condition(body, "Pushed")["status"], condition(body, "Ready")["status"]) == ("Unknown", "False")
        assert world.artifact("beside")
        assert "beside" not in site.all("artifacts", SYSTEM)
        site.delete("packageupload", "beside")


def test_pull_secret_that_leaves_the_platform_leaves_the_artifact(world: World) -> None:
    site = world.site

    def with_secrets(*names: str) -> None:
        site.apply(platform("pulling", site.registry.address, **OPEN, imagePullSecrets=list(names)))

    def pulls_with() -> object:
        return site.all("artifacts", SYSTEM)["pulled"]["spec"].get("imagePullSecrets")

    with_secrets("old", "new")
    site.put_package("pulled")
    site.apply(site.package_upload("pulled", targets=to_platform("pulling")))
    site.wait("pulled", is_ready)
    assert pulls_with() == ["old", "new"]
    with_secrets("new")
    until(lambda: pulls_with() == ["new"])
    assert pulls_with() == ["new"]
    with_secrets()
    until(lambda: pulls_with() is None)
    assert pulls_with() is None


def test_policy_that_refuses_is_told_in_its_words(world: World) -> None:
    group = "admissionregistration.k8s.io/v1"
    rule = {"apiGroups": ["app.alauda.io"], "apiVersions": ["*"], "operations": ["CREATE"], "resources": ["artifacts"]}
    spec = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": "false", "message": "no new packages during the freeze"}],
    }
    binding = {"policyName": "freeze", "validationActions": ["Deny"]}
    kind = "ValidatingAdmissionPolicy"
    bound = refusing(world, f"{kind}Binding", "freeze", group, spec=binding)
    with refusing(world, kind, "freeze", group, spec=spec), bound:
        until(lambda: not _takes(world), 60)
        fails(world, "frozen", "TargetRefused", "no new packages during the freeze")
    until(lambda: _takes(world), 60)
    mended(world, "frozen")


def test_webhook_that_is_away_is_told_and_waited_for(world: World) -> None:
    rule = {"apiGroups": ["app.alauda.io"], "apiVersions": ["*"], "operations": ["CREATE"], "resources": ["artifacts"]}
    webhook = {
        "name": "artifacts.example.com",
        "clientConfig": {"url": "https://127.0.0.1:1/validate"},
        "rules": [rule],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 2,
    }
    group = "admissionregistration.k8s.io/v1"
    with refusing(world, "ValidatingWebhookConfiguration", "away", group, webhooks=[webhook]):
        until(lambda: not _takes(world), 60)
        fails(world, "hooked", "TargetUnavailable", "artifacts.example.com")
    until(lambda: _takes(world), 60)
    mended(world, "hooked")


def test_quota_is_told_as_such(world: World) -> None:
    hard = {"count/artifacts.app.alauda.io": "0"}
    with refusing(world, "ResourceQuota", "none", "v1", spec={"hard": hard}):
        until(lambda: not _takes(world), 60)
        fails(world, "many", "TargetForbidden", "quota")
    until(lambda: _takes(world), 60)
    mended(world, "many")


def _takes(world: World) -> bool:
    """Whether the standby takes a new Artifact now; policies and quotas need a moment to come into force."""
    spec = {"type": "bundle", "registry": "r", "repository": "a/b", "present": True, "artifactVersionSelector": {}}
    metadata = {"name": "probe", "namespace": SYSTEM}
    body = {"apiVersion": "app.alauda.io/v1alpha1", "kind": "Artifact", "metadata": metadata, "spec": spec}
    try:
        world.standby.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(body))
    except KubectlError:
        return False
    return True
