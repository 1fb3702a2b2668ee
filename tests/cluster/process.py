"""Child processes that cannot outlive us, and that say why when they do not start.

Each child is started through `setpriv --pdeathsig KILL` (util-linux): the kernel ends it when we die, however
we die. The kernel ties that promise to the *thread* that forked, so one thread, which lives as long as the
process, starts them all. Children get a process group of their own: Ctrl-C reaches us alone, and we stop them
in order.
"""

import os
import random
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="kit-spawner")
_given_ports: set[int] = set()
_ports_lock = threading.Lock()


class ToolError(Exception):
    """A program is missing, does not build, does not start or has ended."""


def tell(text: str) -> None:
    """Show progress at once, also where the output is not a terminal."""
    print(text, flush=True)


def tail(path: Path, lines: int = 20) -> str:
    """Return the end of a log, with its path, for an error message."""
    text = path.read_text(errors="replace").splitlines() if path.exists() else []
    return "\n".join([f"The last lines of {path}:", *(f"  {line}" for line in text[-lines:])])


def free_port() -> int:
    """Return a loopback port that nobody uses.

    It lies below the range from which the kernel takes ports for outgoing connections, so none of those can
    take it between now and the moment when the child binds it.
    """
    with _ports_lock:
        for _ in range(1000):
            port = random.randint(20000, 29999)
            if port in _given_ports:
                continue
            with socket.socket() as probe:
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
            _given_ports.add(port)
            return port
    raise ToolError("no free port between 20000 and 29999 on 127.0.0.1")


def answers(url: str, *, verify: str | bool = True, accept: Sequence[int] = (200,)) -> bool:
    """Tell whether a GET brings one of the accepted status codes."""
    try:
        with requests.Session() as session:
            session.trust_env = False  # no proxy between us and loopback
            return session.get(url, verify=verify, timeout=2).status_code in accept
    except requests.RequestException:
        return False


def spawn(argv: Sequence[str], log: Path, env: Mapping[str, str], cwd: Path | None = None) -> subprocess.Popen[bytes]:
    """Start a child that ends with us, in a process group of its own, its output added to the log."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise ToolError("setpriv is not on PATH: install util-linux 2.33 or newer")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return _spawner.submit(
            subprocess.Popen,
            [setpriv, "--pdeathsig", "KILL", "--", *argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | env,
            cwd=cwd,
            process_group=0,
        ).result()


class Process:
    """One program, its log, and its way to start and stop. It can be started again after a stop."""

    def __init__(
        self, name: str, argv: Sequence[str | Path], log: Path, *, env: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.argv = [str(part) for part in argv]
        self.log = log
        self.env = dict(env or {})
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._child.pid if self.running and self._child else None

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._child is not None and self._child.poll() is None

    def start(self, ready: Callable[[], bool], timeout: float = 60) -> None:
        """Start it and wait until it is ready; what does not become ready is stopped."""
        self._child = spawn(self.argv, self.log, self.env)
        try:
            self._wait(ready, timeout)
        except BaseException:
            self.stop(grace=1)
            raise

    def check(self) -> None:
        """Raise if it has ended by itself."""
        if self._child is not None and self._child.poll() is not None:
            code = self._child.returncode
            raise ToolError(f"{self.name} has ended with exit code {code}.\n{tail(self.log)}")

    def stop(self, grace: float = 10) -> int | None:
        """End it and wait until it is gone: asked first, killed after `grace` seconds; its exit code."""
        child, self._child = self._child, None
        if child is None:
            return None
        child.terminate()
        try:
            return child.wait(grace)
        except subprocess.TimeoutExpired:
            child.kill()
            return child.wait()

    def _wait(self, ready: Callable[[], bool], timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while not ready():
            self.check()
            if self._child is None:
                raise ToolError(f"{self.name} was stopped while it started")
            if time.monotonic() > deadline:
                raise ToolError(f"{self.name} is not ready after {timeout:.0f} s.\n{tail(self.log)}")
            time.sleep(0.05)
