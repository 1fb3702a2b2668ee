"""Restore on a real API server: whose fields are whose afterwards, and what came meanwhile."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.cluster import Cluster
from tests.harness import ensure_namespace
from tests.platform import install_crds
from violet_operator.cleanup import backup
from violet_operator.cleanup.restore import restore
from violet_operator.clients.kube import ARTIFACTS, Kube, Resource
from violet_operator.publication.apply import is_ours

pytestmark = pytest.mark.integration

SYSTEM = "cleanup-restore"
OURS = {"app.kubernetes.io/managed-by": "violet-operator"}

Object = dict[str, Any]


@pytest.fixture
async def kube(cluster: Cluster) -> AsyncIterator[Kube]:
    """A client of a cluster with the platform's kinds."""
    install_crds(cluster.kubectl)
    ensure_namespace(cluster, SYSTEM)
    client = await Kube.connect(cluster.kubeconfig, "global")
    yield client
    await client.close()


def artifact(name: str) -> Object:
    """What an upload applies."""
    selector = {"matchLabels": {"a": "b"}}
    spec = {
        "type": "bundle",
        "present": True,
        "registry": "r",
        "repository": "acp/x",
        "artifactVersionSelector": selector,
    }
    labels = OURS | {"cpaas.io/library": "platform"}
    metadata = {"name": name, "namespace": SYSTEM, "labels": labels}
    return {"apiVersion": "app.alauda.io/v1alpha1", "kind": "Artifact", "metadata": metadata, "spec": spec}


async def there(kube: Kube, name: str) -> Object:
    found = await kube.get(ARTIFACTS, SYSTEM, name)
    assert found is not None
    return found


async def deleted(kube: Kube, name: str) -> backup.Entry:
    """It is saved, and deleted."""
    live = await there(kube, name)
    entry = backup.entry("global", "Artifact", ("NotInstalled", "", 1), live)
    assert entry.applied
    await kube.delete(ARTIFACTS, live)
    return entry


async def test_a_label_of_somebody_else_outlives_restore_and_the_next_look_of_its_upload(
    kube: Kube, cluster: Cluster
) -> None:
    await kube.apply(ARTIFACTS, artifact("labelled"))
    cluster.kubectl("label", "artifacts.app.alauda.io", "labelled", "-n", SYSTEM, "keep=forever")
    entry = await deleted(kube, "labelled")
    for _ in range(2):  # done twice it changes nothing
        assert [each.outcome for each in await restore([entry], {"global": kube}, SYSTEM)] == ["Restored"]
        live = await there(kube, "labelled")
        assert live["metadata"]["labels"] == entry.body["metadata"]["labels"]
        assert is_ours(live), json.dumps(live["metadata"]["managedFields"])  # so that its upload withdraws it
    await kube.apply(ARTIFACTS, artifact("labelled"), force=True)  # as the drift check does
    live = await there(kube, "labelled")
    assert live["metadata"]["labels"]["keep"] == "forever"
    assert is_ours(live)


async def test_restore_never_writes_over_what_came_meanwhile(kube: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look and the creation somebody makes it anew."""
    await kube.apply(ARTIFACTS, artifact("contested"))
    entry = await deleted(kube, "contested")
    look = kube.get

    async def get(resource: Resource, namespace: str | None, name: str) -> Object | None:
        found = await look(resource, namespace, name)
        if found is None:
            theirs = artifact("contested")
            theirs["metadata"]["labels"] = {"theirs": "x"}
            await kube.create(ARTIFACTS, SYSTEM, theirs)
        return found

    monkeypatch.setattr(kube, "get", get)
    found = await restore([entry], {"global": kube}, SYSTEM)
    assert [each.outcome for each in found] == ["Skipped"]
    live = await look(ARTIFACTS, SYSTEM, "contested")
    assert live is not None
    assert live["metadata"]["labels"] == {"theirs": "x"}
    assert not is_ours(live)
