"""What the operator has made bears its mark; what it has found there, or somebody made a moment sooner, does not."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.cluster import Cluster
from violet_operator.clients.kube import CONFIG_MAPS, Kube, Resource
from violet_operator.publication.apply import Piece, apply_all, is_made_by_us

pytestmark = pytest.mark.integration


def body(namespace: str, **data: str) -> dict[str, Any]:
    metadata = {"name": "thing", "namespace": namespace, "annotations": {"ours": "yes"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


class Rival(Kube):
    """An API server on which somebody else makes the object between our look and our write."""

    cluster: Cluster

    async def get(self, resource: Resource, namespace: str | None, name: str) -> dict[str, Any] | None:
        found = await super().get(resource, namespace, name)
        self.cluster.kubectl("create", "-f", "-", stdin=json.dumps(body(str(namespace), key="theirs")))
        return found


@pytest.fixture
async def kube(cluster: Cluster) -> AsyncIterator[Kube]:
    kube = await Kube.connect(cluster.kubeconfig, "global")
    yield kube
    await kube.close()


@pytest.fixture
async def rival(cluster: Cluster) -> AsyncIterator[Rival]:
    rival = await Rival.connect(cluster.kubeconfig, "global")
    rival.cluster = cluster
    yield rival
    await rival.close()


async def test_what_we_have_made_stays_marked(kube: Kube, namespace: str) -> None:
    for data in ("first", "second"):
        (applied,) = await apply_all(kube, [Piece(CONFIG_MAPS, body(namespace, key=data))])
        assert is_made_by_us(applied.live)
        assert applied.live["data"] == {"key": data}
    (applied,) = await apply_all(kube, [Piece(CONFIG_MAPS, body(namespace, key="second"))])
    assert (applied.action, is_made_by_us(applied.live)) == ("Keep", True)


async def test_what_was_there_is_adopted_without_a_mark(kube: Kube, cluster: Cluster, namespace: str) -> None:
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(body(namespace, key="theirs")))
    for _ in range(2):
        (applied,) = await apply_all(kube, [Piece(CONFIG_MAPS, body(namespace, key="ours"))])
        assert applied.live["data"] == {"key": "ours"}
        assert not is_made_by_us(applied.live)


async def test_what_somebody_made_a_moment_sooner_is_not_marked(rival: Rival, namespace: str) -> None:
    (applied,) = await apply_all(rival, [Piece(CONFIG_MAPS, body(namespace, key="theirs"))])
    assert not is_made_by_us(applied.live)
    assert applied.live["metadata"]["annotations"] == {"ours": "yes"}
