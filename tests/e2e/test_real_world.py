"""The main path as sites have it: a registry with TLS, an own CA and a password, under our CRDs and the platform's."""

import base64
import json
from collections.abc import Iterator

import pytest

from tests.cluster import Kit, Registry
from tests.harness import SYSTEM, Object, Site, condition, installation, is_ready, platform, secret, to_platform
from tests.packages import Bundle, Image, Plugin
from tests.platform import Bundles, find_real_crds, install_crds

pytestmark = pytest.mark.e2e
REAL = find_real_crds()


@pytest.fixture(scope="module")
def registry(kit: Kit) -> Registry:
    """The registry of such a site."""
    return kit.registry(tls=True, htpasswd=True)


@pytest.fixture(scope="module", params=[None, REAL] if REAL else [None], ids=lambda p: "real" if p else "own")
def site(
    kit: Kit, registry: Registry, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """An installation whose platform reads that registry, with our CRDs or the platform's own."""
    assert registry.username
    assert registry.password
    login = Bundles(username=registry.username, password=registry.password, ca_file=registry.ca_file)
    with installation(kit, tmp_path_factory.mktemp("site"), bundles=login) as site:
        if request.param:
            install_crds(site.cluster.kubectl, request.param)
        yield site


def docker_config(name: str, registry: Registry) -> Object:
    """The Secret as `kubectl create secret docker-registry` makes it."""
    auth = base64.b64encode(f"{registry.username}:{registry.password}".encode()).decode()
    document = json.dumps({"auths": {registry.address: {"auth": auth}}})
    return secret(name, **{".dockerconfigjson": document}) | {"type": "kubernetes.io/dockerconfigjson"}


def authority(name: str, registry: Registry) -> Object:
    """The ConfigMap with the CA."""
    assert registry.ca_file
    data = {"ca.crt": registry.ca_file.read_text()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


@pytest.mark.parametrize("kind", ["dockerconfigjson", "basic-auth"])
def test_registry_with_own_ca_and_password(site: Site, registry: Registry, kind: str) -> None:
    name = f"secured-{kind}-{site.namespace}"
    basic = secret("login", username=str(registry.username), password=str(registry.password))
    login = docker_config("config", registry) if kind == "dockerconfigjson" else basic
    reference = {"credentialsSecretRef": {"name": login["metadata"]["name"]}}
    trust = {"caBundleRef": {"kind": "ConfigMap", "name": "authority"}}
    site.apply(login, authority("authority", registry), platform(kind, registry.address, **reference, **trust))
    built = site.put_package(name, Bundle(name=name, related=(Image(f"{name}-app"),)))
    site.apply(site.package_upload(name, targets=to_platform(kind)))
    site.wait(name, is_ready, 90)
    for image in built.images:
        repository, _, tag = image.ref.partition("/")[2].rpartition(":")
        assert registry.manifest(repository, tag) == image.manifests[image.digest]
    found = site.wait(kind, is_ready, kind="platforms")
    assert condition(found, "Ready")["reason"] == "Connected"
    assert found["status"]["registry"]["address"] == registry.address
    version = site.all("artifactversions", SYSTEM)[f"{name}.v1.0.0"]
    assert (version["status"]["phase"], version["status"]["reason"]) == ("Present", "Success")
    assert str(registry.password) not in site.operator.log


def test_plugin_under_these_kinds(site: Site, registry: Registry) -> None:
    name = f"plugin-{site.namespace}"
    login = secret("plugin-login", username=str(registry.username), password=str(registry.password))
    reference = {"credentialsSecretRef": {"name": "plugin-login"}}
    trust = {"caBundleRef": {"kind": "ConfigMap", "name": "authority"}}
    site.apply(login, authority("authority", registry), platform("plugins", registry.address, **reference, **trust))
    site.put_package(name, Plugin(name=name))
    site.apply(site.package_upload(name, targets=to_platform("plugins")))
    site.wait(name, is_ready, 90)
    live = json.loads(site.cluster.kubectl("get", "moduleplugin", name, "-o", "json"))
    assert live["spec"]["appReleases"][0]["chartVersions"][0]["version"] == "1.0.0"
    before = live["metadata"]["resourceVersion"]
    site.reconcile(name)
    site.wait(
        name, lambda body: "lastHandledReconcileAt" in body["status"] and not condition(body, "Reconciling")["status"]
    )
    again = json.loads(site.cluster.kubectl("get", "moduleplugin", name, "-o", "json"))
    assert again["metadata"]["resourceVersion"] == before
