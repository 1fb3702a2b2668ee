"""Data directories: locked while a kit uses them, removed afterwards if they were ours to make.

A kit that was killed cannot remove its directory. The kernel frees its lock, though, so the next kit sees
that nobody lives there any more and removes it.
"""

import fcntl
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from tests.cluster.process import ToolError

PREFIX = "violet-kit-"


class WorkDir:
    """A directory that belongs to one kit at a time."""

    def __init__(self, given: Path | None, *, keep: bool = False) -> None:
        self._temporary = given is None and not keep
        if given is None:
            _sweep(Path(tempfile.gettempdir()))
            given = Path(tempfile.mkdtemp(prefix=PREFIX))
        self.path = given.absolute()
        self.path.mkdir(parents=True, exist_ok=True)
        lock = _try_lock(self.path / "lock")
        if lock is None:
            raise ToolError(f"{self.path} is in use by another kit; stop that one or choose another directory")
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock
        if keep:
            (self.path / "keep").touch()

    def close(self) -> None:
        """Give the directory free."""
        if self._temporary:
            shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def in_use(path: Path) -> bool:
    """Tell whether a kit lives in the directory."""
    if not (path / "lock").exists():
        return False
    lock = _try_lock(path / "lock")
    if lock is None:
        return True
    lock.close()
    return False


def owner(path: Path) -> int:
    """Return the process id of the kit that lives in the directory."""
    return int((path / "lock").read_text())


def _try_lock(path: Path) -> IO[str] | None:
    lock = path.open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def _sweep(parent: Path) -> None:
    for lock in parent.glob(f"{PREFIX}*/lock"):
        with suppress(FileNotFoundError):  # another kit sweeps at the same moment
            # A minute's patience: a kit that starts just now has made its lock but may not hold it yet.
            old = time.time() - lock.stat().st_mtime > 60
            if old and not (lock.parent / "keep").exists() and not in_use(lock.parent):
                shutil.rmtree(lock.parent, ignore_errors=True)
