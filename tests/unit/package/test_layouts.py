"""One image in every layout, odd but legal indexes, and what is about an image."""

import hashlib
import json
from typing import Any

import pytest

from tests.unit.package.inputs import (
    APP,
    BUNDLE,
    Files,
    bundle_files,
    bundle_image,
    bundle_layout,
    chart_files,
    csv,
    files_of,
    manifest,
    own,
    package_of,
    tree,
)
from tests.unit.package.source import OCI_MANIFEST, Layout, gz, tar_of
from violet_operator.errors import Stalled
from violet_operator.package.model import Package

FULL_NAME = "io.containerd.image.name"
DOCKER = "application/vnd.docker.distribution.manifest"


def refused(files: Files) -> tuple[str, str]:
    with pytest.raises(Stalled) as caught:
        package_of(files)
    return caught.value.reason, caught.value.message


def references(package: Package) -> list[str]:
    return [image.reference for image in package.images]


def docker_archive(top: str = "", layer: bytes | None = None, **changes: Any) -> Files:
    """What `docker save` writes of the bundle image."""
    content = tar_of(bundle_files(csv(relatedImages=[])))
    diff_id = f"sha256:{hashlib.sha256(content).hexdigest()}"
    labels = bundle_layout().files
    config = next(json.loads(data) for data in labels.values() if b"Labels" in data)
    config = json.dumps(config | {"rootfs": {"type": "layers", "diff_ids": [diff_id]}}).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    entry = {"Config": name, "RepoTags": [BUNDLE], "Layers": ["abc/layer.tar"]} | changes
    files = {name: config, "abc/layer.tar": content if layer is None else layer, "abc/VERSION": b"1.0"}
    return {f"{top}{path}": data for path, data in (files | {"manifest.json": json.dumps([entry]).encode()}).items()}


def test_every_layout_holds_the_same_images() -> None:
    layout = bundle_layout()
    ours = own(layout)
    assert references(ours) == [BUNDLE, APP]
    for files in (
        files_of(layout, ""),
        files_of(layout, "deep/er/"),
        {"demo/manifest.yaml": manifest()} | files_of(layout, "demo/images/"),
    ):
        package = package_of(files)
        assert references(package) == [BUNDLE, APP]
        assert [image.digest for image in package.images] == [image.digest for image in ours.images]
        assert (package.name, package.version, package.contradictions) == ("demo", "1.2.3", ())


def test_a_registrys_storage() -> None:
    layout = bundle_layout()
    package = package_of(tree(layout, "res/registry/"))
    assert references(package) == [BUNDLE.partition("/")[2], APP.partition("/")[2]]
    assert [image.digest for image in package.images] == [image.digest for image in own(layout).images]
    assert package.contradictions == ()
    inside = {"demo/manifest.yaml": manifest(artifact="acp/demo-bundle:v1.2.3", relatedImages=["acp/demo:v1.2.3"])}
    assert references(package_of(inside | tree(layout, "demo/images/"))) == references(package)


@pytest.mark.parametrize("layer", [None, gz(tar_of(bundle_files(csv(relatedImages=[]))))], ids=["plain", "gzip"])
def test_a_docker_archive(layer: bytes | None) -> None:
    package = package_of(docker_archive(layer=layer))
    (image,) = package.images
    assert (package.type, package.version, image.reference) == ("bundle", "1.2.3", BUNDLE)
    document = json.loads(image.manifests[-1].raw)
    assert document["mediaType"] == OCI_MANIFEST
    assert document["layers"][0]["mediaType"].endswith(".tar+gzip" if layer else ".tar")
    assert {blob.digest for blob in image.blobs} == {document["config"]["digest"], document["layers"][0]["digest"]}
    assert package_of(docker_archive(layer=layer)).images[0].digest == image.digest
    inside = {"demo/manifest.yaml": manifest(relatedImages=[])} | docker_archive("demo/images/", layer)
    assert package_of(inside).images[0].digest == image.digest


@pytest.mark.parametrize(
    ("files", "reason", "message"),
    [
        (docker_archive(layer=tar_of({"other": b""})), "DigestMismatch", "is not the one that its config names"),
        (docker_archive(layer=gz(tar_of({"other": b""}))), "DigestMismatch", "is not the one that its config names"),
        (docker_archive(Layers=[]), "InvalidPackage", "does not name as many"),
        (docker_archive(Layers=["gone/layer.tar"]), "IncompletePackage", "gone/layer.tar"),
        (docker_archive(Config="gone.json"), "IncompletePackage", "gone.json"),
    ],
)
def test_docker_archives_that_are_refused(files: Files, reason: str, message: str) -> None:
    found = refused(files)
    assert found[0] == reason
    assert message in found[1]


