"""An OCI layout inside a package: every digest and size checked, and nothing believed."""

import hashlib
import time
from typing import Any

import pytest

from tests.unit.package.source import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, REFERENCE, Layout, MemorySource, gz
from violet_operator.errors import Stalled
from violet_operator.package.archive import Archive
from violet_operator.package.layouts.oci_layout import OCILayout
from violet_operator.package.limits import Limits
from violet_operator.package.model import Image

DOCKER = "application/vnd.docker.distribution.manifest"
LABELS = {"config": {"Labels": {"a": "1", "b": 2}}, "os": "linux", "architecture": "arm", "variant": "v7"}


@pytest.fixture
def layout() -> Layout:
    return Layout()


def images(layout: Layout, limits: Limits | None = None, **more: bytes) -> list[Image]:
    return OCILayout(Archive.scan(MemorySource(gz(layout.tar(**more)))), "images/", limits).images()


def refused(layout: Layout, **more: bytes) -> tuple[str, str]:
    with pytest.raises(Stalled) as caught:
        images(layout, **more)
    return caught.value.reason, caught.value.message


def test_an_image(layout: Layout) -> None:
    first, second = layout.add(b"first"), layout.add(b"second")
    top = layout.image(first, second, first)
    layout.name(top)
    (image,) = images(layout)
    assert (image.reference, image.digest, image.platforms) == (REFERENCE, top["digest"], ("linux/amd64",))
    assert [manifest.digest for manifest in image.manifests] == [top["digest"]]
    assert [blob.digest for blob in image.blobs][1:] == [first["digest"], second["digest"]]
    assert [blob.size for blob in image.blobs][1:] == [5, 6]
    assert hashlib.sha256(image.manifests[0].raw).hexdigest() in top["digest"]


def test_an_index_comes_after_its_children(layout: Layout) -> None:
    base = layout.add(b"base")
    amd, arm = layout.image(base), layout.image(base, platform="arm64")
    inner = layout.index(arm)
    top = layout.index(amd, inner, amd)
    layout.name(top)
    (image,) = images(layout)
    assert [m.digest for m in image.manifests] == [d["digest"] for d in (amd, arm, inner, top)]
    assert [m.media_type for m in image.manifests] == [OCI_MANIFEST, OCI_MANIFEST, OCI_INDEX, OCI_INDEX]
    assert image.platforms == ("linux/amd64", "linux/arm64")
    assert len(image.blobs) == 3  # the shared layer counts once
    assert image.labels == {}  # two configs: which one would count?


def test_labels_and_variant(layout: Layout) -> None:
    layout.name(layout.image(config=layout.add(LABELS, OCI_CONFIG)))
    (image,) = images(layout)
    assert image.labels == {"a": "1", "b": "2"}
    assert image.platforms == ("linux/arm/v7",)


def test_docker_media_types(layout: Layout) -> None:
    config = layout.add(LABELS, "application/vnd.docker.container.image.v1+json")
    child = layout.image(layout.add(b"l"), mediaType=f"{DOCKER}.v2+json", config=config)
    layout.name(layout.index(child | {"mediaType": f"{DOCKER}.v2+json"}, media_type=f"{DOCKER}.list.v2+json"))
    (image,) = images(layout)
    assert [m.media_type for m in image.manifests] == [f"{DOCKER}.v2+json", f"{DOCKER}.list.v2+json"]
    assert image.labels["a"] == "1"


def test_a_document_without_media_type_has_that_of_its_descriptor(layout: Layout) -> None:
    config = layout.add({}, OCI_CONFIG)
    layout.name(layout.add({"schemaVersion": 2, "config": config, "layers": []}, OCI_MANIFEST))
    assert images(layout)[0].manifests[0].media_type == OCI_MANIFEST


def test_schema_1_is_refused(layout: Layout) -> None:
    layout.name(layout.add({"schemaVersion": 1}, f"{DOCKER}.v1+prettyjws"))
    assert refused(layout)[0] == "InvalidPackage"


def test_an_artifact_is_pushed_as_it_is(layout: Layout) -> None:
    config = layout.add(b"not JSON at all", "application/vnd.cncf.helm.config.v1+json")
    layout.name(layout.image(layout.add(b"chart"), config=config))
    (image,) = images(layout)
    assert (image.platforms, image.labels, len(image.blobs)) == ((), {}, 2)


def test_a_large_config_of_an_artifact_is_not_read(layout: Layout) -> None:
    layout.name(layout.image(config=layout.add(bytes(5000), "application/octet-stream")))
    assert len(images(layout, Limits(document=4000))) == 1


def test_zero_byte_layers(layout: Layout) -> None:
    empty = layout.add(b"")
    layout.name(layout.image(empty, empty))
    (image,) = images(layout)
    assert image.blobs[1].size == 0


