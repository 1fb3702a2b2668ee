"""A platform in memory, as the objects that its APIs serve, and the state that the operator would gather from it.

Objects are written from `platform.md`, not from the operator's code, which reads them through its own parser.
"""

import itertools
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any

from violet_operator.cleanup import parse
from violet_operator.cleanup.state import Cluster, Listing, State, assemble
from violet_operator.errors import Waiting

Object = dict[str, Any]

GLOBAL = "global"
SYSTEM = "cpaas-system"
LONG_AGO = "2026-01-01T00:00:00Z"
PER_CLUSTER: dict[str, Callable[[str], Callable[[Object], Any]]] = {
    "Artifact": lambda cluster: partial(parse.artifact, cluster),
    "ArtifactVersion": lambda cluster: partial(parse.artifact_version, cluster),
    "Subscription": lambda _: parse.subscription,
    "ClusterServiceVersion": lambda _: parse.csv,
    "InstallPlan": lambda _: parse.install_plan,
}
PLUGINS: dict[str, Callable[[Object], Any]] = {
    "ModulePluginView": parse.plugin_view,
    "ModulePlugin": partial(parse.module_plugin, GLOBAL),
    "ModuleConfig": partial(parse.module_config, GLOBAL),
    "ModuleInfo": parse.module_info,
}


