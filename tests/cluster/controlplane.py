"""One Kubernetes control plane: etcd, API server and controller manager as child processes."""

import json
import secrets
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.cluster.access import Access, KubectlError
from tests.cluster.pki import Authority, new_key
from tests.cluster.process import Process, answers, free_port
from tests.cluster.toolchain import Programs

# Who wrote what: metadata only (no bodies, so no secrets), writes only (reads are too many to be of use).
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived", "ResponseStarted"],
    "rules": [
        {"level": "Metadata", "verbs": ["create", "update", "patch", "delete", "deletecollection"]},
        {"level": "None"},
    ],
}


@dataclass(frozen=True)
class AuditEntry:
    """One write that the API server has answered."""

    user: str
    verb: str
    resource: str
    subresource: str
    namespace: str
    name: str
    code: int


class Cluster(Access):
    """A control plane under `directory`; `kubeconfig` is the administrator's."""

    def __init__(self, name: str, directory: Path, programs: Programs) -> None:
        super().__init__(name, directory, programs["kubectl"], directory / "admin.kubeconfig")
        self.server = f"https://127.0.0.1:{free_port()}"
        self._manager_kubeconfig = directory / "controller-manager.kubeconfig"
        self._programs = programs
        self._audit_log = directory / "audit.log"
        self._authority = Authority(directory / "pki", name)
        self.ca_file = self._authority.ca_file
        self._etcd_url = f"http://127.0.0.1:{free_port()}"
        self.etcd = self._process("etcd", *self._etcd_flags())
        self.apiserver = self._process("kube-apiserver", *self._apiserver_flags())
        self.controller_manager = self._process("kube-controller-manager", *self._manager_flags())

    @property
    def processes(self) -> tuple[Process, ...]:
        """In the order in which they start; they stop in the opposite order."""
        return self.etcd, self.apiserver, self.controller_manager

    def start(self) -> None:
        """Start everything and return when the API is ready and controllers work."""
        self.etcd.start(lambda: answers(f"{self._etcd_url}/health"))
        self.start_apiserver()
        # The first ServiceAccount is the controller manager's work: when it is there, controllers run.
        self.controller_manager.start(self._has_default_service_account)

    def start_apiserver(self) -> None:
        """Start the API server alone, e.g. after `apiserver.stop()` in a test of an outage."""
        self.apiserver.start(lambda: answers(f"{self.server}/readyz", verify=str(self.ca_file)))

    def stop(self) -> None:
        """Stop everything, etcd last."""
        for process in reversed(self.processes):
            process.stop()

    def audit_writes(self, user_substring: str) -> list[AuditEntry]:
        """Return the writes so far of every user whose name contains the given text, oldest first.

        A dry run is no write: nothing is stored.
        """
        return [entry for entry in self._audit_entries() if user_substring in entry.user]

    def _audit_entries(self) -> Iterator[AuditEntry]:
        with self._audit_log.open() as lines:
            for line in lines:
                if not line.endswith("\n"):
                    return  # the API server is writing it just now
                event = json.loads(line)
                if "dryRun=All" in event["requestURI"]:
                    continue
                reference = event.get("objectRef", {})
                yield AuditEntry(
                    user=event["user"]["username"],
                    verb=event["verb"],
                    resource=reference.get("resource", ""),
                    subresource=reference.get("subresource", ""),
                    namespace=reference.get("namespace", ""),
                    name=reference.get("name", ""),
                    code=event.get("responseStatus", {}).get("code", 0),
                )

    def _has_default_service_account(self) -> bool:
        try:
            self.kubectl("get", "serviceaccount", "default", "--namespace", "default")
        except KubectlError:
            return False
        return True

    def _process(self, program: str, *flags: str) -> Process:
        return Process(
            f"{program} of cluster {self.name}",
            [self._programs[program], *flags],
            self.directory / f"{program}.log",
        )

    def _etcd_flags(self) -> list[str]:
        return [
            f"--data-dir={self.directory / 'etcd'}",
            f"--listen-client-urls={self._etcd_url}",
            f"--advertise-client-urls={self._etcd_url}",
            "--listen-peer-urls=http://127.0.0.1:0",
            "--unsafe-no-fsync",  # the data is a test's: speed matters, a power cut does not
            "--log-level=warn",
        ]

    def _apiserver_flags(self) -> list[str]:
        policy = self.directory / "audit-policy.yaml"
        policy.write_text(yaml.safe_dump(AUDIT_POLICY))
        certificate, key = self._authority.server("apiserver", dns=("kubernetes", "kubernetes.default.svc"))
        sa_key = self.directory / "pki" / "service-account.key"
        if not sa_key.exists():
            new_key(sa_key)
        return [
            f"--etcd-servers={self._etcd_url}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.server.rpartition(':')[2]}",
            f"--tls-cert-file={certificate}",
            f"--tls-private-key-file={key}",
            f"--token-auth-file={self._write_users()}",
            "--authorization-mode=RBAC",
            f"--service-account-key-file={sa_key}",
            f"--service-account-signing-key-file={sa_key}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.0.0.0/24",
            f"--audit-policy-file={policy}",
            f"--audit-log-path={self._audit_log}",
            "--audit-log-maxsize=4096",  # MB; one file, so that counting needs no rotated ones
        ]

    def _manager_flags(self) -> list[str]:
        return [
            f"--kubeconfig={self._manager_kubeconfig}",
            f"--service-account-private-key-file={self.directory / 'pki' / 'service-account.key'}",
            f"--root-ca-file={self.ca_file}",
            "--use-service-account-credentials=true",
            "--leader-elect=false",
            "--secure-port=0",  # nobody asks it anything
            "--kube-api-qps=500",  # the default of 20 makes it idle for 3 s of its start
            "--kube-api-burst=1000",
        ]

    def _write_users(self) -> Path:
        # Names of their own, so that the audit log tells the administrator and the controllers apart.
        users = {
            "admin": (self.kubeconfig, "system:masters"),
            "system:kube-controller-manager": (self._manager_kubeconfig, ""),
        }
        lines = []
        for user, (kubeconfig, groups) in users.items():
            token = secrets.token_urlsafe(32)
            lines.append(f'{token},{user},{user},"{groups}"\n')
            self._write_kubeconfig(kubeconfig, user=user, token=token)
        tokens = self.directory / "tokens.csv"
        tokens.touch(mode=0o600)
        tokens.write_text("".join(lines))
        return tokens

    def _write_kubeconfig(self, path: Path, *, user: str, token: str) -> None:
        authority = b64encode(self.ca_file.read_bytes()).decode()
        context = {"cluster": self.name, "user": user, "namespace": "default"}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": self.name,
                    "cluster": {"server": self.server, "certificate-authority-data": authority},
                }
            ],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": self.name, "context": context}],
            "current-context": self.name,
        }
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(config))
