"""Deletions before a real API server: only the object that was judged, and only as it was."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.cluster import Cluster
from tests.program import install
from violet_operator.clients.kube import PACKAGE_UPLOADS, Kube
from violet_operator.errors import Transient

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def platform(cluster: Cluster) -> Cluster:
    """The cluster with our kinds."""
    install(cluster)
    return cluster


@pytest.fixture
async def kube(platform: Cluster) -> AsyncIterator[Kube]:
    """As administrator."""
    kube = await Kube.connect(platform.kubeconfig, "global")
    yield kube
    await kube.close()


def upload(namespace: str) -> dict[str, Any]:
    spec = {"source": {"url": "s3://bucket/p.tgz"}, "targets": [{}], "suspend": True}
    metadata = {"name": "thing", "namespace": namespace}
    return {"apiVersion": "violet.alauda.io/v1alpha1", "kind": "PackageUpload", "metadata": metadata, "spec": spec}


async def test_only_the_object_that_was_judged_is_deleted(kube: Kube, platform: Cluster, namespace: str) -> None:
    old = await kube.apply(PACKAGE_UPLOADS, upload(namespace))
    platform.kubectl("delete", "packageupload", "thing", "-n", namespace)
    anew = await kube.apply(PACKAGE_UPLOADS, upload(namespace))
    with pytest.raises(Transient) as caught:
        await kube.delete(PACKAGE_UPLOADS, old)
    assert caught.value.reason == "ObjectChanged"
    found = await kube.get(PACKAGE_UPLOADS, namespace, "thing")
    assert found
    assert found["metadata"]["uid"] == anew["metadata"]["uid"]
    await kube.delete(PACKAGE_UPLOADS, anew)
    assert await kube.get(PACKAGE_UPLOADS, namespace, "thing") is None
    await kube.delete(PACKAGE_UPLOADS, anew)


@pytest.mark.parametrize("stale", ["uid", "resourceVersion"])
async def test_each_precondition_of_a_deletion_counts_by_itself(stale: str, kube: Kube, namespace: str) -> None:
    """An object of that name made anew, and one that was changed: neither is what was saved."""
    old = await kube.apply(PACKAGE_UPLOADS, upload(namespace))
    found = await kube.apply(
        PACKAGE_UPLOADS, upload(namespace) | {"spec": upload(namespace)["spec"] | {"suspend": False}}
    )
    wrong = {"uid": "00000000-0000-0000-0000-000000000000", "resourceVersion": old["metadata"]["resourceVersion"]}
    assert found["metadata"][stale] != wrong[stale]
    body = found | {"metadata": found["metadata"] | {stale: wrong[stale]}}
    with pytest.raises(Transient) as caught:
        await kube.delete(PACKAGE_UPLOADS, body)
    assert caught.value.reason == "ObjectChanged"
    assert await kube.get(PACKAGE_UPLOADS, namespace, "thing")
    assert await kube.delete(PACKAGE_UPLOADS, found) == ()
    assert await kube.get(PACKAGE_UPLOADS, namespace, "thing") is None
