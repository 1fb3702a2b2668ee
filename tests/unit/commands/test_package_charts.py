"""`violet-operator package` makes packages of Helm charts, with and without their images."""

import io
import os
import shutil
import tarfile
from pathlib import Path

import pytest

from tests.packages import Chart, Image, Plugin, build
from tests.unit.package.inputs import module_plugin
from violet_operator.cli import main
from violet_operator.commands.show import lines, read

IGNORED = """\
\ufeff# what is left out
*.swp
/secret
docs/
ci/*.yaml
[^a-z]*.tmp
"""
FILES = {
    "Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.4.0\nappVersion: v9\n",
    "values.yaml": "image: {repository: harbor.example.com/acp/web, tag: v1}\n",
    "templates/deployment.yaml": "kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\n",
    "templates/_helpers.tpl": "",
    "templates/.hidden": "x",
    "templates/x.swp": "x",
    "crds/crd.yaml": "",
    "files/secret": "kept: only the one at the top is ignored",
    "files/Ä.txt": "kept",
    "secret": "x",
    "docs/a.md": "x",
    "ci/test.yaml": "x",
    "ci/keep.txt": "kept",
    "1.tmp": "x",
    "a.tmp": "kept",
    ".helmignore": IGNORED,
    "charts/sub/Chart.yaml": "apiVersion: v2\nname: sub\nversion: 0.1.0\n",
    "charts/sub/values.yaml": "image: {repository: x.io/other, tag: v1}\n",
}


def write_chart(directory: Path) -> Path:
    for name, content in FILES.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return directory


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """A chart's directory, whose name is not that of the chart."""
    return write_chart(tmp_path / "source")


def packed_files(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar if member.isreg()}  # type: ignore[union-attr]


def inner_chart(package: Path, name: str = "web-1.4.0") -> bytes:
    with tarfile.open(package) as tar:
        member = tar.extractfile(f"web/chart/{name}.tgz")
        assert member is not None
        return member.read()


def test_a_chart_without_its_images(chart: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = tmp_path / "made.tgz"
    assert main(["package", str(chart), "--output", str(made)]) == 0
    assert "note: The chart's values name 1 image(s) that are not inside" in capsys.readouterr().err
    assert lines(read(made), everything=True) == [
        "Name: web",
        "Type: chart",
        "Arch: []",
        "Version: 1.4.0",
        "Artifact: ",
        "RelateImages: [harbor.example.com/acp/web:v1]",
    ]


@pytest.mark.parametrize(("kind", "spec"), [("chart", Chart), ("plugin", Plugin)])
def test_with_images_and_an_artifact(kind: str, spec: type[Chart], tmp_path: Path) -> None:
    image = Image("web-app", layer_size=1000)
    built = build(spec(name="web", version="v1.0.0", display_name="Web", related=(image,)), tmp_path / "given.tgz")
    with tarfile.open(built.path) as tar:
        tar.extractall(tmp_path, filter="data")
    made, folder = tmp_path / "made.tgz", tmp_path / "web"
    images = ["--images", str(folder / "images"), "--artifact", "harbor.example.com/acp/web:v1.0.0"]
    assert main(["package", str(folder / "chart/web-v1.0.0.tgz"), *images, "--output", str(made)]) == 0
    ours, theirs = read(made), read(built.path)
    assert (ours.type, ours.artifact, ours.contradictions) == (kind, "harbor.example.com/acp/web:v1.0.0", ())
    assert ours.architectures == ("linux/amd64", "linux/arm64")
    assert lines(ours, everything=True)[1:] == lines(theirs, everything=True)[1:]
    assert {image.digest for image in ours.images} == {image.digest for image in theirs.images}


def test_a_plugin_directory(chart: Path, tmp_path: Path) -> None:
    (chart / "module-plugin.yaml").write_bytes(module_plugin("1.4.0"))
    (chart / "scripts").mkdir()
    (chart / "scripts/plugin-config.yaml").write_text("mustUpgrade: false\n")
    assert main(["package", str(chart), "--output", str(tmp_path / "made.tgz"), "--lifecycle", "agnostic"]) == 0
    assert read(tmp_path / "made.tgz").type == "plugin"


def test_a_name_that_kubernetes_does_not_take_is_changed(chart: Path, tmp_path: Path) -> None:
    (chart / "Chart.yaml").write_text("name: My_Chart\nversion: 1.0.0\n")
    assert main(["package", str(chart), "--output", str(tmp_path / "made.tgz")]) == 0
    assert read(tmp_path / "made.tgz").name == "my-chart"


def linked(chart: Path) -> None:
    (chart / "templates/passwd").symlink_to("/etc/passwd")


def piped(chart: Path) -> None:
    os.mkfifo(chart / "templates/pipe")


def double_star(chart: Path) -> None:
    (chart / ".helmignore").write_text("**/x\n")


def evil_version(chart: Path) -> None:
    (chart / "Chart.yaml").write_text("name: web\nversion: ../../../tmp/x\n")


def evil_name(chart: Path) -> None:
    (chart / "Chart.yaml").write_text("name: ../../x\nversion: 1.0.0\n")


def nameless(chart: Path) -> None:
    (chart / "Chart.yaml").write_text("version: 1.0.0\n")


def not_yaml(chart: Path) -> None:
    (chart / "Chart.yaml").write_text("[")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (linked, "passwd is a link, which is not followed"),
        (piped, "pipe is a pipe, socket or device"),
        (double_star, "no double star"),
        (evil_version, "leads out of the archive"),
        (evil_name, "states no name that a chart can have"),
        (nameless, "states no name that"),
        (not_yaml, "not usable YAML"),
    ],
)
def test_what_is_refused(
    spoil: object, said: str, chart: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(spoil)
    spoil(chart)
    assert main(["package", str(chart), "--output", str(tmp_path / "made.tgz")]) == 1
    assert said in capsys.readouterr().err
    assert not list(tmp_path.glob("*made*"))


def test_a_file_that_is_no_chart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "some.txt"
    path.write_text("no chart")
    assert main(["package", str(path), "--output", str(tmp_path / "made.tgz")]) == 1
    assert "'some.txt'" in capsys.readouterr().err
    assert main(["package", str(tmp_path / "gone"), "--output", str(tmp_path / "made.tgz")]) == 1
    assert "is nothing to make a package from" in capsys.readouterr().err


def test_images_that_are_no_layout(chart: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["package", str(chart), "--images", str(tmp_path), "--output", str(tmp_path / "made.tgz")]) == 1
    assert "is no OCI image layout" in capsys.readouterr().err


def test_a_folder_that_is_not_there(chart: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(chart / "templates")
    assert main(["package", str(chart), "--output", str(tmp_path / "gone/made.tgz")]) == 1
    assert "gone/.made.tgz.unfinished cannot be used: No such file or directory" in capsys.readouterr().err
