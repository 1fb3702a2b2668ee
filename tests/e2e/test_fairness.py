"""What hangs or changes for one upload does not hold up others, and is not missed."""

import json
import socket
from collections.abc import Iterator

import pytest
import requests

from tests.cluster import Kit
from tests.faults import FaultProxy
from tests.harness import SYSTEM, Site, condition, installation, is_ready, platform, to_platform
from tests.packages import Bundle, Image

pytestmark = pytest.mark.e2e

MIB = 1 << 20


@pytest.fixture(scope="module")
def site(kit: Kit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with installation(kit, tmp_path_factory.mktemp("fairness")) as site:
        yield site


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_a_silent_registry_holds_up_nobody_else(site: Site, silent: str) -> None:
    site.put_package("small")
    site.apply(platform("silent", silent))
    stuck = [f"stuck-{number}" for number in range(14)]  # more than there are control slots
    site.apply(*(site.package_upload(name, "small.tgz", targets=to_platform("silent")) for name in stuck))
    site.wait_all(stuck, lambda body: condition(body, "Reconciling")["status"] == "True", 40)
    site.apply(site.package_upload("small"))
    site.wait("small", is_ready, 30)
    assert not is_ready(site.upload(stuck[0]))
    site.delete("packageupload", *stuck)
    site.delete("platform", "silent")


def test_a_platform_that_changes_in_the_middle_counts(site: Site) -> None:
    with FaultProxy(site.registry.address) as proxy:
        slow = {"anonymous": True, "plainHTTP": True, "pullAddress": site.registry.address}
        site.apply(platform("moving", proxy.address, **slow))
        image = Image("moved-app", tag="v1", layers=4, layer_size=4 * MIB)
        site.put_package("moved", Bundle(name="moved", version="1.0.0", related=(image,)))
        proxy.limit(2 * MIB)
        site.apply(site.package_upload("moved", targets=to_platform("moving")))
        site.wait("moved", lambda body: condition(body, "Pushed")["reason"] == "Pushing", 60)
        site.apply(platform("moving", proxy.address, **slow, repositoryPrefix="new"))
        proxy.limit(None)
        body = site.wait("moved", is_ready, 60)
    assert all("/new/acp/" in each["destination"] for each in body["status"]["images"])
    assert site.all("artifacts", SYSTEM)["moved"]["spec"]["repository"].startswith("new/acp/")


def test_an_image_that_lost_one_architecture_is_made_whole(site: Site) -> None:
    image = Image("torn-app", tag="v1", platforms=("linux/amd64", "linux/arm64"), layer_size=1024)
    site.put_package("torn", Bundle(name="torn", version="1.0.0", related=(image,)))
    site.apply(site.package_upload("torn"))
    site.wait("torn", is_ready)
    raw = site.registry.manifest("acp/torn-app", "v1")
    assert raw is not None
    lost = json.loads(raw)["manifests"][0]["digest"]
    gone = requests.delete(f"{site.registry.url}/v2/acp/torn-app/manifests/{lost}", timeout=10)
    assert gone.status_code == 202
    assert site.registry.manifest("acp/torn-app", lost) is None

    site.reconcile("torn")
    site.wait("torn", lambda body: is_ready(body) and site.registry.manifest("acp/torn-app", lost) is not None)


def test_two_versions_do_not_take_turns_with_their_artifact(site: Site) -> None:
    for version in ("1.0.0", "2.0.0"):
        name = f"pair-{version[0]}"
        site.put_package(name, Bundle(name="pair", version=version, tag=f"v{version}", display_name=f"Pair {version}"))
        site.apply(site.package_upload(name))
        site.wait(name, is_ready)
    before, written = site.all("artifacts", SYSTEM)["pair"], artifact_writes(site, "pair")
    for name in ("pair-1", "pair-2", "pair-1"):
        site.reconcile(name)
        asked = site.upload(name)["metadata"]["annotations"]["violet.alauda.io/reconcile-requested-at"]
        site.wait(name, lambda body, asked=asked: body["status"].get("lastHandledReconcileAt") == asked)
    assert site.all("artifacts", SYSTEM)["pair"]["spec"] == before["spec"]
    assert artifact_writes(site, "pair") == written


def artifact_writes(site: Site, name: str) -> int:
    """How often the operator has written an Artifact."""
    entries = site.cluster.audit_writes("violet-operator")
    return sum((entry.resource, entry.name) == ("artifacts", name) for entry in entries)