def test_a_docker_archive_with_an_image_without_layers() -> None:
    """Such as a Dockerfile of labels alone makes: docker writes null for a list of nothing."""
    config = json.dumps({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": None}})
    files = docker_archive()
    entries = json.loads(files["manifest.json"])
    entries.append({"Config": "labels.json", "RepoTags": [APP], "Layers": None})
    files |= {"labels.json": config.encode(), "manifest.json": json.dumps(entries).encode()}
    assert references(package_of(files)) == [BUNDLE, APP]


def test_a_docker_archive_without_a_name() -> None:
    assert references(package_of(docker_archive(RepoTags=None))) == ["demo-bundle:v1.2.3"]


def test_names_that_docker_and_containerd_give() -> None:
    layout = bundle_layout()
    for item in layout.named:
        name = item["annotations"].pop("org.opencontainers.image.ref.name")
        item["annotations"] |= {FULL_NAME: name, "org.opencontainers.image.ref.name": name.rpartition(":")[2]}
    assert references(package_of(files_of(layout, ""))) == [BUNDLE, APP]


def test_names_from_the_manifest_json_beside_an_oci_layout() -> None:
    layout = bundle_layout()
    bundle = layout.named[0]
    config = json.loads(layout.files[f"images/blobs/sha256/{bundle['digest'][7:]}"])["config"]["digest"]
    del bundle["annotations"]
    entry = {"Config": f"blobs/sha256/{config[7:]}", "RepoTags": [BUNDLE, "other.example.com/b:v1"], "Layers": []}
    files = files_of(layout, "") | {"manifest.json": json.dumps([entry]).encode()}
    package = package_of(files)
    assert (package.artifact, references(package)) == (BUNDLE, [BUNDLE, "other.example.com/b:v1", APP])


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("v9", "demo-bundle:v9"),
        ("", "demo-bundle:v1.2.3"),
        ("-no tag", "demo-bundle:v1.2.3"),
        ("h.io/acp/demo-bundle", "h.io/acp/demo-bundle:v1.2.3"),
        ("localhost:5000/demo-bundle", "localhost:5000/demo-bundle:v1.2.3"),
        ("localhost:5000/demo-bundle:v9", "localhost:5000/demo-bundle:v9"),
    ],
)
def test_a_bare_bundle_with_half_a_name_or_none(name: str, wanted: str) -> None:
    layout = Layout()
    layout.name(bundle_image(layout, gz(tar_of(bundle_files(csv(relatedImages=[]))))), name)
    assert references(package_of(files_of(layout, ""))) == [wanted]


def test_nested_indexes_with_names_inside() -> None:
    layout = bundle_layout()
    inner = layout.index(*layout.named)
    for top in (inner, layout.index(inner)):
        layout.named = [top]
        assert references(package_of(files_of(layout, ""))) == [BUNDLE, APP]


def test_docker_media_types_and_manifests_that_state_none() -> None:
    layout = bundle_layout()
    for kind in ("v2+json", "list.v2+json"):
        child = layout.image(layout.add(b"x"), mediaType=f"{DOCKER}.v2+json")
        extra = layout.index(child, media_type=f"{DOCKER}.list.v2+json") if "list" in kind else child
        layout.name(extra, f"x.io/docker:{kind.partition('.')[0].partition('+')[0]}")
    bare = layout.image(layout.add(b"y"), mediaType=None)
    del bare["mediaType"]
    layout.name(bare, "x.io/bare:v1")
    package = own(layout)
    kinds = {image.reference: image.manifests[-1].media_type for image in package.images}
    assert kinds["x.io/docker:v2"] == f"{DOCKER}.v2+json"
    assert kinds["x.io/docker:list"] == f"{DOCKER}.list.v2+json"
    assert kinds["x.io/bare:v1"] == OCI_MANIFEST


def test_foreign_and_empty_layers() -> None:
    layout = bundle_layout()
    urls = {"urls": ["https://example.com/layer"]}
    absent = {
        "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "digest": f"sha256:{'f' * 64}",
        "size": 5,
    }
    inside = layout.add(b"inside") | urls
    empty = layout.add(b"")
    layout.name(layout.image(absent | urls, inside, empty, empty), "x.io/windows:v1")
    image = next(item for item in own(layout).images if item.reference == "x.io/windows:v1")
    assert [blob.size for blob in image.blobs][1:] == [len(b"inside"), 0]


def test_an_unknown_layout_says_what_was_found_and_expected() -> None:
    reason, message = refused({"setup.sh": b"", "res/artifacts.txt": b""})
    assert reason == "UnknownLayout"
    for part in ("2 files: res/artifacts.txt, setup.sh", "NAME/manifest.yaml", "OCI image layout", "docker save",
                 "docker/registry/v2", "NAME/Chart.yaml"):  # fmt: skip
        assert part in message


