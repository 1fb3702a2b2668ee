"""A whole installation for end-to-end tests: platform, operator as a program, a namespace, and a user's view of it.

`with installation(kit, directory) as site:` starts it. `site` applies objects as a user would and waits for what
the operator says of them. Builders below it make the objects; the documents are those of DESIGN, not our models.
"""

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.cluster import Cluster, Kit, KubectlError, Registry, Storage
from tests.packages import Built, Bundle, Package, build
from tests.platform import Bundles, Marketplace, install_crds
from tests.program import Operator, install

Object = dict[str, Any]

SYSTEM = "cpaas-system"
API = "violet.alauda.io/v1alpha1"
KEYS = "storage-keys"
REQUESTED = "violet.alauda.io/reconcile-requested-at"
OPEN = {"anonymous": True, "plainHTTP": True}
"""Fields of `spec.registry` for the kit's simplest registry."""


@dataclass(frozen=True)
class Site:
    """One namespace on one cluster that an operator watches."""

    cluster: Cluster
    registry: Registry
    storage: Storage
    operator: Operator
    namespace: str
    directory: Path

    def apply(self, *objects: Object) -> None:
        """Apply objects to the namespace."""
        self.cluster.kubectl("apply", "-n", self.namespace, "-f", "-", stdin=yaml.safe_dump_all(objects))

    def delete(self, kind: str, *names: str) -> None:
        """Delete objects of the namespace and wait until they are gone."""
        self.cluster.kubectl("delete", kind, *names, "-n", self.namespace)

    def all(self, kind: str, namespace: str = "") -> dict[str, Object]:
        """Every object of a kind in the namespace (or another one), by name."""
        found = self.cluster.kubectl("get", kind, "-n", namespace or self.namespace, "-o", "json")
        return {item["metadata"]["name"]: item for item in json.loads(found)["items"]}

    def artifacts(self) -> list[str]:
        """Names of all Artifacts and ArtifactVersions; none where the cluster has no such kinds."""
        try:
            return [*self.all("artifacts", SYSTEM), *self.all("artifactversions", SYSTEM)]
        except KubectlError as error:
            if "the server doesn't have a resource type" in error.stderr:
                return []
            raise

    def upload(self, name: str) -> Object:
        """A PackageUpload as it is now."""
        return self.all("packageuploads")[name]

    def events(self, name: str) -> list[Object]:
        """The events about an object, oldest first."""
        found = [item for item in self.all("events").values() if item["involvedObject"]["name"] == name]
        return sorted(found, key=lambda item: str(item["lastTimestamp"]))

    def reconcile(self, *names: str, kind: str = "packageupload", request: str = "") -> None:
        """Ask for a reconcile now; `request` is the annotation's value, default: a new one."""
        for name in names:
            where = (kind, name, "-n", self.namespace)
            self.cluster.kubectl("annotate", *where, f"{REQUESTED}={request or secrets.token_hex(6)}", "--overwrite")

    def wait(self, name: str, reached: "Reached", seconds: float = 60, kind: str = "packageuploads") -> Object:
        """One object once it has reached something; fails with its status after so many seconds."""
        return self.wait_all([name], reached, seconds, kind)[name]

    def wait_all(
        self, names: list[str], reached: "Reached", seconds: float = 60, kind: str = "packageuploads"
    ) -> dict[str, Object]:
        """The objects once each of them has reached something."""
        end = time.monotonic() + seconds
        while True:
            found = self.all(kind)
            late = [name for name in names if not reached(found[name])]
            if not late:
                return {name: found[name] for name in names}
            if time.monotonic() > end:
                raise AssertionError("\n".join(f"after {seconds} s: {name}: {said(found[name])}" for name in late))
            time.sleep(0.2)

    def put_package(self, name: str, spec: Package | None = None, **options: Any) -> Built:
        """Build a package (small if no description is given) and upload it with its checksum file as `NAME.tgz`."""
        built = build(spec or small(name), self.directory / f"{name}.tgz", **options)
        self.storage.put(f"{name}.tgz", built.path)
        if built.sidecar:
            self.storage.put(built.sidecar.name, built.sidecar)
        return built

    def package_upload(self, name: str, key: str = "", **spec: Any) -> Object:
        """A PackageUpload of `NAME.tgz` (or another key); `source` is merged, other fields are set."""
        source = {
            "url": self.storage.url(key or f"{name}.tgz"),
            "endpoint": self.storage.endpoint,
            "credentialsSecretRef": {"name": KEYS},
        } | spec.pop("source", {})
        source = {field: value for field, value in source.items() if value is not None}
        return {"apiVersion": API, "kind": "PackageUpload", "metadata": {"name": name}} | {
            "spec": {"source": source} | spec
        }

    def upload_set(self, name: str, prefix: str = "", **spec: Any) -> Object:
        """A PackageUploadSet of the packages below `NAME/` (or another prefix); `source` is merged."""
        source = {
            "url": self.storage.url(prefix or f"{name}/"),
            "endpoint": self.storage.endpoint,
            "credentialsSecretRef": {"name": KEYS},
        } | spec.pop("source", {})
        return {"apiVersion": API, "kind": "PackageUploadSet", "metadata": {"name": name}} | {
            "spec": {"source": source} | spec
        }


