"""Backups on a real API server: read page by page, written once, found again; and what keeps them from that."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.cluster import Cluster
from tests.harness import ensure_namespace
from tests.observe import until
from tests.platform import install_crds
from tests.platform.crds import KINDS
from tests.unit.cleanup.images_world import image
from violet_operator.cleanup import backup, parse, vault
from violet_operator.cleanup.backup import Entry, Index
from violet_operator.cleanup.images.model import Deletion
from violet_operator.cleanup.images.saved import pack
from violet_operator.cleanup.judge import Verdict
from violet_operator.cleanup.plan import plan_hash
from violet_operator.cleanup.state import Ref
from violet_operator.cleanup.vault import Backup
from violet_operator.clients.kube import CONFIG_MAPS, Kube
from violet_operator.errors import OperatorError, Stalled, Waiting

pytestmark = pytest.mark.integration

SYSTEM = "cleanup-backup"
MANY = 603
"""Two pages of ArtifactVersions."""

Object = dict[str, Any]


@pytest.fixture(scope="module")
def platform(cluster: Cluster) -> Iterator[Cluster]:
    """A cluster with many ArtifactVersions."""
    install_crds(cluster.kubectl)
    ensure_namespace(cluster, SYSTEM)
    known = KINDS["ArtifactVersion"]
    head = {"apiVersion": f"{known.group}/{known.versions[0]}", "kind": "ArtifactVersion"}
    spec = {"present": True, "tag": "v1"}
    objects = [head | {"metadata": {"name": f"many.v{n}", "namespace": SYSTEM}, "spec": spec} for n in range(MANY)]
    documents = "\n".join(json.dumps(each) for each in objects)
    cluster.kubectl("create", "--validate=false", "-f", "-", stdin=documents, timeout=240)
    yield cluster
    cluster.kubectl("delete", "namespace", SYSTEM, "--wait=false")


@pytest.fixture
async def kube(platform: Cluster) -> AsyncIterator[Kube]:
    """A client of the cluster."""
    client = await Kube.connect(platform.kubeconfig, "global")
    yield client
    await client.close()


def run(name: str, uid: str = "run-uid") -> Object:
    return {"metadata": {"name": name, "namespace": SYSTEM, "uid": uid}}


async def verdicts(kube: Kube) -> list[Verdict]:
    found = [
        parse.artifact_version("global", each).meta
        for each in await kube.list(backup.RESOURCES["ArtifactVersion"], SYSTEM)
    ]
    return [Verdict(each.ref, "Delete", "OldVersion", "Old.", 1, each.content) for each in found]


def packed(name: str, entries: list[Entry], plan: str | None = None, **clusters: str) -> tuple[Index, list[bytes]]:
    """A backup of these; of another plan, or of other clusters, if somebody made it up."""
    parts, _ = backup.split(entries)
    platform = ("default", clusters or {"global": "its uid"})
    return backup.index(run(name), platform, plan or plan_hash("default", entries), parts, len(entries)), parts


async def test_every_page_is_saved_and_found_again(kube: Kube) -> None:
    wanted = await verdicts(kube)
    entries = await vault.fetch({"global": kube}, wanted)
    assert {each.ref for each in entries} == {each.ref for each in wanted}
    assert len(entries) == MANY
    index, parts = packed("whole", entries)
    await vault.store(kube, run("whole"), index, parts)
    await vault.store(kube, run("whole"), index, parts)  # a run that was killed before it could note that
    found = await vault.load(kube, SYSTEM, "whole")
    assert found == Backup(index, entries, [])
    assert await vault.load(kube, SYSTEM, "another") is None


async def test_what_is_not_there_as_it_was_judged_is_not_saved(kube: Kube, platform: Cluster) -> None:
    wanted = (await verdicts(kube))[:2]
    gone = Ref("ArtifactVersion", "global", SYSTEM, "gone", "no-such-uid")
    edited = wanted[1].ref.name
    with pytest.raises(Waiting, match="ArtifactVersion gone of cluster global has changed or gone"):
        await vault.fetch({"global": kube}, [wanted[0], Verdict(gone, "Delete", "OldVersion", "Old.", 1, "x")])
    platform.kubectl("annotate", "artifactversion", edited, "-n", SYSTEM, "noted=by-the-platform")
    assert len(await vault.fetch({"global": kube}, wanted)) == 2
    platform.kubectl("label", "artifactversion", edited, "-n", SYSTEM, "team=red")
    with pytest.raises(Waiting, match=f"ArtifactVersion {edited} of cluster global has changed or gone"):
        await vault.fetch({"global": kube}, wanted)


@pytest.mark.parametrize(
    ("name", "plan", "clusters", "said"),
    [
        ("other", "0" * 64, {}, f"what it holds is not what plan {'0' * 64} says"),
        ("homeless", None, {"region1": "x"}, "it does not say which clusters it is of"),
    ],
)
async def test_a_backup_that_is_not_its_plan_is_not_used(
    kube: Kube, name: str, plan: str | None, clusters: dict[str, str], said: str
) -> None:
    entries = await vault.fetch({"global": kube}, (await verdicts(kube))[:2])
    await vault.store(kube, run(name), *packed(name, entries, plan, **clusters))
    with pytest.raises(Stalled, match=said) as caught:
        await vault.load(kube, SYSTEM, name)
    assert caught.value.reason == "BackupDamaged"


async def test_manifests_that_are_not_in_the_plan_are_not_used(kube: Kube) -> None:
    """Somebody adds an image to a plan of objects."""
    entries = await vault.fetch({"global": kube}, (await verdicts(kube))[:1])
    index, parts = packed("more", entries)
    more = pack([Deletion("acp/demo", image("one"), ("v1",))])
    index = backup.with_images(index, run("more"), "registry.example.com", more)
    await vault.store(kube, run("more"), index, [*parts, *more])
    with pytest.raises(Stalled, match="what it holds is not what plan"):
        await vault.load(kube, SYSTEM, "more")


async def test_a_second_plan_never_replaces_the_first(kube: Kube) -> None:
    entries = await vault.fetch({"global": kube}, (await verdicts(kube))[:3])
    await vault.store(kube, run("twice"), *packed("twice", entries[:1]))
    await vault.store(kube, run("twice"), *packed("twice", entries))
    found = await vault.load(kube, SYSTEM, "twice")
    assert found is not None
    assert found.entries == entries[:1]


async def test_without_its_index_there_is_no_backup(kube: Kube) -> None:
    """Killed between the parts and the index: nothing was deleted yet, and another plan may be made."""
    entries = await vault.fetch({"global": kube}, (await verdicts(kube))[:2])
    index, parts = packed("half", entries[:1])
    part = backup.config_maps(run("half"), index, parts)[0]
    await kube.create(CONFIG_MAPS, SYSTEM, part)
    assert await vault.load(kube, SYSTEM, "half") is None
    await vault.store(kube, run("half"), *packed("half", entries))
    found = await vault.load(kube, SYSTEM, "half")
    assert found is not None
    assert found.entries == entries


async def test_a_backup_that_lost_a_part_is_not_used(kube: Kube, platform: Cluster) -> None:
    entries = await vault.fetch({"global": kube}, (await verdicts(kube))[:1])
    index, parts = packed("torn", entries)
    await vault.store(kube, run("torn"), index, parts)
    platform.kubectl("delete", "configmap", *index.parts, "-n", SYSTEM)
    with pytest.raises(OperatorError, match="is missing") as caught:
        await vault.load(kube, SYSTEM, "torn")
    assert caught.value.reason == "BackupDamaged"


async def test_a_part_that_holds_something_else_stops_the_run(kube: Kube) -> None:
    entries = await vault.fetch({"global": kube}, (await verdicts(kube))[:1])
    index, parts = packed("taken", entries)
    other = backup.config_maps(run("taken"), index, parts)[0] | {"binaryData": {"objects.jsonl.gz": "AAAA"}}
    await kube.create(CONFIG_MAPS, SYSTEM, other)
    with pytest.raises(OperatorError, match="something else in it") as caught:
        await vault.store(kube, run("taken"), index, parts)
    assert caught.value.reason == "BackupExists"
    assert await vault.load(kube, SYSTEM, "taken") is None


async def test_a_quota_is_named(kube: Kube, platform: Cluster, namespace: str) -> None:
    platform.kubectl("create", "quota", "none", "-n", namespace, "--hard=count/configmaps=0")
    status = ("get", "quota", "none", "-n", namespace, "-o", "jsonpath={.status}")
    until(lambda: "count/configmaps" in platform.kubectl(*status))
    entries = await vault.fetch({"global": kube}, (await verdicts(kube))[:1])
    other = {"metadata": run("quota")["metadata"] | {"namespace": namespace}}
    with pytest.raises(OperatorError, match="exceeded quota") as caught:
        await vault.store(kube, other, *packed("quota", entries))
    assert caught.value.reason == "BackupNotWritten"
    assert "nothing is deleted" in caught.value.message
