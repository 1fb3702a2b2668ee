"""The package builder, judged by an independent reader that shares no code with it."""

import gzip
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import zlib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.packages import Bundle, Chart, Image, Package, Plugin, build
from tests.packages.archive import Order
from tests.unit.package_reader import SPEC, Files, blob, read, walk


def made(tmp_path: Path, spec: Package = SPEC, **options: Any) -> Files:
    """Build a package and read it."""
    return read(build(spec, tmp_path / "p.tgz", **options).path)


def test_manifest_says_what_is_inside(tmp_path: Path) -> None:
    files = made(tmp_path)
    manifest = yaml.safe_load(files["topolvm-operator/manifest.yaml"])
    assert (manifest["apiVersion"], manifest["kind"]) == ("violet.alauda.io/v1alpha1", "Package")
    assert manifest["metadata"] == {"name": "topolvm-operator"}
    assert manifest["spec"] == {
        "displayName": "NativeStor",
        "type": "bundle",
        "version": "2.3.0",
        "platforms": ["linux/amd64", "linux/arm64"],
        "catalogSource": "platform",
        "lifecycle": "agnostic",
        "artifact": "harbor.example.com/acp/topolvm-operator-bundle:v2.3.0",
        "relatedImages": ["harbor.example.com/acp/topolvm:v3.11.0", "harbor.example.com/acp/sidecar:v1.2.0"],
    }
    assert set(walk(files)) == {manifest["spec"]["artifact"], *manifest["spec"]["relatedImages"]}


def test_built_names_every_blob_and_manifest(tmp_path: Path) -> None:
    built = build(SPEC, tmp_path / "p.tgz")
    files = read(built.path)
    for image in built.images:
        assert list(image.manifests)[-1] == image.digest
        assert all(blob(files, digest) == content for digest, content in image.manifests.items())
        assert {*image.manifests, *image.blobs} == set(walk(files)[image.ref])
    assert [len(image.manifests) for image in built.images] == [1, 3, 1]


def test_bundle_image_is_an_olm_bundle(tmp_path: Path) -> None:
    built = build(SPEC, tmp_path / "p.tgz")
    files = read(built.path)
    manifest = json.loads(blob(files, built.images[0].digest))
    config = json.loads(blob(files, manifest["config"]["digest"]))
    layer = gzip.decompress(blob(files, manifest["layers"][0]["digest"]))
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        inside = {m.name: yaml.safe_load(tar.extractfile(m)) for m in tar}  # type: ignore[arg-type]
    assert inside["metadata/annotations.yaml"]["annotations"] == config["config"]["Labels"]
    assert config["config"]["Labels"]["operators.operatorframework.io.bundle.package.v1"] == SPEC.name
    csv = inside["manifests/topolvm-operator.clusterserviceversion.yaml"]
    assert csv["metadata"]["name"] == SPEC.csv_name == "topolvm-operator.v2.3.0"
    assert (csv["spec"]["version"], csv["spec"]["displayName"]) == ("2.3.0", "NativeStor")
    assert [i["image"] for i in csv["spec"]["relatedImages"]] == list(SPEC.related_references)
    owned = csv["spec"]["customresourcedefinitions"]["owned"][0]["name"]
    assert inside[f"manifests/{owned}.yaml"]["metadata"]["name"] == owned


def test_layers_are_incompressible_tars_that_match_their_diff_ids(tmp_path: Path) -> None:
    built = build(SPEC, tmp_path / "p.tgz")
    files = read(built.path)
    for content in built.images[1].manifests.values():
        manifest = json.loads(content)
        for layer in manifest.get("layers", []):
            archive = blob(files, layer["digest"])
            assert len(zlib.compress(archive)) > 10_000
            with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
                assert [m.size for m in tar] == [10_000]
        if "config" in manifest:
            config = json.loads(blob(files, manifest["config"]["digest"]))
            assert config["rootfs"]["diff_ids"] == [layer["digest"] for layer in manifest["layers"]]


def test_manifests_would_show_reserialisation(tmp_path: Path) -> None:
    for image in build(SPEC, tmp_path / "p.tgz").images:
        for content in image.manifests.values():
            document = json.loads(content)
            for options in (
                {},
                {"indent": 2},
                {"indent": 3},
                {"separators": (",", ":")},
                {"sort_keys": True},
            ):
                assert json.dumps(document, **options).encode() != content  # type: ignore[arg-type]


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    first, again = build(SPEC, tmp_path / "a.tgz"), build(SPEC, tmp_path / "b.tgz")
    other = build(Bundle(name=SPEC.name, related=SPEC.related, seed=2), tmp_path / "c.tgz")
    assert first.path.read_bytes() == again.path.read_bytes()
    assert first.sha256 != other.sha256
    assert not set(first.images[1].blobs) & set(other.images[1].blobs)


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_side_file_and_result_match_the_file(tmp_path: Path, compression: Any) -> None:
    built = build(SPEC, tmp_path / "p.tgz", compression=compression, sidecar="checksum")
    content = built.path.read_bytes()
    assert (built.sha256, built.size) == (hashlib.sha256(content).hexdigest(), len(content))
    assert built.sidecar == tmp_path / "p.tgz.checksum"
    assert built.sidecar.read_text() == f"{built.sha256}  p.tgz\n"
    assert (content[:2] == b"\x1f\x8b") == (compression == "gzip")


