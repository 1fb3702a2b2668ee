"""The API as a user of kubectl meets it: the documented example, defaults, columns, unknown fields, the status."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.cluster import Cluster, KubectlError
from tests.integration.admission import changed
from tests.program import install

pytestmark = pytest.mark.integration

WHAT_A_USER_WRITES = """
apiVersion: violet.alauda.io/v1alpha1
kind: Platform
metadata: {name: default}
spec:
  address: https://acp.example.com          # or inCluster: {}
  credentialsSecretRef: {name: acp-admin}   # keys: token, or username and password
  registry:
    address: registry.example.com:11443
    credentialsSecretRef: {name: registry}  # dockerconfigjson or basic-auth; or anonymous: true
---
apiVersion: violet.alauda.io/v1alpha1
kind: PackageUpload
metadata: {name: opensearch-3-14}
spec:
  source:
    url: s3://packages/opensearch-operator.v3.14.2.tgz
    endpoint: https://minio.example.com:9000   # the scheme says TLS or not
    region: us-east-1
    credentialsSecretRef: {name: minio}
  verification:
    policy: Require
    gpg:
      keysRef: {kind: Secret, name: vendor-keys}   # every key of the object is tried
      fingerprints: [AB12AB12AB12AB12AB12AB12AB12AB12AB12AB12]
  targets:
  - platformRef: {name: default}
    clusters: [global, region1]
