"""Digests that a package's files name in whatever place: an index that loses architectures loses its digest."""

import json
from typing import Any

import pytest

from tests.unit.package.inputs import (
    APP,
    BUNDLE,
    Files,
    bundle_image,
    csv,
    files_of,
    manifest,
    package_of,
    to_yaml,
)
from tests.unit.package.source import Layout, gz, tar_of
from violet_operator.errors import Stalled
from violet_operator.package.model import Package
from violet_operator.package.subset import subset_package

LABELS = {"operators.operatorframework.io.bundle.package.v1": "demo"}


def with_index() -> tuple[Layout, str]:
    """A layout with an image for two architectures, and what pins it."""
    layout = Layout()
    children = [
        layout.image(layout.add(arch.encode()), platform=arch) | {"platform": {"os": "linux", "architecture": arch}}
        for arch in ("amd64", "arm64")
    ]
    index = layout.index(*children)
    layout.name(index, APP)
    return layout, f"harbor.example.com/acp/demo@{index['digest']}"


def refuses(package: Package) -> bool:
    """Whether a subset of it is refused for a digest that is named."""
    try:
        subset_package(package, ["linux/arm64"])
    except Stalled as error:
        return error.reason == "DigestWouldBreak"
    return False


def deployed(image: str) -> dict[str, Any]:
    container = {"name": "manager", "image": image}
    deployment = {"name": "demo", "spec": {"template": {"spec": {"containers": [container]}}}}
    return csv(relatedImages=[], install={"strategy": "deployment", "spec": {"deployments": [deployment]}})


def in_environment(image: str) -> dict[str, Any]:
    document = deployed(APP)
    (deployment,) = document["spec"]["install"]["spec"]["deployments"]
    deployment["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "RELATED_IMAGE_DEMO", "value": image}]
    return document


def annotated(image: str) -> dict[str, Any]:
    document = csv(relatedImages=[])
    document["metadata"]["annotations"]["alm-examples"] = json.dumps([{"spec": {"image": image}}])
    return document


PLACES = {"deployment": deployed, "environment": in_environment, "annotation": annotated}
WRITTEN = {
    "yaml": to_yaml,
    "json": lambda document: json.dumps(document).encode(),
    "utf-16": lambda document: to_yaml(document).decode().encode("utf-16"),
}


def bundle_of(layout: Layout, files: Files) -> Package:
    annotations = {"metadata/annotations.yaml": to_yaml({"annotations": LABELS})}
    layout.name(bundle_image(layout, gz(tar_of(annotations | files)), labels=LABELS), BUNDLE)
    return package_of(files_of(layout, ""))


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("place", PLACES)
def test_what_a_csv_names_anywhere_stays(place: str, written: str) -> None:
    layout, pinned = with_index()
    name = "manifests/demo.json" if written == "json" else "manifests/demo.yaml"
    assert refuses(bundle_of(layout, {name: WRITTEN[written](PLACES[place](pinned))}))


def test_what_another_manifest_of_the_bundle_names_stays() -> None:
    layout, pinned = with_index()
    settings = to_yaml({"kind": "ConfigMap", "data": {"image": pinned}})
    assert refuses(bundle_of(layout, {"manifests/csv.yaml": to_yaml(csv()), "manifests/settings.yaml": settings}))


def test_other_digests_break_nothing() -> None:
    layout, pinned = with_index()
    other = pinned[:-8] + "0" * 8
    for image in (APP, other, f"{pinned}0", pinned.replace("@sha256:", "@sha512:")):
        assert not refuses(bundle_of(layout, {"manifests/csv.yaml": to_yaml(deployed(image))}))
        del layout.named[-1]


CHART = {"apiVersion": "v2", "name": "web", "version": "v1.0.4"}


def digest_of(pinned: str) -> str:
    return pinned.partition("@")[2]


CHARTS: dict[str, Any] = {
    "value": lambda pinned: {"values.yaml": to_yaml({"image": pinned})},
    "digest": lambda pinned: {"values.yaml": to_yaml({"a": {"name": "acp/demo", "sha": digest_of(pinned)}})},
    "beside global images": lambda pinned: {
        "values.yaml": to_yaml(
            {"global": {"images": {"a": {"repository": "acp/demo", "tag": "v1.2.3"}}}, "initImage": pinned}
        )
    },
    "template": lambda pinned: {"templates/deploy.yaml": f"image: {pinned} # {{{{ .x }}}}".encode()},
    "helper": lambda pinned: {"templates/a/_image.tpl": f'{{{{ define "i" }}}}{pinned}{{{{ end }}}}'.encode()},
    "values of a sub-chart": lambda pinned: {
        "charts/sub/Chart.yaml": to_yaml(CHART | {"name": "sub"}),
        "charts/sub/values.yaml": to_yaml({"image": pinned}),
    },
    "template of a sub-chart": lambda pinned: {"charts/sub/templates/x.yaml": pinned.encode()},
}


@pytest.mark.parametrize("where", CHARTS)
def test_what_a_chart_names_anywhere_stays(where: str) -> None:
    layout, pinned = with_index()
    files = {"Chart.yaml": to_yaml(CHART), **CHARTS[where](pinned)}
    archive = gz(tar_of({f"web/{name}": data for name, data in files.items()}))
    said = {"type": "chart", "artifact": None, "version": "v1.0.4", "relatedImages": []}
    parts = {"demo/chart/web.tgz": archive, "demo/manifest.yaml": manifest(**said)}
    assert refuses(package_of(files_of(layout, "demo/images/") | parts))


def test_a_template_beyond_all_measure_is_passed_over() -> None:
    files = {"web/Chart.yaml": to_yaml(CHART), "web/templates/large.yaml": b"x" * (5 << 20)}
    said = {"type": "chart", "artifact": None, "version": "v1.0.4", "relatedImages": []}
    packed = {"demo/chart/web.tgz": gz(tar_of(files)), "demo/manifest.yaml": manifest(**said)}
    assert package_of(packed).type == package_of(files).type == "chart"
