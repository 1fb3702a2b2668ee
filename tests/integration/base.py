"""The kustomize base, applied to a real API server."""

from pathlib import Path

from tests.cluster import Cluster

ROOT = Path(__file__).parents[2]


def apply_base(cluster: Cluster) -> Cluster:
    """The same cluster, with the base."""
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-k", str(ROOT / "deploy"))
    names = [f"crd/{kind}.violet.alauda.io" for kind in ("packageuploads", "packageuploadsets", "platforms")]
    cluster.kubectl("wait", "--for=condition=Established", *names, "--timeout=30s")
    return cluster
