"""From the platform's objects to what is installed: pure, one function per type of package.

The rules are those known of `violet list`, and guesses where nothing is known; each guess says so. Objects come from
closed software, so nothing is taken for granted of their shape.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from violet_operator.api.package_inventory_status import Type
from violet_operator.inventory.applications import Installed
from violet_operator.package.versions import csv_version as version_in

JsonObject = dict[str, Any]

LIFECYCLE = "cpaas.io/lifecycle-type"
MODULE = "cpaas.io/module-name"
DISPLAY_NAME = "cpaas.io/display-name"
CHART = "app.cpaas.io/chart.source"
CHART_VERSION = "app.cpaas.io/chart.version"

SYSTEM_CATALOG = "system"
"""Operators of this catalog are not shown to users, so they belong to the platform. A guess where no label says it."""

_PREFIX = "operatorhub-"
"""In front of the names of older built-in Artifacts; packages are called without it."""

_AT_THE_END = re.compile(r"[.-]v?([0-9]+\.[0-9]+\.[0-9]+.*)$")
"""A version at the end of a CSV's name that does not begin with its package. A guess."""

_LONGEST = 512
"""Characters of a name or version: more is nothing that any tool could use."""


@dataclass(slots=True)
class Listing:
    """What the objects say.

    Attributes:
        installed: what goes into the export.
        core: packages that come and go with the platform; never listed.
        pending: type, package and cluster of what has no version yet.
    """

    installed: set[Installed] = field(default_factory=set)
    core: set[tuple[Type, str]] = field(default_factory=set)
    pending: set[tuple[Type, str, str]] = field(default_factory=set)

    def add(self, kind: Type, name: str, cluster: str, versions: Iterable[str], title: str) -> None:
        """One package on one cluster; what has no name cannot be listed."""
        if not name:
            return
        found = {Installed(kind, name, cluster, version, title or name) for version in versions if version}
        self.installed |= found
        if not found:
            self.pending.add((kind, name, cluster))

    def update(self, other: Listing) -> None:
        """Take over another listing."""
        self.installed |= other.installed
        self.core |= other.core
        self.pending |= other.pending


@dataclass(slots=True)
class _Operator:
    """What is known of one operator on one cluster."""

    subscribed: set[str] = field(default_factory=set)
    viewed: set[str] = field(default_factory=set)
    titles: list[str] = field(default_factory=list)
    lifecycles: set[str] = field(default_factory=set)
    catalogs: set[str] = field(default_factory=set)

    @property
    def csvs(self) -> set[str]:
        """Names of its installed versions; OLM itself knows better than a view of it."""
        return self.subscribed or self.viewed


def operators(
    cluster: str,
    views: Iterable[JsonObject],
    subscriptions: Iterable[JsonObject],
    csvs: Iterable[JsonObject],
    catalog_namespace: str,
) -> Listing:
    """Operators on one cluster: those that the platform shows as installed, and those that its catalogs gave to OLM."""
    found: dict[str, _Operator] = {}
    for subscription in subscriptions:
        if dig(subscription, "spec", "sourceNamespace") == catalog_namespace:
            _add_subscription(found, subscription)
    for view in views:
        if dig(view, "metadata", "namespace") == cluster:
            _add_view(found, view)
    known = {text(dig(csv, "metadata", "name")): csv for csv in csvs}
    listing = Listing()
    for package, operator in found.items():
        own = [known[name] for name in sorted(operator.csvs) if name in known]
        lifecycles = operator.lifecycles | {lifecycle(csv) for csv in own} - {""}
        if "core" in lifecycles or (not lifecycles and operator.catalogs == {SYSTEM_CATALOG}):
            listing.core.add(("OperatorBundle", package))
            continue
        titles = [*(text(dig(csv, "spec", "displayName")) for csv in own), *operator.titles]
        installed = {csv_version(name, package, known.get(name)) for name in operator.csvs}
        listing.add("OperatorBundle", package, cluster, installed, next(filter(None, titles), ""))
    return listing


def _add_view(found: dict[str, _Operator], view: JsonObject) -> None:
    """Any phase with a version in it counts as installed: which phases there are is not known."""
    status = dig(view, "status", "operatorStatus") or {}
    csv = text(dig(status, "installation", "subscription", "installedCSV"))
    if text(dig(status, "phase")).lower() != "installed" and not csv:
        return
    name = text(dig(status, "installation", "artifactName")) or text(dig(view, "metadata", "name"))
    operator = found.setdefault(_package(found, csv) or name.removeprefix(_PREFIX), _Operator())
    operator.viewed |= {csv} - {""}
    operator.lifecycles |= {lifecycle(view)} - {""}
    channels = dig(view, "status", "packageManifestStatus", "channels")
    for channel in channels if isinstance(channels, list) else []:
        operator.titles.append(text(dig(channel, "currentCSVDesc", "displayName")))


