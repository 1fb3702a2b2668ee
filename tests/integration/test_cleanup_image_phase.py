"""Images in the phases of a run, with a real backup and registry: what it left alone, and a registry that fails."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.cluster import Cluster
from tests.faults import FaultProxy
from tests.integration.demo_images import Place, two_versions
from tests.integration.registry_client import connect
from tests.platform import install_crds
from violet_operator.cleanup import backup, restoring, vault
from violet_operator.cleanup.backup import Entry
from violet_operator.cleanup.images import phase, report, saved
from violet_operator.cleanup.images.deletion import ImageStep
from violet_operator.cleanup.images.model import ImagePlan
from violet_operator.cleanup.plan import plan_hash
from violet_operator.cleanup.record import Record
from violet_operator.cleanup.vault import Backup
from violet_operator.clients.kube import ARTIFACTS, Kube
from violet_operator.clients.registry import Registry
from violet_operator.platform.pushes import Pushes
from violet_operator.platform.tries import Tries

pytestmark = [pytest.mark.integration, pytest.mark.tools("distribution")]

Object = dict[str, Any]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with two_versions(tmp_path) as found:
        yield found


@pytest.fixture
async def kube(cluster: Cluster) -> AsyncIterator[Kube]:
    install_crds(cluster.kubectl)
    client = await Kube.connect(cluster.kubeconfig, "global")
    yield client
    await client.close()


@dataclass
class Run:
    """A run on the Platform `default`, with a backup in the cluster; its objects are those of the namespace."""

    kube: Kube
    namespace: str
    registry: Registry
    status: Object

    @property
    def env(self) -> Any:
        """What the process would give it."""

        async def enter(*_: object, **__: object) -> dict[str, Kube]:
            return {"global": self.kube}

        settings = SimpleNamespace(system_namespace=self.namespace)
        shared = {"pushes": Pushes(), "tries": Tries(), "settings": settings, "enter": enter}
        return SimpleNamespace(kube=self.kube, clock=lambda: datetime.now(UTC), **shared)

    @property
    def body(self) -> Object:
        """The CleanupRun."""
        return {"metadata": {"name": "r", "namespace": self.namespace, "uid": "uid-r"}, "status": self.status}

    @property
    def connection(self) -> Any:
        """The way in to its Platform."""
        return SimpleNamespace(name="default", registry=self.registry, clusters={"global": self.kube})

    async def save(self, plan: ImagePlan, *entries: Entry) -> Backup:
        """Its backup."""
        manifests, (parts, _) = saved.pack(plan.deletions), backup.split(entries)
        platform = ("default", {"global": await self.kube.identity()})
        plan_is = plan_hash("default", entries, plan.deletions)
        index = backup.index(self.body, platform, plan_is, parts, len(entries))
        index = backup.with_images(index, self.body, self.registry.address, manifests)
        await vault.store(self.kube, self.body, index, [*parts, *manifests])
        self.status = {"images": report.planned(plan)}
        found = await vault.load(self.kube, self.namespace, "r")
        assert found
        return found

    async def delete(self, found: Backup, *, gone: bool) -> list[ImageStep]:
        """The images, once the objects are gone or are not."""
        record = Record(self.body, self.env)
        steps = await phase.delete(record, found, self.connection, self.env, gone=gone)
        record.end("Failed", "Incomplete", "Not everything is gone.")
        self.status = record.facts | {"conditions": record.conditions.to_api()}
        return steps

    async def put_back(self, found: Backup) -> Record:
        """Everything."""
        record = Record(self.body, self.env)
        await restoring.put_everything_back(record, found, self.connection, self.env)
        self.status = record.facts | {"conditions": record.conditions.to_api()}
        return record


def outcomes(steps: list[ImageStep]) -> set[str]:
    return {each.outcome for each in steps}


def message(record: Record, kind: str) -> str:
    return str((record.conditions.get(kind) or {}).get("message"))


async def an_artifact(kube: Kube, namespace: str, name: str) -> Entry:
    """As saved; it is deleted."""
    spec = {"type": "bundle", "present": True, "registry": "r", "repository": "x", "artifactVersionSelector": {}}
    head = {"apiVersion": ARTIFACTS.api_version, "kind": "Artifact"}
    body = head | {"metadata": {"name": name, "namespace": namespace}, "spec": spec}
    made = await kube.create(ARTIFACTS, namespace, body)
    await kube.delete(ARTIFACTS, made)
    return backup.entry("global", "Artifact", ("NotInstalled", "", 1), made)


async def test_images_stay_unless_all_objects_are_gone_and_are_not_put_back_then(
    kube: Kube, namespace: str, place: Place
) -> None:
    run, plan = Run(kube, namespace, place.client, {}), place.plan("v1")
    found = await run.save(plan)
    assert outcomes(await run.delete(found, gone=False)) == {"Skipped"}
    assert all(place.is_whole(place.to(name, "v1")) for name in ("demo-bundle", "manager", "proxy"))
    theirs = place.to("manager", "v1")
    digest = place.client.manifest_digest(theirs.repository, theirs.tag)
    assert digest
    place.client.delete_manifest(theirs.repository, digest)  # by somebody else
    record = await run.put_back(found)
    assert record.is_true("Restored")
    assert "manifests" not in message(record, "Restored")
    assert place.client.find(theirs.repository, theirs.tag) is None
    assert run.status["images"]["outcomes"] == {"skipped": len(plan.deletions)}


async def test_a_run_in_the_middle_may_have_deleted_what_its_status_says_was_left(
    kube: Kube, namespace: str, place: Place
) -> None:
    """It was killed after that: the next look let it go, and nobody could note it."""
    run, plan = Run(kube, namespace, place.client, {}), place.plan("v1")
    entry = await an_artifact(kube, namespace, "later")
    found = await run.save(plan, entry)
    await run.delete(found, gone=False)
    item = {"uid": entry.ref.uid, "action": "Delete", "outcome": "Skipped", "reason": "InUse"}
    run.status = run.status | {"conditions": [], "items": [item]}
    place.delete(plan)
    record = await run.put_back(found)
    assert record.is_true("Restored")
    assert await kube.get(ARTIFACTS, namespace, "later")
    assert place.is_whole(place.to("manager", "v1"))
    assert run.status["images"]["outcomes"] == {"restored": len(plan.deletions)}


async def test_of_images_only_those_come_back_that_may_have_gone(
    kube: Kube, namespace: str, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between plan and deletion somebody has tagged one; later it goes, by somebody else."""
    run, plan = Run(kube, namespace, place.client, {}), place.plan("v1")
    found = await run.save(plan)
    manager = place.client.find(place.to("manager", "v1").repository, "v1")
    assert manager
    place.client.put_manifest(place.to("manager", "").repository, "stable", manager.raw, manager.media_type)

    async def again(*_: object) -> ImagePlan:
        return place.plan("v1")

    monkeypatch.setattr(phase, "again", again)
    steps = await run.delete(found, gone=True)
    left = {each.deletion.manifest.digest for each in steps if each.outcome == "Skipped"}
    assert {each.deletion.repository for each in steps if each.outcome == "Skipped"} == {
        place.to("manager", "").repository
    }
    mine = [each for each in plan.deletions if each.repository == place.to("manager", "").repository]
    for each in mine:
        place.client.delete_manifest(each.repository, each.manifest.digest)
    for _ in range(2):
        record = await run.put_back(found)
        restored = len(plan.deletions) - len(mine)
        assert message(record, "Restored") == f"0 of 0 objects are back, and {restored} of {restored} manifests."
        assert not any(place.client.find(each.repository, each.manifest.digest) for each in mine)
        assert place.is_whole(place.to("proxy", "v1"))
        assert run.status["images"]["outcomes"] == {"restored": restored, "skipped": len(left)}