def test_foreign_layers(layout: Layout) -> None:
    absent = {"mediaType": "x", "digest": f"sha256:{'0' * 64}", "size": 9, "urls": ["https://example.com/l"]}
    packed = layout.add(b"packed all the same") | {"urls": ["https://example.com/p"]}
    layout.name(layout.image(absent, packed))
    (image,) = images(layout)
    assert [blob.digest for blob in image.blobs][1:] == [packed["digest"]]


@pytest.mark.parametrize("config", [None, [], "text", 1])
def test_a_manifest_without_config(layout: Layout, config: Any) -> None:
    layout.name(layout.image(config=config))
    reason, message = refused(layout)
    assert reason == "InvalidPackage"
    assert "without a config" in message


@pytest.mark.parametrize("size", [4, 6, -5, "5", None, 5.5])
def test_a_size_that_is_not_true(layout: Layout, size: Any) -> None:
    layout.name(layout.image(layout.add(b"12345") | {"size": size}))
    assert refused(layout)[0] == "DigestMismatch"


@pytest.mark.parametrize(
    "digest",
    [None, 1, "", "sha256:", "sha256:abc", f"sha512:{'0' * 128}", f"sha256:{'A' * 64}", f"sha256:../{'0' * 61}"],
)
def test_bad_digests(layout: Layout, digest: Any) -> None:
    layout.name(layout.image(layout.add(b"l") | {"digest": digest}))
    assert refused(layout)[0] == "InvalidPackage"


def test_what_is_named_and_not_there(layout: Layout) -> None:
    layout.name(layout.image({"digest": f"sha256:{'0' * 64}", "size": 1}))
    reason, message = refused(layout)
    assert reason == "IncompletePackage"
    assert REFERENCE in message


def test_a_blob_that_is_not_what_its_name_says(layout: Layout) -> None:
    layout.name(layout.image(layout.add(b"good")))
    assert refused(layout, **{f"images/blobs/sha256/{'1' * 64}": b"other"})[0] == "DigestMismatch"


@pytest.mark.parametrize("levels", [4, 5])
def test_depth(layout: Layout, levels: int) -> None:
    top = layout.image()
    for _ in range(levels):
        top = layout.index(top)
    layout.name(top)
    if levels == 4:
        assert len(images(layout)[0].manifests) == 5
    else:
        assert refused(layout)[0] == "InvalidPackage"


def test_indexes_that_name_each_other_many_times_end_soon(layout: Layout) -> None:
    top = layout.image()
    for _ in range(4):
        top = layout.index(*[top] * 200)
    layout.name(top)
    start = time.monotonic()
    assert len(images(layout)[0].manifests) == 5
    assert time.monotonic() - start < 20


@pytest.mark.parametrize(
    "index",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"manifests": {}}',
        b'{"manifests": [1]}',
        b'{"manifests": []}',
        b'{"manifests": [{}]}',
        b'{"manifests": [{"annotations": []}]}',
        b'{"manifests": [{"annotations": [1]}]}',
        b'{"manifests": [{"annotations": "x"}]}',
        b'{"manifests": [{"annotations": {"org.opencontainers.image.ref.name": 5}}]}',
        b"[" * 100_000,
        b"\xff" * 10,
        b'{"manifests": ' + b"9" * 6000 + b"}",
    ],
)
def test_an_index_that_is_none(layout: Layout, index: bytes) -> None:
    assert refused(layout, **{"images/index.json": index})[0] in {"InvalidPackage", "UnsafeArchive"}


@pytest.mark.parametrize("field", ["layers", "config", "mediaType", "manifests"])
@pytest.mark.parametrize("value", [None, 1, "x", [], {}, [1], [[]], {"digest": 1}, [{"urls": 1}]])
def test_documents_of_any_shape(layout: Layout, field: str, value: Any) -> None:
    media_type = OCI_INDEX if field == "manifests" else OCI_MANIFEST
    document = {"config": layout.add(b"{}", OCI_CONFIG), "layers": [], "manifests": [], field: value}
    layout.name(layout.add(document, media_type))
    try:
        images(layout)
    except Stalled as error:
        assert error.reason in {"InvalidPackage", "IncompletePackage", "DigestMismatch"}  # noqa: PT017 - or none at all


@pytest.mark.parametrize("config", [b"[]", b"1", b"{", b'{"config": [], "os": 1}', b'{"config": {"Labels": []}}'])
def test_image_configs_of_any_shape(layout: Layout, config: bytes) -> None:
    layout.name(layout.image(config=layout.add(config, OCI_CONFIG)))
    try:
        assert images(layout)[0].labels == {}
    except Stalled as error:
        assert error.reason == "InvalidPackage"  # noqa: PT017 - or none at all


def test_no_layout_at_all() -> None:
    data = Layout().tar(**{"images/index.json": b"{}"})
    with pytest.raises(Stalled) as caught:
        OCILayout(Archive.scan(MemorySource(data)), "elsewhere/").images()
    assert "elsewhere/index.json" in caught.value.message
