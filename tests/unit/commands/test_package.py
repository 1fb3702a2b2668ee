"""`violet-operator package`: what people have becomes a package that our readers understand."""

import hashlib
import json
import shutil
import tarfile
from pathlib import Path

import pytest

from tests.packages import Bundle, Image, build
from violet_operator.cli import main
from violet_operator.commands.show import lines, read


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a package: manifest.yaml and images/, an OCI image layout."""
    folder = tmp_path_factory.mktemp("unpacked")
    image = Image("app", tag="v1", platforms=("linux/amd64", "linux/arm64"), layers=2, layer_size=100_000)
    spec = Bundle(name="demo", version="1.2.3", tag="v1.2.3", display_name="The Demo", related=(image,))
    built = build(spec, folder / "demo.tgz")
    with tarfile.open(built.path) as tar:
        tar.extractall(folder, filter="data")
    return folder / "demo"


@pytest.fixture(scope="module")
def bundle_directory(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """manifests/ and metadata/, as an operator's author has them."""
    folder = tmp_path_factory.mktemp("bundle")
    for blob in (unpacked / "images/blobs/sha256").iterdir():
        try:
            with tarfile.open(blob, "r:gz") as tar:
                if any(name.startswith("metadata/") for name in tar.getnames()):
                    tar.extractall(folder, filter="data")
        except tarfile.TarError:
            continue
    assert (folder / "metadata/annotations.yaml").is_file()
    return folder


def test_an_oci_layout_becomes_a_package(
    unpacked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["package", str(unpacked / "images")]) == 0
    assert capsys.readouterr().out.split() == ["demo.1.2.3.tgz", "demo.1.2.3.tgz.sha256"]
    made = tmp_path / "demo.1.2.3.tgz"
    assert lines(read(made), everything=True) == [
        "Name: The Demo",
        "Type: bundle",
        "Arch: [linux/amd64 linux/arm64]",
        "Version: 1.2.3",
        "Artifact: harbor.example.com/acp/demo-bundle:v1.2.3",
        "RelateImages: [harbor.example.com/acp/app:v1]",
    ]
    assert read(made).contradictions == ()
    digest = hashlib.sha256(made.read_bytes()).hexdigest()
    assert (tmp_path / "demo.1.2.3.tgz.sha256").read_text() == f"{digest}  demo.1.2.3.tgz\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo.1.2.3.tgz", "demo.1.2.3.tgz.sha256"]


def test_the_same_content_makes_the_same_bytes(unpacked: Path, tmp_path: Path) -> None:
    for name in ("a.tgz", "b.tgz"):
        assert main(["package", str(unpacked / "images"), "--output", str(tmp_path / name)]) == 0
    assert (tmp_path / "a.tgz").read_bytes() == (tmp_path / "b.tgz").read_bytes()