@pytest.mark.parametrize(
    ("files", "reason", "message"),
    [
        ({"oci-layout": b"{}", "index.json": b"[]"}, "InvalidPackage", "index.json"),
        ({"oci-layout": b"{}", "index.json": b'{"manifests": []}'}, "InvalidPackage", "names no images"),
        ({"manifest.json": b"{}"}, "UnknownLayout", "manifest.json"),
        ({"manifest.json": b"[" * 100_000}, "UnknownLayout", "manifest.json"),
        ({"docker/registry/v2/x": b""}, "InvalidPackage", "no tagged images"),
        ({"docker/registry/v2/repositories/a/_manifests/tags/v1/current/link": b"x"}, "InvalidPackage", "no digest"),
        ({"docker/registry/v2/repositories/a/_manifests/tags/v1/current/link": f"sha256:{'0' * 64}".encode()},
         "IncompletePackage", "a:v1"),
        ({f"docker/registry/v2/blobs/sha256/00/{'0' * 64}/data": b"x"}, "DigestMismatch", "not what its name says"),
        ({"demo/manifest.yaml": manifest()}, "IncompletePackage", BUNDLE),
        ({"demo/manifest.yaml": manifest(), "demo/images/x": b""}, "InvalidPackage", "demo/images/index.json"),
        ({"a/manifest.yaml": manifest(), "b/manifest.yaml": manifest()}, "UnknownLayout", "one NAME/manifest.yaml"),
    ],
)  # fmt: skip
def test_what_is_refused(files: Files, reason: str, message: str) -> None:
    found = refused(files)
    assert found[0] == reason
    assert message in found[1]


def test_an_index_that_lists_too_much_is_refused() -> None:
    layout = Layout()
    item = layout.image(layout.add(b"x"))
    layout.named = [item] * 5001
    assert refused(files_of(layout, ""))[0] == "PackageTooLarge"


def test_indexes_that_share_large_manifests_do_not_multiply_the_work() -> None:
    layout = Layout()
    large = layout.image(layout.add(b"x"), annotations={"a": "x" * (3 << 20)})
    layout.named = [layout.index(large | {"annotations": {"n": str(n)}}) for n in range(40)]
    assert refused(files_of(layout, ""))[0] == "PackageTooLarge"


@pytest.mark.parametrize("data", [b"{{ .Values.x }}", b'[{"Config":"a","Layers":[]}]', b"\xff"])
def test_a_chart_may_hold_a_manifest_json(data: bytes) -> None:
    assert package_of(chart_files() | {"web/files/manifest.json": data}).type == "chart"


def test_a_manifest_json_that_is_something_else_hides_no_docker_archive() -> None:
    other = {"demo/docs/manifest.json": b"{{"}
    inside = {"demo/manifest.yaml": manifest(relatedImages=[])} | docker_archive("demo/images/")
    assert references(package_of(other | inside)) == [BUNDLE]


def test_our_own_layout_counts_in_a_deeper_folder() -> None:
    deep = files_of(bundle_layout(), "x/demo/images/") | {"x/demo/manifest.yaml": manifest(lifecycle="core")}
    assert package_of(deep | {"x/demo/docs/manifest.yaml": b"a: b"}).lifecycle == "core"


def test_another_manifest_yaml_beside_our_layout() -> None:
    files = files_of(bundle_layout(), "demo/images/") | {"demo/manifest.yaml": manifest(lifecycle="core")}
    assert package_of(files | {"manifest.yaml": b"a: b"}).lifecycle == "core"


def test_the_platforms_own_kind_of_manifest() -> None:
    document = manifest(lifecycle="core").replace(b"kind: Package\n", b"kind: PackageManifest\n")
    document = document.replace(b"violet.alauda.io/v1alpha1", b"violet/v1")
    files = files_of(bundle_layout(), "demo/images/") | {"demo/manifest.yaml": document}
    assert package_of(files).lifecycle == "core"


def test_a_docker_save_of_some_platforms_says_so() -> None:
    layout = Layout()
    absent = layout.image(layout.add(b"x"), platform="arm64")
    del layout.files[f"images/blobs/sha256/{absent['digest'][7:]}"]
    here = bundle_image(layout, gz(tar_of(bundle_files(csv(relatedImages=[])))))
    layout.name(layout.index(here, absent), BUNDLE)
    entry = {"Config": "blobs/sha256/x", "RepoTags": [BUNDLE], "Layers": []}
    beside = {"manifest.json": json.dumps([entry]).encode()}
    assert "docker save" not in refused(files_of(layout, ""))[1]
    reason, message = refused(files_of(layout, "") | beside)
    assert (reason, "vendor" in message) == ("IncompletePackage", False)
    assert absent["digest"] in message
    assert "docker save --platform" in message
