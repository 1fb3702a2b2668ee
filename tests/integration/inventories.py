"""What the inventory flow runs with when a test calls it: real clusters, and a clock and ways in that tests set."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import yaml

from tests.cluster import Cluster, KubectlError
from violet_operator.clients.kube import CONFIG_MAPS, PACKAGE_INVENTORIES, Kube, Resource
from violet_operator.clients.registry import Registry
from violet_operator.inventory.reconcile import reconcile
from violet_operator.platform.resolve import Connection
from violet_operator.settings import Settings
from violet_operator.support.requeue import Requeue

Object = dict[str, Any]
NAMESPACE = "inventories"
CORE = {"cpaas.io/lifecycle-type": "core"}
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass
class World:
    """What the process would give the flow; tests take parts of it away."""

    kube: Kube
    clusters: dict[str, Kube]
    now: datetime = START
    settings: Settings = field(default_factory=Settings)

    @property
    def clock(self) -> Callable[[], datetime]:
        """The time as the test says it."""
        return lambda: self.now

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Object | None:
        """A referenced object."""
        return await self.kube.get(resource, namespace, name)

    async def connect(self, namespace: str, platform: str) -> Connection:
        """The clusters there are."""
        return Connection(platform, cast("Registry", None), "", "", dict(self.clusters))


@dataclass
class Inventory:
    """One PackageInventory of its own for one test."""

    world: World
    name: str

    async def create(self, **spec: Any) -> None:
        """Make it."""
        spec = {"output": {"configMapRef": {"name": self.name}}} | spec
        metadata = {"name": self.name, "namespace": NAMESPACE}
        body = {"apiVersion": "violet.alauda.io/v1alpha1", "kind": "PackageInventory", "metadata": metadata}
        await self.world.kube.create(PACKAGE_INVENTORIES, NAMESPACE, body | {"spec": spec})

    async def look(self, *, minutes: float = 60) -> tuple[Requeue, Object]:
        """One run, some time after the last; what it asks for, and the status it leaves."""
        self.world.now += timedelta(minutes=minutes)
        requeue = await reconcile(NAMESPACE, self.name, self.world)
        body = await self.world.kube.get(PACKAGE_INVENTORIES, NAMESPACE, self.name)
        assert body
        return requeue, body["status"]

    async def set_status(self, status: Object) -> None:
        """Put back an older status, as if the operator had died before it wrote the one that is there."""
        body = await self.world.kube.get(PACKAGE_INVENTORIES, NAMESPACE, self.name)
        assert body
        await self.world.kube.write_status(PACKAGE_INVENTORIES, body, status)

    async def text(self) -> str | None:
        """The export."""
        found = await self.world.kube.get(CONFIG_MAPS, NAMESPACE, self.name)
        return found["data"]["apps.yaml"] if found else None

    async def places(self) -> set[str]:
        """The export in short: PACKAGE@CLUSTER."""
        applications = yaml.safe_load(await self.text() or "applications: {}")["applications"]
        return {f"{name}@{place['clusterName']}" for name, each in applications.items() for place in each["installed"]}


def ready(status: Object) -> tuple[str, str, str]:
    """Status, reason and message."""
    found = next(each for each in status["conditions"] if each["type"] == "Ready")
    return found["status"], found["reason"], found["message"]


def config_map(inventory: Inventory, text: str) -> Object:
    """The ConfigMap of an inventory with something else in it."""
    metadata = {
        "name": inventory.name,
        "namespace": NAMESPACE,
        "annotations": {"violet.alauda.io/package-inventory": inventory.name},
    }
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"apps.yaml": text}}


def answers_503(cluster: Cluster) -> bool:
    """Whether the view API is known and does not answer: the aggregator needs a moment to notice."""
    try:
        cluster.kubectl("get", "--raw", "/apis/app.alauda.io/v1alpha2")
    except KubectlError as error:
        return "unable to handle the request" in error.stderr
    return False


def make_views(world: Cluster) -> None:
    """What the platform shows: plugins and operators, one without a Subscription, one that only its view calls core."""
    for name, labels in (("logs", {}), ("base", CORE)):
        places = [{"cluster": "region1", "version": "v1.2.0"}]
        title = {"cpaas.io/display-name": '{"en": "Log Center"}'}
        metadata = {"labels": labels | {"cpaas.io/module-name": name}, "annotations": title}
        put(world, "ModulePluginView", name, "", metadata, {"installed": places})
    for name, csv, labels in (
        ("op", "op.v2.2.0", {}),
        ("only", "only.v1.0.0", {}),
        ("base-op", "base-op.v1.0.0", CORE),
    ):
        installation = {"artifactName": f"operatorhub-{name}", "subscription": {"installedCSV": csv}}
        status = {"operatorStatus": {"phase": "Installed", "installation": installation}}
        put(world, "OperatorView", name, "region1", {"labels": labels}, status)


def put(cluster: Cluster, kind: str, name: str, namespace: str, metadata: Object, status: Object) -> None:
    """A view: its status is no subresource."""
    metadata = metadata | {"name": name} | ({"namespace": namespace} if namespace else {})
    body = {"apiVersion": "app.alauda.io/v1alpha2", "kind": kind, "metadata": metadata, "status": status}
    cluster.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(body))
