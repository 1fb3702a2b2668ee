"""The small documents inside a package: package manifest, OLM bundle files, chart files."""

import base64
from typing import Any

import yaml

from tests.packages.spec import Bundle, Chart, Package, Plugin

ICON = base64.b64encode(b'<svg xmlns="http://www.w3.org/2000/svg"/>').decode()


def to_yaml(document: Any) -> bytes:
    """YAML in the order written, so that the bytes depend on nothing else."""
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True).encode()


def package_manifest(spec: Package, **changes: Any) -> bytes:
    """``manifest.yaml``; ``changes`` replace fields of its spec."""
    fields = {
        "displayName": spec.display_name or spec.name,
        "type": spec.type,
        "version": spec.version,
        "platforms": list(spec.platforms),
        "catalogSource": spec.catalog_source,
        "lifecycle": spec.lifecycle,
        "artifact": spec.artifact,
        "relatedImages": list(spec.related_references),
    }
    return to_yaml(
        {
            "apiVersion": "violet.alauda.io/v1alpha1",
            "kind": "Package",
            "metadata": {"name": spec.name},
            "spec": fields | changes,
        }
    )


def bundle_labels(spec: Bundle) -> dict[str, str]:
    """The OLM labels, which are equal in image config and ``annotations.yaml``."""
    prefix = "operators.operatorframework.io.bundle."
    return {
        f"{prefix}mediatype.v1": "registry+v1",
        f"{prefix}manifests.v1": "manifests/",
        f"{prefix}metadata.v1": "metadata/",
        f"{prefix}package.v1": spec.name,
        f"{prefix}channels.v1": ",".join(spec.channels),
        f"{prefix}channel.default.v1": spec.default_channel,
    }


def bundle_files(spec: Bundle) -> dict[str, bytes]:
    """The files of the bundle image's one layer."""
    crd = _crd(spec)
    return {
        f"manifests/{spec.name}.clusterserviceversion.yaml": to_yaml(_csv(spec, crd)),
        f"manifests/{crd['metadata']['name']}.yaml": to_yaml(crd),
        "metadata/annotations.yaml": to_yaml({"annotations": bundle_labels(spec)}),
    }


def chart_files(spec: Chart) -> dict[str, bytes]:
    """The files of the chart archive, for a plugin with the two that make it one."""
    images = {i.name: {"repository": f"acp/{i.name}", "tag": i.tag} for i in spec.related}
    files = {
        "Chart.yaml": to_yaml({"apiVersion": "v2", "name": spec.name, "version": spec.version}),
        "values.yaml": to_yaml({"global": {"registry": {"address": spec.registry.split("/")[0]}, "images": images}}),
        "templates/configmap.yaml": to_yaml({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": spec.name}}),
    }
    if isinstance(spec, Plugin):
        files["module-plugin.yaml"] = to_yaml(_module_plugin(spec))
        files["scripts/plugin-config.yaml"] = to_yaml({"mustUpgrade": False, "config": {}})
    return {f"{spec.name}/{name}": content for name, content in files.items()}


def _crd(spec: Bundle) -> dict[str, Any]:
    kind = "".join(part.capitalize() for part in spec.name.split("-"))
    plural, group = f"{kind.lower()}s", "samples.example.com"
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"},
            "versions": [version],
        },
    }


def _csv(spec: Bundle, crd: dict[str, Any]) -> dict[str, Any]:
    related = [{"name": i.name, "image": r} for i, r in zip(spec.related, spec.related_references, strict=True)]
    labels = {"app": spec.name}
    containers = related or [{"name": "manager", "image": f"{spec.registry}/{spec.name}:{spec.tag}"}]
    deployment = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
    }
    names = crd["spec"]["names"]
    owned = {"name": crd["metadata"]["name"], "kind": names["kind"], "version": "v1"}
    install = {
        "strategy": "deployment",
        "spec": {"deployments": [{"name": spec.name, "spec": deployment}]},
    }
    modes = ("OwnNamespace", "SingleNamespace", "MultiNamespace", "AllNamespaces")
    document = {
        "version": spec.version,
        "displayName": spec.display_name or spec.name,
        "icon": [{"mediatype": "image/svg+xml", "base64data": ICON}],
        "installModes": [{"type": mode, "supported": mode == "AllNamespaces"} for mode in modes],
        "install": install,
        "customresourcedefinitions": {"owned": [owned]},
        "relatedImages": related,
    }
    return {
        "apiVersion": "operators.coreos.com/v1alpha1",
        "kind": "ClusterServiceVersion",
        "metadata": {"name": spec.csv_name},
        "spec": document | ({"replaces": spec.replaces} if spec.replaces else {}),
    }


def _module_plugin(spec: Plugin) -> dict[str, Any]:
    chart = f"acp/{spec.name}"
    release = {"name": chart, "releaseName": spec.name, "version": spec.version}
    return {
        "apiVersion": "cluster.alauda.io/v1alpha1",
        "kind": "ModulePlugin",
        "metadata": {
            "name": spec.name,
            "labels": {
                "cpaas.io/module-name": spec.name,
                "cpaas.io/module-type": "plugin",
                "cpaas.io/lifecycle-type": spec.lifecycle,
            },
            "annotations": {"cpaas.io/display-name": f'{{"en": "{spec.display_name or spec.name}"}}'}
            | dict(spec.annotations),
        },
        "spec": {
            "name": spec.name,
            "version": spec.version,
            "mainChart": chart,
            "deleteable": True,
            "description": {"en": spec.name, "zh": spec.name},
            "logo": f"data:image/svg+xml;base64,{ICON}",
            "appReleases": [{"name": spec.name, "chartVersions": [release]}],
        },
    }
