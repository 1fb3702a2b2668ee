"""`violet-operator show`: the words of the CLI, on a local file."""

import io
import subprocess
import sys
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
    for path in (tmp_path / "gone.tgz", tmp_path):
        assert main(["show", str(path)]) == 1
        assert f"{path}: there is no such file" in capsys.readouterr().err
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
