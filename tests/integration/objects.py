"""Objects of the platform as tests make and read them, through kubectl."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cluster import Cluster, Kit, Registry
from tests.packages import Built, Bundle, build
from tests.platform import KINDS

Object = dict[str, Any]


def apply(cluster: Cluster, kind: str, name: str, namespace: str = "cpaas-system", **fields: Any) -> Object:
    """Apply an object, then its status."""
    known, status = KINDS[kind], fields.pop("status", None)
    metadata = fields.pop("metadata", {}) | {"name": name}
    metadata |= {"namespace": namespace} if known.namespaced else {}
    head = {"apiVersion": f"{known.group}/{known.versions[0]}", "kind": kind, "metadata": metadata}
    cluster.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(head | fields))
    if status:
        place = (f"{known.crd_name}/{name}", "--namespace", namespace)
        patch = json.dumps({"status": status})
        cluster.kubectl("patch", *place, "--subresource=status", "--type=merge", "--patch", patch)
    return get(cluster, kind, name, namespace)


def get(cluster: Cluster, kind: str, name: str, namespace: str = "cpaas-system") -> Object:
    """An object, or an empty one."""
    found = cluster.kubectl(
        "get", f"{KINDS[kind].crd_name}/{name}", "-n", namespace, "-o", "json", "--ignore-not-found"
    )
    return dict(json.loads(found or "{}"))


def until(look: Callable[[], Any], expected: Any, seconds: float = 20) -> None:
    """Wait for a value."""
    end = time.monotonic() + seconds
    while (found := look()) != expected and time.monotonic() < end:
        time.sleep(0.2)
    assert found == expected


def publish(cluster: Cluster, built: Built, registry: Registry, **changes: Any) -> Object:
    """The Artifact of a package; ``changes`` replace metadata."""
    name = built.path.name.partition(".")[0]
    repository, _, _ = built.artifact.partition("/")[2].rpartition(":")
    spec = {
        "type": "bundle",
        "present": True,
        "registry": registry.address,
        "repository": repository,
        "artifactVersionSelector": {"matchLabels": {"cpaas.io/artifact-version": name}},
    }
    labels = {"cpaas.io/managed-by": "violet", "cpaas.io/library": "custom"}
    return apply(cluster, "Artifact", name, spec=spec, metadata={"labels": labels} | changes)


def add_version(cluster: Cluster, artifact: Object, tag: str, *, owned: bool = True) -> str:
    """An ArtifactVersion for a tag; its name."""
    name = artifact["metadata"]["name"]
    owner = {"name": name, "kind": "Artifact", "apiVersion": artifact["apiVersion"]}
    metadata: Object = {"labels": {"cpaas.io/artifact-version": name}}
    if owned:
        metadata["ownerReferences"] = [owner | {"uid": artifact["metadata"]["uid"]}]
    apply(cluster, "ArtifactVersion", f"{name}.{tag}", spec={"present": True, "tag": tag}, metadata=metadata)
    return f"{name}.{tag}"


def phase(cluster: Cluster, version: str) -> Callable[[], str | None]:
    """A look at a version's phase."""
    return lambda: get(cluster, "ArtifactVersion", version).get("status", {}).get("phase")


def package(tmp_path: Path, name: str, version: str = "1.0.0", channels: tuple[str, ...] = ("stable",)) -> Built:
    """A bundle with nothing but its bundle image."""
    spec = Bundle(name=name, version=version, tag=f"v{version}", display_name=name.title(), channels=channels)
    return build(spec, tmp_path / f"{name}.{version}.tgz")


def view(kit: Kit, name: str) -> Object:
    """Status of an operator of region1 as seen on global."""
    found = get(kit.cluster("global"), "OperatorView", name, "region1")
    return dict(found.get("status", {}).get("operatorStatus", {}))
