"""violet-operator as a program: installed with the manifests it ships, started under its own ServiceAccount."""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import requests

from tests.cluster import Access
from tests.cluster.process import Process, answers, free_port

ROOT = Path(__file__).parents[1]
NAMESPACE = "violet-system"
ACCOUNT = "violet-operator"


def install(cluster: Access, folder: Path = ROOT / "deploy") -> None:
    """CRDs, rights and the Deployment, as `deploy/` (or an overlay) has them; without a node its pod never runs."""
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-k", str(folder))
    for kind in (
        "cleanuppolicies",
        "cleanupruns",
        "packageinventories",
        "packageuploads",
        "packageuploadsets",
        "platforms",
    ):
        cluster.kubectl("wait", "--for=condition=Established", f"crd/{kind}.violet.alauda.io", "--timeout=120s")


class Operator:
    """One running operator. Its log is a file; it can be killed and started again."""

    def __init__(
        self,
        cluster: Access,
        directory: Path,
        *flags: str,
        python: Sequence[str] = ("-X", "dev", "-m", "violet_operator.cli"),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.metrics_port, self.health_port = free_port(), free_port()
        kubeconfig = cluster.service_account_kubeconfig(NAMESPACE, ACCOUNT)
        ports = ("--metrics-port", str(self.metrics_port), "--health-port", str(self.health_port))
        program = [sys.executable, *python, "run"]
        self._process = Process(
            "violet-operator",
            [*program, "--kubeconfig", kubeconfig, *ports, *flags],
            directory / "operator.log",
            env={"PYTHONPATH": f"{ROOT / 'operator'}{os.pathsep}{ROOT}", **(environment or {})},
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it is alive."""
        self._process.start(lambda: answers(f"http://127.0.0.1:{self.health_port}/healthz"), timeout=120)

    def stop(self) -> int | None:
        """End it as a kubelet would, SIGTERM, then SIGKILL after 30 s; its exit code."""
        return self._process.stop(grace=30)

    def check(self) -> None:
        """Raise, with the tail of its log, if it has ended by itself."""
        self._process.check()

    def kill(self) -> None:
        """End it without a warning."""
        if self._process.pid:
            os.kill(self._process.pid, signal.SIGKILL)
        self._process.stop()

    @property
    def pid(self) -> int:
        """Process id of the running operator."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """Everything it has logged."""
        return self._process.log.read_text(errors="replace")

    def memory(self, field: str = "VmRSS") -> int:
        """Resident memory in bytes; `VmHWM` is its highest value so far."""
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        found = next(line for line in lines if line.startswith(f"{field}:"))
        return int(found.split()[1]) * 1024

    def bytes_written(self) -> int:
        """Bytes it has caused to be written to disks so far."""
        lines = Path(f"/proc/{self._process.pid}/io").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes:"))

    def metrics(self) -> str:
        """All its metrics."""
        return requests.get(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5).text

    def metric(self, name: str, /, **labels: Any) -> float:
        """The sum of a metric's samples that carry these labels."""
        samples = [
            line.rpartition(" ") for line in self.metrics().splitlines() if line.startswith((f"{name}{{", f"{name} "))
        ]
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        return sum(float(value) for series, _, value in samples if all(item in series for item in wanted))
