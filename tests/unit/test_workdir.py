"""Data directories of the cluster kit: one kit at a time, and nothing left in the temporary folder."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.cluster.process import ToolError
from tests.cluster.workdir import WorkDir, in_use, owner

OTHER_KIT = """
import sys, time
from tests.cluster.workdir import WorkDir
work = WorkDir(None, keep=sys.argv[1] == "keep")
print(work.path, flush=True)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)


def killed_kit(keep: str) -> Path:
    """Directory of a kit that was killed two minutes ago."""
    command = [sys.executable, "-c", OTHER_KIT, keep]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        path = Path(other.stdout.readline().strip())
        assert in_use(path)
        assert owner(path) == other.pid
        other.send_signal(signal.SIGKILL)
    changed = (path / "lock").stat().st_mtime - 120
    os.utime(path / "lock", (changed, changed))
    return path


def test_temporary_directory_goes_with_its_kit() -> None:
    work = WorkDir(None)
    assert in_use(work.path)
    work.close()
    assert not work.path.exists()


def test_given_and_kept_directories_stay(tmp_path: Path) -> None:
    for work in (WorkDir(tmp_path / "given"), WorkDir(None, keep=True)):
        work.close()
        assert work.path.exists()
        assert not in_use(work.path)


def test_one_kit_at_a_time(tmp_path: Path) -> None:
    work = WorkDir(tmp_path / "given")
    with pytest.raises(ToolError, match="in use by another kit"):
        WorkDir(tmp_path / "given")
    work.close()
    WorkDir(tmp_path / "given").close()


def test_directory_of_a_killed_kit_goes_with_the_next(tmp_path: Path) -> None:
    left, kept = killed_kit("remove"), killed_kit("keep")
    living = WorkDir(None)
    assert not left.exists()
    assert kept.exists()
    os.utime(living.path / "lock", (0, 0))
    WorkDir(None).close()
    assert living.path.exists()
    living.close()
