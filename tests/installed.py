"""Packages as a platform shows them once they are installed: the objects that OLM and the platform would make."""

from tests.cluster import Cluster
from tests.integration.objects import apply


def operator(
    cluster: Cluster, namespace: str, package: str, version: str, title: str = "", source: str = "platform"
) -> None:
    """A Subscription with its ClusterServiceVersion; another version is an upgrade."""
    csv, title = f"{package}.v{version}", title or package.title()
    spec = {"name": package, "source": source, "sourceNamespace": "cpaas-system"}
    status = {"installedCSV": csv, "currentCSV": csv, "state": "AtLatestKnown", "lastUpdated": "2026-01-02T03:04:05Z"}
    found = {"version": version, "displayName": title}
    apply(cluster, "ClusterServiceVersion", csv, namespace, spec=found, status={"phase": "Succeeded"})
    apply(cluster, "Subscription", package, namespace, spec=spec, status=status)


def plugin(world: Cluster, name: str, version: str, *clusters: str, lifecycle: str = "", title: str = "") -> None:
    """A ModulePlugin with one ModuleInfo for each cluster that has it."""
    labels = {"cpaas.io/module-name": name} | ({"cpaas.io/lifecycle-type": lifecycle} if lifecycle else {})
    names = {"cpaas.io/display-name": f'{{"en": "{title or name.title()}", "zh": "插件"}}'}
    spec = {"deleteable": True, "description": {"en": "a", "zh": "a"}, "logo": "a", "name": name, "version": version}
    apply(world, "ModulePlugin", name, metadata={"labels": labels, "annotations": names}, spec=spec)
    for cluster in clusters:
        info = {"labels": {"cpaas.io/module-name": name, "cpaas.io/cluster-name": cluster}}
        status = {"phase": "Running", "version": version}
        apply(world, "ModuleInfo", f"{cluster}-{name}", metadata=info, spec={"version": version}, status=status)


def chart(cluster: Cluster, namespace: str, name: str, version: str) -> None:
    """An Application made from a chart."""
    made = {"app.cpaas.io/chart.source": f"public-charts/{name}", "app.cpaas.io/chart.version": version}
    apply(cluster, "Application", name, namespace, metadata={"annotations": made})
