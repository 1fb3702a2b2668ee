"""A subset of architectures: other documents, other digests, and never a broken signature."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.packages import Bundle, Image, build
from tests.unit.package.inputs import (
    APP,
    BUNDLE,
    LABELS,
    bundle_files,
    bundle_image,
    csv,
    files_of,
    manifest,
    package_of,
    to_yaml,
)
from tests.unit.package.source import OCI_CONFIG, Layout, gz, tar_of
from violet_operator.errors import Stalled
from violet_operator.package.archive import Archive
from violet_operator.package.model import Image as PackedImage
from violet_operator.package.model import Package
from violet_operator.package.subset import ATTESTS, reference_of_signature, subset_package
from violet_operator.package.understand import understand
from violet_operator.support.digests import sha256_digest

ALL = ("linux/amd64", "linux/arm64/v8", "linux/arm", "linux/arm/v6", "linux/s390x")


class File:
    """A package on disk as a ByteSource."""

    def __init__(self, path: Path) -> None:
        self._data = path.read_bytes()
        self.size = len(self._data)

    def read_from(self, offset: int) -> Iterator[bytes]:
        yield self._data[offset:]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    image = Image("app", tag="v1", platforms=ALL, layers=2, layer_size=4096)
    spec = Bundle(name="demo", version="1.0.0", tag="v1.0.0", display_name="Demo", related=(image,))
    built = build(spec, tmp_path_factory.mktemp("subset") / "demo.tgz")
    return understand(Archive.scan(File(built.path)))


def app(package: Package) -> PackedImage:
    return next(image for image in package.images if image.reference.endswith("app:v1"))


def entries(image: PackedImage) -> list[str]:
    return [
        "/".join(part for part in (entry["platform"].get(key) for key in ("os", "architecture", "variant")) if part)
        for entry in json.loads(image.manifests[-1].raw)["manifests"]
    ]


def test_without_a_wish_the_package_is_the_same(package: Package) -> None:
    assert subset_package(package, None) is package
    assert subset_package(package, ALL).images == package.images


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        (["linux/amd64"], ["linux/amd64"]),
        (["linux/arm64"], ["linux/arm64/v8"]),
        (["linux/arm64/v8"], ["linux/arm64/v8"]),
        (["linux/arm"], ["linux/arm", "linux/arm/v6"]),
        (["linux/arm/v7"], ["linux/arm"]),
        (["linux/arm/v6"], ["linux/arm/v6"]),
        (["linux/s390x", "linux/amd64", "linux/riscv64"], ["linux/amd64", "linux/s390x"]),
    ],
)
def test_only_what_is_wanted_stays(package: Package, wanted: list[str], kept: list[str]) -> None:
    part, whole = app(subset_package(package, wanted)), app(package)
    assert entries(part) == kept
    assert part.digest == part.manifests[-1].digest == sha256_digest(part.manifests[-1].raw) != whole.digest
    assert len(part.manifests) == len(kept) + 1
    assert {manifest.digest for manifest in part.manifests[:-1]} < {manifest.digest for manifest in whole.manifests}
    named = {digest for manifest in part.manifests[:-1] for digest in digests(manifest.raw)}
    assert {blob.digest for blob in part.blobs} == named


def digests(raw: bytes) -> list[str]:
    document = json.loads(raw)
    return [document["config"]["digest"], *(layer["digest"] for layer in document["layers"])]


def test_an_image_without_architectures_is_taken_whole(package: Package) -> None:
    assert subset_package(package, ["linux/amd64"]).main_image() == package.main_image()


def test_an_image_with_none_of_them_is_named(package: Package) -> None:
    with pytest.raises(Stalled, match=r"app:v1 has none.*linux/amd64") as caught:
        subset_package(package, ["windows/amd64"])
    assert caught.value.reason == "PlatformMissing"


def test_a_signed_index_is_not_cut(package: Package) -> None:
    tag = app(package).digest.replace(":", "-")
    signature = dataclasses.replace(package.main_image(), reference=f"harbor.example.com/acp/app:{tag}.sig")
    signed = dataclasses.replace(package, images=(*package.images, signature))
    with pytest.raises(Stalled) as caught:
        subset_package(signed, ["linux/amd64"])
    assert caught.value.reason == "SignatureWouldBreak"
    assert subset_package(signed, ALL).images == signed.images


def test_an_attestation_goes_with_its_manifest(package: Package) -> None:
    whole = app(package)
    document = json.loads(whole.manifests[-1].raw)
    about = {
        "platform": {"os": "unknown", "architecture": "unknown"},
        "annotations": {ATTESTS: document["manifests"][0]["digest"]},
    }
    document["manifests"].append(dict(document["manifests"][1]) | about)
    top = dataclasses.replace(whole.manifests[-1], raw=json.dumps(document).encode())
    attested = dataclasses.replace(whole, manifests=(*whole.manifests[:-1], top))
    package = dataclasses.replace(package, images=(package.main_image(), attested))

    with_it = json.loads(app(subset_package(package, ["linux/amd64"])).manifests[-1].raw)["manifests"]
    without = json.loads(app(subset_package(package, ["linux/s390x"])).manifests[-1].raw)["manifests"]
    assert len(with_it) == 2
    assert len(without) == 1


@pytest.mark.parametrize(
    ("reference", "about"),
    [
        ("r.example.com/a/b:sha256-abc.sig", "sha256:abc"),
        ("r.example.com/a/b:sha256-abc.att", "sha256:abc"),
        ("r.example.com/a/b:v1.0.sig", None),
        ("r.example.com/a/b:v1", None),
    ],
)
def test_cosign_tags_name_what_they_sign(reference: str, about: str | None) -> None:
    assert reference_of_signature(reference) == about


def leaf(layout: Layout, arch: str, *, said: str | None = None) -> dict[str, Any]:
    """An image for one architecture; `said`: its descriptor says which."""
    descriptor = layout.image(layout.add(f"layer {arch}".encode()), platform=arch)
    return descriptor | ({"platform": {"os": "linux", "architecture": said}} if said else {})


def both(layout: Layout) -> list[dict[str, Any]]:
    return [leaf(layout, arch, said=arch) for arch in ("amd64", "arm64")]


def bundled(layout: Layout, *related: str) -> Layout:
    """The layout with a bundle that names these images."""
    files = bundle_files(csv(relatedImages=[{"name": "x", "image": reference} for reference in related]))
    layout.name(bundle_image(layout, gz(tar_of(files))), BUNDLE)
    return layout


def reason(package: Package, *wanted: str) -> str:
    """Why a subset of it is refused."""
    with pytest.raises(Stalled) as caught:
        subset_package(package, wanted)
    return caught.value.reason


def image_of(package: Package, start: str) -> PackedImage:
    return next(image for image in package.images if image.reference.startswith(start))


@pytest.mark.parametrize("lost", ["index", "child"])
def test_what_the_csv_names_by_digest_stays(lost: str) -> None:
    layout = Layout()
    children = both(layout)
    index = layout.index(*children)
    layout.name(index, APP)
    named = {"index": index, "child": children[0]}[lost]["digest"]
    package = package_of(files_of(bundled(layout, f"harbor.example.com/acp/demo@{named}"), ""))
    assert reason(package, "linux/arm64") == "DigestWouldBreak"
    assert subset_package(package, ["linux/amd64", "linux/arm64"]).images == package.images


def test_a_digest_that_stays_may_be_named() -> None:
    layout = Layout()
    children = both(layout)
    layout.name(layout.index(*children), APP)
    package = package_of(files_of(bundled(layout, f"harbor.example.com/acp/demo@{children[1]['digest']}"), ""))
    assert subset_package(package, ["linux/arm64"]).architectures == ("linux/arm64",)


def test_what_a_chart_names_by_digest_stays() -> None:
    layout = Layout()
    index = layout.index(*both(layout))
    layout.name(index, APP)
    pinned = f"acp/demo@{index['digest']}"
    listed = to_yaml([{"name": "demo", "image": pinned}]).decode()
    chart = {"name": "web", "version": "v1.0.4", "annotations": {"artifacthub.io/images": listed}}
    files = {"web/Chart.yaml": to_yaml(chart)}
    said = {"type": "chart", "artifact": None, "version": "v1.0.4", "relatedImages": []}
    parts = files_of(layout, "demo/images/") | {"demo/chart/web.tgz": gz(tar_of(files))}
    by_chart = package_of(parts | {"demo/manifest.yaml": manifest(**said)})
    assert by_chart.chart is not None
    assert by_chart.chart.images == (pinned,)
    assert reason(by_chart, "linux/arm64") == "DigestWouldBreak"


@pytest.mark.parametrize("name", ["harbor.example.com/acp/demo", APP])
def test_an_image_that_is_packed_by_digest_stays(name: str) -> None:
    layout = bundled(Layout())
    index = layout.index(*both(layout))
    layout.name(index, f"{name}@{index['digest']}")
    files = files_of(layout, "demo/images/")
    named = manifest(relatedImages=[f"{name}@{index['digest']}"])
    assert reason(package_of(files), "linux/arm64") == "DigestWouldBreak"
    assert reason(package_of(files | {"demo/manifest.yaml": named}), "linux/arm64") == "DigestWouldBreak"


def test_platforms_that_only_the_configs_name() -> None:
    layout = bundled(Layout())
    arm = leaf(layout, "arm64")
    layout.name(layout.index(leaf(layout, "amd64"), arm), APP)
    package = package_of(files_of(layout, ""))
    part = subset_package(package, ["linux/arm64"])
    kept = image_of(part, APP)
    assert json.loads(kept.manifests[-1].raw)["manifests"] == [arm]
    assert kept.platforms == part.architectures == ("linux/arm64",)
    assert reason(package, "linux/s390x") == "PlatformMissing"


def test_indexes_in_indexes_are_cut() -> None:
    layout = bundled(Layout())
    amd, arm = both(layout)
    layout.name(layout.index(layout.index(amd, arm) | {"data": "e30="}, layout.index(amd)), APP)
    package = package_of(files_of(layout, ""))
    kept = image_of(subset_package(package, ["linux/arm64"]), APP)
    (inner,) = json.loads(kept.manifests[-1].raw)["manifests"]
    documents = {manifest.digest: manifest.raw for manifest in kept.manifests}
    assert "data" not in inner  # of the old index
    assert len(documents[inner["digest"]]) == inner["size"]
    assert json.loads(documents[inner["digest"]])["manifests"] == [arm]
    assert set(documents) == {kept.digest, inner["digest"], arm["digest"]}
    assert kept.platforms == ("linux/arm64",)
    assert reason(package, "linux/s390x") == "PlatformMissing"


def test_a_single_image_of_another_platform_is_named() -> None:
    layout = bundled(Layout())
    layout.name(leaf(layout, "amd64"), APP)
    package = package_of(files_of(layout, ""))
    assert reason(package, "linux/arm64") == "PlatformMissing"
    assert subset_package(package, ["linux/amd64"]).images == package.images


def test_what_does_not_run_is_taken_whole() -> None:
    """Bundles, though they say linux/amd64 of themselves, and what has no platform, such as a chart."""
    layout = Layout()
    files = gz(tar_of(bundle_files(csv())))
    labels = {"os": "linux", "config": {"Labels": LABELS}}
    configs = [layout.add(labels | {"architecture": arch}, OCI_CONFIG) for arch in ("amd64", "s390x")]
    layout.name(layout.index(*(layout.image(layout.add(files), config=config) for config in configs)), BUNDLE)
    layout.name(layout.index(*both(layout)), APP)
    data = layout.image(layout.add(b"data"), config=layout.add(b"{}", "application/vnd.oci.empty.v1+json"))
    layout.name(data, "harbor.example.com/acp/data:v1")
    package = package_of(files_of(layout, ""))
    part = subset_package(package, ["linux/arm64"])
    assert part.main_image() == package.main_image()
    assert image_of(part, "harbor.example.com/acp/data") == image_of(package, "harbor.example.com/acp/data")
    assert part.architectures == ("linux/arm64",)


def test_a_signed_index_in_an_index_is_not_cut() -> None:
    layout = bundled(Layout())
    inner = layout.index(*both(layout))
    layout.name(layout.index(inner), APP)
    layout.name(
        layout.image(layout.add(b"sig")), f"harbor.example.com/acp/demo:{inner['digest'].replace(':', '-')}.sig"
    )
    assert reason(package_of(files_of(layout, "")), "linux/arm64") == "SignatureWouldBreak"
