"""Bundles, charts and layouts made by hand, and the package that the operator makes of them."""

import json
from typing import Any

import yaml

from tests.unit.package.source import Layout, MemorySource, gz, tar_of
from violet_operator.package.archive import Archive
from violet_operator.package.limits import Limits
from violet_operator.package.model import Package
from violet_operator.package.understand import understand

Files = dict[str, bytes]

OLM = "operators.operatorframework.io.bundle."
LABELS = {
    f"{OLM}mediatype.v1": "registry+v1",
    f"{OLM}package.v1": "demo",
    f"{OLM}channels.v1": "stable, alpha",
    f"{OLM}channel.default.v1": "stable",
}
BUNDLE = "harbor.example.com/acp/demo-bundle:v1.2.3"
APP = "harbor.example.com/acp/demo:v1.2.3"


def to_yaml(document: Any) -> bytes:
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True).encode()


def csv(version: str = "1.2.3", **spec: Any) -> dict[str, Any]:
    """A ClusterServiceVersion."""
    fields = {"displayName": "Demo", "version": version, "relatedImages": [{"name": "demo", "image": APP}]}
    return {
        "apiVersion": "operators.coreos.com/v1alpha1",
        "kind": "ClusterServiceVersion",
        "metadata": {"name": f"demo.v{version}", "annotations": {"olm.skipRange": ">=1.0.0 <1.2.3"}},
        "spec": fields | spec,
    }


def bundle_files(*csvs: dict[str, Any], annotations: dict[str, str] | None = None) -> Files:
    """The files of a bundle image."""
    files = {f"manifests/{n}.clusterserviceversion.yaml": to_yaml(item) for n, item in enumerate(csvs)}
    return files | {"metadata/annotations.yaml": to_yaml({"annotations": annotations or LABELS})}


def bundle_image(layout: Layout, *layers: bytes, labels: dict[str, str] | None = None) -> dict[str, Any]:
    """A bundle image over layers as they are stored; gives back its descriptor."""
    config = {"os": "linux", "architecture": "amd64", "config": {"Labels": LABELS if labels is None else labels}}
    described = [layout.add(layer) for layer in layers]
    return layout.image(*described, config=layout.add(config, "application/vnd.oci.image.config.v1+json"))


def bundle_layout(*csvs: dict[str, Any], annotations: dict[str, str] | None = None) -> Layout:
    """A layout with a bundle image and the one image it needs, for two architectures."""
    layout = Layout()
    layout.name(bundle_image(layout, gz(tar_of(bundle_files(*(csvs or (csv(),)), annotations=annotations)))), BUNDLE)
    arms = [layout.image(layout.add(f"layer {arch}".encode()), platform=arch) for arch in ("amd64", "arm64")]
    layout.name(layout.index(*arms), APP)
    return layout


def manifest(**spec: Any) -> bytes:
    """`manifest.yaml` of our own layout."""
    fields = {"type": "bundle", "version": "1.2.3", "artifact": BUNDLE, "relatedImages": [APP]}
    return to_yaml(
        {
            "apiVersion": "violet.alauda.io/v1alpha1",
            "kind": "Package",
            "metadata": {"name": "demo"},
            "spec": fields | spec,
        }
    )


def files_of(layout: Layout, top: str) -> Files:
    """The layout's files in another folder than `images/`."""
    index = {"schemaVersion": 2, "manifests": layout.named}
    files = {"images/index.json": json.dumps(index).encode(), "images/oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}
    return {f"{top}{name.removeprefix('images/')}": data for name, data in (files | layout.files).items()}


def opened(data: bytes) -> Archive:
    """An archive from the bytes of a package."""
    return Archive.scan(MemorySource(data))


def package_of(files: Files, limits: Limits | None = None) -> Package:
    """What the operator makes of these files, tarred and gzipped."""
    return understand(opened(gz(tar_of(files))), limits=limits)


def own(layout: Layout | None = None, extra: Files | None = None, limits: Limits | None = None, **spec: Any) -> Package:
    """What it makes of a package of our own layout."""
    files = files_of(layout or bundle_layout(), "demo/images/") | {"demo/manifest.yaml": manifest(**spec)}
    return package_of(files | (extra or {}), limits)


def module_plugin(version: str = "v1.0.4", **metadata: Any) -> bytes:
    """`module-plugin.yaml` of a chart."""
    charts = [{"name": "acp/web", "releaseName": "web", "version": version}]
    name = {"annotations": {"cpaas.io/display-name": '{"zh": "网页", "en": "Web"}'}, "labels": {}}
    spec = {
        "name": "web",
        "mainChart": "acp/web",
        "appReleases": [{"name": "web", "chartVersions": charts}],
        "affinity": {"clusterAffinity": {"matchLabels": {"is-global": "true"}}},
        "deleteable": True,
        "description": {"en": "The web", "zh": "网页"},
        "logo": "data:,",
    }
    return to_yaml({"kind": "ModulePlugin", "metadata": {"name": "web"} | name | metadata, "spec": spec})


def chart_files(version: str = "v1.0.4", **more: bytes) -> Files:
    """The files of a chart."""
    images = {"a": {"repository": "acp/web", "tag": "v1"}, "b": {"repository": "3rdparty/x", "tag": "v2"}}
    values = {"global": {"registry": {"address": "harbor.example.com"}, "images": images}}
    files = {
        "Chart.yaml": to_yaml({"apiVersion": "v2", "name": "web", "version": version}),
        "values.yaml": to_yaml(values),
    }
    return {f"web/{name}": data for name, data in (files | more).items()}


def plugin_files(version: str = "v1.0.4", **metadata: Any) -> Files:
    """The files of a plugin's chart."""
    parts = {"module-plugin.yaml": module_plugin(**metadata), "scripts/plugin-config.yaml": b"mustUpgrade: false\n"}
    return chart_files(version, **parts)


def said(package: Package) -> str:
    """Every contradiction."""
    return "\n".join(item.message for item in package.contradictions)


def about(layout: Layout, subject: dict[str, Any], content: bytes = b"sig") -> dict[str, Any]:
    """A referrer: an artifact manifest with a subject."""
    config = layout.add(b"{}", "application/vnd.oci.empty.v1+json")
    short = {key: subject[key] for key in ("mediaType", "digest", "size")}
    return layout.image(layout.add(content), config=config, subject=short, artifactType="application/x.sig")


def tree(layout: Layout, top: str = "") -> Files:
    """The layout as a registry's storage."""
    root = f"{top}docker/registry/v2/"
    files = {}
    for name, data in layout.files.items():
        digest = name.rpartition("/")[2]
        files[f"{root}blobs/sha256/{digest[:2]}/{digest}/data"] = data
    for item in layout.named:
        reference = item["annotations"]["org.opencontainers.image.ref.name"]
        repository, _, tag = reference.partition("/")[2].partition(":")
        folder = f"{root}repositories/{repository}/_manifests"
        files[f"{folder}/tags/{tag}/current/link"] = item["digest"].encode()
        files[f"{folder}/tags/{tag}/index/sha256/{item['digest'][7:]}/link"] = item["digest"].encode()
        files[f"{folder}/revisions/sha256/{item['digest'][7:]}/link"] = item["digest"].encode()
    return files