async def test_objects_come_back_while_the_registry_fails(kube: Kube, namespace: str, place: Place) -> None:
    with FaultProxy(place.registry.address) as proxy:
        run, plan = Run(kube, namespace, connect(proxy.address), {}), place.plan("v1")
        entry = await an_artifact(kube, namespace, "demo")
        found = await run.save(plan, entry)
        place.delete(plan)
        proxy.answer(503, times=None)
        record = await run.put_back(found)
        assert len({each.path for each in proxy.requests}) == 1, "it is not asked for every manifest"
        assert await kube.get(ARTIFACTS, namespace, "demo")
        assert (record.conditions.get("Restored") or {})["reason"] == "RestoreIncomplete"
        assert f"1 of 1 objects are back, and 0 of {len(plan.deletions)} manifests" in message(record, "Restored")
        assert "503" in message(record, "Restored")
        assert run.status["images"]["outcomes"] == {"failed": len(plan.deletions)}
        proxy.clear()
        record = await run.put_back(found)
        assert record.is_true("Restored")
        assert run.status["images"]["outcomes"] == {"restored": len(plan.deletions)}
        assert place.is_whole(place.to("manager", "v1"))


async def test_objects_come_back_without_the_manifests_that_were_saved(
    kube: Kube, cluster: Cluster, namespace: str, place: Place
) -> None:
    run, plan = Run(kube, namespace, place.client, {}), place.plan("v1")
    entry = await an_artifact(kube, namespace, "torn")
    found = await run.save(plan, entry)
    cluster.kubectl("delete", "configmap", *found.index.images, "-n", namespace)
    found = await vault.load(kube, namespace, "r", lenient=True)
    assert found
    record = await run.put_back(found)
    assert await kube.get(ARTIFACTS, namespace, "torn")
    assert (record.conditions.get("Restored") or {})["reason"] == "RestoreIncomplete"
    assert "is missing" in message(record, "Restored")


async def test_what_was_put_back_in_part_is_never_deleted_on(kube: Kube, namespace: str, place: Place) -> None:
    """Whatever becomes of spec.restore: the run is over."""
    run = Run(kube, namespace, place.client, {})
    entry = await an_artifact(kube, namespace, "half")
    found = await run.save(ImagePlan(), entry)
    stranger = Entry("no-such-cluster", *("NotInstalled", "", 1), applied=False, body=entry.body)
    record = await run.put_back(
        replace(
            found,
            entries=[entry, stranger],
            index=replace(found.index, clusters=found.index.clusters | {"no-such-cluster": "x"}),
        )
    )
    assert await kube.get(ARTIFACTS, namespace, "half")
    assert record.is_true("Failed")
    assert (record.conditions.get("Failed") or {})["reason"] == "RestoreIncomplete"
