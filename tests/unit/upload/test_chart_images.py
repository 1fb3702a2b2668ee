"""Charts that the registry must have beside the package's images."""

import json

import pytest

from tests.unit.package.inputs import chart_files, files_of, opened, plugin_files
from tests.unit.package.source import Layout, gz, tar_of
from violet_operator.package.archive import Archive
from violet_operator.package.chart import HELM_CONFIG
from violet_operator.package.model import Package
from violet_operator.package.understand import understand
from violet_operator.upload.chart_images import with_chart_images


def read(data: bytes) -> tuple[Archive, Package]:
    archive = opened(data)
    return archive, understand(archive)


def packed(files: dict[str, bytes], reference: str) -> bytes:
    """An OCI layout with the chart as `helm push` makes it."""
    layout = Layout()
    layer = layout.add(gz(tar_of(files)), "application/vnd.cncf.helm.chart.content.v1.tar+gzip")
    layout.name(layout.image(layer, config=layout.add({"name": "web"}, HELM_CONFIG)), reference)
    return gz(tar_of(files_of(layout, "")))


def references(package: Package) -> list[str]:
    return [image.reference for image in package.images]


def test_a_plugins_chart_archive_goes_where_its_module_plugin_says() -> None:
    assert references(with_chart_images(*read(gz(tar_of(plugin_files()))), "")) == ["acp/web:v1.0.4"]


@pytest.mark.parametrize(
    ("reference", "pushed"),
    [
        ("build.example.com/acp/web:v1.0.4", ["build.example.com/acp/web:v1.0.4"]),
        ("build.example.com/team/web:v1.0.4", ["acp/web:v1.0.4", "build.example.com/team/web:v1.0.4"]),
    ],
)
def test_a_packed_chart_is_taken_as_it_is(reference: str, pushed: list[str]) -> None:
    package = with_chart_images(*read(packed(plugin_files(), reference)), "")
    assert references(package) == pushed
    assert len({image.digest for image in package.images}) == 1
    assert json.loads(package.images[0].manifests[-1].raw)["config"]["mediaType"] == HELM_CONFIG


@pytest.mark.parametrize(("repository", "pushed"), [("", []), ("public-charts", ["public-charts/web:v1.0.4"])])
def test_a_helm_chart_goes_there_only_for_a_repository_that_is_filled_from_it(
    repository: str, pushed: list[str]
) -> None:
    assert references(with_chart_images(*read(gz(tar_of(chart_files()))), repository)) == pushed


def test_a_helm_chart_that_is_an_image_keeps_its_name() -> None:
    reference = "build.example.com/charts/web:v1.0.4"
    package = with_chart_images(*read(packed(chart_files(), reference)), "public-charts")
    assert references(package) == [reference]
