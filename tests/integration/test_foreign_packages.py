"""Packages made by other programs (skopeo, Helm, GNU tar, zstd, a registry's own storage), read and pushed."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import yaml

from tests.cluster import Kit, Registry
from tests.cluster.toolchain import ensure
from tests.packages import Bundle, Image, build
from tests.unit.package.inputs import about, bundle_layout, chart_files, files_of, manifest, own, plugin_files, said
from tests.unit.package.source import gz, tar_of
from violet_operator.clients.registry import Registry as RegistryClient
from violet_operator.clients.registry_http import RegistrySettings
from violet_operator.package.archive import Archive
from violet_operator.package.model import Package
from violet_operator.package.references import destination
from violet_operator.package.source import FileSource
from violet_operator.package.understand import understand
from violet_operator.support.cancel import CancelToken
from violet_operator.support.meter import Meter
from violet_operator.upload.plan import Inventory, plan_push
from violet_operator.upload.push import Pusher

pytestmark = [pytest.mark.integration, pytest.mark.tools("distribution", "helm")]

APP, BUNDLE = "harbor.example.com/acp/app:v1.0.0", "harbor.example.com/acp/demo-bundle:v1.0.0"
SPEC = Bundle(name="demo", display_name="Demo", related=(Image("app", layer_size=300_000),))


def run(*command: str | Path) -> None:
    """Run a program that must succeed."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.stderr}"


def read(path: Path) -> tuple[Archive, Package]:
    archive = Archive.scan(FileSource(path))
    return archive, understand(archive, file_name=path.name)


