"""`make demo` as a user meets it: up, on by hand, down; interrupted; failing; on a cluster that is not its own."""

import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import Cluster, Kit
from tests.platform import install_crds
from tests.program import ROOT

pytestmark = pytest.mark.e2e

BY_HAND = """
set -eu
. "$1/env"
cd "$1"
kubectl -n demo get packageuploads -o wide
kubectl -n demo describe packageupload sample
kubectl -n demo patch packageupload sample --type merge -p '{"spec": {"targets": [{"platformRef": {"name": "acp"}}]}}'
kubectl -n demo wait --for=jsonpath='{.status.targets[0].platform}'=acp packageupload/sample --timeout=60s
kubectl -n demo wait --for=condition=Ready packageupload/sample --timeout=60s
kubectl -n demo delete packageupload sample
kubectl -n demo apply -k samples
kubectl -n demo wait --for=condition=Ready packageupload/sample --timeout=60s
"""
FOREIGN = """
apiVersion: app.alauda.io/v1alpha1
kind: Artifact
metadata: {name: theirs, namespace: default}
spec: {type: bundle, registry: registry.example.com, repository: a/b, present: true, artifactVersionSelector: {}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder for a demo, which is ended whatever the test does."""
    yield tmp_path / "demo"
    _demo(tmp_path / "demo", "down")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of its own: what the demo leaves there must not meet other tests."""
    with Kit(tmp_path_factory.mktemp("theirs"), storage=None) as kit:
        yield kit.cluster()


def test_up_then_by_hand_then_down(folder: Path) -> None:
    up = _demo(folder, "up", "--size", "4MiB")
    assert up.returncode == 0, up.stderr
    assert " 100 %  Installable: sample-operator 1.0.0 can be installed on global of default." in up.stdout
    assert '{"name":"acp/sample-operator","tags":["v1.0.0"]}' in up.stdout
    assert "sample-operator.v1.0.0   v1.0.0   Present   Success" in up.stdout
    assert re.search(r"platform.violet.alauda.io/acp +True +Connected .* https://127.0.0.1:", up.stdout)
    assert "Platform acp" in up.stdout
    assert re.search(r"\ninstalled +True +Exported ", up.stdout)
    assert '{"apps.yaml":"applications:' in up.stdout
    assert stat.S_IMODE((folder / "env").stat().st_mode) == 0o600

    by_hand = subprocess.run(
        ["sh", "-c", BY_HAND, "sh", folder],
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert by_hand.returncode == 0, by_hand.stderr
    assert by_hand.stdout.endswith("packageupload.violet.alauda.io/sample condition met\n")
    assert "ChecksumMatches" in by_hand.stdout

    again = _demo(folder, "up")
    assert (again.returncode, again.stdout.splitlines()[0]) == (0, f"The demo is up already.  source {folder / 'env'}")

    down = _demo(folder, "down")
    assert (down.returncode, down.stdout) == (0, "The demo has ended; nothing is left running.\n")
    assert _running(folder) == []
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("event", ["Ctrl-C", "the operator is killed"])
def test_what_ends_before_ready_ends_everything_and_says_why(folder: Path, event: str) -> None:
    with _start(folder, "up", "--size", "96MiB") as up:
        assert up.stdout
        assert up.stderr
        assert any("apply -k" in line for line in up.stdout), up.stderr.read()
        if event == "Ctrl-C":
            os.killpg(up.pid, signal.SIGINT)  # as the terminal does: to everyone in front
        else:
            (operator,) = [pid for pid, command in _running(folder) if "violet_operator.cli" in command]
            os.kill(operator, signal.SIGKILL)
        rest, errors = up.communicate(timeout=90)
    assert "Installable" not in rest
    assert up.returncode == (130 if event == "Ctrl-C" else 1)
    assert "Stopping everything." in errors
    assert "The operator's log." in errors
    assert event == "Ctrl-C" or "violet-operator has ended with exit code -9" in errors
    assert _running(folder) == []


def test_put_while_nothing_is_up(folder: Path) -> None:
    put = _demo(folder, "put", "package.tgz")
    assert (put.returncode, put.stderr) == (1, f"error: nothing is up: there is no {folder / 'env'}\n")


def test_a_size_that_is_none(folder: Path) -> None:
    up = _demo(folder, "up", "--size", "much")
    assert up.returncode == 1
    assert "'much' is not a size" in up.stderr
    assert _running(folder) == []


def test_on_a_given_cluster(folder: Path, theirs: Cluster) -> None:
    theirs.kubectl("create", "namespace", "violet-system")
    up = _demo(folder, "up", "--size", "4MiB", kubeconfig=theirs)
    assert up.returncode == 0, up.stderr
    assert f"Cluster: {theirs.server}, as KUBECONFIG says." in up.stdout
    assert "gateway" not in up.stdout
    assert "CRDs of the platform: 0 are there" in up.stdout
    assert not any("kube-apiserver" in command for _, command in _running(folder))
    replicas = ("get", "deployment", "violet-operator", "-n", "violet-system", "-o", "jsonpath={.spec.replicas}")
    assert theirs.kubectl(*replicas) == "0"
    writers = {
        entry.user for entry in theirs.audit_writes("") if entry.resource == "artifacts" and entry.verb == "patch"
    }
    assert "system:serviceaccount:violet-system:violet-operator" in writers

    down = _demo(folder, "down")
    assert "Left in your cluster: the CRDs" in down.stdout
    assert _running(folder) == []
    theirs.kubectl("wait", "--for=delete", "namespace/demo", "--timeout=60s")
    assert theirs.kubectl("get", "artifacts", "-A", "-o", "name") == ""

    again = _demo(folder, "up", "--size", "1MiB", kubeconfig=theirs)
    assert again.returncode == 0, again.stderr
    assert "0 are installed." in again.stdout
    assert re.search(r"\ninstalled +True +Exported ", again.stdout)


def test_a_given_cluster_where_it_would_do_harm(folder: Path, theirs: Cluster) -> None:
    unreachable = _demo(folder, "up", "--size", "1MiB", KUBECONFIG="/nonexistent")
    assert unreachable.returncode == 1
    assert "KUBECONFIG=/nonexistent" in unreachable.stderr

    theirs.kubectl("wait", "--for=delete", "namespace/demo", "--timeout=60s")  # of the test before
    theirs.kubectl("create", "namespace", "demo")
    assert "a namespace 'demo' that is not the demo's" in _refusal(folder, theirs)
    theirs.kubectl("delete", "namespace", "demo", "--timeout=60s")

    theirs.kubectl("create", "deployment", "violet-operator", "-n", "default", "--image=none")
    theirs.kubectl("label", "deployment", "violet-operator", "-n", "default", "app.kubernetes.io/name=violet-operator")
    assert "runs violet-operator already, in namespace default" in _refusal(folder, theirs)
    theirs.kubectl("delete", "deployment", "violet-operator", "-n", "default")

    install_crds(theirs.kubectl)
    theirs.kubectl("apply", "-f", "-", stdin=FOREIGN)
    assert "this cluster holds Artifacts: a real platform" in _refusal(folder, theirs)
    theirs.kubectl("delete", "artifact", "theirs", "-n", "default")


def _refusal(folder: Path, cluster: Cluster) -> str:
    before = cluster.audit_writes("admin")
    up = _demo(folder, "up", "--size", "1MiB", kubeconfig=cluster)
    assert up.returncode == 1
    assert cluster.audit_writes("admin") == before
    assert _running(folder) == []
    return up.stderr


def _demo(
    folder: Path, *arguments: str, kubeconfig: Cluster | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.demo", "--dir", str(folder), *arguments]
    given = {"KUBECONFIG": str(kubeconfig.kubeconfig)} if kubeconfig else {}
    return subprocess.run(
        command,
        cwd=ROOT,
        env=_environment() | given | variables,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def _start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.demo", "--dir", str(folder), *arguments],
        cwd=ROOT,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "KUBECONFIG"}


def _running(folder: Path) -> list[tuple[int, str]]:
    """Processes of the demo in this folder: all of them name it on their command line."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(folder) in command:
            found.append((int(process.name), command))
    return found
