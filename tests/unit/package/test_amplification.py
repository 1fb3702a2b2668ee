"""Small packages that ask for much work: the same layer or image named again and again, and endless lists of names."""

import hashlib
import json
from collections.abc import Callable

import pytest

from tests.unit.package.inputs import (
    BUNDLE,
    LABELS,
    bundle_files,
    bundle_layout,
    chart_files,
    csv,
    files_of,
    package_of,
    to_yaml,
)
from tests.unit.package.source import OCI_CONFIG, Layout, gz, tar_of
from tests.unit.package.test_layouts import docker_archive
from violet_operator.errors import Stalled
from violet_operator.package import nested
from violet_operator.package.layouts import docker_archive as adapter
from violet_operator.package.limits import MIB, Limits

PLAIN = tar_of({"big": bytes(MIB), **bundle_files(csv(relatedImages=[]))})


@pytest.fixture
def unpacked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of what is decompressed, once for each time."""
    seen: list[str] = []
    real = nested.plain_bytes

    def watched(archive: object, member: object) -> object:
        seen.append(member.name)  # type: ignore[attr-defined]
        return real(archive, member)  # type: ignore[arg-type]

    monkeypatch.setattr(nested, "plain_bytes", watched)
    monkeypatch.setattr(adapter, "plain_bytes", watched)
    return seen


def test_a_layer_named_many_times_is_unpacked_once(unpacked: list[str]) -> None:
    layout = Layout()
    layer = layout.add(gz(PLAIN))
    upper = layout.add(gz(tar_of({"manifests/0.clusterserviceversion.yaml": to_yaml(csv("9.9.9"))})))
    config = layout.add({"os": "linux", "architecture": "amd64", "config": {"Labels": LABELS}}, OCI_CONFIG)
    layout.name(layout.image(*[layer] * 200, upper, layer, config=config), BUNDLE)
    assert package_of(files_of(layout, "")).version == "1.2.3"  # of two, the upper one counts
    assert len(unpacked) == 2


def many_docker_images(count: int) -> dict[str, bytes]:
    """A docker-archive whose images all have the one layer."""
    config = json.loads(next(data for name, data in docker_archive().items() if len(name) > 60))
    config["rootfs"]["diff_ids"] = [f"sha256:{hashlib.sha256(PLAIN).hexdigest()}"]
    entries = [{"Config": "c.json", "RepoTags": [f"a/b:{number}"], "Layers": ["l"]} for number in range(count)]
    entries[0]["RepoTags"] = [BUNDLE]
    return {"c.json": json.dumps(config).encode(), "l": gz(PLAIN), "manifest.json": json.dumps(entries).encode()}


def test_a_layer_of_many_docker_images_is_unpacked_once(unpacked: list[str]) -> None:
    files = many_docker_images(100)
    assert len(package_of(files).images) == 100
    assert unpacked == ["l", "l"]  # for its digest, and for the bundle in it


def layers_of(size: int, count: int) -> dict[str, bytes]:
    layout = Layout()
    blobs = [layout.add(gz(tar_of({f"var/{number}": bytes(size)}))) for number in range(count)]
    config = layout.add({"os": "linux", "architecture": "amd64", "config": {"Labels": LABELS}}, OCI_CONFIG)
    layout.name(layout.image(*blobs, layout.add(gz(tar_of(bundle_files(csv())))), config=config), BUNDLE)
    return files_of(layout, "")


def metadata_of(size: int, count: int) -> dict[str, bytes]:
    layout = Layout()
    more = {f"manifests/{number}.yaml": bytes(size) for number in range(count)}
    config = layout.add({"os": "linux", "architecture": "amd64", "config": {"Labels": LABELS}}, OCI_CONFIG)
    layout.name(layout.image(layout.add(gz(tar_of(bundle_files(csv()) | more))), config=config), BUNDLE)
    return files_of(layout, "")


def values_of(count: int) -> dict[str, bytes]:
    images = {f"i{number}": {"repository": f"acp/i{number}", "tag": "v1"} for number in range(count)}
    return chart_files(**{"values.yaml": to_yaml({"global": {"images": images}})})


def related(count: int) -> dict[str, bytes]:
    images = [{"name": "x", "image": f"acp/i{number}:v1"} for number in range(count)]
    return files_of(bundle_layout(csv(relatedImages=images)), "")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers_of(MIB, 5), "unpacks to more than"),
        (lambda: metadata_of(MIB // 4, 5), "bytes of metadata"),
        (lambda: values_of(1001), "names more than 1000 images"),
        (lambda: related(51), "names more than 50 images"),
        (lambda: many_docker_images(51), "lists more than 50 images"),
    ],
)
def test_what_is_refused(make: Callable[[], dict[str, bytes]], message: str) -> None:
    limits = Limits(nested=4 * MIB, documents=MIB, images=50)
    with pytest.raises(Stalled, match=message) as caught:
        package_of(make(), limits)
    assert caught.value.reason == "PackageTooLarge"


def test_as_many_names_as_are_allowed_are_compared() -> None:
    assert "names 5000 image(s) that are not inside" in package_of(related(5000)).contradictions[0].message


@pytest.mark.parametrize("tags", [5, True, {"a": 1}, "abc", [5], None])
def test_repo_tags_of_any_shape(tags: object) -> None:
    assert package_of(docker_archive(RepoTags=tags)).type == "bundle"
