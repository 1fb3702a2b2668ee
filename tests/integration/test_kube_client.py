"""The Kubernetes client before a real API server: apply, conflicts, rights, and what each refusal becomes."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster import Cluster
from tests.cluster.process import free_port
from tests.platform import install_crds
from tests.program import install
from violet_operator.clients import kube as kube_module
from violet_operator.clients.kinds import named
from violet_operator.clients.kube import (
    ARTIFACTS,
    CONFIG_MAPS,
    EVENTS,
    NAMESPACES,
    PACKAGE_UPLOADS,
    SECRETS,
    Kube,
    Resource,
)
from violet_operator.errors import OperatorError, Stalled, Transient, Waiting

pytestmark = pytest.mark.integration

UNKNOWN = Resource("nowhere.example.com/v1", "things")
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def platform(cluster: Cluster) -> Cluster:
    """The cluster with our kinds and the platform's."""
    install_crds(cluster.kubectl)
    install(cluster)
    return cluster


@pytest.fixture
async def kube(platform: Cluster) -> AsyncIterator[Kube]:
    """As administrator."""
    kube = await Kube.connect(platform.kubeconfig, "global")
    yield kube
    await kube.close()


@pytest.fixture
async def stranger(platform: Cluster, namespace: str) -> AsyncIterator[Kube]:
    """As an account without any rights."""
    kube = await Kube.connect(platform.service_account_kubeconfig(namespace, "default"), "global")
    yield kube
    await kube.close()


def config_map(namespace: str, name: str = "thing", **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": data,
    }


def upload(namespace: str) -> dict[str, Any]:
    spec = {"source": {"url": "s3://bucket/p.tgz"}, "targets": [{}], "suspend": True}
    metadata = {"name": "thing", "namespace": namespace}
    return {"apiVersion": "violet.alauda.io/v1alpha1", "kind": "PackageUpload", "metadata": metadata, "spec": spec}


async def test_apply_makes_changes_and_takes_away(kube: Kube, namespace: str) -> None:
    await kube.apply(CONFIG_MAPS, config_map(namespace, a="1", b="2"))
    await kube.apply(CONFIG_MAPS, config_map(namespace, b="3"))
    found = await kube.get(CONFIG_MAPS, namespace, "thing")
    assert found
    assert found["data"] == {"b": "3"}


async def test_what_is_not_there_is_none(kube: Kube, namespace: str) -> None:
    assert await kube.get(CONFIG_MAPS, namespace, "nothing") is None
    assert await kube.get(CONFIG_MAPS, "no-such-namespace", "nothing") is None
    assert await kube.get(UNKNOWN, namespace, "nothing") is None


async def test_names_cannot_lead_elsewhere(kube: Kube, platform: Cluster, namespace: str) -> None:
    platform.kubectl("create", "configmap", "target", "-n", namespace)
    for name in (f"../../{namespace}/configmaps/target", "target?x=1", "a b", "%2e%2e", "target/../target"):
        try:
            assert await kube.get(CONFIG_MAPS, namespace, name) is None
        except OperatorError as error:
            assert error.reason == "TargetRefused"  # noqa: PT017 - or none at all


async def test_list_goes_on_over_pages(kube: Kube, platform: Cluster, namespace: str) -> None:
    maps = [config_map(namespace, f"m{number}") for number in range(520)]  # a page has 500
    platform.kubectl("create", "-f", "-", stdin=yaml.safe_dump_all(maps))
    found = {item["metadata"]["name"] for item in await kube.list(CONFIG_MAPS, namespace)}
    assert found >= {f"m{number}" for number in range(520)}


async def test_a_conflict_names_the_other_manager(kube: Kube, platform: Cluster, namespace: str) -> None:
    body = config_map(namespace, a="theirs")
    platform.kubectl("apply", "--server-side", "--field-manager=other", "-f", "-", stdin=yaml.safe_dump(body))
    with pytest.raises(Stalled, match="other") as caught:
        await kube.apply(CONFIG_MAPS, config_map(namespace, a="ours"))
    assert caught.value.reason == "Conflict"
    judged = await kube.apply(CONFIG_MAPS, config_map(namespace, a="ours"), force=True, dry_run=True)
    found = await kube.get(CONFIG_MAPS, namespace, "thing")
    assert found
    assert (judged["data"], found["data"]) == ({"a": "ours"}, {"a": "theirs"})
    forced = await kube.apply(CONFIG_MAPS, config_map(namespace, a="ours"), force=True)
    assert forced["data"] == {"a": "ours"}


