"""One installation whose registry is behind a recorder, and two clusters behind a gateway, to delete images of."""

import json
import secrets
from dataclasses import dataclass
from typing import Any

from tests.cleanups import ended
from tests.cluster import Kit, Registry
from tests.faults import FaultProxy
from tests.harness import API, OPEN, Object, Site, is_ready, secret
from tests.packages import Image
from tests.platform import Gateway
from tests.program import ACCOUNT, NAMESPACE

ADMIN = "admin@example.com"
SMALL = 10 << 10


@dataclass(frozen=True)
class World:
    """One installation with a gateway to both clusters, and a registry behind a proxy that records."""

    site: Site
    kit: Kit
    proxy: FaultProxy
    registry: Registry
    gateway: Gateway

    def run(self, name: str, **spec: Any) -> None:
        wanted = {"platformRef": {"name": "site"}, "clusters": ["global"], "images": "Delete"} | spec
        self.site.apply({"apiVersion": API, "kind": "CleanupRun", "metadata": {"name": name}, "spec": wanted})

    def dry_run(self, **spec: Any) -> Object:
        name = f"look-{secrets.token_hex(3)}"
        self.run(name, **spec)
        return self.site.wait(name, ended, 120, "cleanupruns")

    def patch(self, name: str, **spec: Any) -> None:
        where = (f"cleanuprun/{name}", "-n", self.site.namespace, "--type=merge")
        self.site.cluster.kubectl("patch", *where, "--patch", json.dumps({"spec": spec}))

    def tags(self) -> set[str]:
        """Every image that a user finds in the registry."""
        return {
            f"{name.removeprefix('acp/')}:{tag}"
            for name in self.registry.repositories()
            for tag in self.registry.tags(name)
        }


def related(*images: str) -> tuple[Image, ...]:
    """Images NAME:TAG for two architectures; the same name has the same content in every package."""
    return tuple(Image(name, tag=tag, layer_size=SMALL) for name, _, tag in (each.partition(":") for each in images))


def prepare(site: Site, gateway: Gateway, proxy: FaultProxy) -> None:
    """The Platform `site`, and the right to save what a run deletes."""
    namespace = ("-n", site.namespace)
    site.cluster.kubectl("create", "configmap", "gateway-ca", *namespace, f"--from-file=ca.crt={gateway.ca_file}")
    account = f"--serviceaccount={NAMESPACE}:{ACCOUNT}"
    site.cluster.kubectl("create", "rolebinding", "saver", *namespace, "--clusterrole=violet-cleanup", account)
    spec = {
        "address": gateway.address,
        "credentialsSecretRef": {"name": "login"},
        "caBundleRef": {"name": "gateway-ca"},
        "registry": {"address": proxy.address, **OPEN},
    }
    platform = {"apiVersion": API, "kind": "Platform", "metadata": {"name": "site"}, "spec": spec}
    site.apply(secret("login", token=gateway.login.token(ADMIN)), platform)
    site.wait("site", is_ready, 60, "platforms")


def leave_behind(kit: Kit, image: str) -> None:
    """A workload that nobody runs just now."""
    labels = {"app": "left-behind"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": image}]}}
    spec = {"replicas": 0, "serviceName": "x", "selector": {"matchLabels": labels}, "template": pod}
    body = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "left-behind"}, "spec": spec}
    kit.cluster("region1").kubectl("apply", "-n", "default", "-f", "-", stdin=json.dumps(body))


def discovers(world: World, name: str, **spec: Any) -> None:
    """A Platform that asks the platform for its registry."""
    common = {
        "address": world.gateway.address,
        "credentialsSecretRef": {"name": f"login-{name}"},
        "caBundleRef": {"name": "gateway-ca"},
        "registry": OPEN,
    }
    body = {"apiVersion": API, "kind": "Platform", "metadata": {"name": name}, "spec": common | spec}
    world.site.apply(secret(f"login-{name}", token=world.gateway.login.token(ADMIN)), body)
