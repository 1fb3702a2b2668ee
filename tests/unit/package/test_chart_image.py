"""A chart as an image: the archive's own bytes, and the same digest whenever it is read."""

import json

import pytest

from tests.unit.package.inputs import chart_files, opened, plugin_files, to_yaml
from tests.unit.package.source import gz, tar_of
from violet_operator.package.archive import Archive
from violet_operator.package.chart_image import as_image, chart_tag
from violet_operator.package.model import Chart
from violet_operator.package.understand import understand
from violet_operator.support.digests import sha256_digest


def read(data: bytes) -> tuple[Archive, Chart]:
    archive = opened(data)
    chart = understand(archive).chart
    assert chart is not None
    return archive, chart


def test_the_layer_is_the_archive_and_the_config_its_chart_yaml() -> None:
    files = chart_files()
    packed = gz(tar_of(files))
    archive, chart = read(packed)
    image = as_image(archive, chart, "acp/web:v1.0.4")
    (manifest,) = image.manifests
    document = json.loads(manifest.raw)
    config, layer = image.blobs
    assert [item["digest"] for item in (document["config"], *document["layers"])] == [config.digest, layer.digest]
    assert b"".join(bytes(piece) for piece in archive.open(layer.member)) == packed
    assert b"".join(bytes(piece) for piece in archive.stream(layer.member, 5)) == packed[5:]
    stored = b"".join(bytes(piece) for piece in archive.open(config.member))
    assert (sha256_digest(stored), len(stored)) == (config.digest, config.size)
    assert json.loads(stored)["version"] == "v1.0.4"
    assert image.digest == manifest.digest == sha256_digest(manifest.raw)


def test_it_is_the_same_each_time_and_in_any_package() -> None:
    packed = gz(tar_of(plugin_files()))
    spec = {"type": "plugin", "version": "v1.0.4", "artifact": "h.io/web:v1.0.4"}
    manifest = {"apiVersion": "violet.alauda.io/v1alpha1", "kind": "Package", "metadata": {"name": "web"}, "spec": spec}
    files = {"web/manifest.yaml": to_yaml(manifest), "web/chart/web-v1.0.4.tgz": packed}
    whole = gz(tar_of(files))
    images = [as_image(*read(data), "acp/web:v1.0.4") for data in (packed, packed, whole)]
    assert len({image.digest for image in images}) == 1


@pytest.mark.parametrize(("version", "tag"), [("1.0.0", "1.0.0"), ("1.0.0+3", "1.0.0_3")])
def test_tags(version: str, tag: str) -> None:
    assert chart_tag(version) == tag
