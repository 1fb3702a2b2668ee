"""Minimal CRDs of the platform's and OLM's kinds: their names, scope, and the fields that matter to us.

Schemas are written in shorthand: a dict is an object, a list of one an array, ``name!`` a required field,
``"*"`` any further fields, and a string the type of a value ("any" for whatever comes).
"""

import json
from collections.abc import Container
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import yaml

Shape = str | list[Any] | dict[str, Any]


class Kubectl(Protocol):
    """``Cluster.kubectl`` of the kit."""

    def __call__(self, *arguments: str, stdin: str | None = None) -> str: ...


@dataclass(frozen=True)
class Kind:
    """One kind; ``versions`` has the stored one first."""

    name: str
    group: str
    versions: tuple[str, ...]
    plural: str
    short: tuple[str, ...] = ()
    namespaced: bool = True
    has_status: bool = True  # the status subresource
    spec: Shape = field(default="any")
    status: Shape = field(default="any")
    spec_required: bool = True

    @property
    def crd_name(self) -> str:
        """Name of its CRD."""
        return f"{self.plural}.{self.group}"


APP, MODULES, OLM = "app.alauda.io", "cluster.alauda.io", "operators.coreos.com"
TEXTS = {"en": "string", "zh": "string"}
PLUGIN_SPEC = {
    "deleteable!": "boolean",
    "description!": TEXTS,
    "logo!": "string",
    "name!": "string",
    "*": "any",
}
MODULE_CONFIGS = [
    {
        "name!": "string",
        "version!": "string",
        "readyForDeploy!": "boolean",
        "targetClusterVersions!": ["string"],
    }
]
PLUGIN_STATUS = {
    "latestVersion": "string",
    "installed": [{"cluster!": "string", "name!": "string", "phase!": "string", "version!": "string"}],
    "moduleConfigs": MODULE_CONFIGS,
    "*": "any",
}
ARTIFACT_SPEC = {
    "artifactVersionSelector!": {"matchLabels": "any", "matchExpressions": ["any"]},
    "present!": "boolean",
    "registry!": "string",
    "repository!": "string",
    "type!": "string",
    "description": "string",
    "displayName": "string",
    "imagePullSecrets": ["string"],
    "tagPatterns": ["any"],
}
ARTIFACT_STATUS = {"availableArtifactVersion": "integer", "lastUpdateTime": "string", "synced": "boolean"}
VERSION_STATUS = dict.fromkeys(("phase", "name", "version", "type", "reason", "message"), "string")
SUBSCRIPTION_SPEC = {"name!": "string", "source!": "string", "sourceNamespace!": "string", "*": "any"}
PLAN_SPEC = {
    "approval!": "string",
    "approved!": "boolean",
    "clusterServiceVersionNames!": ["string"],
    "*": "any",
}

# Views and package manifests come from aggregated APIs: they are read-only there and have no subresource.
VIEW: dict[str, Any] = {"has_status": False, "spec_required": False}
CLUSTER: dict[str, Any] = {"namespaced": False}

KINDS = {
    kind.name: kind
    for kind in (
        Kind("Artifact", APP, ("v1alpha1",), "artifacts", spec=ARTIFACT_SPEC, status=ARTIFACT_STATUS),
        Kind("ArtifactVersion", APP, ("v1alpha1",), "artifactversions",
             spec={"present!": "boolean", "tag!": "string"}, status=VERSION_STATUS | {"chartInfo": "any"}),
        Kind("OperatorView", APP, ("v1alpha2",), "operatorviews", **VIEW),
        Kind("ModulePluginView", APP, ("v1alpha2",), "modulepluginviews", **VIEW, **CLUSTER),
        Kind("ChartRepo", APP, ("v1beta1", "v1alpha1"), "chartrepos", ("ctr",), has_status=False,
             spec={"type": "string", "url!": "nullable", "*": "any"}),
        Kind("Chart", APP, ("v1beta1", "v1alpha1"), "charts", has_status=False),
        Kind("HelmRequest", APP, ("v1", "v1alpha1"), "helmrequests", ("hr", "hrs")),
        Kind("Application", "app.k8s.io", ("v1beta1",), "applications", has_status=False, spec_required=False),
        Kind("ModulePlugin", MODULES, ("v1alpha1",), "moduleplugins", ("mplugin",), **CLUSTER,
             spec=PLUGIN_SPEC, status=PLUGIN_STATUS),
        Kind("ModuleConfig", MODULES, ("v1alpha1",), "moduleconfigs", ("mconfig",), **CLUSTER,
             spec=PLUGIN_SPEC, status={"readyForDeploy": "boolean", "targetClusterVersions": ["string"]}),
        Kind("ModuleInfo", MODULES, ("v1alpha1",), "moduleinfoes", ("minfo",), **CLUSTER,
             spec={"version!": "string", "*": "any"},
             status={"phase!": "string", "version!": "string", "*": "any"}),
        Kind("ProductBase", "product.alauda.io", ("v1alpha1", "v1alpha2"), "productbases", ("prdb",),
             **CLUSTER),
        Kind("Subscription", OLM, ("v1alpha1",), "subscriptions", ("sub", "subs"), spec=SUBSCRIPTION_SPEC,
             status={"lastUpdated!": "string", "*": "any"}),
        Kind("ClusterServiceVersion", OLM, ("v1alpha1",), "clusterserviceversions", ("csv", "csvs")),
        Kind("InstallPlan", OLM, ("v1alpha1",), "installplans", ("ip",), spec=PLAN_SPEC,
             status={"catalogSources!": ["string"], "phase!": "string", "*": "any"}),
        Kind("CatalogSource", OLM, ("v1alpha1",), "catalogsources", ("catsrc",),
             spec={"sourceType!": "string", "*": "any"}),
        Kind("PackageManifest", "packages.operators.coreos.com", ("v1",), "packagemanifests", **VIEW),
    )
}  # fmt: skip