Reached = Callable[[Object], bool]


@contextmanager
def installation(
    kit: Kit,
    directory: Path,
    *flags: str,
    bundles: Bundles | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Site]:
    """Platform and operator, running on the cluster `global` of a kit, with a namespace of its own."""
    cluster = kit.cluster()
    install_crds(cluster.kubectl)
    ensure_namespace(cluster, SYSTEM)
    clusters = {each.name: each.kubeconfig for each in kit.clusters}
    running = operator_alone(kit, directory, *flags, environment=environment)
    with Marketplace(clusters, bundles or Bundles(plain=True)), running as site:
        yield site


@contextmanager
def operator_alone(
    kit: Kit, directory: Path, *flags: str, environment: Mapping[str, str] | None = None
) -> Iterator[Site]:
    """The operator on a cluster that is left as it is: no platform.

    The namespace holds the storage's keys and the Platform `default` (the open plain HTTP registry). The operator
    watches this namespace only, so that several sites on one kit do not meet; `flags` are further ones.
    """
    cluster, registry, namespace = kit.cluster(), kit.registry(), f"e2e-{secrets.token_hex(4)}"
    install(cluster)
    ensure_namespace(cluster, namespace)
    flags = ("--namespace", namespace, *flags)
    with Operator(cluster, directory / "operator", *flags, environment=environment) as operator:
        site = Site(cluster, registry, kit.storage, operator, namespace, directory)
        site.apply(storage_keys(kit.storage), platform("default", registry.address))
        yield site
        cluster.kubectl("delete", "namespace", namespace, "--wait=false")


def ensure_namespace(cluster: Cluster, name: str) -> None:
    """Create a namespace unless it is there."""
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))


def platform(name: str, address: str, **registry: Any) -> Object:
    """A Platform with this registry: open and plain HTTP, unless fields of `spec.registry` are given."""
    spec = {"inCluster": {}, "registry": {"address": address, **(registry or OPEN)}}
    return {"apiVersion": API, "kind": "Platform", "metadata": {"name": name}, "spec": spec}


def secret(name: str, **data: str) -> Object:
    """A Secret with text entries."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}


def storage_keys(storage: Storage, name: str = KEYS) -> Object:
    """The Secret with the storage's own keys."""
    return secret(name, accesskey=storage.access_key, secretkey=storage.secret_key)


def to_platform(name: str, *clusters: str) -> list[Object]:
    """`spec.targets` with one Platform."""
    return [{"platformRef": {"name": name}, "clusters": list(clusters or ("global",))}]


def small(name: str, **fields: Any) -> Bundle:
    """The description of a bundle of some KB: nothing but its bundle image."""
    return Bundle(name=name, display_name=name.title(), **fields)


def condition(body: Object, kind: str) -> Object:
    """A condition, or one that says nothing."""
    conditions = (body.get("status") or {}).get("conditions") or []
    return next((item for item in conditions if item["type"] == kind), {"status": "", "reason": "", "message": ""})


def judged(body: Object) -> bool:
    """Whether the operator has judged this very spec."""
    return (body.get("status") or {}).get("observedGeneration") == body["metadata"]["generation"]


def is_ready(body: Object) -> bool:
    """Whether it is Ready as specified now."""
    return judged(body) and condition(body, "Ready")["status"] == "True"


def has_failed(reason: str = "") -> Reached:
    """Whether it is judged and not Ready, for this reason if one is given, and no try is under way just now."""

    def reached(body: Object) -> bool:
        ready, reconciling = condition(body, "Ready"), condition(body, "Reconciling")
        at_rest = reconciling["reason"] in ("", "ProgressingWithRetry")
        return judged(body) and at_rest and ready["status"] == "False" and reason in ("", ready["reason"])

    return reached


def said(body: Object) -> str:
    """All conditions, for the message of a failed test."""
    conditions = (body.get("status") or {}).get("conditions") or []
    return "; ".join(f"{each['type']}={each['status']} {each['reason']}: {each['message']}" for each in conditions)
