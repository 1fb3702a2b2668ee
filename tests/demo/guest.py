"""A cluster that is not ours: looked at before anything is put there, and left without what no longer works."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.cluster import Access, ToolError
from tests.cluster.toolchain import ensure
from tests.demo.place import Place
from tests.platform import KINDS

NAMESPACE = "demo"
MARK = "violet.alauda.io/demo"
ARTIFACTS = "artifacts.app.alauda.io"
LEFT = """Left in your cluster: the CRDs, and the namespaces violet-system, cpaas-system and global. To remove those:
  kubectl delete -k deploy
  kubectl delete namespace cpaas-system global   # only if no platform lives there"""


def given(place: Place) -> bool:
    """Whether the user names a cluster. One that `.demo/env` of an earlier demo names is not the user's."""
    named = os.environ.get("KUBECONFIG", "")
    return bool(named) and not any(Path(part).absolute().is_relative_to(place.folder) for part in named.split(":"))


def access(place: Place, kubeconfig: Path) -> Access:
    """The way in, with the user's kubectl if there is one."""
    found = shutil.which("kubectl")
    return Access("demo", place.cache, Path(found) if found else ensure("kubernetes")["kubectl"], kubeconfig)


def visit(place: Place) -> Path:
    """Pin the present context of KUBECONFIG in a copy, and make sure that the demo does no harm there."""
    program = access(place, Path()).program
    shown = subprocess.run(
        [program, "config", "view", "--minify", "--flatten", "--raw"], capture_output=True, text=True, check=False
    )
    if shown.returncode != 0:
        raise ToolError(f"KUBECONFIG={os.environ['KUBECONFIG']} cannot be used: {shown.stderr.strip()}")
    place.folder.mkdir(parents=True, exist_ok=True)
    place.kubeconfig.touch(mode=0o600)
    place.kubeconfig.write_text(shown.stdout)
    cluster = access(place, place.kubeconfig)
    server = cluster.kubectl("config", "view", "-o", "jsonpath={.clusters[0].cluster.server}")
    print(f"Cluster: {server}, as KUBECONFIG says. Registry, object storage and the operator run on this machine,")
    print("the operator with a token of its own ServiceAccount; it is no pod there.")
    _refuse(cluster)
    there = platform_crds(cluster)
    print(
        f"CRDs of the platform: {len(there)} are there and stay as they are, {len(KINDS) - len(there)} are installed."
    )
    return place.kubeconfig


def leave(cluster: Access, registry: str) -> None:
    """Take away what points to this machine; CRDs and rights stay, as somebody may use them by now."""
    cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=false")
    for artifact in _artifacts(cluster):
        if artifact["spec"]["registry"] == registry:
            name, namespace = artifact["metadata"]["name"], artifact["metadata"]["namespace"]
            cluster.kubectl("delete", ARTIFACTS, name, "--namespace", namespace, "--wait=false")


def platform_crds(cluster: Access) -> set[str]:
    """Names of the platform's CRDs that the cluster has."""
    there = cluster.kubectl("get", "crds", "-o", "name").split()
    names = {name.partition("/")[2] for name in there}
    return names & {kind.crd_name for kind in KINDS.values()}


def _refuse(cluster: Access) -> None:
    running = cluster.kubectl(
        "get", "deployments", "--all-namespaces", "--selector=app.kubernetes.io/name=violet-operator",
        "-o", "jsonpath={range .items[?(@.spec.replicas>0)]}{.metadata.namespace} {end}",
    ).strip()  # fmt: skip
    if running:
        raise ToolError(
            f"this cluster runs violet-operator already, in namespace {running}; two of them would "
            "work against each other. Scale that Deployment to 0, or use another cluster."
        )
    if any(not artifact["spec"]["registry"].startswith("127.0.0.1:") for artifact in _artifacts(cluster)):
        raise ToolError(
            "this cluster holds Artifacts: a real platform, which could not pull from a registry on this machine, "
            "and whose marketplace must not meet our stand-in. Install the operator there and fill in deploy/samples."
        )
    marks = cluster.kubectl("get", "namespace", NAMESPACE, "--ignore-not-found", "-o", "jsonpath={.metadata.labels}")
    if marks and MARK not in marks:
        raise ToolError(f"this cluster has a namespace {NAMESPACE!r} that is not the demo's; delete or rename it first")
    if marks:
        print(f"Removing namespace {NAMESPACE!r} of an earlier demo.", flush=True)
        cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=60s")


def _artifacts(cluster: Access) -> list[dict[str, Any]]:
    if ARTIFACTS not in platform_crds(cluster):
        return []
    found: list[dict[str, Any]] = json.loads(cluster.kubectl("get", ARTIFACTS, "-A", "-o", "json"))["items"]
    return found