class World:
    """What every cluster holds by (cluster, kind); `broken` are those that cannot be read, `odd` uids of odd shape."""

    def __init__(self, *clusters: str) -> None:
        self.clusters = clusters or (GLOBAL, "region1")
        self.objects: defaultdict[tuple[str, str], list[Object]] = defaultdict(list)
        self.broken: set[tuple[str, str]] = set()
        self.odd: set[str] = set()
        self._uids = itertools.count(1)

    def add(self, cluster: str, kind: str, name: str, namespace: str = "", **fields: Any) -> Object:
        """An object; `labels`, `annotations`, `created`, `owners` and `deleting` go into its metadata."""
        metadata: Object = {"name": name, "uid": f"uid-{next(self._uids)}", "resourceVersion": "1"}
        metadata["creationTimestamp"] = fields.pop("created", LONG_AGO)
        metadata |= {"namespace": namespace} if namespace else {}
        for field, key in (("labels", "labels"), ("annotations", "annotations"), ("owners", "ownerReferences")):
            if value := fields.pop(field, None):
                metadata[key] = value
        if fields.pop("deleting", False):
            metadata["deletionTimestamp"] = LONG_AGO
        body = {"kind": kind, "metadata": metadata, **fields}
        self.objects[cluster, kind].append(body)
        return body

    def get(self, cluster: str, kind: str, name: str) -> Object:
        """The object of that name."""
        return next(each for each in self.objects[cluster, kind] if each["metadata"]["name"] == name)

    def artifact(self, cluster: str, name: str, *versions: str, package: str = "", **fields: Any) -> Object:
        """An Artifact with its ArtifactVersions, all Present."""
        spec = {"type": "bundle", "present": True, "registry": "r", "repository": f"acp/{name}"}
        owner = self.add(cluster, "Artifact", name, SYSTEM, spec=spec, **fields)
        for version in versions:
            self.version(cluster, owner, version, package or name.removeprefix("operatorhub-"))
        return owner

    def version(self, cluster: str, owner: Object, version: str, package: str, **fields: Any) -> Object:
        """An ArtifactVersion."""
        name = owner["metadata"]["name"]
        status = {"phase": "Present", "reason": "Success", "name": package, "version": f"{package}.v{version}"}
        owners = [{"kind": "Artifact", "name": name, "uid": owner["metadata"]["uid"]}]
        defaults = {"labels": {"cpaas.io/artifact-version": name}, "owners": owners, "status": status}
        spec = {"present": True, "tag": f"v{version}"}
        return self.add(cluster, "ArtifactVersion", f"{name}.v{version}", SYSTEM, spec=spec, **(defaults | fields))

    def view(self, cluster: str, name: str, phase: str, csv: str = "", artifact: str = "") -> Object:
        """An OperatorView."""
        installation = {"artifactName": artifact or name, "subscription": {"installedCSV": csv}}
        status = {"phase": phase} | ({"installation": installation} if phase == "Installed" else {})
        return self.add(GLOBAL, "OperatorView", name, cluster, status={"operatorStatus": status})

    def subscription(self, cluster: str, package: str, installed: str, current: str = "", **status: str) -> Object:
        """A Subscription, at the latest known version unless told otherwise."""
        current = current or installed
        state = "AtLatestKnown" if current == installed else "UpgradePending"
        spec = {"name": package, "source": "platform", "sourceNamespace": SYSTEM}
        known = {"state": state, "installedCSV": installed, "currentCSV": current} | status
        return self.add(cluster, "Subscription", f"{package}-subs", f"ns-{package}", spec=spec, status=known)

    def csv(self, cluster: str, name: str, namespace: str, phase: str = "Succeeded", **fields: Any) -> Object:
        """A ClusterServiceVersion."""
        return self.add(cluster, "ClusterServiceVersion", name, namespace, status={"phase": phase}, **fields)

    def install(self, cluster: str, package: str, version: str, artifact: str = "") -> None:
        """An operator that is installed and at rest, with its view."""
        csv = f"{package}.v{version}"
        self.view(cluster, package, "Installed", csv, artifact or package)
        self.subscription(cluster, package, csv)
        self.csv(cluster, csv, f"ns-{package}")

    def plan(self, cluster: str, namespace: str, *csvs: str, phase: str = "RequiresApproval") -> Object:
        """An InstallPlan."""
        spec = {"approval": "Manual", "approved": False, "clusterServiceVersionNames": list(csvs)}
        return self.add(cluster, "InstallPlan", f"install-{len(csvs)}", namespace, spec=spec, status={"phase": phase})

    def plugin(self, name: str, *versions: str, installed: dict[str, str] | None = None, **fields: Any) -> Object:
        """A ModulePlugin with its ModuleConfigs and view; `installed` are versions by cluster."""
        there = [{"cluster": cluster, "version": version} for cluster, version in (installed or {}).items()]
        labels = {"cpaas.io/module-name": name} | fields.pop("labels", {})
        own = [each | {"name": f"{each['cluster']}-{name}", "phase": "Running"} for each in there]
        spec = {"name": name, "deleteable": True} | fields.pop("spec", {})
        status = {"latestVersion": versions[-1] if versions else "", "installed": own}
        plugin = self.add(GLOBAL, "ModulePlugin", name, labels=labels, spec=spec, status=status, **fields)
        for version in versions:
            self.config(name, version)
        for each in there:
            self.info(name, each["cluster"], each["version"])
        self.add(GLOBAL, "ModulePluginView", name, labels=labels, status={"installed": there})
        return plugin

    def config(self, module: str, version: str, **fields: Any) -> Object:
        """A ModuleConfig."""
        labels = {"cpaas.io/module-name": module, "cpaas.io/module-type": "plugin"}
        spec = {"name": module, "version": version, "deleteable": True} | fields.pop("spec", {})
        status = {"readyForDeploy": True} | fields.pop("status", {})
        name = f"{module}-{version}"
        return self.add(GLOBAL, "ModuleConfig", name, labels=labels, spec=spec, status=status, **fields)

    def info(self, module: str, cluster: str, version: str, wanted: str = "", **status: str) -> Object:
        """A ModuleInfo."""
        labels = {"cpaas.io/module-name": module, "cpaas.io/cluster-name": cluster}
        told = {"phase": "Running", "version": version} | status
        name = f"{cluster}-{module}-hash"
        return self.add(GLOBAL, "ModuleInfo", name, labels=labels, spec={"version": wanted or version}, status=told)

    def upload(self, name: str, package: Object | None, *clusters: str, **spec: Any) -> Object:
        """A PackageUpload of the operator's own cluster; no package: it has not been read yet."""
        targets = [{"platformRef": {"name": "default"}, "clusters": list(clusters or (GLOBAL,))}]
        source = {"url": f"s3://packages/{name}.tgz"}
        status = {"package": package, "source": source, "observedGeneration": 1} if package else {}
        spec = {"source": source, "targets": targets} | spec
        body = self.add("", "PackageUpload", name, "packages", spec=spec, status=status)
        body["metadata"]["generation"] = 1
        return body

    def state(self) -> State:
        """What the operator gathers of it."""
        clusters = [
            Cluster(name, *(self._listing(name, kind, reader(name)) for kind, reader in PER_CLUSTER.items()))
            for name in self.clusters
        ]
        plugins = [self._listing(GLOBAL, kind, read) for kind, read in PLUGINS.items()]
        uploads = self._listing("", "PackageUpload", parse.upload)
        wanted = Listing(tuple(each for each in uploads.items if each), uploads.unknown)
        views = self._listing(GLOBAL, "OperatorView", parse.operator_view)
        return assemble(clusters, State((), views, *plugins, uploads=wanted))

    def _listing(self, cluster: str, kind: str, read: Callable[[Object], Any]) -> Listing[Any]:
        if (cluster, kind) in self.broken:
            return Listing(unknown=f"{kind} of {cluster or 'our cluster'} answers 503.")
        try:
            return Listing(tuple(read(body) for body in self.objects[cluster, kind]))
        except Waiting as error:
            return Listing(unknown=error.message)