def test_only_what_belongs_to_a_layout_is_packed(
    unpacked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the package that was made in its folder before."""
    shutil.copytree(unpacked / "images", tmp_path / "images")
    monkeypatch.chdir(tmp_path / "images")
    made = []
    for _ in range(2):
        assert main(["package", "."]) == 0
        made.append(Path("demo.1.2.3.tgz").read_bytes())
    assert made[0] == made[1]


@pytest.mark.parametrize("of_a_bundle", [False, True])
def test_links_are_named_instead_of_left_out(
    unpacked: Path,
    bundle_directory: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    *,
    of_a_bundle: bool,
) -> None:
    folder = tmp_path / "folder"
    shutil.copytree(bundle_directory if of_a_bundle else unpacked / "images", folder)
    file = next(path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "annotations.yaml")
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    flags = ["--artifact", "r.example.com/team/demo-bundle:v9", "--output", str(tmp_path / "x.tgz")]
    assert main(["package", str(folder), *flags]) == 1
    assert f"{file} is a link" in capsys.readouterr().err


def test_a_bundle_directory_becomes_a_package(unpacked: Path, bundle_directory: Path, tmp_path: Path) -> None:
    output, images = tmp_path / "made.tgz", tmp_path / "images"
    shutil.copytree(unpacked / "images", images)
    index = json.loads((images / "index.json").read_text())
    index["manifests"] = [each for each in index["manifests"] if "bundle" not in str(each["annotations"])]
    (images / "index.json").write_text(json.dumps(index))
    name = "r.example.com/team/demo-bundle:v9"
    flags = ["--images", str(images), "--artifact", name, "--output", str(output), "--display-name", "Mine"]
    assert main(["package", str(bundle_directory), *flags]) == 0
    package = read(output)
    assert (package.name, package.type, package.artifact) == ("demo", "bundle", name)
    assert package.bundle is not None
    assert package.bundle.csv == "demo.v1.2.3"
    assert "harbor.example.com/acp/app:v1" in package.related_images


def test_a_bundle_directory_needs_the_name_of_its_image(
    bundle_directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["package", str(bundle_directory), "--output", str(tmp_path / "x.tgz")]) == 1
    assert "--artifact HOST/REPOSITORY:TAG" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("flag", "value", "said"),
    [
        ("--artifact", "r.example.com/demo-bundle", "no reference HOST/REPOSITORY:TAG"),
        ("--artifact", "demo", "no reference HOST/REPOSITORY:TAG"),
        ("--artifact", "r.example.com/Demo:v1", "no reference HOST/REPOSITORY:TAG"),
        ("--name", "Demo_1", "--name 'Demo_1' is no name of a Kubernetes object, as 'demo-1' would be"),
    ],
)
def test_names_that_no_reader_takes_are_refused(
    flag: str, value: str, said: str, bundle_directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--artifact", "r.example.com/demo-bundle:v1", flag, value, "--output", str(tmp_path / "x.tgz")]
    assert main(["package", str(bundle_directory), *flags]) == 1
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_version_that_leads_elsewhere_is_no_file_name(
    bundle_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, inside = tmp_path / "bundle", tmp_path / "inside"
    shutil.copytree(bundle_directory, folder)
    inside.mkdir()
    for file in (folder / "manifests").iterdir():
        file.write_text(file.read_text().replace("version: 1.2.3", "version: /../../x"))
    monkeypatch.chdir(inside)
    assert main(["package", str(folder), "--artifact", "r.example.com/demo-bundle:v1"]) == 1
    assert "is no name for a file. Give one with --output." in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle", "inside"]
    assert main(["package", str(folder), "--artifact", "r.example.com/demo-bundle:v1", "--output", "x.tgz"]) == 0


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("metadata/annotations.yaml", "[", "not usable YAML"),
        ("metadata/annotations.yaml", "annotations: [a]", "holds neither an operator bundle nor a chart"),
        ("metadata/annotations.yaml", None, "annotations.yaml cannot be used: No such file"),
        ("manifests/demo.yaml", None, "holds no CSV"),
    ],
)
def test_bundle_directories_that_are_none(
    name: str,
    content: str | None,
    said: str,
    bundle_directory: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(bundle_directory, folder)
    if content is not None:
        (folder / name).write_text(content)
    elif name.startswith("manifests"):
        shutil.rmtree(folder / "manifests")
        (folder / "manifests").mkdir()
    else:
        (folder / name).unlink()
    assert main(["package", str(folder), "--artifact", "r/x:v1", "--output", str(tmp_path / "x.tgz")]) == 1
    assert said in capsys.readouterr().err


def test_a_damaged_layout_of_images_is_named(
    bundle_directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--artifact", "r/x:v1", "--images", str(tmp_path), "--output", str(tmp_path / "x.tgz")]
    for index in ("{", "[]", "{}"):
        (tmp_path / "index.json").write_text(index)
        assert main(["package", str(bundle_directory), *flags]) == 1
        assert "images/index.json" in capsys.readouterr().err


def test_what_is_wrong_is_for_the_packager_to_mend(
    bundle_directory: Path, unpacked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken, layout, empty = tmp_path / "broken", tmp_path / "layout", tmp_path / "empty"
    shutil.copytree(bundle_directory, broken)
    (broken / "metadata/annotations.yaml").write_text("[")
    shutil.copytree(unpacked / "images", layout)
    next((layout / "blobs/sha256").iterdir()).unlink()
    shutil.copytree(bundle_directory, empty)
    shutil.rmtree(empty / "manifests")
    (empty / "manifests").mkdir()
    (tmp_path / "chart.tgz").write_bytes(b"\x1f\x8b")
    for path in (broken, layout, empty, tmp_path / "chart.tgz"):
        assert main(["package", str(path), "--artifact", "r/x:v1", "--output", str(tmp_path / "x.tgz")]) == 1
        said = capsys.readouterr().err
        assert said.strip().endswith(f"end what is in {path}, or copy it there again, and run the command again."), said
        assert "vendor" not in said
        assert "pload" not in said


def test_other_folders_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    assert main(["package", str(tmp_path / "in"), "--output", str(tmp_path / "x.tgz")]) == 1
    assert "expected an OCI image layout" in capsys.readouterr().err
    assert not (tmp_path / "x.tgz").exists()