def test_headers_carry_no_time_and_no_owner(tmp_path: Path) -> None:
    with tarfile.open(build(SPEC, tmp_path / "p.tgz", top="other").path) as tar:
        assert {(m.mtime, m.uid, m.gid, m.uname) for m in tar} == {(0, 0, 0, "")}
        assert {m.name.split("/")[0] for m in tar} == {"other"}


@pytest.mark.parametrize("order", ["blobs-first", "shuffled"])
def test_other_orders_hold_the_same(tmp_path: Path, order: Order) -> None:
    usual, other = made(tmp_path), made(tmp_path, order=order)
    assert usual == other
    assert list(usual) != list(other)
    if order == "blobs-first":
        assert all("/blobs/" not in name for name in list(other)[-3:])
        assert "/blobs/" in list(other)[-4]


def test_shared_layers_are_packed_once(tmp_path: Path) -> None:
    spec = Bundle(name=SPEC.name, related=SPEC.related, shared_layers=1)
    built = build(spec, tmp_path / "p.tgz")
    with tarfile.open(built.path) as tar:
        names = tar.getnames()
    assert len(names) == len(set(names))
    assert len(set(built.images[1].blobs) & set(built.images[2].blobs)) == 1


def test_packed_platforms_can_be_fewer_than_the_index_names(tmp_path: Path) -> None:
    spec = Bundle(name=SPEC.name, related=(Image("topolvm", packed=("linux/arm64",), layer_size=10),))
    built = build(spec, tmp_path / "p.tgz")
    files = read(built.path)
    index = json.loads(blob(files, built.images[1].digest))
    inside = [d["platform"]["architecture"] for d in index["manifests"] if d["digest"] in built.images[1].manifests]
    assert len(index["manifests"]) == 2
    assert inside == ["arm64"]
    absent = next(d for d in index["manifests"] if d["digest"] not in built.images[1].manifests)
    assert f"{SPEC.name}/images/blobs/sha256/{absent['digest'][7:]}" not in files


@pytest.mark.parametrize(("kind", "type_name"), [(Chart, "chart"), (Plugin, "plugin")])
def test_chart_and_plugin(tmp_path: Path, kind: type[Chart], type_name: str) -> None:
    files = made(tmp_path, kind(name="web-cli", version="v4.0.4", related=SPEC.related[1:]))
    assert yaml.safe_load(files["web-cli/manifest.yaml"])["spec"]["type"] == type_name
    with tarfile.open(fileobj=io.BytesIO(files["web-cli/chart/web-cli-v4.0.4.tgz"])) as tar:
        inside = {m.name: yaml.safe_load(tar.extractfile(m)) for m in tar}  # type: ignore[arg-type]
    assert inside["web-cli/Chart.yaml"] == {"apiVersion": "v2", "name": "web-cli", "version": "v4.0.4"}
    assert ("web-cli/module-plugin.yaml" in inside) == (kind is Plugin)
    assert ("web-cli/scripts/plugin-config.yaml" in inside) == (kind is Plugin)


def test_command_line(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.packages",
        "--out",
        str(tmp_path),
        "--size",
        "3MiB",
        "--images",
        "3",
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    path = Path(done.stdout.strip())
    assert path == tmp_path / "sample-operator.v1.0.0.tgz"
    assert 3 << 20 < path.stat().st_size < (3 << 20) + (64 << 10)
    assert (tmp_path / "sample-operator.v1.0.0.tgz.sha256").exists()


def test_memory_does_not_grow_with_size(tmp_path: Path) -> None:
    program = (
        "import pathlib, re, sys; from tests.packages import Bundle, Image, build;"
        "image = Image('big', platforms=('linux/amd64',), layers=1, layer_size=256 << 20);"
        "build(Bundle(name='big', related=(image,)), pathlib.Path(sys.argv[1]));"
        "print(re.search(r'VmHWM:\\s+(\\d+) kB', pathlib.Path('/proc/self/status').read_text())[1])"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "big.tgz")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert int(done.stdout) < 100 << 10
    (tmp_path / "big.tgz").unlink()
