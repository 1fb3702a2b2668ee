"""Installed operators and plugins, cleanup policies and their runs, for end-to-end tests."""

import base64
import gzip
import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.cluster import KubectlError
from tests.harness import API, REQUESTED, SYSTEM, Object, Site, condition
from tests.observe import until
from tests.platform import Bundles
from tests.platform.bundles import Bundle
from violet_operator.api.conditions import timestamp

APP = "app.alauda.io/v1alpha1"
OLM = "operators.coreos.com/v1alpha1"
MODULES = "cluster.alauda.io/v1alpha1"


def module_plugin(name: str, version: str) -> Object:
    spec = {"name": name, "version": version, "deleteable": True, "logo": "", "description": {"en": name, "zh": name}}
    metadata = {"name": name, "labels": {"cpaas.io/module-name": name}}
    return {"apiVersion": MODULES, "kind": "ModulePlugin", "metadata": metadata, "spec": spec}


def with_status(site: Site, body: Object, status: Object, namespace: str = "") -> None:
    """Apply an object and its status, which only others write."""
    where = ("-n", namespace) if namespace else ()
    site.cluster.kubectl("apply", *where, "-f", "-", stdin=json.dumps(body))
    what, patch = f"{body['kind'].lower()}/{body['metadata']['name']}", json.dumps({"status": status})
    site.cluster.kubectl("patch", what, *where, "--subresource=status", "--type=merge", "--patch", patch)


def install_operator(site: Site, package: str, version: str) -> None:
    csv, namespace = f"{package}.v{version}", site.namespace
    spec = {"name": package, "source": "platform", "sourceNamespace": SYSTEM}
    body = {"apiVersion": OLM, "kind": "Subscription", "metadata": {"name": package}, "spec": spec}
    known = {"state": "AtLatestKnown", "installedCSV": csv, "currentCSV": csv, "lastUpdated": "2026-01-01T00:00:00Z"}
    with_status(site, body, known, namespace)
    body = {"apiVersion": OLM, "kind": "ClusterServiceVersion", "metadata": {"name": csv}, "spec": {"version": version}}
    with_status(site, body, {"phase": "Succeeded"}, namespace)


def install_plugin(site: Site, name: str, version: str) -> None:
    labels = {"cpaas.io/module-name": name, "cpaas.io/cluster-name": "global", "cpaas.io/module-type": "plugin"}
    metadata = {"name": f"global-{name}", "labels": labels}
    body = {"apiVersion": MODULES, "kind": "ModuleInfo", "metadata": metadata, "spec": {"version": version}}
    with_status(site, body, {"phase": "Running", "version": version})


def installed_csv(site: Site, name: str) -> str:
    status = site.all("operatorviews", "global").get(name, {}).get("status", {})
    return str(status.get("operatorStatus", {}).get("installation", {}).get("subscription", {}).get("installedCSV"))


def viewed(site: Site, name: str) -> list[str]:
    view = site.all("modulepluginviews").get(name, {})
    return [each["version"] for each in view.get("status", {}).get("installed", [])]


def policy(name: str, **spec: Any) -> Object:
    return {"apiVersion": API, "kind": "CleanupPolicy", "metadata": {"name": name}, "spec": spec}


def request_run(site: Site, name: str) -> str:
    """Ask for a run; its name once it is there."""
    token = secrets.token_hex(6)
    site.cluster.kubectl("annotate", "cleanuppolicy", name, "-n", site.namespace, f"{REQUESTED}={token}", "--overwrite")
    body = site.wait(
        name, lambda body: (body.get("status") or {}).get("lastHandledReconcileAt") == token, 60, "cleanuppolicies"
    )
    return str(body["status"]["lastRun"])


def run_now(site: Site, name: str) -> Object:
    """Ask for a run and wait for its end."""
    started = request_run(site, name)
    site.wait(started, ended, 60, "cleanupruns")
    site.wait(name, lambda body: "active" not in body["status"], 60, "cleanuppolicies")
    return site.all("cleanupruns")[started]


def ended(body: Object) -> bool:
    return any(condition(body, kind)["status"] == "True" for kind in ("Complete", "Failed"))


def items(run: Object) -> dict[str, str]:
    """What a run says of the objects of this test."""
    ours = ("idle", "busy", "wanted", "rest", "work")
    found = [each for each in run["status"]["items"] if each["name"].startswith(ours)]
    return {f"{each['kind']} {each['name']}": f"{each['action']} {each['reason']}" for each in found}


def long_ago(site: Site, run: str, days: int = 200) -> None:
    """Have a run believe that its conditions have been what they are for so long."""
    conditions = site.all("cleanupruns")[run]["status"]["conditions"]
    since = timestamp(datetime.now(UTC) - timedelta(days=days))
    moved = [{**each, "lastTransitionTime": since} for each in conditions]
    what = ("cleanuprun", run, "-n", site.namespace, "--subresource=status", "--type=merge")
    site.cluster.kubectl("patch", *what, "--patch", json.dumps({"status": {"conditions": moved}}))


class AnyBundle(Bundles):
    """A registry that has every bundle: it is not what is tested here."""

    def find(self, registry: str, repository: str, tag: str, kind: str = "bundle") -> Bundle:
        package = repository.rpartition("/")[2].removesuffix("-bundle")
        return Bundle(package, f"{package}.{tag}", tag.removeprefix("v"), package, ("stable",), "stable")


def allow(site: Site) -> None:
    """Give the operator the right to write backups, as the documentation says."""
    account = "--serviceaccount=violet-system:violet-operator"
    grant = ("create", "rolebinding", "violet-cleanup", "--clusterrole=violet-cleanup", account)
    site.cluster.kubectl("-n", site.namespace, *grant)


