"""The inventory flow over two real clusters: filters, what is missing, what fails, and when it is time.

In-process, so that clusters, views and the clock can be taken away one by one; `tests/e2e/test_inventory.py` runs the
program.
"""

import json
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import installed
from tests.cluster import Kit
from tests.cluster.process import free_port
from tests.integration.inventories import NAMESPACE, Inventory, World, answers_503, config_map, make_views, ready
from tests.integration.objects import apply
from tests.observe import until
from tests.platform import KINDS, install_crds
from tests.program import install
from violet_operator.clients.kube import CONFIG_MAPS, Kube
from violet_operator.inventory.export import LIMIT
from violet_operator.support.requeue import Requeue

pytestmark = pytest.mark.integration

Object = dict[str, Any]
VIEWS = ("OperatorView", "ModulePluginView")
ALL = {"op@global", "op@region1", "only@region1", "logs@region1", "zoo@region1", "kafka@region1"}


@pytest.fixture(scope="module")
def kit() -> Iterator[Kit]:
    """Two clusters of their own, with packages on both."""
    with Kit(clusters=("global", "region1"), storage=None) as kit:
        for cluster in kit.clusters:
            install_crds(cluster.kubectl)
            for namespace in ("cpaas-system", "apps", "region1"):
                cluster.kubectl("create", "namespace", namespace)
        world, region = kit.cluster(), kit.cluster("region1")
        install(world)
        world.kubectl("create", "namespace", NAMESPACE)
        for cluster, version in ((world, "2.3.0"), (region, "2.2.0")):
            installed.operator(cluster, "apps", "op", version, "NativeStor")
        installed.operator(region, "apps", "base-op", "1.0.0")
        installed.plugin(world, "logs", "v1.2.0", "region1", title="Log Center")
        installed.plugin(world, "base", "v4.2.0", "global", "region1", lifecycle="core")
        installed.chart(region, "apps", "zoo", "3.8.6")
        spec = {"chart": "public-charts/kafka", "version": "2.0.0", "clusterName": "region1"}
        apply(world, "HelmRequest", "kafka", "apps", spec=spec, status={"phase": "Synced", "version": "2.0.0"})
        make_views(world)
        yield kit


@pytest.fixture
async def world(kit: Kit) -> AsyncIterator[World]:
    """Both clusters, as administrator."""
    clusters = {each.name: await Kube.connect(each.kubeconfig, each.name) for each in kit.clusters}
    yield World(clusters["global"], dict(clusters))
    for kube in clusters.values():
        await kube.close()


