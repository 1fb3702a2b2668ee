"""Where the export of an inventory goes, and what is known of it when the operator dies on the way.

In-process over the shared cluster; every name is a test's own.
"""

import json
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import installed
from tests.cluster import Cluster, Storage
from tests.cluster.process import free_port
from tests.harness import KEYS, storage_keys
from tests.integration.inventories import NAMESPACE, START, Inventory, World, config_map, ready
from tests.platform import install_crds
from tests.program import install
from violet_operator.clients.kube import CONFIG_MAPS, PACKAGE_INVENTORIES, Kube
from violet_operator.inventory.export import LIMIT
from violet_operator.inventory.record import RECORD, Record

pytestmark = pytest.mark.integration

Object = dict[str, Any]
LOST = "The last export was gone or altered"


@pytest.fixture(scope="module")
def ground(cluster: Cluster, storage: Storage) -> Cluster:
    """The cluster with the platform's kinds and ours, and a namespace with the storage's keys in two Secrets."""
    install_crds(cluster.kubectl)
    install(cluster)
    cluster.kubectl("create", "namespace", NAMESPACE)
    for name in (KEYS, "more-keys"):
        cluster.kubectl("apply", "-n", NAMESPACE, "-f", "-", stdin=json.dumps(storage_keys(storage, name)))
    return cluster


@pytest.fixture
async def world(ground: Cluster) -> AsyncIterator[World]:
    """The cluster, as administrator."""
    kube = await Kube.connect(ground.kubeconfig, ground.name)
    yield World(kube, {ground.name: kube})
    await kube.close()