async def test_a_missing_kind(kube: Kube, namespace: str) -> None:
    thing = {"apiVersion": UNKNOWN.api_version, "kind": "Thing", "metadata": {"name": "t", "namespace": namespace}}
    for call in (kube.apply(UNKNOWN, thing), kube.list(UNKNOWN), kube.create(UNKNOWN, namespace, thing)):
        with pytest.raises(Waiting, match="things") as caught:
            await call
        assert caught.value.reason == "KindMissing"


async def test_a_missing_namespace(kube: Kube) -> None:
    lost = config_map("no-such-namespace")
    for call in (kube.apply(CONFIG_MAPS, lost), kube.create(CONFIG_MAPS, "no-such-namespace", lost)):
        with pytest.raises(Waiting, match=r"no-such-namespace.*Create the namespace") as caught:
            await call
        assert caught.value.reason == "NamespaceMissing"


async def test_a_kind_by_its_name(kube: Kube) -> None:
    assert await named(kube, "v1", "ConfigMap") == (CONFIG_MAPS, True)
    assert await named(kube, "v1", "Namespace") == (NAMESPACES, False)
    assert await named(kube, "apps/v1", "Deployment") == (Resource("apps/v1", "deployments"), True)
    for version in ("apps/v9", "no.such.group/v1", "", "v1/../apis/apps/v1", "../api/v1", "v1?x=y"):
        assert await named(kube, version, "ConfigMap") is None


async def test_what_the_api_refuses(kube: Kube, namespace: str) -> None:
    with pytest.raises(Stalled) as caught:
        await kube.apply(CONFIG_MAPS, config_map(namespace, "Not_A_Name"))
    assert caught.value.reason == "TargetRefused"
    wrong = upload(namespace)
    wrong["spec"]["source"]["url"] = "nonsense"
    with pytest.raises(Stalled, match="s3://") as caught:
        await kube.apply(PACKAGE_UPLOADS, wrong)
    assert caught.value.reason == "TargetRefused"


async def test_no_rights(stranger: Kube, platform: Cluster, namespace: str) -> None:
    platform.kubectl("create", "secret", "generic", "keys", "-n", namespace, "--from-literal=secretkey=hidden-value")
    judged = {"metadata": upload(namespace)["metadata"] | {"uid": "u", "resourceVersion": "1"}}
    for call in (
        stranger.get(SECRETS, namespace, "keys"),
        stranger.list(ARTIFACTS, "cpaas-system"),
        stranger.apply(CONFIG_MAPS, config_map(namespace)),
        stranger.create(EVENTS, namespace, {}),
        stranger.delete(CONFIG_MAPS, judged),
    ):
        with pytest.raises(Waiting, match="not allowed") as caught:
            await call
        assert caught.value.reason == "TargetForbidden"
        assert "hidden-value" not in caught.value.message


async def test_kinds_are_asked_for_once_and_a_new_one_is_noticed(
    kube: Kube, platform: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    call = Kube.call

    async def counted(self: Kube, method: str, path: str, what: str, **options: Any) -> dict[str, Any]:
        asked.append(path)
        return await call(self, method, path, what, **options)

    monkeypatch.setattr(Kube, "call", counted)
    things = Resource("late.example.com/v1", "things")
    for _ in range(3):
        assert await kube.serves(ARTIFACTS)
        assert await kube.serves(SECRETS)
        assert not await kube.serves(things)
    assert asked == ["/apis/app.alauda.io/v1alpha1", "/api/v1", "/apis/late.example.com/v1"]
    monkeypatch.setattr(kube_module, "_FRESH", 0.0)
    schema = {"openAPIV3Schema": {"type": "object"}}
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.late.example.com"},
        "spec": {
            "group": "late.example.com",
            "names": {"kind": "Thing", "plural": "things"},
            "scope": "Namespaced",
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }
    platform.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(crd))
    platform.kubectl("wait", "--for=condition=Established", "crd/things.late.example.com", "--timeout=60s")
    for _ in range(300):  # discovery follows a moment later
        if await kube.serves(things):
            break
        await asyncio.sleep(0.1)
    else:
        raise AssertionError("the new kind is not noticed")
    platform.kubectl("delete", "crd", "things.late.example.com")


