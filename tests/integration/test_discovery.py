"""Registry discovery on a real API server, with our own minimal CRDs, and the platform's where they are at hand."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import yaml

from tests.cluster import Cluster, Kit
from tests.platform import find_real_crds, install_crds
from violet_operator.clients.kube import Kube
from violet_operator.errors import Waiting
from violet_operator.platform.discovery import Discovered, gather, judge

pytestmark = pytest.mark.integration
REAL = find_real_crds()
SYSTEM = "cpaas-system"
INSTALL, ON = {"install": False}, {"enable": False}
BASE: dict[str, Any] = {
    "platformURL": "https://acp.example.com",
    "version": "v4",
    "registry": {
        "address": "10.0.0.1:11443",
        "preferPlatformURL": True,
        "username": "other",
        "password": "ZWxzZQ==",
    },
    "defaultAdmin": {"account": "admin", "email": "admin@example.com"},
    "http": {"forceRedirectHttps": True},
    **dict.fromkeys(("containerPlatform", "devops", "elasticsearch", "kafka", "prometheus", "serviceMesh"), INSTALL),
    **dict.fromkeys(("logAgent", "logCenter"), ON),
    "chartMuseum": {"url": "https://charts.example.com"},
}


@pytest.fixture(scope="module", params=[None, REAL] if REAL else [None], ids=lambda path: "real" if path else "own")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A cluster of its own, with our CRDs or the platform's."""
    with Kit(storage=None) as kit:
        install_crds(kit.cluster().kubectl, request.param)
        kit.cluster().kubectl("create", "namespace", SYSTEM)
        yield kit.cluster()


@pytest.fixture
async def kube(cluster: Cluster) -> AsyncIterator[Kube]:
    kube = await Kube.connect(cluster.kubeconfig, "global")
    yield kube
    await kube.close()


async def test_registry_is_found_as_the_platform_describes_it(cluster: Cluster, kube: Kube) -> None:
    with pytest.raises(Waiting, match="names no registry"):
        judge(await gather(kube, SYSTEM), "default")
    apply(cluster, {"apiVersion": "product.alauda.io/v1alpha1", "kind": "ProductBase", "spec": BASE}, "base")
    found = judge(await gather(kube, SYSTEM), "default")
    assert found == Discovered("10.0.0.1:11443", "acp.example.com", "other", "else")
    info = {"registryAddress": "10.0.0.2:60080", "platformURL": "https://10.0.0.3"}
    apply(cluster, {"apiVersion": "v1", "kind": "ConfigMap", "data": info}, "global-info", "kube-public")
    login = {"username": "admin", "password": "word"}
    apply(cluster, {"apiVersion": "v1", "kind": "Secret", "stringData": login}, "registry-admin", SYSTEM)
    found = judge(await gather(kube, SYSTEM), "default")
    assert found == Discovered("10.0.0.1:11443", "10.0.0.3", "admin", "word")
    cluster.kubectl("delete", "productbase", "base")
    found = judge(await gather(kube, SYSTEM), "default")
    assert found == Discovered("10.0.0.2:60080", "10.0.0.2:60080", "admin", "word")


def apply(cluster: Cluster, body: dict[str, Any], name: str, namespace: str = "") -> None:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    cluster.kubectl("apply", "--server-side", "-f", "-", stdin=yaml.safe_dump(body | {"metadata": metadata}))