@pytest.fixture
async def dead(ground: Cluster, tmp_path: Path) -> AsyncIterator[Kube]:
    """A way to the cluster that does not answer."""
    config = yaml.safe_load(ground.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{free_port()}"
    (tmp_path / "dead").write_text(yaml.safe_dump(config))
    kube = await Kube.connect(tmp_path / "dead", ground.name)
    yield kube
    await kube.close()


@pytest.fixture
def inventory(world: World) -> Inventory:
    """A name of its own."""
    return Inventory(world, f"i-{secrets.token_hex(4)}")


async def change(inventory: Inventory, **spec: Any) -> None:
    """Merge into its spec."""
    body = {"apiVersion": "violet.alauda.io/v1alpha1", "kind": "PackageInventory", "spec": spec}
    metadata = {"name": inventory.name, "namespace": NAMESPACE}
    await inventory.world.kube.apply(PACKAGE_INVENTORIES, body | {"metadata": metadata}, force=True)


def changes(inventory: Inventory, status: Object) -> list[tuple[str, ...]]:
    """What a status tells of the packages of one test."""
    return [
        (each["action"], each["name"].removeprefix(inventory.name), each.get("after", ""))
        for each in status["changes"]
        if each["name"].startswith(inventory.name)
    ]


def output(inventory: Inventory, storage: Storage) -> Object:
    """An output with a copy."""
    return {
        "configMapRef": {"name": inventory.name},
        "url": storage.url(f"{inventory.name}/apps.yaml"),
        "endpoint": storage.endpoint,
        "region": storage.region,
        "credentialsSecretRef": {"name": KEYS},
    }


def copied(inventory: Inventory, storage: Storage) -> str | None:
    """The copy, which is taken away."""
    key = f"{inventory.name}/apps.yaml"
    try:
        found = bytes(storage.store().get(key).bytes()).decode()
    except FileNotFoundError:
        return None
    storage.delete(key)
    return found


@pytest.mark.parametrize("field", ["endpoint", "credentialsSecretRef"])
async def test_a_copy_goes_to_storage_that_is_another_now(inventory: Inventory, storage: Storage, field: str) -> None:
    """By all that is known: another address, or other keys, may lead to another bucket of the same name."""
    localhost = storage.endpoint.replace("127.0.0.1", "localhost")
    other = {"endpoint": localhost, "credentialsSecretRef": {"name": "more-keys"}}[field]
    await inventory.create(output=output(inventory, storage))
    await inventory.look()
    assert copied(inventory, storage) == await inventory.text()
    await inventory.look()
    assert copied(inventory, storage) is None  # nothing has changed, so nothing was written
    await change(inventory, output=output(inventory, storage) | {field: other})
    _, status = await inventory.look()
    assert ready(status)[0] == "True", ready(status)
    assert copied(inventory, storage) == await inventory.text()
    assert status["copy"][field] == other
    await inventory.look()
    assert copied(inventory, storage) is None


async def test_a_copy_to_another_region_is_tried_at_once(inventory: Inventory, storage: Storage) -> None:
    await inventory.create(output=output(inventory, storage))
    await inventory.look()
    await change(inventory, output=output(inventory, storage) | {"region": "elsewhere-1"})
    for _ in range(2):
        _, status = await inventory.look()
        assert ready(status)[1] == "CopyNotStored"
        assert "copy" not in status
    await change(inventory, output=output(inventory, storage))
    copied(inventory, storage)
    _, status = await inventory.look()
    assert ready(status)[0] == "True"
    assert copied(inventory, storage) == await inventory.text()


async def test_a_copy_that_is_asked_for_is_written_in_the_end(
    inventory: Inventory, storage: Storage, ground: Cluster, world: World
) -> None:
    await inventory.create(output=output(inventory, storage))
    await inventory.look()
    copied(inventory, storage)
    ask = ("annotate", f"packageinventory/{inventory.name}", "violet.alauda.io/reconcile-requested-at=now")
    ground.kubectl(*ask, "-n", NAMESPACE)
    clusters = dict(world.clusters)
    world.clusters.clear()
    _, status = await inventory.look()
    assert (ready(status)[1], status["lastHandledReconcileAt"]) == ("NotGathered", "now")
    world.clusters.update(clusters)
    await inventory.look()
    assert copied(inventory, storage) == await inventory.text()


async def test_a_cluster_that_no_export_has_yet_is_not_known(
    inventory: Inventory, ground: Cluster, world: World, dead: Kube
) -> None:
    await inventory.create()
    await inventory.look()
    text = await inventory.text()
    theirs = config_map(inventory, "")
    del theirs["metadata"]["annotations"]
    theirs["data"] = {"theirs": "x" * (LIMIT - len((text or "").encode()))}
    ground.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(theirs))
    installed.chart(ground, NAMESPACE, f"{inventory.name}-new", "1.0.0")
    world.clusters["region1"] = world.clusters[ground.name]
    _, status = await inventory.look()
    assert ready(status)[1] == "ExportTooLarge"
    ground.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(theirs | {"data": {}}))
    world.clusters["region1"] = dead
    _, status = await inventory.look()
    assert ready(status)[1] == "NotGathered"
    assert await inventory.text() == text


async def test_changes_survive_an_operator_that_dies_before_its_status(inventory: Inventory, ground: Cluster) -> None:
    await inventory.create()
    _, first = await inventory.look()
    for number in (1, 2):  # it dies twice, and finds something new each time
        installed.chart(ground, NAMESPACE, f"{inventory.name}-{number}", "1.0.0")
        _, told = await inventory.look()
        await inventory.set_status(first)
    _, status = await inventory.look()
    assert changes(inventory, status) == [("Added", "-1", "1.0.0"), ("Added", "-2", "1.0.0")]
    assert status["changesTotal"] == told["changesTotal"] == 2
    assert status["lastChangeTime"] == told["lastChangeTime"]
    assert status["export"] == told["export"]
    assert LOST not in ready(status)[2]
    installed.chart(ground, NAMESPACE, f"{inventory.name}-1", "2.0.0")
    _, status = await inventory.look()
    assert changes(inventory, status) == [("Upgraded", "-1", "2.0.0")]


