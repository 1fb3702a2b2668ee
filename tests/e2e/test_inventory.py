"""A PackageInventory over one cluster: what is installed shows in the ConfigMap, and whatever happens, stays right.

One installation for all of them, its operator bound to write ConfigMaps in its namespace, as the documentation says.
"""

import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests import installed
from tests.cluster import Kit
from tests.harness import API, KEYS, REQUESTED, Object, Site, condition, has_failed, installation, is_ready
from tests.observe import until

pytestmark = pytest.mark.e2e

KIND = "packageinventories"
GRANT = ("create", "rolebinding", "violet-inventory", "--clusterrole=violet-inventory")
ACCOUNT = "--serviceaccount=violet-system:violet-operator"


@pytest.fixture(scope="module")
def bare(kit: Kit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An installation as it comes: the operator may not write ConfigMaps."""
    with installation(kit, tmp_path_factory.mktemp("inventory")) as site:
        yield site


@pytest.fixture(scope="module")
def prefix(bare: Site) -> Iterator[str]:
    """In front of the names of everything that is installed here, as other tests share the cluster."""
    prefix = f"i{secrets.token_hex(3)}"
    cluster = bare.cluster
    installed.operator(cluster, bare.namespace, f"{prefix}-op", "2.3.0", "NativeStor")
    installed.operator(cluster, bare.namespace, f"{prefix}-own", "1.0.0", source="system")
    installed.plugin(cluster, f"{prefix}-logs", "v1.2.0", "global", title="Log Center")
    installed.plugin(cluster, f"{prefix}-base", "v4.2.0", "global", lifecycle="core")
    installed.plugin(cluster, f"{prefix}-else", "v1.0.0", "region9")
    installed.chart(cluster, bare.namespace, f"{prefix}-zoo", "3.8.6")
    until(lambda: all(is_shown(bare, f"{prefix}-{name}") for name in ("logs", "base")))
    yield prefix
    for kind in ("moduleplugins", "moduleinfoes"):
        names = [name for name in bare.all(kind) if prefix in name]
        cluster.kubectl("delete", kind, *names)


@pytest.fixture(scope="module")
def refused(bare: Site, prefix: str) -> Object:
    """An inventory whose ConfigMap the operator may not write."""
    bare.apply(inventory("main"))
    return bare.wait("main", has_failed("ExportForbidden"), kind=KIND)


@pytest.fixture(scope="module")
def site(bare: Site, refused: Object) -> Site:
    """The same once it may, with the inventory Ready."""
    bare.cluster.kubectl(*GRANT, ACCOUNT, "-n", bare.namespace)
    look(bare, "main")
    return bare


def is_shown(site: Site, plugin: str) -> bool:
    """Whether the platform's view of a plugin knows that it is installed."""
    found = site.all("modulepluginviews").get(plugin)
    return bool(found and found["status"]["installed"])


def inventory(name: str, **spec: Any) -> Object:
    body = {"output": {"configMapRef": {"name": name}}} | spec
    return {"apiVersion": API, "kind": "PackageInventory", "metadata": {"name": name}, "spec": body}


def look(site: Site, name: str) -> Object:
    """The inventory once a look has been taken that was asked for now."""
    stamp = secrets.token_hex(6)
    site.cluster.kubectl("annotate", KIND, name, "-n", site.namespace, f"{REQUESTED}={stamp}", "--overwrite")

    def answered(body: Object) -> bool:
        return is_ready(body) and body["status"].get("lastHandledReconcileAt") == stamp

    return site.wait(name, answered, kind=KIND)


def exported(site: Site, name: str = "main") -> str:
    return str(site.all("configmaps")[name]["data"]["apps.yaml"])


def listed(site: Site, prefix: str) -> Object:
    """The packages of this module in the export."""
    found = yaml.safe_load(exported(site))["applications"]
    return {name.removeprefix(prefix): each for name, each in found.items() if name.startswith(prefix)}


def test_without_the_right_it_says_how_to_give_it(refused: Object) -> None:
    said = condition(refused, "Ready")["message"]
    assert f"{' '.join(GRANT[:2])} violet-inventory" in said
    assert "--clusterrole=violet-inventory" in said
    assert condition(refused, "Gathered")["status"] == "True"


def test_what_is_installed_is_listed_and_nothing_else(site: Site, prefix: str) -> None:
    assert listed(site, prefix) == {
        "-op": {
            "displayName": "NativeStor",
            "type": "OperatorBundle",
            "installed": [{"clusterName": "global", "version": "2.3.0"}],
        },
        "-logs": {
            "displayName": "Log Center",
            "type": "ModulePlugin",
            "installed": [{"clusterName": "global", "version": "v1.2.0"}],
        },
        "-zoo": {
            "displayName": f"{prefix}-zoo",
            "type": "Chart",
            "installed": [{"clusterName": "global", "version": "3.8.6"}],
        },
    }


def test_the_status_counts_and_tells_when(site: Site) -> None:
    status = site.all(KIND)["main"]["status"]
    counts = status["counts"]
    assert counts["operatorBundles"] >= 1
    assert counts["modulePlugins"] >= 1
    assert counts["charts"] >= 1
    assert counts["core"] >= 2
    assert [cluster["name"] for cluster in status["clusters"]] == ["global"]
    assert status["lastExportTime"] >= status["lastChangeTime"]
    assert {each["type"]: each["status"] for each in status["conditions"]} == dict.fromkeys(
        ("Gathered", "Exported", "Ready"), "True"
    )
    assert "Exported" in [event["reason"] for event in site.events("main")]
    labels = {"namespace": site.namespace, "name": "main"}
    assert site.operator.metric("violet_inventory_packages", **labels, type="Chart") == counts["charts"]
    assert site.operator.metric("violet_inventory_unread_clusters", **labels) == 0


def test_an_upgrade_shows_in_the_export_and_in_changes(site: Site, prefix: str) -> None:
    installed.operator(site.cluster, site.namespace, f"{prefix}-op", "2.4.0", "NativeStor")
    status = look(site, "main")["status"]
    mine = [change for change in status["changes"] if change["name"].startswith(prefix)]
    place = {"type": "OperatorBundle", "name": f"{prefix}-op", "cluster": "global"}
    assert mine == [place | {"action": "Upgraded", "before": "2.3.0", "after": "2.4.0"}]
    assert status["changesTotal"] == len(status["changes"])
    assert listed(site, prefix)["-op"]["installed"] == [{"clusterName": "global", "version": "2.4.0"}]


def test_a_deleted_config_map_is_put_back(site: Site) -> None:
    before, changed = exported(site), site.all(KIND)["main"]["status"]["lastChangeTime"]
    site.delete("configmap", "main")
    assert look(site, "main")["status"]["lastChangeTime"] == changed
    assert exported(site) == before


def test_other_keys_of_the_config_map_stay(site: Site) -> None:
    site.cluster.kubectl("patch", "configmap", "main", "-n", site.namespace, "-p", '{"data":{"mine":"yes"}}')
    site.cluster.kubectl("patch", "configmap", "main", "-n", site.namespace, "-p", '{"data":{"apps.yaml":"x"}}')
    look(site, "main")
    data = site.all("configmaps")["main"]["data"]
    assert data["mine"] == "yes"
    assert data["apps.yaml"].startswith("applications:")


def test_a_key_that_someone_else_has_written_is_left_alone(site: Site) -> None:
    site.cluster.kubectl("create", "configmap", "theirs", "-n", site.namespace, "--from-literal=apps.yaml=mine")
    site.apply(inventory("theirs"))
    said = condition(site.wait("theirs", has_failed("ConfigMapInUse"), kind=KIND), "Stalled")["message"]
    assert "has a key apps.yaml that this inventory has not written" in said
    assert exported(site, "theirs") == "mine"
    site.apply(inventory("second", output={"configMapRef": {"name": "main"}}))
    said = condition(site.wait("second", has_failed("ConfigMapInUse"), kind=KIND), "Stalled")["message"]
    assert "ConfigMap main is written by PackageInventory main" in said


def test_a_copy_goes_to_object_storage_when_it_changes(site: Site, prefix: str) -> None:
    key = f"{site.namespace}/apps.yaml"
    output = {
        "configMapRef": {"name": "copied"},
        "url": site.storage.url(key),
        "endpoint": site.storage.endpoint,
        "credentialsSecretRef": {"name": KEYS},
    }
    site.apply(inventory("copied", output=output))
    status = site.wait("copied", is_ready, kind=KIND)["status"]
    store = site.storage.store()
    assert bytes(store.get(key).bytes()).decode() == exported(site, "copied")
    assert status["copy"]["url"] == output["url"]
    site.storage.delete(key)
    site.apply(inventory("copied", output=output, interval="2h"))
    site.wait("copied", is_ready, kind=KIND)
    with pytest.raises(FileNotFoundError):  # nothing has changed, so nothing was written
        store.head(key)
    installed.chart(site.cluster, site.namespace, f"{prefix}-new", "1.0.0")
    site.apply(inventory("copied", output=output, interval="3h"))
    site.wait("copied", is_ready, kind=KIND)
    assert f"{prefix}-new" in bytes(store.get(key).bytes()).decode()


def test_storage_that_refuses_is_named_and_the_config_map_is_there(site: Site) -> None:
    site.cluster.kubectl(
        "create", "secret", "generic", "bad", "-n", site.namespace,
        "--from-literal=accesskey=nobody", "--from-literal=secretkey=secret-of-nobody",
    )  # fmt: skip
    output = {
        "configMapRef": {"name": "uncopied"},
        "url": site.storage.url("apps.yaml"),
        "endpoint": site.storage.endpoint,
        "credentialsSecretRef": {"name": "bad"},
    }
    site.apply(inventory("uncopied", output=output))
    found = site.wait("uncopied", has_failed("CopyNotStored"), kind=KIND)
    assert "spec.output.credentialsSecretRef" in condition(found, "Exported")["message"]
    assert "secret-of-nobody" not in json.dumps(found)
    assert exported(site, "uncopied").startswith("applications:")


def test_an_unknown_cluster_and_a_bad_schedule_wait_for_the_user(site: Site) -> None:
    site.apply(
        inventory("nowhere", clusters=["region7"]),
        inventory("never", schedule="61 * * * *"),
        inventory("asleep", suspend=True),
    )
    said = condition(site.wait("nowhere", has_failed("UnknownCluster"), kind=KIND), "Stalled")["message"]
    assert "Platform default has no cluster region7, only global" in said
    said = condition(site.wait("never", has_failed("InvalidSchedule"), kind=KIND), "Stalled")["message"]
    assert "Correct spec.schedule" in said
    site.wait("asleep", has_failed("Suspended"), kind=KIND)
    assert not {"nowhere", "never", "asleep"} & site.all("configmaps").keys()


def test_a_platform_that_comes_later_wakes_its_inventories(site: Site) -> None:
    site.apply(inventory("early", platformRef={"name": "later"}))
    site.wait("early", has_failed("PlatformNotFound"), kind=KIND)
    site.apply(site.all("platforms")["default"] | {"metadata": {"name": "later"}})
    site.wait("early", is_ready, kind=KIND)


def test_what_belongs_to_a_deleted_inventory_stays_but_its_metrics(site: Site) -> None:
    site.apply(inventory("gone"))
    site.wait("gone", is_ready, kind=KIND)
    labels = {"namespace": site.namespace, "name": "gone"}
    assert site.operator.metric("violet_inventory_last_export_timestamp_seconds", **labels) > 0
    site.delete("packageinventory", "gone")
    until(lambda: site.operator.metric("violet_inventory_last_export_timestamp_seconds", **labels) == 0)
    assert exported(site, "gone").startswith("applications:")
