"""For any bytes at all, reading a package succeeds or ends in one of our errors: packages are untrusted input."""

import json
import random
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.packages import DEFECTS, Built, Bundle, Image, build
from tests.unit.package.source import OCI_INDEX, OCI_MANIFEST, Layout, MemorySource, gz, header, member, pax, tar
from violet_operator.errors import OperatorError, Stalled
from violet_operator.package.archive import Archive
from violet_operator.package.model import Package
from violet_operator.package.subset import subset_package
from violet_operator.package.understand import understand
from violet_operator.upload.chart_images import with_chart_images
from violet_operator.upload.plan import Inventory, plan_push

SPEC = Bundle(name="small", related=(Image("one", layer_size=700), Image("two", layer_size=700)), shared_layers=1)
MANIFEST = b"""\
apiVersion: violet.alauda.io/v1alpha1
kind: Package
metadata: {name: thing}
spec: {type: bundle, version: "1", artifact: "registry.example.com/acp/thing:v1"}
"""
EXPECTED = {
    "truncated-gzip": {"TruncatedPackage"},
    "corrupt-gzip": {"CorruptPackage"},
    "not-a-tar": {"NotATar"},
    "not-gzip": {"UnknownFormat"},
    "no-manifest": {"UnknownLayout"},
    "bad-manifest-yaml": {"InvalidPackage"},
    "manifest-wrong-kind": {"InvalidPackage"},
    "missing-image": {"IncompletePackage"},
    "missing-blob": {"IncompletePackage"},
    "digest-mismatch": {"DigestMismatch"},
    "path-traversal": {"UnsafeArchive"},
    "absolute-path": {"UnsafeArchive"},
    "symlink": {"UnsafeArchive"},
    "hardlink": {"UnsafeArchive"},
    "device": {"UnsafeArchive"},
    "duplicate-member": {"UnsafeArchive"},
    "wrong-checksum": {"read"},
}


def outcome(data: bytes) -> str:
    """`read`, or the reason why not. Any other exception is a defect and fails the test.

    What is understood can be planned: `show` says nothing else than the upload.
    """
    try:
        archive = Archive.scan(MemorySource(data, 4096))
        package = understand(archive)
    except OperatorError as error:
        return error.reason
    plan(archive, package)
    try:
        plan(archive, subset_package(package, ["linux/amd64"]))
    except Stalled as error:
        return error.reason
    return "read"


def plan(archive: Archive, package: Package) -> None:
    images = with_chart_images(archive, package, "public-charts").images
    assert plan_push(images, "prefix", Inventory({})).tags or not images


@cache
def real(compression: Any = "gzip") -> tuple[Built, bytes]:
    with TemporaryDirectory() as folder:
        built = build(SPEC, Path(folder) / "p.tgz", compression=compression)
        return built, built.path.read_bytes()


@pytest.mark.parametrize("order", ["manifest-first", "blobs-first", "shuffled"])
@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_real_packages(tmp_path: Path, order: Any, compression: Any) -> None:
    built = build(SPEC, tmp_path / "p", order=order, compression=compression)
    archive = Archive.scan(MemorySource(built.path.read_bytes()))
    package = understand(archive)
    assert (archive.sha256, archive.size) == (built.sha256, built.size)
    assert package.artifact == built.artifact == package.images[0].reference
    for expected in built.images:
        image = next(item for item in package.images if item.reference == expected.ref)
        assert image.digest == expected.digest == image.manifests[-1].digest
        assert {manifest.digest: manifest.raw for manifest in image.manifests} == expected.manifests
        assert {blob.digest for blob in image.blobs} == set(expected.blobs)


@pytest.mark.parametrize("defect", DEFECTS)
def test_every_defect_has_its_reason(tmp_path: Path, defect: Any) -> None:
    assert outcome(build(SPEC, tmp_path / "p.tgz", defect=defect).path.read_bytes()) in EXPECTED[defect]


@settings(deadline=None)
@given(st.binary(max_size=3000))
def test_any_bytes(data: bytes) -> None:
    assert outcome(data) != "read"
    assert outcome(gz(data)) != "read"


