"""Operators in one cluster: Artifact and ArtifactVersion status, package manifests, operator views."""

import datetime as dt
import re
from collections import defaultdict
from typing import Any

from tests.platform.api import Api, Object, body
from tests.platform.bundles import Bundle, BundleError, Bundles

SYSTEM = "cpaas-system"
CATALOGS = ("platform", "system", "custom")
Offers = dict[tuple[str, str], list[Bundle]]  # by catalog source and package


def sync_catalogs(api: Api) -> None:
    """The three catalog sources that the platform always has."""
    present = {obj["metadata"]["name"]: obj for obj in api.get_all("CatalogSource", SYSTEM)}
    for name in CATALOGS:
        spec = {"sourceType": "grpc", "address": f"olm-registry-{name}.{SYSTEM}.svc:50051"}
        wanted = body("CatalogSource", name, SYSTEM, spec=spec)
        source = present.get(name) or api.create("CatalogSource", wanted)
        status = {"connectionState": {"lastObservedState": "READY"}}
        api.merge(source, "CatalogSource", {"status": status}, "/status")


def sync_artifacts(api: Api, bundles: Bundles) -> tuple[list[Object], Offers]:
    """Judge every version, and give back the artifacts and what they offer."""
    artifacts = {obj["metadata"]["uid"]: obj for obj in api.get_all("Artifact", SYSTEM)}
    versions: dict[str, list[Object]] = defaultdict(list)
    for version in api.get_all("ArtifactVersion", SYSTEM):
        versions[_owner(version)].append(version)
    offers: Offers = defaultdict(list)
    for uid, artifact in artifacts.items():
        catalog = artifact["metadata"].get("labels", {}).get("cpaas.io/library", "platform")
        found = _sync_artifact(api, bundles, artifact, versions.pop(uid, []))
        for bundle in found:
            offers[catalog, bundle.package].append(bundle)
    for orphan in (version for group in versions.values() for version in group):
        # The misspelling is the platform's own.
        _set_version(api, orphan, "Failed", message="aritfactVersion not have OwnerReference")
    return list(artifacts.values()), offers


def sync_package_manifests(api: Api, offers: Offers) -> None:
    """What OLM shows of the catalogs."""
    manifests = [_package_manifest(catalog, name, found) for (catalog, name), found in offers.items() if found]
    api.converge("PackageManifest", manifests, SYSTEM)


def operator_views(api: Api, cluster: str, artifacts: list[Object], offers: Offers) -> list[Object]:
    """How each operator stands in this cluster: Absent, Ready to be installed, or Installed."""
    csvs = {obj["metadata"]["name"] for obj in api.get_all("ClusterServiceVersion")}
    subscriptions = {obj["spec"]["name"]: obj for obj in api.get_all("Subscription")}
    packages = {name: found for (_, name), found in offers.items()}
    manifests = {obj["metadata"]["name"]: obj for obj in api.get_all("PackageManifest", SYSTEM)}
    names = {obj["metadata"]["name"] for obj in artifacts if obj["spec"]["type"] == "bundle"}
    views = []
    for name in sorted(names | set(subscriptions)):
        status = _operator_status(name, name in packages, subscriptions.get(name), csvs)
        channels = manifests.get(name, {}).get("status", {}).get("channels", [])
        fields = {"operatorStatus": status, "packageManifestStatus": {"channels": channels}}
        views.append(body("OperatorView", name, cluster, status=fields))
    return views


def _operator_status(package: str, offered: bool, subscription: Object | None, csvs: set[str]) -> Object:
    left = sorted(csv for csv in csvs if csv.startswith(f"{package}.v"))
    if subscription is None and not left:
        return {"phase": "Ready" if offered else "Absent"}
    # Installed says that somebody wants it: the CSV stays empty while it waits for approval or fails.
    status = (subscription or {}).get("status", {"installedCSV": left[-1] if left else ""})
    known = {key: status.get(key, "") for key in ("installedCSV", "currentCSV", "state")}
    return {"phase": "Installed", "installation": {"artifactName": package, "subscription": known}}


def _sync_artifact(api: Api, bundles: Bundles, artifact: Object, versions: list[Object]) -> list[Bundle]:
    managed = artifact["metadata"].get("labels", {}).get("cpaas.io/managed-by") == "violet"
    if not managed:
        api.merge(artifact, "Artifact", {"spec": {"present": False}})
        for version in versions:
            api.delete("ArtifactVersion", version)
        versions = []
    found = [_sync_version(api, bundles, artifact, version) for version in versions]
    offered = [bundle for bundle in found if bundle]
    status = {"availableArtifactVersion": len(offered), "synced": True}
    if status.items() - artifact.get("status", {}).items():
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        api.merge(artifact, "Artifact", {"status": status | {"lastUpdateTime": now}}, "/status")
    return offered if artifact["spec"]["type"] == "bundle" and artifact["spec"]["present"] else []


def _sync_version(api: Api, bundles: Bundles, artifact: Object, version: Object) -> Bundle | None:
    if not version["spec"]["present"]:
        _set_version(api, version, "Deleted")
        return None
    spec = artifact["spec"]
    try:
        bundle = bundles.find(spec["registry"], spec["repository"], version["spec"]["tag"], spec["type"])
    except BundleError as error:
        _set_version(api, version, "Failed", message=str(error))
        return None
    _set_version(api, version, "Present", "Success", name=bundle.package, version=bundle.csv, type=spec["type"])
    return bundle


def _set_version(api: Api, obj: Object, phase: str, reason: str = "", **fields: str) -> None:
    empty = dict.fromkeys(("name", "version", "type", "message"), "")
    status = empty | {"phase": phase, "reason": reason or phase} | fields
    api.merge(obj, "ArtifactVersion", {"status": status}, "/status")


def _owner(version: Object) -> str:
    owners = version["metadata"].get("ownerReferences", [])
    return next((owner["uid"] for owner in owners if owner["kind"] == "Artifact"), "")


def _package_manifest(catalog: str, package: str, offered: list[Bundle]) -> Object:
    newest_first = sorted(offered, key=lambda bundle: version_key(bundle.version), reverse=True)
    names = dict.fromkeys(channel for bundle in newest_first for channel in bundle.channels)
    channels = [_channel(name, [b for b in newest_first if name in b.channels]) for name in names]
    status = {
        "catalogSource": catalog,
        "catalogSourceNamespace": SYSTEM,
        "packageName": package,
        "defaultChannel": newest_first[0].default_channel,
        "channels": channels,
    }
    return body("PackageManifest", package, SYSTEM, labels={"catalog": catalog}, status=status)


def _channel(name: str, newest_first: list[Bundle]) -> Object:
    head = newest_first[0]
    return {
        "name": name,
        "currentCSV": head.csv,
        "currentCSVDesc": {"displayName": head.display_name, "version": head.version},
        "entries": [{"name": bundle.csv, "version": bundle.version} for bundle in newest_first],
    }


def version_key(version: str) -> list[tuple[bool, Any]]:
    """Orders versions: by number where there are numbers, and a pre-release before its release."""
    parts = re.findall(r"\d+|[a-zA-Z]+", version.lstrip("v").partition("+")[0])
    return [(part.isdigit(), int(part) if part.isdigit() else part) for part in parts] + [(False, "~")]
