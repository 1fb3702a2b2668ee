"""The image: it builds without a network, runs without privileges, and holds nothing it does not need."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.images import ROOT, Images
from violet_operator import __version__

pytestmark = pytest.mark.e2e

SCRIPT = ROOT / "deploy" / "build-image.sh"
IMAGE = "localhost/violet-operator:test"
OFFLINE = ("unshare", "--net")  # a network name space of its own, with nothing in it


@pytest.fixture(scope="module")
def images() -> Images:
    return Images()


@pytest.fixture(scope="module")
def container(images: Images) -> Iterator[str]:
    """A container of the image, freshly built: wheels with the network, the image without."""
    base = images.base()
    wheels = images.run(SCRIPT, "wheels")
    assert wheels.returncode == 0, wheels.stderr
    built = images.run(*OFFLINE, SCRIPT, "image", env={"BASE_IMAGE": base, "IMAGE": IMAGE})
    assert built.returncode == 0, built.stderr
    name = images.buildah("from", "--pull-never", IMAGE)
    yield name
    images.buildah("rm", name)
    images.buildah("rmi", IMAGE)


@pytest.fixture(scope="module")
def files(images: Images, container: str) -> Path:
    """Root of the image's file system."""
    return Path(images.buildah("mount", container))


def inside(images: Images, container: str, *command: str) -> str:
    return images.buildah("run", container, "--", *command)


def test_program_runs_inside(images: Images, container: str) -> None:
    assert __version__ in inside(images, container, "violet-operator", "--version")
    assert "--metrics-port" in inside(images, container, "violet-operator", "run", "--help")


def test_user_is_unprivileged(images: Images, container: str) -> None:
    assert inside(images, container, "id", "-u") == "65532"
    assert inside(images, container, "id", "-g") == "65532"
    installed = inside(images, container, "find", "/opt/violet-operator", "-writable", "-not", "-type", "l")
    assert installed == "", "the operator could change its own program"


def test_image_starts_the_operator(images: Images) -> None:
    config = json.loads(images.buildah("inspect", "--type=image", IMAGE))["OCIv1"]["config"]
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["violet-operator"]
    assert config["Cmd"] == ["run"]
    assert config["Labels"]["org.opencontainers.image.version"] == __version__
    assert config["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"


def test_what_the_operator_needs_is_there(images: Images, container: str) -> None:
    assert "GnuPG" in inside(images, container, "gpg", "--version")
    count = "import ssl; print(ssl.create_default_context().cert_store_stats()['x509_ca'])"
    assert int(inside(images, container, "/opt/violet-operator/bin/python", "-c", count)) > 50


def test_what_it_does_not_need_is_not(files: Path) -> None:
    for path in ("wheels", "pip", "root/.cache", "usr/bin/gcc", "usr/bin/cc", "usr/bin/make", "usr/bin/git"):
        assert not (files / path).exists(), path
    environment = files / "opt" / "violet-operator"
    assert (environment / "bin" / "violet-operator").is_file()
    assert {"pip", "setuptools", "pytest"} & {path.name for path in environment.rglob("*")} == set()


@pytest.mark.parametrize(
    ("path", "complaint"),
    [("/usr/bin/gpg", "has no gpg"), ("/etc/ssl/certs/ca-certificates.crt", "has no CA certificates")],
)
def test_poor_base_is_refused(images: Images, container: str, path: str, complaint: str) -> None:
    poor = "localhost/violet-operator-base:poor"
    base = images.buildah("from", "--pull-never", images.base())
    try:
        images.buildah("run", base, "--", "rm", path)
        images.buildah("commit", "--quiet", base, poor)
        built = images.run(*OFFLINE, SCRIPT, "image", env={"BASE_IMAGE": poor, "IMAGE": f"{IMAGE}-poor"})
        images.buildah("rmi", "--force", poor)
    finally:
        images.buildah("rm", base)
    assert built.returncode != 0
    assert complaint in built.stderr
