"""The kit (and what others build on it) in the foreground of a terminal, or detached under a supervisor process.

All state is in the data directory: `lock` is held by the process that runs the kit and holds its pid, and
`env` exists exactly while everything is ready.
"""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import NoReturn

from tests.cluster.build import cache
from tests.cluster.kit import Kit, needed_tools
from tests.cluster.process import ToolError, tail
from tests.cluster.storage import Storage
from tests.cluster.toolchain import ensure
from tests.cluster.workdir import in_use, owner

ROOT = Path(__file__).parents[2]
START_TIMEOUT = 180.0  # seconds; some 5 s is usual
STOP_TIMEOUT = 60.0
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(data_dir: Path, clusters: list[str], storage: str) -> None:
    """Start the kit and keep it up until a signal or the end of one of its components."""
    leave_on_signals()
    with Kit(data_dir, clusters, storage) as kit:
        hold(data_dir / "env", environment(kit), kit.programs["kubectl"], kit.check)


def detach(data_dir: Path, clusters: list[str], storage: str) -> None:
    """Start the kit under a process of its own session and return when it is ready."""
    if in_use(data_dir):
        raise ToolError(f"{data_dir} is in use by process {owner(data_dir)}; end that one with `down`")
    ensure(*needed_tools(storage))  # here, where its progress is seen
    command = ["-m", "tests.cluster", "up", "--data-dir", str(data_dir)]
    command += ["--clusters", ",".join(clusters), "--storage", storage]
    launch(command, data_dir / "env", data_dir / "supervisor.log")
    print(f"Ready. Use it:  source {data_dir / 'env'}")


def leave_on_signals() -> None:
    """Let each of the signals that mean "end" unwind the stack, so that everything is closed."""
    for number in SIGNALS:
        signal.signal(number, _leave)


def hold(env_file: Path, variables: Mapping[str, str], kubectl: Path, check: Callable[[], None]) -> None:
    """Say that everything is ready, by an `env` file for shells, and look every second whether it still runs."""
    try:
        _write_env(env_file, variables, kubectl)
        print(f"Ready. In another terminal:  source {env_file}", flush=True)
        print("Ctrl-C ends it.", flush=True)
        while True:
            time.sleep(1)
            check()
    finally:
        ignore_signals()  # whoever sees us ending may tell us to end
        env_file.unlink(missing_ok=True)


def launch(command: list[str], env_file: Path, log: Path) -> None:
    """Start a Python program that ends in `hold` under a session of its own; return when it has come that far."""
    log.parent.mkdir(parents=True, exist_ok=True)
    env_file.unlink(missing_ok=True)
    with log.open("wb") as output:
        supervisor = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _await(env_file, supervisor, log)
    except BaseException:
        supervisor.terminate()
        supervisor.wait(STOP_TIMEOUT)
        raise


def down(data_dir: Path) -> None:
    """End the kit that lives in the directory, and return when all of it is gone."""
    if stop(data_dir):
        print(f"Stopped. The data is still in {data_dir}.")
    else:
        print(f"Nothing runs in {data_dir}.")


def stop(data_dir: Path) -> bool:
    """End the process that holds the directory, if there is one, and wait until it is gone."""
    if not in_use(data_dir):
        return False
    supervisor = owner(data_dir)
    os.kill(supervisor, signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT
    while in_use(data_dir) or _lives(supervisor):  # it gives its lock back a moment before it ends
        if time.monotonic() > deadline:
            raise ToolError(f"process {supervisor} has not ended after {STOP_TIMEOUT:.0f} s")
        time.sleep(0.1)
    return True


def _lives(pid: int) -> bool:
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())  # empty: a zombie
    except (FileNotFoundError, ProcessLookupError):
        return False


def status(data_dir: Path) -> bool:
    """Tell what runs in the directory, and return whether it is ready."""
    ready = in_use(data_dir) and (data_dir / "env").exists()
    if ready:
        print(f"Ready: process {owner(data_dir)}; source {data_dir / 'env'}")
    elif in_use(data_dir):
        print(f"Starting or stopping: process {owner(data_dir)}")
    else:
        print(f"Nothing runs in {data_dir}.")
    print(f"Built programs: {cache()}")
    return ready


def environment(kit: Kit) -> dict[str, str]:
    """Return what a user's shell needs to work with the kit by hand."""
    more = {f"KUBECONFIG_{cluster.name.upper()}": str(cluster.kubeconfig) for cluster in kit.clusters}
    first = {"KUBECONFIG": str(kit.clusters[0].kubeconfig)}
    return {**first, **more, "REGISTRY": kit.registry().address, **storage_environment(kit.storage)}


def storage_environment(storage: Storage) -> dict[str, str]:
    """The variables that S3 clients understand, and the bucket."""
    return {
        "S3_ENDPOINT": storage.endpoint,
        "S3_BUCKET": storage.bucket,
        "AWS_ENDPOINT_URL": storage.endpoint,
        "AWS_REGION": storage.region,
        "AWS_ACCESS_KEY_ID": storage.access_key,
        "AWS_SECRET_ACCESS_KEY": storage.secret_key,
    }


def read_environment(env_file: Path) -> dict[str, str]:
    """What a shell would have after `source env_file`, for a program of ours."""
    if not env_file.exists():
        raise ToolError(f"nothing is up: there is no {env_file}")
    pairs = (shlex.split(line)[1].partition("=") for line in env_file.read_text().splitlines())
    return os.environ | {name: value.replace("$PATH", os.environ["PATH"]) for name, _, value in pairs}


def _await(env_file: Path, supervisor: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while not env_file.exists():
        if supervisor.poll() is not None:
            raise ToolError(f"it has not started.\n{tail(log)}")
        if time.monotonic() > deadline:
            raise ToolError(f"it is not ready after {START_TIMEOUT:.0f} s.\n{tail(log)}")
        time.sleep(0.1)


def _write_env(path: Path, variables: Mapping[str, str], kubectl: Path) -> None:
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    lines.append(f'export PATH={shlex.quote(str(kubectl.parent))}:"$PATH"')
    draft = path.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_text("\n".join(lines) + "\n")
    draft.rename(path)  # complete from the first moment on: `launch` waits for this name


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    ignore_signals()
    print("Stopping.", flush=True)
    sys.exit(0)


def ignore_signals() -> None:
    """From now on: a second Ctrl-C must not cut the clean-up short."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
