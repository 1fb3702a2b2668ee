"""Platforms in each of which one guard speaks: the cases of `test_guards.py`."""
# over 300 lines: one table

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tests.simulation.cleanup.world import GLOBAL, World
from tests.unit.cleanup.platforms import REGION
from violet_operator.api.cleanup import Cleanup, Exclude, Retention
from violet_operator.cleanup.state import State

IDLE, BUSY, REST, WORK = "Artifact idle", "ArtifactVersion busy.v1.0.0", "ModulePlugin rest", "ModuleConfig work-v1.0.0"

HOTFIX = "ModuleConfig work-v2.0.0-hotfix.1"


@dataclass(frozen=True)
class Case:
    """A change of the platform (or of the state that was gathered of it) that makes a guard speak for an object."""

    table: str
    reason: str
    target: str
    change: Callable[[World], object] = lambda _: None
    gathered: Callable[[State], State] = lambda state: state
    wish: Cleanup = field(default_factory=Cleanup)

    def __str__(self) -> str:
        return f"{self.table} {self.reason} {self.target}"


def label(cluster: str, kind: str, name: str, key: str, value: str, place: str = "labels") -> Callable[[World], None]:
    """A label or annotation on an object."""

    def change(world: World) -> None:
        world.get(cluster, kind, name)["metadata"].setdefault(place, {})[f"cpaas.io/{key}"] = value

    return change


def put(cluster: str, kind: str, name: str, *path: str, value: Any) -> Callable[[World], None]:
    """A field of an object."""

    def change(world: World) -> None:
        place = world.get(cluster, kind, name)
        for step in path[:-1]:
            place = place.setdefault(step, {})
        place[path[-1]] = value

    return change


def drop(cluster: str, kind: str, name: str) -> Callable[[World], None]:
    """An object is not there."""

    def change(world: World) -> None:
        world.objects[cluster, kind].remove(world.get(cluster, kind, name))

    return change


def broken(cluster: str, kind: str) -> Callable[[World], None]:
    """A kind cannot be read."""
    return lambda world: world.broken.add((cluster, kind))


def unknown(field: str) -> Callable[[State], State]:
    """A listing broke off half-way."""
    return lambda state: replace(state, **{field: replace(getattr(state, field), unknown="broke off.")})


def unlabelled(world: World) -> None:
    """A ModuleInfo that does not say of which plugin it is."""
    world.info("rest", REGION, "v1.0.0")["metadata"]["labels"].pop("cpaas.io/module-name")


BUSY_PACKAGE = {"name": "busy", "version": "9.9.9", "artifact": "harbor.example.com/acp/busy-bundle:v1.0.0"}

