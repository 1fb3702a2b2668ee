"""The kit itself: what tests and the demo rely on without looking."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import obstore
import pytest
import requests
import yaml
from obstore.exceptions import NotFoundError, PermissionDeniedError

from tests.cluster import Cluster, Kit, KubectlError, Registry, Storage, ToolError
from tests.cluster.process import Process

pytestmark = pytest.mark.integration

READER = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: reader}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules: [{apiGroups: [""], resources: [configmaps], verbs: [get, list, create]}]
"""


@pytest.fixture
def reader(cluster: Cluster, namespace: str) -> Path:
    cluster.kubectl("apply", "-n", namespace, "-f", "-", stdin=READER)
    return cluster.service_account_kubeconfig(namespace, "reader")


def test_two_clusters_side_by_side(tmp_path: Path) -> None:
    before = _children()
    with Kit(tmp_path, clusters=("one", "two"), storage=None) as kit:
        one, two = kit.clusters
        one.kubectl("create", "namespace", "only-in-one")
        assert "only-in-one" in one.kubectl("get", "namespaces")
        assert "only-in-one" not in two.kubectl("get", "namespaces")
        # A token of one cluster is worth nothing on the other.
        config = yaml.safe_load(one.service_account_kubeconfig("default", "default").read_text())
        token = config["users"][0]["user"]["token"]
        assert _status(one, token) == requests.codes.forbidden  # known, without rights
        assert _status(two, token) == requests.codes.unauthorized
        children = _children() - before
        assert len(children) == 6
    assert not _alive(children)


def test_service_account_has_the_rights_it_was_given_and_no_more(
    cluster: Cluster, namespace: str, reader: Path
) -> None:
    with pytest.raises(KubectlError, match="cannot list resource") as refused:
        cluster.kubectl("get", "configmaps", kubeconfig=reader)
    assert f"system:serviceaccount:{namespace}:reader" in refused.value.stderr
    _bind(cluster, namespace)
    assert "kube-root-ca.crt" in cluster.kubectl("get", "configmaps", kubeconfig=reader)
    with pytest.raises(KubectlError, match="cannot list resource"):
        cluster.kubectl("get", "secrets", kubeconfig=reader)


def test_audit_counts_writes_by_user(cluster: Cluster, namespace: str, reader: Path) -> None:
    user = f"system:serviceaccount:{namespace}:reader"
    _bind(cluster, namespace)
    cluster.kubectl("get", "configmaps", kubeconfig=reader)
    assert cluster.audit_writes(user) == []
    cluster.kubectl("create", "configmap", "mine", kubeconfig=reader)
    with pytest.raises(KubectlError):
        cluster.kubectl("delete", "configmap", "mine", kubeconfig=reader)
    written = [(entry.verb, entry.resource, entry.name, entry.code) for entry in cluster.audit_writes(user)]
    assert written == [("create", "configmaps", "mine", 201), ("delete", "configmaps", "mine", 403)]
    assert cluster.audit_writes(user)[0].namespace == namespace


def test_api_server_comes_back_with_its_data(cluster: Cluster, namespace: str) -> None:
    cluster.apiserver.stop(grace=0)
    with pytest.raises(KubectlError, match="refused"):
        cluster.kubectl("get", "namespace", namespace)
    cluster.start_apiserver()
    assert namespace in cluster.kubectl("get", "namespace", namespace)


def test_registry_plain(registry: Registry) -> None:
    assert registry.plain_http
    assert requests.get(f"http://{registry.address}/v2/", timeout=5).status_code == requests.codes.ok
    assert registry.tags("no/such") == []
    assert registry.manifest("no/such", "v1") is None


def test_registry_shows_what_was_pushed_and_deletes(registry: Registry) -> None:
    repository = f"http://{registry.address}/v2/kit/probe"
    digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"  # of {}
    session = requests.post(f"{repository}/blobs/uploads/", timeout=5)
    pushed = requests.put(session.headers["Location"], params={"digest": digest}, data=b"{}", timeout=5)
    assert pushed.status_code == requests.codes.created
    kind = "application/vnd.oci.image.manifest.v1+json"
    config = f'{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{digest}","size":2}}'
    manifest = f'{{"schemaVersion":2,"mediaType":"{kind}","config":{config},"layers":[]}}'.encode()
    answer = requests.put(f"{repository}/manifests/v1", data=manifest, headers={"Content-Type": kind}, timeout=5)
    assert answer.status_code == requests.codes.created
    assert "kit/probe" in registry.repositories()
    assert registry.tags("kit/probe") == ["v1"]
    assert registry.manifest("kit/probe", "v1") == manifest
    gone = requests.delete(f"{repository}/manifests/{answer.headers['Docker-Content-Digest']}", timeout=5)
    assert gone.status_code == requests.codes.accepted
    assert registry.manifest("kit/probe", "v1") is None


def test_registry_tls_is_trusted_with_its_ca_only(kit: Kit) -> None:
    registry = kit.registry(tls=True)
    assert not registry.plain_http
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"https://{registry.address}/v2/", timeout=5)
    trusted = requests.get(f"https://{registry.address}/v2/", verify=str(registry.ca_file), timeout=5)
    assert trusted.status_code == requests.codes.ok


