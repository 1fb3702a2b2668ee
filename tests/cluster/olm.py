"""The Operator Lifecycle Manager (OLM) of one cluster as child processes, and opm, which serves catalogs to it.

OLM and its package server are meant for pods, and know no flag for it: their metrics, and opm's catalog, listen on all
addresses of the machine. The second of `olm` and `catalog` finds the port of its metrics taken and goes on without.
"""

import json
import os
import subprocess
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import yaml

from tests.cluster.controlplane import Cluster
from tests.cluster.pki import Authority
from tests.cluster.process import Process, ToolError, answers, free_port
from tests.cluster.toolchain import ensure

Object = dict[str, Any]
SERVER, PACKAGES = "package-server", "packages.operators.coreos.com"


class Olm:
    """`with Olm(cluster, directory, namespace) as olm:`; catalogs in that namespace are for the whole cluster."""

    def __init__(self, cluster: Cluster, directory: Path, namespace: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._cluster, self._directory, self._namespace = cluster, directory, namespace
        self._programs = ensure("olm")
        self._folder = self._programs["olm"].with_name("crds")
        self._port = free_port()
        self._authority = Authority(directory / "pki", "olm")
        self.package_server = self._process(SERVER, *self._server_flags())
        self._operators = (self._process("catalog", "--namespace", namespace), self._process("olm"))

    def __enter__(self) -> Self:
        kubectl = self._cluster.kubectl
        kubectl("apply", "--server-side", "-f", str(self._folder))
        kubectl("wait", "--for=condition=Established", "--timeout=120s", "-f", str(self._folder))
        try:
            for process in self._operators:
                process.start(lambda: True)
            kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": self._api()}))
            self.start_package_server()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in (*self._operators, self.package_server):
            process.stop()

    def start_package_server(self) -> None:
        """Start the package server alone, e.g. after `package_server.stop()`, and wait until the API server has it."""
        self.package_server.start(self._serves)
        self._cluster.kubectl("wait", "--for=condition=Available", f"apiservice/v1.{PACKAGES}", "--timeout=120s")

    @property
    def crds(self) -> list[str]:
        """Names of OLM's own CRDs."""
        return [yaml.safe_load(file.read_text())["metadata"]["name"] for file in self._folder.iterdir()]

    def check(self) -> None:
        """Raise, with the tail of its log, if a part has ended by itself."""
        for process in (*self._operators, self.package_server):
            process.check()

    def _process(self, program: str, *flags: str) -> Process:
        log, environment = self._directory / f"{program}.log", {"KUBECONFIG": str(self._cluster.kubeconfig)}
        return Process(program, [self._programs[program], *flags], log, env=environment)

    def _server_flags(self) -> list[str]:
        certificate, key = self._authority.server(SERVER, dns=(f"{SERVER}.{self._namespace}.svc",))
        return [
            f"--kubeconfig={self._cluster.kubeconfig}",
            f"--global-namespace={self._namespace}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self._port}",
            f"--tls-cert-file={certificate}",
            f"--tls-private-key-file={key}",
        ]

    def _serves(self) -> bool:
        return answers(f"https://127.0.0.1:{self._port}/readyz", verify=str(self._authority.ca_file))

    def _api(self) -> list[Object]:
        """The APIService, and a Service by which the API server finds us without a network of the cluster's own."""
        where = {"name": SERVER, "namespace": self._namespace}
        service = {"apiVersion": "v1", "kind": "Service", "metadata": where}
        spec = {
            "group": PACKAGES,
            "version": "v1",
            "groupPriorityMinimum": 2000,
            "versionPriority": 15,
            "service": where | {"port": self._port},
            "caBundle": b64encode(self._authority.ca_file.read_bytes()).decode(),
        }
        api = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": f"v1.{PACKAGES}"}}
        return [service | {"spec": {"type": "ExternalName", "externalName": "localhost"}}, api | {"spec": spec}]


def opm(*arguments: str | Path, environment: Mapping[str, str] | None = None) -> str:
    """Run opm, and return what it writes to its output."""
    command = [ensure("olm")["opm"], *arguments]
    variables = os.environ | (environment or {})
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=variables, check=False)
    if done.returncode:
        raise ToolError(f"opm {arguments[0]} has failed:\n{done.stderr}")
    return done.stdout


def catalog_server(catalog: Path, port: int, log: Path) -> Process:
    """A gRPC server of a file-based catalog, as its files are when the process starts."""
    command = [ensure("olm")["opm"], "serve", catalog, "--port", str(port), "--pprof-addr", "", "-t", "/dev/null"]
    return Process("opm serve", command, log, env={"TMPDIR": str(log.parent)})
