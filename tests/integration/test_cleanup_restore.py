"""Restore on a real API server: whose fields are whose afterwards, and what came meanwhile."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from tests.cluster import Cluster
from tests.harness import ensure_namespace
from tests.platform import install_crds
from violet_operator.cleanup import backup
from violet_operator.cleanup.restore import restore
from violet_operator.clients.kube import ARTIFACT_VERSIONS, ARTIFACTS, CONFIG_MAPS, Kube, Resource
from violet_operator.publication.apply import is_ours

pytestmark = pytest.mark.integration

SYSTEM = "cleanup-restore"
OURS = {"app.kubernetes.io/managed-by": "violet-operator"}

Object = dict[str, Any]


@pytest.fixture
async def kube(cluster: Cluster) -> AsyncIterator[Kube]:
    """A client of a cluster with the platform's kinds."""
    install_crds(cluster.kubectl)
    ensure_namespace(cluster, SYSTEM)
    client = await Kube.connect(cluster.kubeconfig, "global")
    yield client
    await client.close()


def artifact(name: str) -> Object:
    """What an upload applies."""
    selector = {"matchLabels": {"a": "b"}}
    spec = {
        "type": "bundle",
        "present": True,
        "registry": "r",
        "repository": "acp/x",
        "artifactVersionSelector": selector,
    }
    labels = OURS | {"cpaas.io/library": "platform"}
    metadata = {"name": name, "namespace": SYSTEM, "labels": labels}
    return {"apiVersion": "app.alauda.io/v1alpha1", "kind": "Artifact", "metadata": metadata, "spec": spec}


async def there(kube: Kube, name: str) -> Object:
    found = await kube.get(ARTIFACTS, SYSTEM, name)
    assert found is not None
    return found


async def deleted(kube: Kube, name: str) -> backup.Entry:
    """It is saved, and deleted."""
    live = await there(kube, name)
    entry = backup.entry("global", "Artifact", ("NotInstalled", "", 1), live)
    assert entry.applied
    await kube.delete(ARTIFACTS, live)
    return entry


async def test_a_label_of_somebody_else_outlives_restore_and_the_next_look_of_its_upload(
    kube: Kube, cluster: Cluster
) -> None:
    await kube.apply(ARTIFACTS, artifact("labelled"))
    cluster.kubectl("label", "artifacts.app.alauda.io", "labelled", "-n", SYSTEM, "keep=forever")
    entry = await deleted(kube, "labelled")
    for _ in range(2):  # done twice it changes nothing
        assert [each.outcome for each in await restore([entry], {"global": kube}, SYSTEM)] == ["Restored"]
        live = await there(kube, "labelled")
        assert live["metadata"]["labels"] == entry.body["metadata"]["labels"]
        assert is_ours(live), json.dumps(live["metadata"]["managedFields"])  # so that its upload withdraws it
    await kube.apply(ARTIFACTS, artifact("labelled"), force=True)  # as the drift check does
    live = await there(kube, "labelled")
    assert live["metadata"]["labels"]["keep"] == "forever"
    assert is_ours(live)


async def test_restore_never_writes_over_what_came_meanwhile(kube: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look and the creation somebody makes it anew."""
    await kube.apply(ARTIFACTS, artifact("contested"))
    entry = await deleted(kube, "contested")
    look = kube.get

    async def get(resource: Resource, namespace: str | None, name: str) -> Object | None:
        found = await look(resource, namespace, name)
        if found is None:
            theirs = artifact("contested")
            theirs["metadata"]["labels"] = {"theirs": "x"}
            await kube.create(ARTIFACTS, SYSTEM, theirs)
        return found

    monkeypatch.setattr(kube, "get", get)
    found = await restore([entry], {"global": kube}, SYSTEM)
    assert [each.outcome for each in found] == ["Skipped"]
    live = await look(ARTIFACTS, SYSTEM, "contested")
    assert live is not None
    assert live["metadata"]["labels"] == {"theirs": "x"}
    assert not is_ours(live)


async def restored(kube: Kube, *entries: backup.Entry) -> dict[str, tuple[str, str]]:
    """Outcome and message of each object by name."""
    found = await restore(entries, {"global": kube}, SYSTEM)
    return {each.entry.ref.name: (each.outcome, each.message) for each in found}


def link(owner: Object) -> Object:
    """The reference of what belongs to it."""
    metadata = owner["metadata"]
    head = {"apiVersion": owner["apiVersion"], "kind": owner["kind"]}
    return head | {"name": metadata["name"], "uid": metadata["uid"]}


async def a_library(kube: Kube, name: str) -> Object:
    """An owner of another kind than those that cleanups delete."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": SYSTEM}}
    await kube.apply(CONFIG_MAPS, body)
    made = await kube.get(CONFIG_MAPS, SYSTEM, name)
    assert made
    return made


async def both_deleted(kube: Kube, name: str) -> tuple[backup.Entry, backup.Entry]:
    """An Artifact with one version, saved and deleted."""
    await kube.apply(ARTIFACTS, artifact(name))
    owner = await there(kube, name)
    metadata = {"name": f"{name}.v1", "namespace": SYSTEM, "ownerReferences": [link(owner)]}
    head = {"apiVersion": ARTIFACT_VERSIONS.api_version, "kind": "ArtifactVersion"}
    body = head | {"metadata": metadata, "spec": {"present": True, "tag": "v1"}}
    made = await kube.create(ARTIFACT_VERSIONS, SYSTEM, body)
    version = backup.entry("global", "ArtifactVersion", ("NotInstalled", "", 1), made)
    await kube.delete(ARTIFACT_VERSIONS, made)
    return await deleted(kube, name), version


