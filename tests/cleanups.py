"""Installed operators and plugins, cleanup policies and their runs, for end-to-end tests."""

import json
import secrets
from typing import Any

from tests.harness import API, REQUESTED, SYSTEM, Object, Site, condition

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


def long_ago(site: Site, run: str) -> None:
    """Have a run believe that it has tried in vain since January."""
    conditions = site.all("cleanupruns")[run]["status"]["conditions"]
    moved = [{**each, "lastTransitionTime": "2026-01-01T00:00:00Z"} for each in conditions]
    what = ("cleanuprun", run, "-n", site.namespace, "--subresource=status", "--type=merge")
    site.cluster.kubectl("patch", *what, "--patch", json.dumps({"status": {"conditions": moved}}))
