"""buildah with a store of its own, and a base image made without any registry.

Public base images cannot be counted on where tests run, so the base is Debian itself, put together by
mmdebstrap (half a minute) and kept outside the tree.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.cluster import ToolError
from tests.cluster.build import cache

ROOT = Path(__file__).parents[1]
BASE = "localhost/violet-operator-base:bookworm"
PACKAGES = "python3,python3-venv,gpg,ca-certificates"


class Images:
    """A container store under `directory`; STORAGE_DRIVER=vfs helps where overlay mounts are forbidden."""

    def __init__(self, directory: Path | None = None) -> None:
        driver = os.environ.get("STORAGE_DRIVER", "overlay")
        self._directory = (directory or cache() / "images") / driver
        self._directory.mkdir(parents=True, exist_ok=True)
        config = self._directory / "storage.conf"
        root, run = self._directory / "root", self._directory / "run"
        config.write_text(f'[storage]\ndriver = "{driver}"\ngraphroot = "{root}"\nrunroot = "{run}"\n')
        self._environment = {"CONTAINERS_STORAGE_CONF": str(config), "BUILDAH_ISOLATION": "chroot"}

    def run(
        self, *command: str | Path, env: Mapping[str, str] | None = None, timeout: float = 280
    ) -> subprocess.CompletedProcess[str]:
        """Run a program on this store, whatever becomes of it."""
        return subprocess.run(
            command,
            cwd=ROOT,
            env=os.environ | self._environment | (env or {}),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def buildah(self, *arguments: str | Path) -> str:
        """Run buildah and return what it printed."""
        done = self.run("buildah", *arguments)
        if done.returncode != 0:
            raise ToolError(f"buildah {' '.join(map(str, arguments))}: {done.stderr.strip()}")
        return done.stdout.strip()

    def base(self, say: Callable[[str], None] = print) -> str:
        """Return the name of a base image with all that the Dockerfile asks for, making it on first use."""
        missing = [program for program in ("buildah", "mmdebstrap") if shutil.which(program) is None]
        if missing:
            raise ToolError(f"{' and '.join(missing)} not found: apt-get install buildah mmdebstrap")
        with (self._directory / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self.run("buildah", "inspect", "--type=image", BASE).returncode != 0:
                say("base image: putting Debian together with mmdebstrap, once; usually 30 s")
                self._make_base()
        return BASE

    def _make_base(self) -> None:
        with tempfile.TemporaryDirectory(dir=self._directory) as directory:
            archive = Path(directory) / "base.tar"
            done = self.run("mmdebstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", archive)
            if done.returncode != 0:
                raise ToolError(f"mmdebstrap cannot put Debian together:\n{done.stderr[-2000:]}")
            container = self.buildah("from", "scratch")
            try:
                self.buildah("add", "--quiet", container, archive, "/")
                self.buildah("commit", "--quiet", container, BASE)
            finally:
                self.buildah("rm", container)