"""
LEAST = {
    "apiVersion": "violet.alauda.io/v1alpha1",
    "kind": "PackageUpload",
    "metadata": {"name": "least"},
    "spec": {"source": {"url": "s3://packages/a.tgz"}},
}
READY = {
    "type": "Ready",
    "status": "True",
    "reason": "Succeeded",
    "message": "All is well.",
    "lastTransitionTime": "2026-01-02T03:04:05Z",
}
UPLOAD_STATUS = {
    "conditions": [READY],
    "progress": {"bytesTotal": 2, "bytesDone": 1, "percent": 50},
    "package": {"name": "opensearch-operator", "type": "bundle", "version": "3.14.2"},
    "verification": {"method": "GPG"},
}
PLATFORM_STATUS = {
    "conditions": [READY | {"reason": "Connected"}],
    "registry": {"address": "registry.example.com:11443", "pullAddress": "pull.example.com", "origin": "Spec"},
    "clusters": [{"name": "global", "ready": True}, {"name": "region1", "ready": True}],
}


@pytest.fixture(scope="module")
def api(cluster: Cluster) -> Cluster:
    """The cluster with our CRDs."""
    install(cluster)
    return cluster


@pytest.fixture
def example(api: Cluster, namespace: str) -> Iterator[str]:
    """The namespace in which the documented example stands."""
    _apply(api, namespace, WHAT_A_USER_WRITES)
    yield namespace
    api.kubectl("delete", "violet", "--all", "-n", namespace)


def _apply(api: Cluster, namespace: str, text: str, *more: str) -> None:
    api.kubectl("apply", "--validate=strict", "-n", namespace, "-f", "-", *more, stdin=text)


def _get(api: Cluster, namespace: str, what: str) -> dict[str, Any]:
    return dict(json.loads(api.kubectl("get", what, "-n", namespace, "-o", "json")))


def _set_status(api: Cluster, namespace: str, what: str, status: dict[str, Any]) -> None:
    patch = json.dumps({"status": status})
    api.kubectl("patch", what, "-n", namespace, "--subresource=status", "--type=merge", "--patch", patch)


def _cells(api: Cluster, namespace: str, *arguments: str) -> dict[str, str]:
    """The only row of a table by column; columns are two or more spaces apart, and begin where their head does."""
    head, row = api.kubectl("get", *arguments, "-n", namespace).splitlines()
    starts = [place for place, letter in enumerate(head) if letter != " " and head[place - 1 : place] in ("", " ")]
    ends = [*starts[1:], None]
    return {head[a:b].strip(): row[a:b].strip() for a, b in zip(starts, ends, strict=True)}


def test_what_a_user_writes_is_kept_as_it_stands(api: Cluster, example: str) -> None:
    for document in yaml.safe_load_all(WHAT_A_USER_WRITES):
        kept = _get(api, example, f"{document['kind']}/{document['metadata']['name']}")
        assert changed(kept, "spec", document["spec"]) == kept


def test_defaults_are_the_documented_ones(api: Cluster, namespace: str) -> None:
    _apply(api, namespace, json.dumps(LEAST))
    assert _get(api, namespace, "packageupload/least")["spec"] == {
        "source": {"url": "s3://packages/a.tgz"},
        "verification": {"policy": "Require"},
        "targets": [{"platformRef": {"name": "default"}, "clusters": ["global"]}],
        "catalogSource": "platform",
        "chartRepository": "public-charts",
        "mode": "Upload",
        "skipPush": False,
        "skipResources": False,
        "overwrite": "Never",
        "suspend": False,
        "deletionPolicy": "Retain",
        "interval": "1h",
    }


def test_defaults_fill_what_is_given_in_part(api: Cluster, namespace: str) -> None:
    part = {
        "source": {"url": "s3://packages/a.tgz", "caBundleRef": {"name": "ca"}},
        "verification": {"gpg": {"keysRef": {"name": "vendor-keys"}}},
        "targets": [{}, {"platformRef": {"name": "standby"}}],
    }
    _apply(api, namespace, json.dumps(LEAST | {"spec": part}))
    spec = _get(api, namespace, "packageupload/least")["spec"]
    assert spec["source"]["caBundleRef"] == {"kind": "ConfigMap", "name": "ca", "key": "ca.crt"}
    assert spec["verification"] == {"policy": "Require", "gpg": {"keysRef": {"kind": "Secret", "name": "vendor-keys"}}}
    assert spec["targets"] == [
        {"platformRef": {"name": "default"}, "clusters": ["global"]},
        {"platformRef": {"name": "standby"}, "clusters": ["global"]},
    ]


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"source": {"url": "s3://a/b"}, "skippush": True}, "spec.skippush"),
        ({"source": {"url": "s3://a/b", "bucket": "a"}}, "spec.source.bucket"),
        ({"source": {"url": "s3://a/b", "credentialsSecretRef": {"name": "a", "namespace": "b"}}}, "namespace"),
        ({"source": {"url": "s3://a/b"}, "targets": [{"platformRef": {"name": "a", "namespace": "b"}}]}, "namespace"),
    ],
)
def test_an_unknown_field_is_refused_by_name(api: Cluster, namespace: str, spec: dict[str, Any], field: str) -> None:
    with pytest.raises(KubectlError, match=f'unknown field "[^"]*{field}"'):
        _apply(api, namespace, json.dumps(LEAST | {"spec": spec}))


def test_a_spec_leaves_the_status_alone(api: Cluster, example: str) -> None:
    what = "packageupload/opensearch-3-14"
    _set_status(api, example, what, UPLOAD_STATUS)
    before = _get(api, example, what)
    documents = [*yaml.safe_load_all(WHAT_A_USER_WRITES)]
    documents[1]["spec"]["suspend"] = True
    documents[1]["status"] = {"package": {"name": "mine", "type": "chart", "version": "0"}}
    _apply(api, example, json.dumps(documents[1]))
    after = _get(api, example, what)
    assert after["status"] == before["status"]
    assert after["metadata"]["generation"] == before["metadata"]["generation"] + 1


def test_a_status_leaves_spec_and_generation_alone(api: Cluster, example: str) -> None:
    for what, status in (
        ("packageupload/opensearch-3-14", UPLOAD_STATUS),
        ("platform/default", PLATFORM_STATUS),
    ):
        before = _get(api, example, what)
        patch = json.dumps({"status": status, "spec": {"suspend": True, "insecureSkipTLSVerify": True}})
        api.kubectl("patch", what, "-n", example, "--subresource=status", "--type=merge", "--patch", patch)
        after = _get(api, example, what)
        assert after["status"]["conditions"] == status["conditions"]
        assert after["spec"] == before["spec"]
        assert after["metadata"]["generation"] == before["metadata"]["generation"] == 1


def test_columns_of_an_upload(api: Cluster, example: str) -> None:
    _set_status(api, example, "packageupload/opensearch-3-14", UPLOAD_STATUS)
    usual = {
        "NAME": "opensearch-3-14",
        "READY": "True",
        "REASON": "Succeeded",
        "PROGRESS": "50",
        "PACKAGE": "opensearch-operator",
        "VERSION": "3.14.2",
    }
    wide = {
        "TYPE": "bundle",
        "SOURCE": "s3://packages/opensearch-operator.v3.14.2.tgz",
        "VERIFIED": "GPG",
        "MESSAGE": "All is well.",
    }
    assert _without_age(_cells(api, example, "pu")) == usual
    assert _without_age(_cells(api, example, "pu", "-o", "wide")) == usual | wide


def test_columns_of_a_platform(api: Cluster, example: str) -> None:
    _set_status(api, example, "platform/default", PLATFORM_STATUS)
    usual = {"NAME": "default", "READY": "True", "REASON": "Connected", "REGISTRY": "registry.example.com:11443"}
    wide = {"ADDRESS": "https://acp.example.com", "MESSAGE": "All is well."}
    assert _without_age(_cells(api, example, "vp")) == usual
    assert _without_age(_cells(api, example, "vp", "-o", "wide")) == usual | wide


def test_columns_of_a_set(api: Cluster, namespace: str) -> None:
    spec = {"source": {"url": "s3://packages/vendor/"}}
    _apply(
        api, namespace, json.dumps(LEAST | {"kind": "PackageUploadSet", "metadata": {"name": "vendor"}, "spec": spec})
    )
    counts = {"found": 5, "ready": 3, "failed": 1, "progressing": 1, "gone": 2}
    _set_status(api, namespace, "packageuploadset/vendor", {"conditions": [READY], **counts})
    usual = {"NAME": "vendor", "FOUND": "5", "READY": "3", "FAILED": "1", "REASON": "Succeeded"}
    wide = {"PROGRESSING": "1", "GONE": "2", "SOURCE": "s3://packages/vendor/", "MESSAGE": "All is well."}
    assert _without_age(_cells(api, namespace, "pus")) == usual
    assert _without_age(_cells(api, namespace, "pus", "-o", "wide")) == usual | wide


def test_the_category_lists_every_kind(api: Cluster, example: str) -> None:
    names = api.kubectl("get", "violet", "-n", example, "-o", "name").split()
    assert names == ["packageupload.violet.alauda.io/opensearch-3-14", "platform.violet.alauda.io/default"]


def _without_age(cells: dict[str, str]) -> dict[str, str]:
    assert cells.pop("AGE")
    return cells
