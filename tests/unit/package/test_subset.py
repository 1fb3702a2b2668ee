"""A subset of architectures: other documents, other digests, and never a broken signature."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packages import Bundle, Image, build
from violet_operator.errors import Stalled
from violet_operator.package.archive import Archive
from violet_operator.package.model import Image as PackedImage
from violet_operator.package.model import Package
from violet_operator.package.subset import ATTESTS, reference_of_signature, subset_package
from violet_operator.package.understand import understand
from violet_operator.support.digests import sha256_digest

ALL = ("linux/amd64", "linux/arm64/v8", "linux/s390x")


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
