"""The sample admission policy on a real API server: it takes and refuses what it says, where it says so."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import Cluster, KubectlError

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
POLICY = ROOT / "deploy" / "policies" / "verification.yaml"
PLACEHOLDER = "0" * 40
OURS, THEIRS = "AB" * 20, "CD" * 20
Object = dict[str, Any]


@pytest.fixture(scope="module")
def policed(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster with our kinds and the sample, its fingerprint replaced as its comment asks."""
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-k", str(ROOT / "crds"))
    cluster.kubectl("wait", "--for=condition=Established", "crd/packageuploads.violet.alauda.io", "--timeout=30s")
    text = POLICY.read_text()
    assert text.count(PLACEHOLDER) == 1
    cluster.kubectl("apply", "--server-side", "--validate=strict", "-f", "-", stdin=text.replace(PLACEHOLDER, OURS))
    yield cluster
    cluster.kubectl("delete", "-f", str(POLICY))


def attempt(cluster: Cluster, namespace: str, verification: Object | None) -> str:
    """What the API server says to an upload with this `spec.verification`; empty if it takes it."""
    spec: Object = {"source": {"url": "s3://bucket/p.tgz"}} | ({"verification": verification} if verification else {})
    head = {"apiVersion": "violet.alauda.io/v1alpha1", "kind": "PackageUpload"}
    body = head | {"metadata": {"generateName": "p-", "namespace": namespace}, "spec": spec}
    try:
        cluster.kubectl("create", "-f", "-", stdin=json.dumps(body))
    except KubectlError as error:
        return error.stderr
    return ""


def strict(cluster: Cluster, namespace: str) -> None:
    """Label the namespace, and wait until the API server's copy of the policy is in force."""
    cluster.kubectl("label", "namespace", namespace, "violet.alauda.io/verification=strict")
    end = time.monotonic() + 60
    while "must be Require" not in attempt(cluster, namespace, {"policy": "Skip"}):
        assert time.monotonic() < end, "the policy is not enforced"
        time.sleep(0.5)


def signed(*fingerprints: str, policy: str = "Require") -> Object:
    gpg: Object = {"keysRef": {"name": "keys"}} | ({"fingerprints": list(fingerprints)} if fingerprints else {})
    return {"policy": policy, "gpg": gpg}


def test_strict_namespace(policed: Cluster, namespace: str) -> None:
    strict(policed, namespace)
    assert "keysRef must name the vendor's public keys" in attempt(policed, namespace, None)
    assert "must be Require in this namespace" in attempt(policed, namespace, signed(OURS, policy="IfPresent"))
    one_of = f"spec.verification.gpg.fingerprints must be one or more of {OURS}"
    for verification in (signed(), signed(THEIRS), signed(OURS, THEIRS)):
        assert one_of in attempt(policed, namespace, verification)
    assert attempt(policed, namespace, signed(OURS)) == ""
    assert attempt(policed, namespace, signed(OURS.lower())) == ""


def test_update_is_judged_as_well(policed: Cluster, namespace: str) -> None:
    strict(policed, namespace)
    assert attempt(policed, namespace, signed(OURS)) == ""
    (name,) = policed.kubectl("get", "packageuploads", "-n", namespace, "-o", "name").split()
    patch = json.dumps({"spec": {"verification": {"policy": "Skip", "gpg": None}}})
    with pytest.raises(KubectlError, match="must be Require"):
        policed.kubectl("patch", name, "-n", namespace, "--type=merge", "--patch", patch)


def test_other_namespaces_are_left_alone(policed: Cluster, namespace: str) -> None:
    assert attempt(policed, namespace, {"policy": "Skip"}) == ""