@pytest.fixture
async def dead(kit: Kit, tmp_path: Path) -> AsyncIterator[Kube]:
    """A way to a region1 that does not answer."""
    config = yaml.safe_load(kit.cluster("region1").kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{free_port()}"
    (tmp_path / "dead").write_text(yaml.safe_dump(config))
    kube = await Kube.connect(tmp_path / "dead", "region1")
    yield kube
    await kube.close()


@pytest.fixture
def inventory(world: World) -> Inventory:
    """A name of its own."""
    return Inventory(world, f"i-{secrets.token_hex(4)}")


async def test_both_clusters_are_listed(inventory: Inventory) -> None:
    await inventory.create()
    requeue, status = await inventory.look()
    assert ready(status)[:2] == ("True", "Exported")
    assert requeue == Requeue(after=3600)
    assert await inventory.places() == ALL
    assert status["counts"] == {"operatorBundles": 2, "modulePlugins": 1, "charts": 2, "core": 2, "pending": 0}
    applications = yaml.safe_load(await inventory.text() or "")["applications"]
    assert applications["op"]["displayName"] == "NativeStor"
    assert [place["version"] for place in applications["op"]["installed"]] == ["2.3.0", "2.2.0"]
    first = status
    _, status = await inventory.look()
    assert status["lastExportTime"] > first["lastExportTime"]
    assert (status["lastChangeTime"], status["changes"]) == (first["lastChangeTime"], [])


async def test_only_the_clusters_that_are_asked_for(inventory: Inventory) -> None:
    await inventory.create(clusters=["global"])
    _, status = await inventory.look()
    assert await inventory.places() == {"op@global"}
    assert [each["name"] for each in status["clusters"]] == ["global"]


async def test_a_cluster_never_read_stops_the_export(inventory: Inventory, world: World, dead: Kube) -> None:
    world.clusters["region1"] = dead
    await inventory.create()
    requeue, status = await inventory.look()
    assert ready(status)[1] == "NotGathered"
    assert "1 of 2 clusters cannot be read whole" in ready(status)[2]
    assert requeue.failed
    assert await inventory.text() is None


async def test_a_cluster_that_was_read_keeps_its_packages(inventory: Inventory, world: World, dead: Kube) -> None:
    await inventory.create()
    _, first = await inventory.look()
    text, alive = await inventory.text(), world.clusters["region1"]
    world.clusters["region1"] = dead
    requeue, status = await inventory.look()
    assert ready(status)[1] == "PartlyGathered"
    assert requeue.failed
    assert await inventory.text() == text
    region = status["clusters"][1]
    assert (region["name"], region["lastReadTime"]) == ("region1", first["clusters"][1]["lastReadTime"])
    assert "does not answer" in region["message"]
    await world.kube.apply(CONFIG_MAPS, config_map(inventory, "applications: {}\n"), force=True)  # altered meanwhile
    _, status = await inventory.look()
    assert ready(status)[1] == "NotGathered"
    assert await inventory.text() == "applications: {}\n"
    world.clusters["region1"] = alive
    _, status = await inventory.look()
    assert ready(status)[0] == "True"
    assert await inventory.text() == text


async def test_the_cluster_that_knows_of_plugins_is_gone(inventory: Inventory, world: World) -> None:
    del world.clusters["global"]
    await inventory.create()
    _, status = await inventory.look()
    assert ready(status)[1] == "NotGathered"
    assert "no cluster named global" in ready(status)[2]


async def test_which_operators_are_core_is_not_known_without_the_cluster_that_tells(
    inventory: Inventory, world: World, dead: Kube
) -> None:
    await inventory.create()
    _, first = await inventory.look()
    text, world.clusters["global"] = await inventory.text(), dead
    _, status = await inventory.look()
    assert ready(status)[1] == "PartlyGathered"
    assert (await inventory.text(), status["changes"]) == (text, first["changes"])
    del world.clusters["global"]
    _, status = await inventory.look()
    assert ready(status)[1] == "PartlyGathered"
    assert await inventory.places() == ALL - {"op@global"}


async def test_a_platform_without_clusters_empties_nothing(inventory: Inventory, world: World) -> None:
    await inventory.create()
    await inventory.look()
    world.clusters.clear()
    _, status = await inventory.look()
    assert ready(status)[1] == "NotGathered"
    assert await inventory.places() == ALL


async def test_a_cluster_taken_out_shows_in_changes(inventory: Inventory, world: World) -> None:
    await inventory.create()
    await inventory.look()
    del world.clusters["region1"]
    _, status = await inventory.look()
    assert {(each["action"], each["cluster"]) for each in status["changes"]} == {("Removed", "region1")}
    assert status["changesTotal"] == len(status["changes"]) == 5


async def test_an_operator_that_waits_for_approval_is_pending(inventory: Inventory, kit: Kit) -> None:
    world = kit.cluster()
    spec = {"name": "waits", "source": "platform", "sourceNamespace": "cpaas-system"}
    status = {"state": "UpgradePending", "lastUpdated": "2026-01-02T03:04:05Z"}
    apply(world, "Subscription", "waits", "apps", spec=spec, status=status)
    await inventory.create()
    _, found = await inventory.look()
    world.kubectl("delete", "subscriptions.operators.coreos.com", "waits", "-n", "apps")
    assert ready(found)[0] == "True"
    assert "no version is installed: waits on global" in ready(found)[2]
    assert found["counts"]["pending"] == 1
    assert await inventory.places() == ALL


async def test_an_export_that_does_not_fit_is_refused(inventory: Inventory, kit: Kit) -> None:
    body = config_map(inventory, "x") | {"data": {"theirs": "x" * (LIMIT - 100)}}
    del body["metadata"]["annotations"]
    kit.cluster().kubectl("create", "-f", "-", stdin=json.dumps(body))
    await inventory.create()
    requeue, status = await inventory.look()
    assert ready(status)[1] == "ExportTooLarge"
    assert not requeue.failed
    found = await inventory.world.kube.get(CONFIG_MAPS, NAMESPACE, inventory.name)
    assert found
    assert list(found["data"]) == ["theirs"]


async def test_who_applies_the_key_himself_is_not_overruled(inventory: Inventory, kit: Kit) -> None:
    await inventory.create()
    await inventory.look()
    flags = ("apply", "--server-side", "--force-conflicts", "--field-manager=argocd", "-f", "-")
    kit.cluster().kubectl(*flags, stdin=json.dumps(config_map(inventory, "theirs")))
    _, status = await inventory.look()
    assert ready(status)[1] == "Conflict"
    assert await inventory.text() == "theirs"


async def test_a_schedule_says_when(inventory: Inventory, kit: Kit) -> None:
    await inventory.create(schedule="0 12 * * *", timeZone="Asia/Shanghai")  # 04:00 UTC
    requeue, first = await inventory.look(minutes=0)
    assert ready(first)[0] == "True"
    assert requeue == Requeue(after=3355)  # of 03:04:05 to 04:00:00
    _, status = await inventory.look(minutes=30)
    assert status == first
    _, status = await inventory.look(minutes=30)  # 04:04:05
    assert status["lastExportTime"] == "2026-01-02T04:04:05Z"
    requeue, again = await inventory.look(minutes=1)
    assert again == status
    assert requeue == Requeue(after=3600)  # the longest sleep
    name = f"packageinventory/{inventory.name}"
    kit.cluster().kubectl("annotate", name, "-n", NAMESPACE, "violet.alauda.io/reconcile-requested-at=now")
    _, status = await inventory.look(minutes=1)
    assert (status["lastExportTime"], status["lastHandledReconcileAt"]) == ("2026-01-02T04:06:05Z", "now")


# From here on, in this order, the platform loses one kind after the other; nothing brings them back.


async def test_views_that_were_there_are_waited_for(inventory: Inventory, world: World, kit: Kit) -> None:
    await inventory.create()
    _, first = await inventory.look()
    text, cluster = await inventory.text(), kit.cluster()
    cluster.kubectl("delete", "crd", *(KINDS[kind].crd_name for kind in VIEWS))
    _, status = await inventory.look()
    assert ready(status)[1] == "PartlyGathered"
    assert "global no longer serves operatorviews" in ready(status)[2]
    assert (await inventory.text(), status["changes"]) == (text, first["changes"])
    spec = {"group": "app.alauda.io", "version": "v1alpha2", "groupPriorityMinimum": 1000, "versionPriority": 15}
    spec |= {"service": {"name": "views", "namespace": "cpaas-system"}, "insecureSkipTLSVerify": True}
    metadata = {"name": "v1alpha2.app.alauda.io"}
    body = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": metadata, "spec": spec}
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(body))
    until(lambda: answers_503(cluster))
    _, status = await inventory.look()
    new = Inventory(world, f"{inventory.name}-new")
    await new.create()
    _, other = await new.look()
    cluster.kubectl("delete", "apiservice", "v1alpha2.app.alauda.io")
    assert ready(status)[1] == "PartlyGathered"
    assert "failed with 503" in ready(status)[2]
    assert (await inventory.text(), status["changes"]) == (text, first["changes"])
    assert ready(other)[1] == "NotGathered"
    assert await new.text() is None


async def test_a_platform_that_has_no_views(inventory: Inventory, kit: Kit) -> None:
    status = {"installed": [{"cluster": "region1", "name": "a", "phase": "Running", "version": "v1.2.0"}]}
    for name in ("logs", "base"):
        place = (f"moduleplugins/{name}", "--subresource=status", "--type=merge", "--patch")
        kit.cluster().kubectl("patch", *place, json.dumps({"status": status}))
    await inventory.create()
    _, found = await inventory.look()
    assert ready(found)[0] == "True"
    assert "Operators are taken from Subscriptions alone" in ready(found)[2]
    assert "Plugins are taken from ModulePlugins" in ready(found)[2]
    assert await inventory.places() == ALL - {"only@region1"} | {"base-op@region1"}  # no label says that it is core


async def test_neither_views_nor_plugins(inventory: Inventory, kit: Kit) -> None:
    await inventory.create()
    await inventory.look()
    places = await inventory.places()
    kit.cluster().kubectl("delete", "crd", KINDS["ModulePlugin"].crd_name)
    _, found = await inventory.look()
    assert ready(found)[1] == "PartlyGathered"
    assert "moduleplugin" in ready(found)[2]
    assert await inventory.places() == places