@settings(deadline=None)
@given(st.lists(st.binary(max_size=1100), max_size=4), st.integers(0, 2**32))
def test_any_tar(pieces: list[bytes], seed: int) -> None:
    chosen = random.Random(seed)
    kinds = [bytes([code]) for code in b"0123456789gxLKSDMNVX\0A"]
    parts = []
    for piece in pieces:
        size = chosen.choice([len(piece), 0, len(piece) + 700])
        parts.append(header(f"n{len(piece)}", size=size, kind=chosen.choice(kinds)) + piece + bytes(-len(piece) % 512))
    assert outcome(tar(*parts)) != "read"


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 255)), min_size=1, max_size=6))
def test_real_packages_with_changed_bytes(changes: list[tuple[int, int]]) -> None:
    for compression in ("none", "gzip"):
        data = bytearray(real(compression)[1])
        for place, value in changes:
            data[place % len(data)] = value
        outcome(bytes(data))


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 2**32))
def test_real_packages_with_changed_headers(seed: int) -> None:
    """Changes where tar and the documents are, with a good header checksum, so that they are believed."""
    chosen, data = random.Random(seed), bytearray(real("none")[1])
    headers = [i for i in range(0, len(data), 512) if data[i + 257 : i + 262] == b"ustar"]
    start = chosen.choice(headers)
    field = chosen.choice([(0, 100), (100, 8), (124, 12), (156, 1), (157, 100), (345, 155)])
    for _ in range(chosen.randint(1, 3)):
        data[start + field[0] + chosen.randrange(field[1])] = chosen.choice([0, 0x20, 0x2F, 0x2E, 0x37, 0x80, 0xFF])
    data[start + 148 : start + 156] = b" " * 8
    data[start + 148 : start + 156] = b"%06o\0 " % sum(data[start : start + 512])
    outcome(bytes(data))


def test_a_real_package_cut_off_at_every_block() -> None:
    for compression in ("none", "gzip"):
        data = real(compression)[1]
        for keep in range(0, len(data.rstrip(b"\0")), 509):
            assert outcome(data[:keep]) != "read"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def changed(document: Any, path: list[int], value: Any) -> Any:
    """The document with something else at one place in it."""
    if not path or not isinstance(document, dict | list) or not document:
        return value
    keys = list(document) if isinstance(document, dict) else list(range(len(document)))
    key = keys[path[0] % len(keys)]
    copy: Any = dict(document) if isinstance(document, dict) else list(document)
    copy[key] = changed(document[key], path[1:], value)
    return copy


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(["config", "manifest", "index", "layout"]), st.lists(st.integers(0, 5), max_size=4), anything)
def test_documents_with_something_else_in_them(which: str, path: list[int], value: Any) -> None:
    def bent(name: str, document: Any) -> Any:
        return changed(document, path, value) if which == name else document

    layout = Layout()
    config = bent("config", {"os": "linux", "architecture": "amd64", "config": {"Labels": {"a": "b"}}})
    descriptor = layout.add(json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json")
    layer = layout.add(b"layer") | {"annotations": {"a": "b"}}
    manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": descriptor, "layers": [layer]}
    child = layout.add(json.dumps(bent("manifest", manifest)).encode(), OCI_MANIFEST)
    other = layout.image(layer, platform="arm64") | {"platform": {"os": "linux", "architecture": "arm64"}}
    named = child | {
        "platform": {"os": "linux", "architecture": "amd64"},
        "annotations": {"vnd.docker.reference.digest": "x"},
    }
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [named, other]}
    layout.name(layout.add(json.dumps(bent("index", index)).encode(), OCI_INDEX))
    layout.named = [bent("layout", item) for item in layout.named]
    outcome(layout.tar(**{"manifest.yaml": MANIFEST}))


@pytest.mark.parametrize("make", [dict, lambda: {"manifest.yaml": MANIFEST}, lambda: {"a/b/manifest.yaml": MANIFEST}])
def test_layouts_that_are_none(make: Callable[[], dict[str, bytes]]) -> None:
    data = tar(
        pax({"comment": "x"}), member("other", b""), *(member(name, content) for name, content in make().items())
    )
    assert outcome(data) in {"UnknownLayout", "InvalidPackage", "IncompletePackage"}


def test_indexes_that_name_each_other_many_times_are_taken_apart_soon() -> None:
    layout = Layout()
    amd = layout.image() | {"platform": {"os": "linux", "architecture": "amd64"}}
    arm = layout.image(platform="arm64") | {"platform": {"os": "linux", "architecture": "arm64"}}
    top = layout.index(amd)
    for _ in range(2):
        top = layout.index(*[top] * 200)
    layout.name(layout.index(*[top] * 200, arm))
    started = time.monotonic()
    assert outcome(layout.tar(**{"manifest.yaml": MANIFEST})) == "InvalidPackage"  # as it is no bundle
    assert time.monotonic() - started < 20