def find_real_crds() -> Path | None:
    """The folder of the platform's real CRDs, if it lies beside the checkout; they are not ours to ship."""
    places = (parent / "shared" / "platform-crds" for parent in Path(__file__).resolve().parents)
    return next((place for place in places if place.is_dir()), None)


def install_crds(kubectl: Kubectl, real_crds_dir: Path | None = None, keep: Container[str] = ()) -> None:
    """Install all kinds: from the folder of the platform's real CRDs those it has, our own for the rest.

    Those named in `keep` are left as the cluster has them.

    Server-side apply, because two of the real ones are too big for kubectl's annotation.
    """
    real = [yaml.safe_load(path.read_text()) for path in sorted((real_crds_dir or Path()).glob("*.yaml"))]
    real = [crd for crd in real if real_crds_dir and crd.get("kind") == "CustomResourceDefinition"]
    names = {crd["metadata"]["name"] for crd in real}
    crds = [*real, *(_crd(kind) for kind in KINDS.values() if kind.crd_name not in names)]
    crds = [crd for crd in crds if crd["metadata"]["name"] not in keep]
    if not crds:
        return
    for crd in crds:
        crd.pop("status", None)
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": crds})
    kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=manifest)
    established = [f"crd/{crd['metadata']['name']}" for crd in crds]
    kubectl("wait", "--for=condition=Established", "--timeout=60s", *established)
    # For a second after that a kind answers 429 "storage is (re)initializing"; kubectl waits for its turn.
    kubectl("get", ",".join(crd["metadata"]["name"] for crd in crds), "--all-namespaces")


def _crd(kind: Kind) -> dict[str, Any]:
    names: dict[str, Any] = {"kind": kind.name, "listKind": f"{kind.name}List", "plural": kind.plural}
    names |= {"singular": kind.name.lower(), "shortNames": list(kind.short)}
    root = {("spec!" if kind.spec_required else "spec"): kind.spec, "status": kind.status}
    versions = [
        {
            "name": version,
            "served": True,
            "storage": version == kind.versions[0],
            "schema": {"openAPIV3Schema": _schema(root)},
            **({"subresources": {"status": {}}} if kind.has_status else {}),
        }
        for version in kind.versions
    ]
    spec = {"group": kind.group, "names": names, "versions": versions}
    protected = {"annotations": {"api-approved.kubernetes.io": "unapproved, a stand-in"}}  # what *.k8s.io demands
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": kind.crd_name} | (protected if kind.group.endswith(".k8s.io") else {}),
        "spec": spec | {"scope": "Namespaced" if kind.namespaced else "Cluster"},
    }


def _schema(shape: Shape) -> dict[str, Any]:
    if isinstance(shape, list):
        return {"type": "array", "items": _schema(shape[0])}
    if isinstance(shape, dict):
        fields = {name.rstrip("!"): _schema(inner) for name, inner in shape.items() if name != "*"}
        required = [name.rstrip("!") for name in shape if name.endswith("!")]
        return {
            "type": "object",
            "properties": fields,
            **({"required": required} if required else {}),
            **({"x-kubernetes-preserve-unknown-fields": True} if "*" in shape else {}),
        }
    if shape == "any":
        return {"x-kubernetes-preserve-unknown-fields": True}
    return {"type": "string", "nullable": True} if shape == "nullable" else {"type": shape}
