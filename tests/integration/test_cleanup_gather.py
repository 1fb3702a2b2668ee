"""Gathering from real API servers: everything page by page; what cannot be read is unknown, and never empty."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster import Cluster
from tests.cluster.process import free_port
from tests.harness import ensure_namespace
from tests.platform import install_crds
from tests.platform.crds import KINDS
from tests.program import install
from violet_operator.cleanup import gather as gather_module
from violet_operator.cleanup.gather import Scope, gather
from violet_operator.cleanup.state import State
from violet_operator.clients.kube import Kube
from violet_operator.errors import Waiting

pytestmark = pytest.mark.integration

SYSTEM = "cleanup-gather"
"""Stands for the platform's system namespace, so that other tests' objects are not in it."""

MANY = 10_003
"""ArtifactVersions, and so 21 pages."""


@pytest.fixture(scope="module")
def platform(cluster: Cluster) -> Iterator[Cluster]:
    """A cluster with the kinds of the platform and ours, and one Artifact with many versions."""
    install(cluster)
    install_crds(cluster.kubectl)
    ensure_namespace(cluster, SYSTEM)
    spec = {"type": "bundle", "present": True, "registry": "r", "repository": "r", "artifactVersionSelector": {}}
    objects: list[dict[str, Any]] = [body("Artifact", "many", spec=spec)]
    objects += [body("ArtifactVersion", f"many.v{n}", spec={"present": True, "tag": f"v{n}"}) for n in range(MANY)]
    copied = {"labels": {"olm.copiedFrom": "elsewhere"}}
    objects += [body("ClusterServiceVersion", "original.v1"), body("ClusterServiceVersion", "copy.v1", **copied)]
    documents = "\n".join(json.dumps(each) for each in objects)
    cluster.kubectl("create", "--validate=false", "-f", "-", stdin=documents, timeout=240)
    yield cluster
    known = KINDS["ArtifactVersion"]
    path = f"/apis/{known.group}/{known.versions[0]}/namespaces/{SYSTEM}/artifactversions"
    cluster.kubectl("delete", "--raw", path, timeout=120)
    cluster.kubectl("delete", "namespace", SYSTEM, "--wait=false")


def body(kind: str, name: str, spec: Any = None, **metadata: Any) -> dict[str, Any]:
    known = KINDS[kind]
    head = {"apiVersion": f"{known.group}/{known.versions[0]}", "kind": kind}
    return head | {"metadata": {"name": name, "namespace": SYSTEM} | metadata, "spec": spec or {}}


@asynccontextmanager
async def reached(kubeconfig: Path, name: str = "global") -> AsyncIterator[Kube]:
    kube = await Kube.connect(kubeconfig, name)
    try:
        yield kube
    finally:
        await kube.close()


def scope(kube: Kube, **clusters: Kube) -> Scope:
    return Scope({"global": kube} | clusters, None, kube, (), SYSTEM)


async def test_all_pages_are_read_and_copies_are_not(platform: Cluster) -> None:
    async with reached(platform.kubeconfig) as kube:
        state = await gather(scope(kube))
    (cluster,) = state.clusters
    assert len(cluster.versions.items) == MANY
    assert [each.meta.ref.name for each in cluster.artifacts.items] == ["many"]
    names = {each.name for each in cluster.csvs.items}
    assert "original.v1" in names
    assert "copy.v1" not in names
    assert unknown(state) == []


def unknown(state: State) -> list[str]:
    listings = [state.operator_views, state.plugin_views, state.plugins, state.configs, state.infos, state.uploads]
    for cluster in state.clusters:
        listings += [cluster.artifacts, cluster.versions, cluster.subscriptions, cluster.csvs, cluster.plans]
    return [each.unknown for each in listings if each.unknown]


async def test_a_cluster_that_does_not_answer_is_unreachable_and_the_others_are_read(
    platform: Cluster, tmp_path: Path
) -> None:
    config = yaml.safe_load(platform.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{free_port()}"
    nowhere = tmp_path / "nowhere.kubeconfig"
    nowhere.write_text(yaml.safe_dump(config))
    async with reached(platform.kubeconfig) as kube, reached(nowhere, "region1") as dead:
        state = await gather(scope(kube, region1=dead))
        assert [each.name for each in state.clusters] == ["global"]
        assert "does not answer" in state.unreachable["region1"]
        assert unknown(state) == []
        alone = await gather(replace(scope(kube, region1=dead), selected=["region1"]))
        assert (alone.clusters, list(alone.unreachable), alone.plugins.items) == ((), ["region1"], ())


async def test_what_may_not_be_read_is_unknown(platform: Cluster) -> None:
    """The namespace's default account may read nothing at all."""
    async with reached(platform.service_account_kubeconfig(SYSTEM, "default")) as kube:
        state = await gather(scope(kube))
    assert list(state.unreachable) == ["global"]
    faults = unknown(state)
    assert len(faults) == 6
    assert all("forbidden" in each or "not allowed" in each for each in faults)


async def test_the_operators_own_account_may_read_everything(platform: Cluster) -> None:
    async with reached(platform.service_account_kubeconfig("violet-system", "violet-operator")) as kube:
        state = await gather(scope(kube))
    assert unknown(state) == []
    assert not state.unreachable


async def test_a_view_that_nobody_serves_is_unknown(platform: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather_module, "OPERATOR_VIEWS", "operatorviewz")
    async with reached(platform.kubeconfig) as kube:
        state = await gather(scope(kube))
    assert state.operator_views.unknown == "cluster global serves no operatorviewz"
    assert state.plugin_views.unknown is None


async def test_a_kind_with_an_object_of_odd_shape_is_unknown(platform: Cluster) -> None:
    view = body("OperatorView", "odd") | {"status": {"operatorStatus": ["Ready"]}}
    platform.kubectl("create", "-f", "-", stdin=json.dumps(view))
    try:
        async with reached(platform.kubeconfig) as kube:
            state = await gather(scope(kube))
    finally:
        platform.kubectl("delete", "operatorview", "odd", "-n", SYSTEM)
    assert "OperatorView odd cannot be understood: status.operatorStatus" in str(state.operator_views.unknown)
    assert state.plugin_views.unknown is None


async def test_a_cluster_that_the_platform_does_not_show_is_named(platform: Cluster) -> None:
    async with reached(platform.kubeconfig) as kube:
        with pytest.raises(Waiting, match="no cluster nowhere, only global"):
            await gather(replace(scope(kube), selected=["nowhere"]))
