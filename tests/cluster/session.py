"""The kit in the foreground of a terminal, or detached from it under a supervisor process.

All state is in the data directory: `lock` is held by the process that runs the kit and holds its pid, and
`env` exists exactly while everything is ready.
"""

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

from tests.cluster.build import cache
from tests.cluster.kit import Kit, needed_tools
from tests.cluster.process import ToolError, tail
from tests.cluster.toolchain import ensure
from tests.cluster.workdir import in_use, owner

ROOT = Path(__file__).parents[2]
START_TIMEOUT = 180.0  # seconds; some 5 s is usual
STOP_TIMEOUT = 60.0


def run(data_dir: Path, clusters: list[str], storage: str) -> None:
    """Start the kit and keep it up until a signal or the end of one of its components."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    env_file = data_dir / "env"
    with Kit(data_dir, clusters, storage) as kit:
        try:
            _write_env(kit, env_file)
            print(f"Ready. In another terminal:  source {env_file}", flush=True)
            print("Ctrl-C ends it.", flush=True)
            while True:
                time.sleep(1)
                kit.check()
        finally:
            env_file.unlink(missing_ok=True)


def detach(data_dir: Path, clusters: list[str], storage: str) -> None:
    """Start the kit under a process of its own session and return when it is ready."""
    if in_use(data_dir):
        raise ToolError(f"{data_dir} is in use by process {owner(data_dir)}; end that one with `down`")
    ensure(*needed_tools(storage))  # here, where its progress is seen
    env_file, log = data_dir / "env", data_dir / "supervisor.log"
    data_dir.mkdir(parents=True, exist_ok=True)
    env_file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "tests.cluster", "up", "--data-dir", str(data_dir)]
    command += ["--clusters", ",".join(clusters), "--storage", storage]
    with log.open("wb") as output:
        supervisor = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_TIMEOUT
    while not env_file.exists():
        if supervisor.poll() is not None:
            raise ToolError(f"the kit has not started.\n{tail(log)}")
        if time.monotonic() > deadline:
            supervisor.terminate()
            raise ToolError(f"the kit is not ready after {START_TIMEOUT:.0f} s.\n{tail(log)}")
        time.sleep(0.1)
    print(f"Ready. Use it:  source {env_file}")


def down(data_dir: Path) -> None:
    """End the kit that lives in the directory, and return when all of it is gone."""
    if not in_use(data_dir):
        print(f"Nothing runs in {data_dir}.")
        return
    os.kill(owner(data_dir), signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT
    while in_use(data_dir):
        if time.monotonic() > deadline:
            raise ToolError(f"process {owner(data_dir)} has not ended after {STOP_TIMEOUT:.0f} s")
        time.sleep(0.1)
    print(f"Stopped. The data is still in {data_dir}.")


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
    first, storage = kit.clusters[0], kit.storage
    more = {f"KUBECONFIG_{cluster.name.upper()}": str(cluster.kubeconfig) for cluster in kit.clusters}
    return {
        "KUBECONFIG": str(first.kubeconfig),
        **more,
        "REGISTRY": kit.registry().address,
        "S3_ENDPOINT": storage.endpoint,
        "S3_BUCKET": storage.bucket,
        "AWS_ENDPOINT_URL": storage.endpoint,
        "AWS_REGION": storage.region,
        "AWS_ACCESS_KEY_ID": storage.access_key,
        "AWS_SECRET_ACCESS_KEY": storage.secret_key,
    }


def _write_env(kit: Kit, path: Path) -> None:
    lines = [f"export {name}={shlex.quote(value)}" for name, value in environment(kit).items()]
    lines.append(f'export PATH={shlex.quote(str(kit.programs["kubectl"].parent))}:"$PATH"')
    draft = path.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_text("\n".join(lines) + "\n")
    draft.rename(path)  # complete from the first moment on: `detach` waits for this name


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    for other in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(other, signal.SIG_IGN)  # a second Ctrl-C must not cut the clean-up short
    print("Stopping.", flush=True)
    sys.exit(0)
