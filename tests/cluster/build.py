"""Build one tool from its pinned Go module into a cache outside the tree.

Building Kubernetes takes minutes, so: progress is shown, an interrupted build goes on where it was (Go's
own build cache), a finished one appears in one rename, and two processes never build the same tool at once.
"""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster.process import ToolError, spawn, tail

SOURCES = Path(__file__).with_name("tools")
PROGRESS_EVERY = 15.0  # seconds between two lines of progress


@dataclass(frozen=True)
class Tool:
    """A Go module under `tools/` and the programs that it builds."""

    name: str
    module: str
    programs: tuple[str, ...]
    usual: str  # build time on two cores, told to whoever waits
    built_as: Mapping[str, str] = field(default_factory=dict)  # name that Go gives -> name that we want
    tags: str = ""  # build tags, with commas between them
    keeps: Mapping[str, str] = field(default_factory=dict)  # folder of the module -> name beside the programs

    @property
    def version(self) -> str:
        """The version that go.mod pins."""
        text = (SOURCES / self.name / "go.mod").read_text()
        found = re.search(rf"^(?:require)?\s*{re.escape(self.module)} (v\S+)", text, re.MULTILINE)
        if not found:
            raise ToolError(f"{SOURCES / self.name / 'go.mod'} does not require {self.module}")
        return found[1]


def cache() -> Path:
    """Directory of finished builds; VIOLET_TOOLS_DIR overrides it."""
    own = os.environ.get("VIOLET_TOOLS_DIR")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(own) if own else Path(base) / "violet-operator" / "tools"


def build(tool: Tool, say: Callable[[str], None]) -> Path:
    """Return the directory with the tool's programs, building them if they are not there yet."""
    target = cache() / f"{tool.name}-{tool.version}"
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with _locked(target.with_name(f".{target.name}.lock"), tool, say):
        if not target.is_dir():
            _build_into(target, tool, say)
    return target


@contextmanager
def _locked(path: Path, tool: Tool, say: Callable[[str], None]) -> Iterator[None]:
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"{tool.name} {tool.version}: another process is building it; waiting for that one")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build_into(target: Path, tool: Tool, say: Callable[[str], None]) -> None:
    for leftover in target.parent.glob(f".{target.name}.partial-*"):  # we hold the lock: nobody writes there
        shutil.rmtree(leftover)
    partial = Path(tempfile.mkdtemp(prefix=f".{target.name}.partial-", dir=target.parent))
    scratch = partial / "scratch"  # here, so that what an ended build leaves behind goes with the rest
    try:
        scratch.mkdir()
        _compile(partial, scratch, tool, say)
        shutil.rmtree(scratch)
        for given, wanted in tool.built_as.items():
            (partial / given).rename(partial / wanted)
        for folder, wanted in tool.keeps.items():
            _keep(folder, partial / wanted, tool)
        missing = [program for program in tool.programs if not (partial / program).is_file()]
        if missing:
            raise ToolError(f"{tool.name}: the build ended well but made no {', '.join(missing)}")
        partial.chmod(0o755)
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _compile(output: Path, scratch: Path, tool: Tool, say: Callable[[str], None]) -> None:
    go = shutil.which("go")
    if go is None:
        raise ToolError(
            f"{tool.name} {tool.version} has to be built, and there is no Go on PATH. Install Go 1.26 "
            "or newer (https://go.dev/dl/), or let KUBEBUILDER_ASSETS name a directory with ready programs."
        )
    say(f"{tool.name} {tool.version}: building from source, once; usually {tool.usual} on two cores")
    flags = ["-mod=readonly", "-trimpath", "-buildvcs=false", "-tags", tool.tags, "-ldflags", _ldflags(tool)]
    command = [go, "build", *flags, "-o", f"{output}/", "tool"]
    log_path = output.parent / f"{tool.name}-{tool.version}.log"
    log_path.unlink(missing_ok=True)
    started = time.monotonic()
    environment = {"CGO_ENABLED": "0", "GOWORK": "off", "GOTMPDIR": str(scratch)}
    child = spawn(command, log_path, environment, cwd=SOURCES / tool.name)
    try:
        _wait(child, lambda: say(f"{tool.name}: still building, {time.monotonic() - started:.0f} s"))
    except BaseException:
        os.killpg(child.pid, signal.SIGINT)  # Go and its compilers, as Ctrl-C would: it then cleans up
        child.wait()
        raise
    if child.returncode != 0:
        raise ToolError(f"{tool.name} {tool.version} does not build.\n{tail(log_path)}")
    say(f"{tool.name} {tool.version}: built in {time.monotonic() - started:.0f} s")


def _keep(folder: str, target: Path, tool: Tool) -> None:
    """Copy files of the module; what Go keeps in its cache cannot be written to, nor can a plain copy of it."""
    command = ["go", "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", tool.module]
    where, environment = SOURCES / tool.name, os.environ | {"GOWORK": "off"}
    found = subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, check=True)
    target.mkdir()
    for file in (Path(found.stdout.strip()) / folder).iterdir():
        shutil.copyfile(file, target / file.name)


def _wait(child: subprocess.Popen[bytes], tick: Callable[[], None]) -> None:
    while True:
        try:
            child.wait(PROGRESS_EVERY)
        except subprocess.TimeoutExpired:
            tick()
        else:
            return


def _ldflags(tool: Tool) -> str:
    if tool.name != "kubernetes":
        return "-s -w"
    # Without these the server calls itself v0.0.0-master, which kubectl refuses to understand.
    major, minor, _ = tool.version.removeprefix("v").split(".", 2)
    stamps = {
        "gitVersion": tool.version,
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
        "gitCommit": "0" * 40,
        "buildDate": "1970-01-01T00:00:00Z",
    }
    package = "k8s.io/component-base/version"
    return "-s -w " + " ".join(f"-X {package}.{key}={value}" for key, value in stamps.items())
