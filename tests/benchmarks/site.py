"""A kit with the operator installed: the ground that the benchmarks stand on."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import yaml

from tests.cluster import AuditEntry, Cluster, Kit, Registry
from tests.cluster.pki import Authority
from tests.packages import Bundle, build
from tests.platform import Marketplace, install_crds
from tests.platform.bundles import Bundles
from tests.program import ACCOUNT, NAMESPACE, install

Document = dict[str, Any]
API = "violet.alauda.io/v1alpha1"

ALL_REQUESTS = {  # the kit's own policy keeps writes alone; reads are what a control plane costs at rest
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived", "ResponseStarted"],
    "rules": [{"level": "Metadata", "users": [f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"]}, {"level": "None"}],
}

KOPF_RIGHTS = [  # finalizers and annotations: what the rivals write and our operator has no right to
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "benchmark-kopf"},
        "rules": [{"apiGroups": ["violet.alauda.io"], "resources": ["packageuploads"], "verbs": ["patch"]}],
    },
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "benchmark-kopf"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "benchmark-kopf"},
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}],
    },
]


class Site:
    """Use within `with`."""

    def __init__(self) -> None:
        self.kit = Kit()

    def __enter__(self) -> Self:
        self.kit.__enter__()
        self.cluster: Cluster = self.kit.cluster()
        (self.cluster.directory / "audit-policy.yaml").write_text(yaml.safe_dump(ALL_REQUESTS))
        self.cluster.apiserver.stop()
        self.cluster.start_apiserver()
        install(self.cluster)
        install_crds(self.cluster.kubectl)
        self.apply(KOPF_RIGHTS)
        self.cluster.kubectl("create", "namespace", "cpaas-system")
        return self

    def __exit__(self, *_: object) -> None:
        self.kit.close()

    def directory(self, name: str) -> Path:
        """A directory that goes with the kit."""
        path = self.kit.data_dir / "benchmark" / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def registry(self, name: str) -> Registry:
        """A fresh, empty registry: nothing can be skipped or mounted from an earlier run."""
        authority = Authority(self.kit.data_dir / "registry-ca", "registry")
        registry = Registry(self.directory(name), self.kit.programs, authority, tls=False, htpasswd=False)
        registry.start()
        return registry

    @contextmanager
    def marketplace(self) -> Iterator[None]:
        """The platform's part, which is in the way once everything is Ready: it looks at it all twice a second."""
        self.kit.check()
        with Marketplace({"global": self.cluster.kubeconfig}, Bundles(plain=True)):
            yield

    def apply(self, documents: Sequence[Document], namespace: str = "default") -> None:
        """Create or change objects."""
        text = yaml.dump_all(documents, Dumper=yaml.CSafeDumper)
        self.cluster.kubectl("apply", "--server-side", "-n", namespace, "-f", "-", stdin=text, timeout=600)

    def open_namespace(self, name: str, registry: str) -> None:
        """A namespace with the bucket's keys and a Platform."""
        self.cluster.kubectl("create", "namespace", name)
        storage = self.kit.storage
        keys = {"accesskey": storage.access_key, "secretkey": storage.secret_key}
        spec = {"inCluster": {}, "registry": {"address": registry, "anonymous": True, "plainHTTP": True}}
        self.apply(
            [
                {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "bucket"}, "stringData": keys},
                {"apiVersion": API, "kind": "Platform", "metadata": {"name": "default"}, "spec": spec},
            ],
            name,
        )

    def store_small_packages(self, names: Sequence[str]) -> None:
        """One package for each name: a bundle image and nothing else, some 10 KB, with its checksum beside it."""
        with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda name: self.store(Bundle(name=name), Path(folder)), names))

    def store(self, spec: Bundle, folder: Path) -> Path:
        """Build a package and put it into the bucket; its file."""
        built = build(spec, folder / f"{spec.name}.tgz")
        self.kit.storage.put(built.path.name, built.path)
        assert built.sidecar is not None
        self.kit.storage.put(built.sidecar.name, built.sidecar)
        return built.path

    def upload(self, name: str, endpoint: str = "") -> Document:
        """The PackageUpload for a stored package."""
        storage = self.kit.storage
        source = {
            "url": storage.url(f"{name}.tgz"),
            "endpoint": endpoint or storage.endpoint,
            "credentialsSecretRef": {"name": "bucket"},
        }
        return {"apiVersion": API, "kind": "PackageUpload", "metadata": {"name": name}, "spec": {"source": source}}

    def get(self, name: str, namespace: str) -> Document:
        """A PackageUpload, or an empty document."""
        text = self.cluster.kubectl("get", "pu", name, "-n", namespace, "-o", "json", "--ignore-not-found")
        return dict(json.loads(text or "{}"))

    def wait_ready(self, namespace: str, seconds: int = 600) -> None:
        """Return when every PackageUpload of the namespace is Ready."""
        self.cluster.kubectl(
            *("wait", "pu", "--all", "-n", namespace, "--for=condition=Ready", f"--timeout={seconds}s"),
            timeout=seconds + 30,
        )

    def requests(self) -> list[AuditEntry]:
        """Every request of the operator's account so far, reads too; a watch counts when it ends."""
        return self.cluster.audit_writes(ACCOUNT)