OPERATOR = [
    Case("operator", "UploadsUnknown", IDLE, broken("", "PackageUpload")),
    Case("operator", "UploadUnread", IDLE, lambda world: world.upload("new", None, REGION)),
    *(
        Case("operator", "ClusterUnknown", target, broken(REGION, kind))
        for target in (IDLE, BUSY)
        for kind in ("Subscription", "ClusterServiceVersion", "InstallPlan")
    ),
    Case("operator", "ViewsUnknown", IDLE, gathered=unknown("operator_views")),
    Case("operator", "ViewsUnknown", BUSY, broken(GLOBAL, "OperatorView")),
    Case("operator", "CoreLifecycle", IDLE, label(REGION, "Artifact", "idle", "lifecycle-type", "core")),
    Case("operator", "CoreLifecycle", IDLE, label(REGION, "Artifact", "idle", "lifecycle-type", "Core")),
    Case("operator", "CoreLifecycle", IDLE, label(REGION, "ArtifactVersion", "idle.v1.0.0", "lifecycle-type", "core")),
    Case("operator", "CoreLifecycle", IDLE, label(GLOBAL, "OperatorView", "idle", "lifecycle-type", "core")),
    Case(
        "operator",
        "CoreLifecycle",
        BUSY,
        label(REGION, "ClusterServiceVersion", "busy.v2.0.0", "lifecycle-type", "core"),
    ),
    Case("operator", "CoreLifecycle", IDLE, label(REGION, "Artifact", "idle", "lifecycle-type", "core", "annotations")),
    Case("operator", "UnknownLifecycle", IDLE, label(REGION, "Artifact", "idle", "lifecycle-type", "eternal")),
    Case("operator", "AmbiguousPackage", IDLE, lambda world: world.artifact(REGION, "operatorhub-idle", "1.0.0")),
    Case("operator", "AmbiguousPackage", IDLE, lambda world: world.artifact(REGION, "x", "1.0.0", package="idle")),
    Case("operator", "NoView", IDLE, drop(GLOBAL, "OperatorView", "idle")),
    Case("operator", "UnknownPhase", IDLE, put(GLOBAL, "OperatorView", "idle", "status", value={})),
    *(
        Case(
            "operator",
            "UnknownPhase",
            IDLE,
            put(GLOBAL, "OperatorView", "idle", "status", "operatorStatus", "phase", value=phase),
        )
        for phase in ("Installing", "Failed", "installed", "Uninstalling")
    ),
    Case(
        "operator",
        "NoInstalledCSV",
        BUSY,
        put(
            GLOBAL,
            "OperatorView",
            "busy",
            "status",
            "operatorStatus",
            "installation",
            "subscription",
            "installedCSV",
            value="",
        ),
    ),
    Case("operator", "InstallPending", IDLE, lambda world: world.plan(REGION, "elsewhere", "idle.v1.0.0")),
    Case("operator", "InstallPending", IDLE, lambda world: world.plan(REGION, "elsewhere", "idle.v9.0.0")),
    Case("operator", "InstallPending", IDLE, lambda world: world.plan(REGION, "elsewhere", "idle.v9.0.0", phase="")),
    Case("operator", "InstallPending", BUSY, lambda world: world.plan(REGION, "ns-busy", "something.v1.0.0")),
    Case("operator", "InstallPending", BUSY, lambda world: world.plan(REGION, "ns-busy", phase="Failed")),
    Case(
        "operator",
        "UpgradeInTransit",
        BUSY,
        put(REGION, "Subscription", "busy-subs", "status", "state", value="UpgradePending"),
    ),
    Case(
        "operator",
        "UpgradeInTransit",
        BUSY,
        put(REGION, "Subscription", "busy-subs", "status", "currentCSV", value="busy.v3.0.0"),
    ),
    Case(
        "operator",
        "UpgradeInTransit",
        BUSY,
        put(REGION, "ClusterServiceVersion", "busy.v2.0.0", "status", "phase", value="Replacing"),
    ),
    Case("operator", "UpgradeInTransit", IDLE, lambda world: world.subscription(REGION, "idle", "", state="")),
    Case("operator", "Contradicted", IDLE, lambda world: world.subscription(REGION, "idle", "idle.v1.0.0")),
    Case("operator", "Contradicted", IDLE, lambda world: world.csv(REGION, "idle.v1.0.0", "ns")),
    Case("operator", "Contradicted", IDLE, lambda world: world.csv(REGION, "idle.1.0.0", "ns")),
    Case(
        "operator",
        "Contradicted",
        IDLE,
        lambda world: world.csv(REGION, "other.v1.0.0", "ns", labels={"operators.coreos.com/idle.ns": ""}),
    ),
    Case("operator", "Contradicted", BUSY, drop(REGION, "ClusterServiceVersion", "busy.v2.0.0")),
    Case(
        "operator",
        "Contradicted",
        BUSY,
        lambda world: world.view(REGION, "x", "Installed", "busy.v1.0.0", artifact="busy"),
    ),
]
PLUGIN = [
    Case("plugin", "UploadsUnknown", REST, broken("", "PackageUpload")),
    Case("plugin", "UploadUnread", REST, lambda world: world.upload("new", None, REGION)),
    Case("plugin", "ClusterUnknown", REST, gathered=lambda state: replace(state, unreachable={"region2": "down"})),
    *(
        Case("plugin", "ClusterUnknown", REST, broken(cluster, kind))
        for cluster in (GLOBAL, REGION)
        for kind in ("Artifact", "ArtifactVersion", "Subscription", "ClusterServiceVersion", "InstallPlan")
    ),
    Case("plugin", "ClusterUnknown", REST, broken(GLOBAL, "ModuleInfo")),
    Case("plugin", "ClusterUnknown", REST, broken(GLOBAL, "ModuleConfig")),
    Case("plugin", "ClusterUnknown", REST, gathered=unknown("plugins")),
    Case("plugin", "UnknownModule", REST, unlabelled),
    Case("plugin", "UnknownModule", WORK, unlabelled),
    Case("plugin", "ViewsUnknown", REST, gathered=unknown("plugin_views")),
    Case("plugin", "CoreLifecycle", REST, label(GLOBAL, "ModulePlugin", "rest", "lifecycle-type", "core")),
    Case("plugin", "CoreLifecycle", REST, label(GLOBAL, "ModulePluginView", "rest", "lifecycle-type", "Core")),
    Case("plugin", "CoreLifecycle", REST, label(GLOBAL, "ModuleConfig", "rest-v1.0.0", "lifecycle-type", "core")),
    Case("plugin", "CoreLifecycle", WORK, label(GLOBAL, "ModuleInfo", "region1-work-hash", "lifecycle-type", "core")),
    Case(
        "plugin", "CoreLifecycle", REST, label(GLOBAL, "ModulePlugin", "rest", "lifecycle-type", "core", "annotations")
    ),
    Case("plugin", "UnknownLifecycle", REST, label(GLOBAL, "ModulePlugin", "rest", "lifecycle-type", "odd")),
    Case("plugin", "AmbiguousPackage", REST, lambda world: world.plugin("x", labels={"cpaas.io/module-name": "rest"})),
    Case("plugin", "NoView", REST, drop(GLOBAL, "ModulePluginView", "rest")),
    Case("plugin", "SilentView", REST, put(GLOBAL, "ModulePluginView", "rest", "status", value=None)),
    Case("plugin", "SilentView", REST, put(GLOBAL, "ModulePluginView", "rest", "status", "installed", value="none")),
    Case(
        "plugin",
        "UnknownPhase",
        WORK,
        put(GLOBAL, "ModuleInfo", "region1-work-hash", "status", "phase", value="Upgrading"),
    ),
    Case(
        "plugin",
        "UpgradeInTransit",
        WORK,
        put(GLOBAL, "ModuleInfo", "region1-work-hash", "spec", "version", value="v3.0.0"),
    ),
    Case(
        "plugin",
        "UpgradeInTransit",
        WORK,
        put(GLOBAL, "ModuleInfo", "region1-work-hash", "status", "transitVersion", value="v3.0.0"),
    ),
    Case("plugin", "NoInstalledVersion", REST, lambda world: world.info("rest", "far", "", "")),
    Case("plugin", "Contradicted", REST, lambda world: world.info("rest", "far", "v1.0.0")),
    Case(
        "plugin",
        "Contradicted",
        REST,
        put(GLOBAL, "ModulePluginView", "rest", "status", "installed", value=[{"cluster": "a", "version": "v1.0.0"}]),
    ),
    Case(
        "plugin",
        "Contradicted",
        REST,
        put(GLOBAL, "ModulePlugin", "rest", "status", "installed", value=[{"cluster": "a", "version": "v1.0.0"}]),
    ),
    Case(
        "plugin",
        "Contradicted",
        WORK,
        put(GLOBAL, "ModulePluginView", "work", "status", "installed", value=[{"cluster": "a", "version": "v3.0.0"}]),
    ),
    Case(
        "plugin",
        "NeededByPlugin",
        REST,
        put(GLOBAL, "ModulePlugin", "work", "spec", "dependencies", value=[{"moduleName": "rest"}]),
    ),
    Case(
        "plugin",
        "NeededByPlugin",
        REST,
        put(
            GLOBAL,
            "ModuleConfig",
            "work-v2.0.0",
            "spec",
            "pluginDependencies",
            value={"crossCluster": {"oneOf": [{"clusterName": GLOBAL, "pluginName": "rest"}]}},
        ),
    ),
]
OBJECT = [
    *(
        Case(
            "object",
            "BeingDeleted",
            f"{kind} {name}",
            put(cluster, kind, name, "metadata", "deletionTimestamp", value="x"),
        )
        for cluster, kind, name in (
            (REGION, "Artifact", "idle"),
            (REGION, "ArtifactVersion", "idle.v1.0.0"),
            (REGION, "ArtifactVersion", "busy.v1.0.0"),
            (GLOBAL, "ModulePlugin", "rest"),
            (GLOBAL, "ModuleConfig", "work-v1.0.0"),
        )
    ),
    Case("object", "SystemCatalog", IDLE, label(REGION, "Artifact", "idle", "library", "system")),
    Case("object", "SystemCatalog", IDLE, label(REGION, "Artifact", "idle", "library", "System", "annotations")),
    Case("object", "SystemCatalog", BUSY, label(REGION, "Artifact", "busy", "library", "system")),
    Case("object", "SystemCatalog", BUSY, label(REGION, "ArtifactVersion", "busy.v1.0.0", "library", "system")),
    Case("object", "BuiltIn", IDLE, label(REGION, "Artifact", "idle", "builtin", "true")),
    Case("object", "BuiltIn", IDLE, label(REGION, "Artifact", "idle", "builtin", "True", "annotations")),
    Case("object", "BuiltIn", IDLE, label(REGION, "Artifact", "idle", "builtin", "yes")),
    Case("object", "BuiltIn", BUSY, label(REGION, "Artifact", "busy", "builtin", "true")),
    Case("object", "BuiltIn", BUSY, label(REGION, "ArtifactVersion", "busy.v1.0.0", "builtin", "true")),
    Case("object", "BuiltIn", REST, label(GLOBAL, "ModulePlugin", "rest", "built-in-plugin", "true", "annotations")),
    Case("object", "BuiltIn", REST, label(GLOBAL, "ModulePlugin", "rest", "builtin", "true")),
    Case("object", "BuiltIn", WORK, label(GLOBAL, "ModulePlugin", "work", "built-in-plugin", "true")),
    Case("object", "BuiltIn", WORK, label(GLOBAL, "ModuleConfig", "work-v1.0.0", "built-in-plugin", "true")),
    Case("object", "Excluded", IDLE, wish=Cleanup(exclude=Exclude(names=["id*"]))),
    Case("object", "Excluded", BUSY, wish=Cleanup(exclude=Exclude(names=["busy"]))),
    Case("object", "Excluded", BUSY, wish=Cleanup(exclude=Exclude(names=["busy.v1.*"]))),
    Case("object", "Excluded", REST, wish=Cleanup(exclude=Exclude(names=["rest"]))),
    Case(
        "object",
        "Excluded",
        IDLE,
        label(REGION, "Artifact", "idle", "team", "a"),
        wish=Cleanup(exclude=Exclude.model_validate({"selector": {"matchLabels": {"cpaas.io/team": "a"}}})),
    ),
    Case("object", "WantedByUpload", IDLE, lambda world: world.upload("u", {"name": "idle"}, REGION)),
    Case("object", "WantedByUpload", BUSY, lambda world: world.upload("u", BUSY_PACKAGE, REGION)),
    Case(
        "object",
        "WantedByUpload",
        BUSY,
        lambda world: world.upload("u", {"name": "busy", "csv": "busy.v1.0.0"}, REGION),
    ),
    Case("object", "WantedByUpload", REST, lambda world: world.upload("u", {"name": "rest"}, "anywhere")),
    Case(
        "object",
        "WantedByUpload",
        WORK,
        lambda world: world.upload("u", {"name": "work", "version": "1.0.0"}, "anywhere"),
    ),
    Case(
        "object",
        "WantedByUpload",
        BUSY,
        lambda world: world.upload("u", {"name": "renamed"}, "elsewhere")["status"].update(
            targets=[{"cluster": REGION, "objects": [{"kind": "ArtifactVersion", "name": "busy.v1.0.0"}]}]
        ),
    ),
    Case("object", "NotDeletable", REST, put(GLOBAL, "ModulePlugin", "rest", "spec", "deleteable", value=False)),
    Case("object", "NotDeletable", WORK, put(GLOBAL, "ModuleConfig", "work-v1.0.0", "spec", "deleteable", value=False)),
    *(
        Case(
            "object", "InProgress", BUSY, put(REGION, "ArtifactVersion", "busy.v1.0.0", "status", "phase", value=phase)
        )
        for phase in ("Pending", "unknown", "", "Deleting")
    ),
    Case(
        "object",
        "InProgress",
        "ArtifactVersion idle.v1.0.0",
        put(REGION, "ArtifactVersion", "idle.v1.0.0", "status", "phase", value="Pending"),
    ),
    Case("object", "InProgress", WORK, put(GLOBAL, "ModuleConfig", "work-v1.0.0", "status", value={})),
    Case(
        "object",
        "TooYoung",
        IDLE,
        put(REGION, "Artifact", "idle", "metadata", "creationTimestamp", value="2026-05-31T00:00:00Z"),
        wish=Cleanup(retention=Retention(min_age="168h")),
    ),
    Case(
        "object",
        "TooYoung",
        BUSY,
        put(REGION, "ArtifactVersion", "busy.v1.0.0", "metadata", "creationTimestamp", value="soon"),
        wish=Cleanup(retention=Retention(min_age="168h")),
    ),
]