async def test_allowed(kube: Kube, stranger: Kube, namespace: str) -> None:
    assert await kube.allowed("create", ARTIFACTS, namespace)
    assert not await stranger.allowed("create", ARTIFACTS, namespace)


async def test_a_login_that_is_not_accepted(platform: Cluster, tmp_path: Path, namespace: str) -> None:
    document = yaml.safe_load(platform.kubeconfig.read_text())
    document["users"][0]["user"] = {"token": "hidden-token"}
    (tmp_path / "config").write_text(yaml.safe_dump(document))
    kube = await Kube.connect(tmp_path / "config", "global")
    with pytest.raises(Waiting) as caught:
        await kube.get(SECRETS, namespace, "keys")
    await kube.close()
    assert caught.value.reason == "TargetUnauthorized"
    assert "hidden-token" not in caught.value.message


async def test_nobody_there(platform: Cluster, tmp_path: Path, namespace: str) -> None:
    document = yaml.safe_load(platform.kubeconfig.read_text())
    document["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{free_port()}"
    (tmp_path / "config").write_text(yaml.safe_dump(document))
    kube = await Kube.connect(tmp_path / "config", "elsewhere")
    with pytest.raises(Transient, match="elsewhere") as caught:
        await kube.get(SECRETS, namespace, "keys")
    await kube.close()
    assert caught.value.reason == "TargetUnreachable"


@pytest.mark.parametrize("content", [None, "", "{}", "not: [yaml", "current-context: nowhere\n"])
async def test_a_kubeconfig_that_is_none(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "config").write_text(content)
    with pytest.raises(Stalled) as caught:
        await Kube.connect(tmp_path / "config")
    assert caught.value.reason == "NoCluster"


async def test_a_status_is_replaced(kube: Kube, namespace: str) -> None:
    made = await kube.apply(PACKAGE_UPLOADS, upload(namespace))
    await kube.write_status(PACKAGE_UPLOADS, made, {"observedGeneration": 7, "source": {"url": "s3://b/k"}})
    written = await kube.write_status(PACKAGE_UPLOADS, made, {"observedGeneration": 8})
    assert written["status"] == {"observedGeneration": 8}
    assert written["spec"] == made["spec"]
    again = await kube.write_status(PACKAGE_UPLOADS, made, {"observedGeneration": 8})
    assert again["metadata"]["resourceVersion"] == written["metadata"]["resourceVersion"]


async def test_a_status_belongs_to_the_object_it_was_judged_from(kube: Kube, platform: Cluster, namespace: str) -> None:
    old = await kube.apply(PACKAGE_UPLOADS, upload(namespace))
    platform.kubectl("delete", "packageupload", "thing", "-n", namespace)
    with pytest.raises(OperatorError):
        await kube.write_status(PACKAGE_UPLOADS, old, {"observedGeneration": 7})
    anew = await kube.apply(PACKAGE_UPLOADS, upload(namespace))
    with pytest.raises(OperatorError):
        await kube.write_status(PACKAGE_UPLOADS, old, {"observedGeneration": 7})
    found = await kube.get(PACKAGE_UPLOADS, namespace, "thing")
    assert found
    assert found["metadata"]["uid"] == anew["metadata"]["uid"] != old["metadata"]["uid"]
    assert "observedGeneration" not in found.get("status", {})


async def test_an_event_tells_what_it_is_about(kube: Kube, platform: Cluster, namespace: str) -> None:
    made = await kube.apply(PACKAGE_UPLOADS, upload(namespace))
    message = "see https://user:hidden@example.com/x?X-Amz-Signature=hidden " + "x" * 3000
    await kube.event(made, warning=True, reason="SourceForbidden", message=message, now=NOW)
    await kube.event(made, warning=False, reason="Installable", message="done", now=NOW)
    events = {item["reason"]: item for item in await kube.list(EVENTS, namespace)}
    event = events["SourceForbidden"]
    assert (event["type"], events["Installable"]["type"]) == ("Warning", "Normal")
    assert event["involvedObject"]["uid"] == made["metadata"]["uid"]
    assert event["lastTimestamp"] == "2026-01-02T03:04:05Z"
    assert "hidden" not in event["message"]
    assert len(event["message"]) <= 1024
    assert "SourceForbidden" in platform.kubectl("events", "-n", namespace, "--for", "packageupload/thing")