def tarred(directory: Path, *options: str) -> Path:
    """The directory's content as GNU tar packs it."""
    path = directory.with_suffix(".tgz")
    run("tar", *options, "-czf", path, "-C", directory, ".")
    return path


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    with Kit(clusters=(), storage=None) as kit:
        yield kit.registry()


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of our own layout, unpacked."""
    directory = tmp_path_factory.mktemp("ours")
    run("tar", "-xzf", build(SPEC, directory / "demo.v1.0.0.tgz").path, "-C", directory)
    return directory / "demo"


def source(ours: Path, reference: str) -> str:
    return f"oci:{ours}/images:{reference}"


def push(archive: Archive, package: Package, registry: Registry) -> None:
    """Push everything into a registry."""
    client = RegistryClient(RegistrySettings(registry.address, plain_http=True))
    plan = plan_push(package.images, "", Inventory({}))
    Pusher(client, archive, 3, CancelToken(), Meter()).run(plan)


def assert_pushed(package: Package, registry: Registry) -> None:
    """Every image is there under its tag or digest, byte for byte, with every blob."""
    for image in package.images:
        to = destination(image.reference, "")
        assert registry.manifest(to.repository, to.tag) == image.manifests[-1].raw
        for blob in image.blobs:
            found = requests.head(f"{registry.url}/v2/{to.repository}/blobs/{blob.digest}", timeout=30)
            assert (found.status_code, int(found.headers["Content-Length"])) == (200, blob.size)


@pytest.mark.parametrize("kind", ["docker-archive", "oci", "oci-archive"])
def test_what_skopeo_writes(kind: str, ours: Path, registry: Registry, tmp_path: Path) -> None:
    target = tmp_path / "made"
    target = target.with_suffix(".tar") if kind != "oci" else target
    run("skopeo", "copy", "--quiet", source(ours, BUNDLE), f"{kind}:{target}:{BUNDLE}")
    archive, package = read(tarred(target) if kind == "oci" else target)
    assert (package.type, package.display_name, package.version, package.artifact) == (
        "bundle",
        "Demo",
        "1.0.0",
        BUNDLE,
    )
    assert [item.message.partition(":")[0] for item in package.contradictions] == [
        "The CSV names 1 image(s) that are not inside"
    ]
    push(archive, package, registry)
    assert_pushed(package, registry)


def test_a_docker_archive_unpacked_in_place_of_images(ours: Path, registry: Registry, tmp_path: Path) -> None:
    """`docker save` of several images, as skopeo writes it: links for old readers are passed over."""
    images = tmp_path / "top" / "demo" / "images"
    images.mkdir(parents=True)
    run("skopeo", "copy", "--quiet", source(ours, BUNDLE), f"docker-archive:{tmp_path}/one.tar:{BUNDLE}")
    run("tar", "-xf", tmp_path / "one.tar", "-C", images)
    assert any(path.is_symlink() for path in images.rglob("layer.tar"))
    document = yaml.safe_load((ours / "manifest.yaml").read_text())
    document["spec"]["relatedImages"] = []
    (images.parent / "manifest.yaml").write_text(yaml.safe_dump(document))
    archive, package = read(tarred(tmp_path / "top"))
    push(archive, package, registry)
    assert_pushed(package, registry)


@pytest.mark.parametrize("hard", [False, True])
def test_docker_archives_whose_layers_are_links(ours: Path, registry: Registry, tmp_path: Path, hard: bool) -> None:
    """As docker before 25 writes a layer that images share, and GNU tar what is linked on a disk."""
    directory = tmp_path / "old"
    directory.mkdir()
    run("skopeo", "copy", "--quiet", source(ours, BUNDLE), f"docker-archive:{tmp_path}/one.tar:{BUNDLE}")
    run("tar", "-xf", tmp_path / "one.tar", "-C", directory)
    links = list(directory.rglob("layer.tar"))
    for number, path in enumerate(links if hard else ()):
        layer = directory / f"shared{number}" / "layer.tar"
        layer.parent.mkdir()
        path.resolve().rename(layer)
        path.unlink()
        path.hardlink_to(layer)
    document = json.loads((directory / "manifest.json").read_text())
    document[0]["Layers"] = [str(path.relative_to(directory)) for path in links]
    (directory / "manifest.json").write_text(json.dumps(document))
    archive, package = read(tarred(directory))
    assert package.artifact == BUNDLE
    push(archive, package, registry)
    assert_pushed(package, registry)


def test_the_storage_of_a_registry(ours: Path, registry: Registry, tmp_path: Path) -> None:
    archive, package = read(tarred(ours.parent))
    with Kit(clusters=(), storage=None) as kit:
        push(archive, package, kit.registry())
        shutil.copytree(kit.registry().directory / "data", tmp_path / "registry")
    again, stored = read(tarred(tmp_path / "registry"))
    digests = {image.reference.partition("/")[2]: image.digest for image in package.images}
    assert {image.reference: image.digest for image in stored.images} == digests
    assert (stored.name, stored.version, stored.architectures) == ("demo", "1.0.0", package.architectures)
    push(again, stored, registry)
    assert_pushed(stored, registry)


@pytest.mark.parametrize("options", [["--format=gnu"], ["--format=posix"], ["--format=ustar"], ["--format=v7"]])
def test_headers_of_gnu_tar(options: list[str], tmp_path: Path, ours: Path) -> None:
    top = tmp_path / "top"
    long = top / ("long" * 20) / ("name" * 20 if "v7" not in options[0] else "x")
    shutil.copytree(ours, top / "demo")
    if options[0] in ("--format=gnu", "--format=posix"):
        long.mkdir(parents=True)
        (long / ("f" * 150)).write_text("long names need their own headers")
        (top / "ünï").write_text("so do others")
    _, package = read(tarred(top, *options))
    assert [image.reference for image in package.images] == [BUNDLE, APP]


@pytest.mark.parametrize("arguments", [["-1"], ["-T2", "-B1048576", "-3"], ["--no-check", "-19", "--long=27"]])
def test_what_zstd_writes(arguments: list[str], ours: Path, registry: Registry, tmp_path: Path) -> None:
    run("tar", "-cf", tmp_path / "demo.tar", "-C", ours.parent, "demo")
    run("zstd", "-q", *arguments, tmp_path / "demo.tar", "-o", tmp_path / "demo.v1.0.0.tar.zst")
    archive, package = read(tmp_path / "demo.v1.0.0.tar.zst")
    assert package.contradictions == ()
    push(archive, package, registry)
    assert_pushed(package, registry)


@pytest.mark.parametrize("kind", ["chart", "plugin"])
def test_what_helm_packages(kind: str, tmp_path: Path) -> None:
    """Sub-charts come with it; what `.helmignore` names does not."""
    files = (
        chart_files("1.0.4") if kind == "chart" else plugin_files("1.0.4", labels={"cpaas.io/lifecycle-type": "core"})
    )
    files |= {
        "web/.helmignore": b"ignored/\nvalues-*.yaml\n",
        "web/ignored/Chart.yaml": b"name: [",
        "web/values-dev.yaml": b"[",
        "web/charts/sub/Chart.yaml": b"apiVersion: v2\nname: sub\nversion: 9.9.9\n",
        "web/charts/sub/values.yaml": b"image: {repository: sub, tag: v9}\n",
        "web/templates/cm.yaml": b"kind: ConfigMap\n",
    }
    if kind == "plugin":
        files["web/module-plugin.yaml"] = files["web/module-plugin.yaml"].replace(b"v1.0.4", b"1.0.4")
    for name, data in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    run(ensure("helm")["helm"], "package", tmp_path / "web", "-d", tmp_path)
    _, package = read(tmp_path / "web-1.0.4.tgz")
    assert (package.type, package.name, package.version) == (kind, "web", "1.0.4")
    assert "2 image(s) that are not inside" in said(package)
    assert len(package.contradictions) == 1
    assert package.lifecycle == ("agnostic" if kind == "chart" else "core")
    assert package.related_images == ("harbor.example.com/acp/web:v1", "harbor.example.com/3rdparty/x:v2")


def test_what_is_about_an_image_and_odd_layers_are_pushed(registry: Registry, tmp_path: Path) -> None:
    layout = bundle_layout()
    app = layout.named[1]
    urls = {"urls": ["https://example.com/layer"], "digest": f"sha256:{'f' * 64}", "size": 5}
    foreign = {"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"} | urls
    docker = "application/vnd.docker.distribution.manifest.v2+json"
    layout.name(layout.image(foreign, layout.add(b""), mediaType=docker), "harbor.example.com/acp/odd:v1")
    pinned = layout.image(layout.add(b"pinned"))
    layout.name(pinned, f"harbor.example.com/acp/pinned@{pinned['digest']}")
    signature = about(layout, app)
    layout.named += [signature, about(layout, signature, b"about the signature")]
    layout.name(about(layout, app, b"cosign"), f"harbor.example.com/acp/demo:sha256-{app['digest'][7:]}.sig")
    path = tmp_path / "demo.tgz"
    path.write_bytes(gz(tar_of(files_of(layout, "demo/images/") | {"demo/manifest.yaml": manifest()})))
    archive, package = read(path)
    assert len(package.images) == 7
    push(archive, package, registry)
    assert_pushed(package, registry)
    assert own(layout).contradictions == package.contradictions
