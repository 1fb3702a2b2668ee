"""A backup that is lost in the middle of a run, and a restore that cannot do everything at once."""

from collections.abc import Iterator

import pytest

from tests.cleanups import (
    AnyBundle,
    a_run,
    allow,
    change,
    clear,
    ended,
    is_back,
    item,
    offer,
    outcomes,
    there,
)
from tests.cluster import Kit
from tests.harness import SYSTEM, Object, Site, condition, installation, is_ready, platform, said

pytestmark = pytest.mark.e2e

HOLDS = "example.com/holds"


@pytest.fixture(scope="module")
def site(kit: Kit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An installation that may write backups."""
    with installation(kit, tmp_path_factory.mktemp("cleanup-restores"), bundles=AnyBundle()) as site:
        allow(site)
        clear(site)
        yield site
        site.cluster.kubectl("delete", "artifacts", "-n", SYSTEM, "--all", "--wait=false")


def held(site: Site, name: str) -> None:
    """A run in the middle: a finalizer holds the version, and that its Artifact."""
    offer(site, name, "1.0.0", finalizers=[HOLDS])
    site.apply(a_run(name))
    wanted = {f"artifact {name}": "Failed", f"artifactversion {name}.v1.0.0": "Deleting"}

    def waits(body: Object) -> bool:
        return condition(body, "Reconciling")["reason"] == "ProgressingWithRetry" and outcomes(body) == wanted

    site.wait(name, waits, 60, "cleanupruns")


def let_go(site: Site, name: str) -> None:
    patch = ("--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    site.cluster.kubectl("patch", "artifactversion", f"{name}.v1.0.0", "-n", SYSTEM, *patch)


def test_a_run_without_its_backup_deletes_nothing_more(site: Site) -> None:
    held(site, "torn")
    offer(site, "bystander", "1.0.0")  # it would be in a plan that is made now
    site.cluster.kubectl("delete", "configmap", "torn-backup", "-n", site.namespace)
    run = site.wait("torn", ended, 90, "cleanupruns")
    assert condition(run, "Failed")["reason"] == "BackupDamaged", said(run)
    assert "ConfigMap torn-backup" in condition(run, "Failed")["message"]
    assert f"kubectl -n {site.namespace} get configmaps -l violet.alauda.io/cleanup-run=torn" in said(run)
    assert {"artifact bystander", "artifactversion bystander.v1.0.0"} <= there(site)
    let_go(site, "torn")
    change(site, "torn", restore=True)
    run = site.wait("torn", lambda body: condition(body, "Restored")["status"] == "False", 60, "cleanupruns")
    assert condition(run, "Restored")["reason"] == "NoBackup", said(run)
    clear(site)


def test_what_cannot_be_put_back_at_once_ends_the_run_and_comes_later(site: Site) -> None:
    """Even while the registry is down: of it a run without images needs nothing."""
    held(site, "half")

    def incomplete(body: Object) -> bool:
        return condition(body, "Restored")["reason"] == "RestoreIncomplete"

    change(site, "half", restore=True)
    run = site.wait("half", incomplete, 60, "cleanupruns")
    assert condition(run, "Failed")["reason"] == "RestoreIncomplete", said(run)
    assert outcomes(run) == {"artifact half": "Restored", "artifactversion half.v1.0.0": "Failed"}
    assert f"held by {HOLDS}" in item(run, "half.v1.0.0")["message"]

    site.apply(platform("default", "127.0.0.1:1"))
    site.wait("default", lambda body: condition(body, "Ready")["reason"] == "RegistryUnreachable", 90, "platforms")
    let_go(site, "half")
    run = site.wait("half", is_back, 120, "cleanupruns")
    site.apply(platform("default", site.registry.address))
    site.wait("default", is_ready, 90, "platforms")
    assert condition(run, "Complete")["reason"] == "Restored", said(run)
    assert {"artifact half", "artifactversion half.v1.0.0"} <= there(site)
    restored_once_more(site)


def restored_once_more(site: Site) -> None:
    """The platform has noted something in the meantime: that is nobody else's object."""
    site.cluster.kubectl("annotate", "artifactversion", "half.v1.0.0", "-n", SYSTEM, "platform/seen=now")
    generation = site.all("cleanupruns")["half"]["metadata"]["generation"]
    change(site, "half", restore=False)
    change(site, "half", restore=True)

    def again(body: Object) -> bool:
        found = condition(body, "Restored")
        return is_back(body) and int(found["observedGeneration"]) == generation + 2

    run = site.wait("half", again, 60, "cleanupruns")
    assert set(outcomes(run).values()) == {"Restored"}, said(run)
