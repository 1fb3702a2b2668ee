"""What happens to a cleanup in its middle: a kill, its own end, an API that is away, and somebody who installs."""

import json
import time
from collections.abc import Iterator

import pytest

from tests.cleanups import (
    OLM,
    AnyBundle,
    a_run,
    allow,
    change,
    clear,
    ended,
    install_operator,
    installed_csv,
    is_back,
    item,
    left,
    offer,
    only,
    there,
)
from tests.cluster import Kit
from tests.harness import SYSTEM, Site, condition, installation, said
from tests.observe import until

pytestmark = pytest.mark.e2e

MANY = 300
"""Old versions of one operator: enough for a run to be killed in the middle."""


@pytest.fixture(scope="module")
def site(kit: Kit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An installation that may write backups."""
    with installation(kit, tmp_path_factory.mktemp("cleanup-midway"), bundles=AnyBundle()) as site:
        allow(site)
        clear(site)
        yield site
        site.cluster.kubectl("delete", "artifacts", "-n", SYSTEM, "--all", "--wait=false")


def start_deleting(site: Site, run: str) -> None:
    """Make a run, and wait for its first deletion: the operator's own count is the fastest to ask."""
    before = site.operator.metric("violet_cleanup_deleted_total")
    site.apply(a_run(run, **only("many")))
    until(lambda: site.operator.metric("violet_cleanup_deleted_total") > before, 60)


def test_an_operator_that_is_killed_in_the_middle_goes_on(site: Site) -> None:
    offer(site, "many", *(f"1.0.{number}" for number in range(MANY)), "9.0.0")
    install_operator(site, "many", "9.0.0")
    until(lambda: installed_csv(site, "many") == "many.v9.0.0")
    others = {name for name in there(site) if "many" not in name}
    start_deleting(site, "killed")
    site.operator.kill()
    remaining = left(site)
    assert 1 < remaining < MANY + 1, "the run was through before it was killed: this test would test nothing"
    offer(site, "many", "1.1.0")  # it is not in the plan
    site.operator.start()
    run = site.wait("killed", ended, 120, "cleanupruns")
    assert condition(run, "Complete")["reason"] == "Deleted", said(run)
    assert run["status"]["outcomes"]["deleted"] == MANY
    names = {name for name in there(site) if "many" in name}
    assert names == {"artifact many", "artifactversion many.v1.1.0", "artifactversion many.v9.0.0"}
    assert {name for name in there(site) if "many" not in name} == others
    stopped_in_the_middle(site, others)
    without_the_api_for_a_while(site, others)
    somebody_installs_in_the_middle(site, others)


def stopped_in_the_middle(site: Site, others: set[str]) -> None:
    """A run that is deleted in the middle leaves the rest alone; what it has deleted comes back from its backup."""
    change(site, "killed", restore=True)
    site.wait("killed", is_back, 120, "cleanupruns")
    assert left(site) == MANY + 2
    start_deleting(site, "stopped")
    site.delete("cleanupruns", "stopped")
    time.sleep(1)  # for a request that was under way
    remaining = left(site)
    time.sleep(2)
    assert 2 < left(site) == remaining
    site.apply(a_run("stopped", restore=True, **only("many")))
    site.wait("stopped", is_back, 120, "cleanupruns")
    assert left(site) == MANY + 2
    assert {name for name in there(site) if "many" not in name} == others


def without_the_api_for_a_while(site: Site, others: set[str]) -> None:
    """The cluster is lost in the middle and comes back: the run goes on."""
    start_deleting(site, "lost")
    site.cluster.apiserver.stop()
    time.sleep(3)
    site.cluster.start_apiserver()
    run = site.wait("lost", ended, 120, "cleanupruns")
    assert condition(run, "Complete")["reason"] == "Deleted", said(run)
    names = {name for name in there(site) if "many" in name}
    assert names == {"artifact many", "artifactversion many.v9.0.0"}
    assert {name for name in there(site) if "many" not in name} == others


def somebody_installs_in_the_middle(site: Site, others: set[str]) -> None:
    """Nobody has installed it, and it goes as a whole, until somebody wants one of its versions."""
    site.cluster.kubectl("delete", "csv", "many.v9.0.0", "-n", site.namespace)
    site.cluster.kubectl("delete", "subscription", "many", "-n", site.namespace)
    until(lambda: installed_csv(site, "many") != "many.v9.0.0")
    offer(site, "many", *(f"1.0.{number}" for number in range(MANY)))
    start_deleting(site, "wanted")
    spec = {"name": "many", "source": "platform", "sourceNamespace": SYSTEM, "startingCSV": "many.v9.0.0"}
    metadata = {"name": "many", "namespace": site.namespace}
    body = {"apiVersion": OLM, "kind": "Subscription", "metadata": metadata, "spec": spec}
    site.cluster.kubectl("create", "-f", "-", stdin=json.dumps(body))
    run = site.wait("wanted", ended, 120, "cleanupruns")
    assert condition(run, "Complete")["reason"] == "Deleted", said(run)
    assert item(run, "many.v9.0.0")["outcome"] == item(run, "many")["outcome"] == "Skipped"
    assert {"artifact many", "artifactversion many.v9.0.0"} <= there(site)
    assert run["status"]["outcomes"]["skipped"] > 1
    assert {name for name in there(site) if "many" not in name} == others
    site.cluster.kubectl("delete", "subscription", "many", "-n", site.namespace)
