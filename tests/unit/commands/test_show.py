"""`violet-operator show`: the words of the CLI, on a local file."""

import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.packages import Bundle, Image, Plugin, build
from tests.unit.package.inputs import bundle_layout, csv, files_of
from tests.unit.package.source import gz, tar_of
from violet_operator.cli import main
from violet_operator.commands import show

SPEC = Bundle(
    name="topolvm-operator",
    version="2.3.0",
    display_name="NativeStor",
    registry="harbor.demo.io/acp",
    tag="v2.3.0",
    related=(Image("topolvm-operator", "v3.11.0", layer_size=100), Image("topolvm", "v3.11.0", layer_size=100)),
)
SHORT = """\
Name: NativeStor
Type: bundle
Arch: [linux/amd64 linux/arm64]
Version: 2.3.0
"""
LONG = f"""\
{SHORT}Artifact: harbor.demo.io/acp/topolvm-operator-bundle:v2.3.0
RelateImages: [harbor.demo.io/acp/topolvm-operator:v3.11.0 harbor.demo.io/acp/topolvm:v3.11.0]
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(SPEC, tmp_path_factory.mktemp("show") / "topolvm-operator.v2.3.0.tgz").path


def test_the_words_of_the_cli(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(package)]) == 0
    assert capsys.readouterr() == (SHORT, "")
    assert main(["show", "--all", str(package)]) == 0
    assert capsys.readouterr() == (LONG, "")


def test_as_a_program(package: Path) -> None:
    program = Path(sys.executable).with_name("violet-operator")
    done = subprocess.run([program, "show", package, "--all"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, LONG, "")


def test_a_plugin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = Plugin(
        name="web", version="v1.0.4", tag="v1.0.4", related=(Image("web", layer_size=10),), display_name="Web"
    )
    assert main(["show", str(build(spec, tmp_path / "web.tgz").path)]) == 0
    assert capsys.readouterr().out == "Name: Web\nType: plugin\nArch: [linux/amd64 linux/arm64]\nVersion: v1.0.4\n"


def test_what_does_not_agree_is_noted_beside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "demo.v9.9.9.tgz"
    path.write_bytes(gz(tar_of(files_of(bundle_layout(csv("1.2.4")), ""))))
    assert main(["show", str(path)]) == 0
    shown = capsys.readouterr()
    assert shown.out == "Name: Demo\nType: bundle\nArch: [linux/amd64 linux/arm64]\nVersion: 1.2.4\n"
    assert shown.err.splitlines() == [
        "note: The bundle image has tag v1.2.3, its CSV version 1.2.4.",
        "note: The file name says version v9.9.9, the content 1.2.4.",
    ]


def test_names_cannot_pass_for_our_words_nor_move_the_cursor(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = csv("1.2.3", displayName="Nice\x1b[2J\nType: chart\u202e 网页", relatedImages=[{"image": "a\rb:v1"}])
    path = tmp_path / "demo.tgz"
    path.write_bytes(gz(tar_of(files_of(bundle_layout(evil), ""))))
    assert main(["show", str(path), "--all"]) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines()[:2] == [r"Name: Nice\x1b[2J\nType: chart\u202e 网页", "Type: bundle"]
    assert r"RelateImages: [a\rb:v1]" in shown.out
    assert r"not inside: a\rb:v1." in shown.err
    assert main(["show", str(write_odd(tmp_path))]) == 1
    assert r"Found 1 files: a\x1b[31m\udcff." in capsys.readouterr().err


def write_odd(folder: Path) -> Path:
    """A tar whose one member has a name that is no UTF-8, and an order for a terminal."""
    with tarfile.open(folder / "odd.tar", "w", format=tarfile.GNU_FORMAT) as tar:
        tar.addfile(tarfile.TarInfo("a\x1b[31m\udcff"))
    return folder / "odd.tar"


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"<html>not found</html>", "UnknownFormat"), (b"", "UnknownFormat"), (gz(tar_of({"a": b""})), "UnknownLayout")],
)
def test_bad_input_ends_with_1_and_the_message(
    content: bytes, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.tgz"
    path.write_bytes(content)
    assert main(["show", str(path)]) == 1
    assert capsys.readouterr().err.startswith(f"violet-operator: {reason}: ")


def test_no_file_and_no_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path, said in {tmp_path / "gone.tgz": ": there is no such file", tmp_path: " is a directory"}.items():
        assert main(["show", str(path)]) == 1
        assert f"{path}{said}" in capsys.readouterr().err
    with pytest.raises(SystemExit) as caught:
        main(["show"])
    assert caught.value.code == 2


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_on_a_terminal_alone(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(show, "_LARGE", 0)
    for stream, wanted in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        assert main(["show", str(package)]) == 0
        assert ("Reading " in stream.getvalue()) is wanted
        assert (stream.getvalue().endswith("\r\x1b[K")) is wanted
