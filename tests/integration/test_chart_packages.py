"""Charts that `violet-operator package` packs are those that Helm would have packed: Helm itself is the judge."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.cluster.toolchain import ensure
from tests.unit.commands.test_package_charts import inner_chart, packed_files, write_chart
from violet_operator.cli import main
from violet_operator.commands.show import read

pytestmark = [pytest.mark.integration, pytest.mark.tools("helm")]


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """A chart's directory, whose name is not that of the chart."""
    return write_chart(tmp_path / "source")


@pytest.fixture(scope="module")
def helm() -> Path:
    return ensure("helm")["helm"]


def test_a_chart_directory_is_packed_as_helm_does_it(chart: Path, tmp_path: Path, helm: Path) -> None:
    made = tmp_path / "made.tgz"
    assert main(["package", str(chart), "--output", str(made)]) == 0
    subprocess.run([helm, "package", chart, "-d", tmp_path], check=True, capture_output=True, env=quiet(tmp_path))
    ours, theirs = packed_files(inner_chart(made)), packed_files((tmp_path / "web-1.4.0.tgz").read_bytes())
    assert sorted(ours) == sorted(theirs)
    assert ours["web/values.yaml"] == theirs["web/values.yaml"]
    (tmp_path / "ours.tgz").write_bytes(inner_chart(made))
    command = [helm, "show", "chart", tmp_path / "ours.tgz"]
    shown = subprocess.run(command, check=True, capture_output=True, text=True, env=quiet(tmp_path)).stdout
    assert "name: web" in shown


def test_what_helm_creates(tmp_path: Path, helm: Path) -> None:
    subprocess.run([helm, "create", "starter"], check=True, capture_output=True, env=quiet(tmp_path), cwd=tmp_path)
    made = tmp_path / "made.tgz"
    assert main(["package", str(tmp_path / "starter"), "--output", str(made)]) == 0
    package = read(made)
    assert (package.type, package.name, package.version) == ("chart", "starter", "0.1.0")
    assert package.related_images == ("nginx:1.16.0",)


def quiet(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home)}


def test_the_archive_of_helm_goes_in_as_it_is(chart: Path, tmp_path: Path, helm: Path) -> None:
    subprocess.run([helm, "package", chart, "-d", tmp_path], check=True, capture_output=True, env=quiet(tmp_path))
    archive = tmp_path / "web-1.4.0.tgz"
    for name in ("a.tgz", "b.tgz"):
        assert main(["package", str(archive), "--output", str(tmp_path / name)]) == 0
    assert inner_chart(tmp_path / "a.tgz") == archive.read_bytes()
    assert (tmp_path / "a.tgz").read_bytes() == (tmp_path / "b.tgz").read_bytes()