def clear(site: Site) -> None:
    """Take away what other tests have left on the cluster: a cleanup looks at all of it."""
    site.cluster.kubectl("delete", "moduleplugins,moduleconfigs,moduleinfoes", "--all")
    site.cluster.kubectl("delete", "artifacts,artifactversions", "-n", SYSTEM, "--all")


def offer(site: Site, package: str, *names: str, **metadata: Any) -> None:
    """An Artifact with these versions, all Present, as the CLI leaves them; `metadata` goes into the versions'."""
    labels = {"cpaas.io/managed-by": "violet", "team": "blue"}
    spec = {"type": "bundle", "present": True, "registry": "r", "repository": package, "artifactVersionSelector": {}}
    owner = {"apiVersion": APP, "kind": "Artifact", "spec": spec}
    owner["metadata"] = {"name": package, "namespace": SYSTEM, "labels": labels}
    site.cluster.kubectl("apply", "-f", "-", stdin=json.dumps(owner))
    uid = site.all("artifacts", SYSTEM)[package]["metadata"]["uid"]
    known = {
        "labels": {"cpaas.io/artifact-version": package, "team": "blue"},
        "annotations": {"note": "as it was"},
        "ownerReferences": [{"apiVersion": APP, "kind": "Artifact", "name": package, "uid": uid}],
    }
    head = {"apiVersion": APP, "kind": "ArtifactVersion"}
    bodies = [
        head
        | {"metadata": known | metadata | {"name": f"{package}.v{name}", "namespace": SYSTEM}}
        | {"spec": {"present": True, "tag": f"v{name}"}}
        for name in names
    ]
    site.cluster.kubectl("create", "-f", "-", stdin="\n".join(json.dumps(body) for body in bodies), timeout=120)

    def present() -> bool:
        found = site.all("artifactversions", SYSTEM)
        return all(found[f"{package}.v{name}"].get("status", {}).get("phase") == "Present" for name in names)

    until(present, 120)
    until(lambda: package in site.all("operatorviews", "global"))


def there(site: Site) -> set[str]:
    """What a cleanup may delete, as `kind name`."""
    kinds = {"artifact": SYSTEM, "artifactversion": SYSTEM, "moduleplugin": "", "moduleconfig": ""}
    return {f"{kind} {name}" for kind, namespace in kinds.items() for name in site.all(f"{kind}s", namespace)}


def outcomes(run: Object) -> dict[str, str]:
    """What became of the planned deletions."""
    found = [each for each in run["status"]["items"] if each["action"] == "Delete"]
    return {f"{each['kind'].lower()} {each['name']}": each["outcome"] for each in found}


def item(run: Object, name: str) -> Object:
    """What a run says of one object."""
    return next(dict(each) for each in run["status"]["items"] if each["name"] == name)


def change(site: Site, run: str, **spec: Any) -> None:
    """Set fields of a run's spec."""
    what = ("cleanuprun", run, "-n", site.namespace, "--type=merge", "--patch", json.dumps({"spec": spec}))
    site.cluster.kubectl("patch", *what)


def saved(site: Site, run: str) -> list[Object]:
    """What is in the backup of a run, as an administrator would read it."""
    maps = site.cluster.kubectl(
        "get", "configmaps", "-n", site.namespace, "-l", f"violet.alauda.io/cleanup-run={run}", "-o", "json"
    )
    parts = [body["binaryData"]["objects.jsonl.gz"] for body in json.loads(maps)["items"] if "binaryData" in body]
    return [json.loads(line) for part in parts for line in gzip.decompress(base64.b64decode(part)).splitlines()]


def is_back(body: Object) -> bool:
    """Whether everything that a run has deleted is there."""
    return condition(body, "Restored")["status"] == "True"


def a_run(name: str, **spec: Any) -> Object:
    """A run of no policy, in mode Delete."""
    return {"apiVersion": API, "kind": "CleanupRun", "metadata": {"name": name}, "spec": {"mode": "Delete"} | spec}


def only(package: str) -> Object:
    """Fields of a spec that leave everything alone but one package."""
    names = ["idle*", "busy*", "rest*", "work*", "held*", "kept*", "asked*", "late*", "many*"]
    return {"exclude": {"names": [each for each in names if not each.startswith(package)]}}


FORBID = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicy",
    "metadata": {"name": "keep-it"},
    "spec": {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "resourceRules": [
                {
                    "apiGroups": ["app.alauda.io"],
                    "apiVersions": ["*"],
                    "operations": ["DELETE"],
                    "resources": ["artifactversions"],
                }
            ]
        },
        "validations": [
            {"expression": "oldObject.metadata.name != 'kept.v1.0.0'", "reason": "Forbidden", "message": "keep it"}
        ],
    },
}
BIND = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicyBinding",
    "metadata": {"name": "keep-it"},
    "spec": {"policyName": "keep-it", "validationActions": ["Deny"]},
}
"""What keeps kept.v1.0.0 from being deleted, by anybody."""


def is_forbidden(site: Site, name: str) -> bool:
    """Whether FORBID is in force."""
    try:
        site.cluster.kubectl("delete", "artifactversion", name, "-n", SYSTEM, "--dry-run=server")
    except KubectlError as error:
        return "keep it" in error.stderr
    return False


def left(site: Site) -> int:
    """How many versions of operator `many` are there."""
    return sum(name.startswith("many.") for name in site.all("artifactversions", SYSTEM))