@pytest.mark.parametrize("tls", [False, True])
def test_registry_htpasswd(kit: Kit, tls: bool) -> None:
    registry = kit.registry(tls=tls, htpasswd=True)
    assert registry.username
    assert registry.password
    verify = str(registry.ca_file) if tls else True
    for login, expected in (
        (None, requests.codes.unauthorized),
        ((registry.username, "wrong"), requests.codes.unauthorized),
        ((registry.username, registry.password), requests.codes.ok),
    ):
        answer = requests.get(f"{registry.url}/v2/", auth=login, verify=verify, timeout=5)
        assert answer.status_code == expected
    assert "kit/nobody-pushed-this" not in registry.repositories()  # listed with its login; others may have pushed


@pytest.fixture(
    scope="module",
    params=["versitygw", pytest.param("minio", marks=pytest.mark.tools("minio"))],
)
def any_storage(request: pytest.FixtureRequest) -> Iterator[Storage]:
    with Kit(clusters=(), storage=request.param) as kit:
        yield kit.storage


def test_storage(any_storage: Storage, tmp_path: Path) -> None:
    content = os.urandom(20_000_000)  # more than one part
    (tmp_path / "file").write_bytes(content)
    any_storage.put("folder/small", b"small")
    any_storage.put("folder/large", tmp_path / "file")
    assert bytes(obstore.get(any_storage.store(), "folder/small").bytes()) == b"small"
    assert bytes(obstore.get(any_storage.store(), "folder/large").bytes()) == content
    assert any_storage.url("folder/small") == "s3://packages/folder/small"
    any_storage.delete("folder/small")
    with pytest.raises((NotFoundError, FileNotFoundError)):
        obstore.get(any_storage.store(), "folder/small")


def test_storage_refuses_strangers(any_storage: Storage) -> None:
    any_storage.put("secret", b"secret")
    keys = any_storage.add_user_without_rights()
    with pytest.raises(PermissionDeniedError, match="403 Forbidden"):
        obstore.get(any_storage.store(*keys), "secret")
    with pytest.raises(PermissionDeniedError, match="403 Forbidden"):
        obstore.put(any_storage.store(*keys), "mine", b"mine")


def test_a_component_that_does_not_start_says_why(tmp_path: Path) -> None:
    process = Process("failing", ["sh", "-c", "echo no such luck; exit 3"], tmp_path / "failing.log")
    with pytest.raises(ToolError, match="exit code 3") as failure:
        process.start(lambda: False)
    assert "no such luck" in str(failure.value)
    assert str(tmp_path / "failing.log") in str(failure.value)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_running(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "tests.cluster", "up", "--data-dir", str(tmp_path)]
    parent = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        _wait_for(lambda: (tmp_path / "env").exists() or parent.poll() is not None, 60)
        children = _children(parent.pid)
        assert len(children) == 5  # three of the cluster, the registry, the storage
        parent.send_signal(number)
        assert parent.wait(30) == (-number if number == signal.SIGKILL else 0)
        _wait_for(lambda: not _alive(children), 5)
    finally:
        parent.kill()
        parent.wait()


def test_detached(tmp_path: Path) -> None:
    def cli(command: str, *more: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "tests.cluster", command, "--data-dir", str(tmp_path), *more]
        return subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)

    assert cli("status").returncode == 1
    assert cli("up", "--detach").returncode == 0
    try:
        assert cli("status").returncode == 0
        with pytest.raises(ToolError, match="in use by another kit"), Kit(tmp_path):
            pass
        script = f'set -eu; . {tmp_path / "env"}; kubectl get namespace default; echo "$REGISTRY $S3_BUCKET"'
        shown = subprocess.run(["sh", "-c", script], check=True, timeout=30, capture_output=True, text=True)
        assert shown.stdout.endswith(" packages\n")
        children = _children(int((tmp_path / "lock").read_text()))
    finally:
        assert cli("down").returncode == 0
    assert not _alive(children)
    assert cli("status").returncode == 1


def _bind(cluster: Cluster, namespace: str) -> None:
    account = f"--serviceaccount={namespace}:reader"
    cluster.kubectl("create", "rolebinding", "reader", "-n", namespace, "--role=reader", account)


def _status(cluster: Cluster, token: str) -> int:
    answer = requests.get(
        f"{cluster.server}/api/v1/namespaces",
        headers={"Authorization": f"Bearer {token}"},
        verify=str(cluster.ca_file),
        timeout=5,
    )
    return answer.status_code


def _children(pid: int | None = None) -> set[int]:
    """Process ids of the children of any thread of a process, of this one unless told."""
    tasks = Path(f"/proc/{pid or os.getpid()}/task")
    return {int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()}


def _alive(pids: set[int]) -> set[int]:
    return {pid for pid in pids if Path(f"/proc/{pid}/cmdline").exists()}


def _wait_for(condition: Callable[[], bool], timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.1)