async def test_what_the_platform_has_noted_meanwhile_changes_nothing(kube: Kube, cluster: Cluster) -> None:
    await kube.apply(ARTIFACTS, artifact("noted"))
    entry = await deleted(kube, "noted")
    assert (await restored(kube, entry))["noted"][0] == "Restored"
    what = ("artifacts.app.alauda.io", "noted", "-n", SYSTEM)
    cluster.kubectl("annotate", *what, "platform/seen=now")
    cluster.kubectl("label", *what, "platform/phase=done")
    assert (await restored(kube, entry))["noted"][0] == "Restored"
    cluster.kubectl("label", *what, "--overwrite", "cpaas.io/library=other")
    assert (await restored(kube, entry))["noted"] == ("Skipped", "It is there with other labels, and was left alone.")


async def test_nothing_is_hung_on_an_owner_that_somebody_else_has_made(kube: Kube) -> None:
    """The platform would remove what that does not have."""
    owner, version = await both_deleted(kube, "foreign")
    theirs = artifact("foreign")
    theirs["spec"]["repository"] = "theirs/y"
    await kube.create(ARTIFACTS, SYSTEM, theirs)
    found = await restored(kube, owner, version)
    assert found["foreign"][0] == found["foreign.v1"][0] == "Skipped", found
    assert "Artifact foreign, which owned it, is there with other content" in found["foreign.v1"][1]
    assert await kube.get(ARTIFACT_VERSIONS, SYSTEM, "foreign.v1") is None
    await kube.delete(ARTIFACTS, await there(kube, "foreign"))
    found = await restored(kube, owner, version)
    assert found["foreign"][0] == found["foreign.v1"][0] == "Restored", found


async def test_links_to_owners_of_any_kind_are_made_again(kube: Kube) -> None:
    """With the owner's uid as it is now; one that is not there is told."""
    body, before = artifact("linked"), await a_library(kube, "library")
    missing = link(before) | {"name": "gone", "uid": "uid-gone"}
    unknown = link(before) | {"apiVersion": "no.such.group/v1", "kind": "Nothing", "uid": "uid-unknown"}
    body["metadata"]["ownerReferences"] = [link(before), missing, unknown]
    await kube.apply(ARTIFACTS, body)
    entry = await deleted(kube, "linked")
    await kube.delete(CONFIG_MAPS, before)
    library = await a_library(kube, "library")
    assert library["metadata"]["uid"] != before["metadata"]["uid"]
    for _ in range(2):
        outcome, message = (await restored(kube, entry))["linked"]
        assert outcome == "Restored", message
        assert "without its owner ConfigMap gone, which is not there" in message
        assert "without its owner Nothing library, which is of a kind that cluster global does not have" in message
        assert (await there(kube, "linked"))["metadata"]["ownerReferences"] == [link(library)]


async def test_an_object_that_lacks_its_owner_is_another(kube: Kube) -> None:
    body, library = artifact("unlinked"), await a_library(kube, "another-library")
    body["metadata"]["ownerReferences"] = [link(library)]
    await kube.apply(ARTIFACTS, body)
    entry = await deleted(kube, "unlinked")
    await kube.apply(ARTIFACTS, artifact("unlinked"))
    assert (await restored(kube, entry))["unlinked"] == (
        "Skipped",
        "It is there with other owners, and was left alone.",
    )


async def test_an_owner_that_may_not_be_looked_up_is_told(kube: Kube, cluster: Cluster) -> None:
    """Everything else comes back: the account may handle the platform's kinds alone."""
    library = await a_library(kube, "hidden")
    body = artifact("half-seen")
    body["metadata"]["ownerReferences"] = [link(library)]
    await kube.apply(ARTIFACTS, body)
    entry = await deleted(kube, "half-seen")
    rights = ("--verb=get,create,patch", "--resource=artifacts.app.alauda.io", "-n", SYSTEM)
    cluster.kubectl("create", "role", "artifacts-only", *rights)
    grant = ("--role=artifacts-only", f"--serviceaccount={SYSTEM}:default", "-n", SYSTEM)
    cluster.kubectl("create", "rolebinding", "artifacts-only", *grant)
    limited = await Kube.connect(cluster.service_account_kubeconfig(SYSTEM, "default"), "global")
    try:
        outcome, message = (await restored(limited, entry))["half-seen"]
    finally:
        await limited.close()
    assert outcome == "Restored", message
    assert "without its owner ConfigMap hidden, which may not be looked up" in message
    assert "ownerReferences" not in (await there(kube, "half-seen"))["metadata"]


async def test_nothing_is_put_into_another_namespace(kube: Kube) -> None:
    await kube.apply(ARTIFACTS, artifact("elsewhere"))
    entry = await deleted(kube, "elsewhere")
    found = await restore([entry], {"global": kube}, "another-system")
    assert [(each.outcome, each.message) for each in found] == [
        ("Failed", "Objects are put back into namespace another-system only.")
    ]
    assert await kube.get(ARTIFACTS, SYSTEM, "elsewhere") is None


async def test_a_namespace_that_is_missing_is_told(kube: Kube) -> None:
    await kube.apply(ARTIFACTS, artifact("homeless"))
    entry = await deleted(kube, "homeless")
    metadata = entry.body["metadata"] | {"namespace": "no-such-namespace"}
    moved = replace(entry, body=entry.body | {"metadata": metadata})
    (found,) = await restore([moved], {"global": kube}, "no-such-namespace")
    assert found.outcome == "Failed"
    assert "no-such-namespace" in found.message
    assert "Create the namespace" in found.message
    assert "marketplace" not in found.message