def _package(known: Mapping[str, _Operator], csv: str) -> str:
    """The package of a view's CSV, by the Subscriptions: its Artifact may be called otherwise. Empty: none knows it."""
    installed = (package for package, operator in known.items() if csv and csv in operator.subscribed)
    named = (package for package in sorted(known, key=len, reverse=True) if version_in(csv, [package]))
    return next(chain(installed, named), "")


def _add_subscription(found: dict[str, _Operator], subscription: JsonObject) -> None:
    operator = found.setdefault(text(dig(subscription, "spec", "name")), _Operator())
    operator.subscribed |= {text(dig(subscription, "status", "installedCSV"))} - {""}
    operator.lifecycles |= {lifecycle(subscription)} - {""}
    operator.catalogs.add(text(dig(subscription, "spec", "source")))


def csv_version(name: str, package: str, csv: JsonObject | None) -> str:
    """The version of a ClusterServiceVersion, without a leading v: as it says, else from its name."""
    version = text(dig(csv, "spec", "version")) if csv else ""
    if not version:
        found = _AT_THE_END.search(name)
        guess = found[1] if found else name.removeprefix(package).lstrip(".-") or name
        version = version_in(name, [package]) or guess
    return version.removeprefix("v")


def plugins(objects: Iterable[JsonObject], clusters: Collection[str]) -> Listing:
    """Cluster plugins, from ModulePluginViews or ModulePlugins: both say alike what is installed where."""
    listing = Listing()
    for item in objects:
        name = text(label(item, MODULE)) or text(dig(item, "metadata", "name"))
        rows = dig(item, "status", "installed")
        versions: dict[str, set[str]] = {}
        for row in rows if isinstance(rows, list) else []:
            if (cluster := text(dig(row, "cluster"))) in clusters:
                versions.setdefault(cluster, set()).add(text(dig(row, "version")))
        if versions and lifecycle(item) == "core":
            listing.core.add(("ModulePlugin", name))
            continue
        for cluster, found in versions.items():
            listing.add("ModulePlugin", name, cluster, found, _title(item))
    return listing


def charts(cluster: str, applications: Iterable[JsonObject], requests: Iterable[JsonObject], world: str) -> Listing:
    """Helm charts on one cluster, from its Applications; HelmRequests (of `world`) tell of those that have none."""
    found: dict[str, set[str]] = {}
    for application in applications:
        if source := text(dig(application, "metadata", "annotations", CHART)):
            version = text(dig(application, "metadata", "annotations", CHART_VERSION))
            found.setdefault(_chart(source), set()).add(version)
    told = set(found)
    for request in requests:
        name = _chart(text(dig(request, "spec", "chart")))
        if name and name not in told and not dig(request, "spec", "source") and _targets(request, cluster, world):
            found.setdefault(name, set()).add(_requested_version(request))
    listing = Listing()
    for name, versions in found.items():
        listing.add("Chart", name, cluster, versions, name)
    return listing


def _chart(source: str) -> str:
    """The name of a chart in a reference REPOSITORY/CHART."""
    return source.rpartition("/")[2]


def _requested_version(request: JsonObject) -> str:
    version = text(dig(request, "status", "version"))
    synced = text(dig(request, "status", "phase")).lower() == "synced"
    return version or (text(dig(request, "spec", "version")) if synced else "")


def _targets(request: JsonObject, cluster: str, world: str) -> bool:
    """Whether a HelmRequest is for a cluster; labels of clusters are not known here."""
    if dig(request, "spec", "installToAllClusters") is True:
        return True
    names = dig(request, "spec", "targetClusters", "clusterNames", "names")
    if isinstance(names, list):
        return cluster in names
    return (text(dig(request, "spec", "clusterName")) or world) == cluster


def _title(item: JsonObject) -> str:
    """The English display name of a plugin: its annotation holds JSON."""
    written = text(dig(item, "metadata", "annotations", DISPLAY_NAME))
    try:
        names = json.loads(written)
    except ValueError:
        return written
    return (text(dig(names, "en")) or text(dig(names, "zh"))) if isinstance(names, dict) else written


def lifecycle(item: Mapping[str, Any]) -> str:
    """`core`, `aligned`, `agnostic`, or nothing where no label says it."""
    return text(label(item, LIFECYCLE)).lower()


def label(item: Mapping[str, Any], key: str) -> object:
    """The value of a label."""
    return dig(item, "metadata", "labels", key)


def dig(value: Any, *path: str) -> Any:  # noqa: ANN401 - JSON values
    """What lies at a path, or None where anything on the way is missing or something else."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def text(value: object) -> str:
    """A name, version or title as one line of valid text; an empty one for what is none."""
    if not isinstance(value, str):
        return ""
    return " ".join(value.encode("utf-8", "replace").decode().split())[:_LONGEST]