def with_in_use(world: World) -> None:
    """Another one has the old version, and is at rest: the view knows of one alone."""
    put(REGION, "Subscription", "busy-subs", "spec", "startingCSV", value="busy.v1.0.0")(world)


VERSION = [
    Case("version", "InUse", BUSY, with_in_use),
    Case(
        "version",
        "InUse",
        BUSY,
        put(REGION, "Subscription", "busy-subs", "spec", "startingCSV", value="busy.1.0.0"),
    ),
    Case("version", "InUse", "ModuleConfig work-v2.0.0"),
    Case(
        "version",
        "UnknownVersion",
        BUSY,
        put(REGION, "ArtifactVersion", "busy.v1.0.0", "status", "version", value="busy"),
    ),
    Case("version", "UnknownVersion", WORK, put(GLOBAL, "ModuleConfig", "work-v1.0.0", "spec", "version", value="old")),
    Case("version", "UnknownVersion", HOTFIX, lambda world: world.config("work", "v2.0.0-hotfix.1")),
    Case("version", "Offered", WORK, put(GLOBAL, "ModulePlugin", "work", "status", "latestVersion", value="1.0.0")),
    Case("version", "NewerThanInstalled", "ArtifactVersion busy.v3.0.0"),
    Case(
        "version",
        "NewerThanInstalled",
        "ModuleConfig work-v3.0.0",
        put(GLOBAL, "ModulePlugin", "work", "status", "latestVersion", value="v2.0.0"),
    ),
]
CASES = [*OPERATOR, *PLUGIN, *OBJECT, *VERSION]
