"""A platform behind its gateway for end-to-end tests: two real API servers, users with real logins, the operator."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster import Kit
from tests.harness import API, OPEN, SYSTEM, Object, Site, installation, is_ready, to_platform
from tests.platform import Bundles, Gateway, grant, install_crds
from tests.verdicts import Court

ADMIN, VIEWER, EXTERNAL = "admin@example.com", "viewer@example.com", "user@ldap.example.com"
PASSWORD = "correct-horse-battery-staple"
WRONG = "this-is-not-the-password"
BOTH = ("global", "region1")


@dataclass(frozen=True)
class World:
    """One installation, its platform's gateway, and the login of the registry that the platform names."""

    site: Site
    kit: Kit
    gateway: Gateway
    court: Court
    registry_password: str

    def platform(self, name: str, **spec: Any) -> Object:
        """A Platform at the gateway; fields that are None are left out."""
        fields = {
            "address": self.gateway.address,
            "credentialsSecretRef": {"name": name},
            "caBundleRef": {"name": "gateway-ca"},
            "registry": {"address": self.site.registry.address, **OPEN},
            **spec,
        }
        spec = {key: value for key, value in fields.items() if value is not None}
        return {"apiVersion": API, "kind": "Platform", "metadata": {"name": name}, "spec": spec}

    def connected(self, name: str) -> Object:
        """A Platform once it is Ready."""
        return self.site.wait(name, is_ready, kind="platforms")

    def upload(self, name: str, platform: str, *clusters: str) -> None:
        """Apply an upload of a package of its own."""
        self.site.put_package(name)
        self.site.apply(self.site.package_upload(name, targets=to_platform(platform, *clusters)))

    def published(self, cluster: str) -> set[str]:
        """Names of the Artifacts on a cluster."""
        found = self.kit.cluster(cluster).kubectl("get", "artifacts", "-n", SYSTEM, "-o", "json")
        return {item["metadata"]["name"] for item in json.loads(found)["items"]}


@contextmanager
def opened(directory: Path, bundles: Bundles | None = None) -> Iterator[World]:
    """Two clusters, a gateway before them, the marketplace, and the operator on the first."""
    with Kit(clusters=BOTH) as kit, Gateway(kit.clusters, directory) as gateway:
        closed = kit.registry(htpasswd=True)
        bundles = bundles or Bundles(plain=True, username=str(closed.username), password=str(closed.password))
        for cluster in kit.clusters:
            install_crds(cluster.kubectl)
            grant(cluster, ADMIN)
            grant(cluster, VIEWER, "view")
        gateway.login.users |= {ADMIN: PASSWORD}
        with installation(kit, directory, "--log-level", "debug", bundles=bundles) as site:
            site.cluster.kubectl(
                "create", "configmap", "gateway-ca", "-n", site.namespace, f"--from-file=ca.crt={gateway.ca_file}"
            )
            yield World(site, kit, gateway, Court(site), str(closed.password))


def allow(world: World, cluster: str, user: str, **verbs: list[str]) -> None:
    """Let a user see a cluster, and do with the platform's kinds just this."""
    rules = [
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["list"]},
        *({"apiGroups": ["app.alauda.io"], "resources": [kind], "verbs": each} for kind, each in verbs.items()),
    ]
    head, name = {"apiVersion": "rbac.authorization.k8s.io/v1"}, user.partition("@")[0]
    role = head | {"kind": "ClusterRole", "metadata": {"name": name}, "rules": rules}
    world.kit.cluster(cluster).kubectl("apply", "-f", "-", stdin=json.dumps(role))
    grant(world.kit.cluster(cluster), user, name)