async def test_the_first_export_is_known_without_a_status_too(inventory: Inventory, ground: Cluster) -> None:
    await inventory.create()
    await inventory.look()
    await inventory.set_status({})
    installed.chart(ground, NAMESPACE, f"{inventory.name}-new", "1.0.0")
    _, status = await inventory.look()
    assert changes(inventory, status) == [("Added", "-new", "1.0.0")]
    assert LOST not in ready(status)[2]


async def test_an_operator_that_dies_and_a_cluster_that_does_not_answer(
    inventory: Inventory, ground: Cluster, world: World, dead: Kube
) -> None:
    await inventory.create()
    _, first = await inventory.look()
    installed.chart(ground, NAMESPACE, f"{inventory.name}-new", "1.0.0")
    await inventory.look()
    text = await inventory.text()
    await inventory.set_status(first)
    world.clusters[ground.name] = dead
    _, status = await inventory.look()
    assert ready(status)[1] == "PartlyGathered"
    assert changes(inventory, status) == [("Added", "-new", "1.0.0")]
    assert await inventory.text() == text


async def test_an_export_that_was_altered_tells_no_changes(inventory: Inventory, world: World) -> None:
    await inventory.create()
    _, first = await inventory.look()
    text = await inventory.text()
    await world.kube.apply(CONFIG_MAPS, config_map(inventory, "applications: {}\n"), force=True)
    _, status = await inventory.look()
    assert await inventory.text() == text
    assert status["lastChangeTime"] == first["lastChangeTime"]


async def test_an_export_that_was_forged_is_not_the_last_one(inventory: Inventory, world: World) -> None:
    await inventory.create()
    _, first = await inventory.look()
    text, lie = await inventory.text(), "applications: {a: &a [*a]}\n"
    forged = config_map(inventory, lie)
    record = Record.of(lie, first["export"]["sha256"], START, None, [])
    forged["metadata"]["annotations"][RECORD] = record.annotation()
    await world.kube.apply(CONFIG_MAPS, forged, force=True)
    _, status = await inventory.look()
    assert ready(status)[0] == "True"
    assert await inventory.text() == text


async def test_an_older_export_that_was_put_back_is_not_the_last_one(
    inventory: Inventory, ground: Cluster, world: World
) -> None:
    await inventory.create()
    await inventory.look()
    old = await world.kube.get(CONFIG_MAPS, NAMESPACE, inventory.name)
    assert old
    for version in ("1.0.0", "2.0.0"):
        installed.chart(ground, NAMESPACE, f"{inventory.name}-new", version)
        await inventory.look()
    kept = {key: old["metadata"][key] for key in ("name", "namespace", "annotations")}
    restored = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": kept, "data": old["data"]}
    await world.kube.apply(CONFIG_MAPS, restored, force=True)
    installed.chart(ground, NAMESPACE, f"{inventory.name}-new", "3.0.0")
    _, status = await inventory.look()
    assert changes(inventory, status) == []
    assert LOST in ready(status)[2]


async def test_a_new_inventory_tells_nothing_of_an_older_one_of_its_name(inventory: Inventory, ground: Cluster) -> None:
    await inventory.create()
    await inventory.look()
    ground.kubectl("delete", "packageinventory", inventory.name, "-n", NAMESPACE)
    installed.chart(ground, NAMESPACE, f"{inventory.name}-new", "1.0.0")
    await inventory.create()
    _, status = await inventory.look()
    assert ready(status)[0] == "True"
    assert status["changes"] == []


async def test_an_export_that_moves_is_still_known(inventory: Inventory, ground: Cluster) -> None:
    await inventory.create()
    await inventory.look()
    installed.chart(ground, NAMESPACE, f"{inventory.name}-new", "1.0.0")
    await change(inventory, output={"configMapRef": {"name": f"{inventory.name}-moved", "key": "list.yaml"}})
    _, status = await inventory.look()
    assert changes(inventory, status) == [("Added", "-new", "1.0.0")]
    assert LOST not in ready(status)[2]
