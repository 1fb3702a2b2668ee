"""Random platforms: mostly at rest, with everything in them that has gone wrong somewhere."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from tests.simulation.cleanup.world import GLOBAL, PER_CLUSTER, PLUGINS, Object, World

NOW = datetime(2026, 6, 1, tzinfo=UTC)
VERSIONS = (
    *("0.9.0", "1.0.0", "1.2.0", "1.2.0-build.20251226181113", "1.10.0", "1.10.0-1", "2.0.0-rc.1", "2.0.0"),
    *("2.0.0-hotfix.1", "2.0.0-hotfix.2", "2.0.1", "3.0.0"),
)
PACKAGES = ("alpha", "beta-operator", "3gamma", "delta")
MODULES = ("log", "mesh", "net")
JOINTS = (".v", ".v", ".", "-", "-v")
"""What stands between package and version in the name of a CSV."""
STRANGE = ("Installing", "", "Failed", "installed", "Unknown")
CLEANED = ("Artifact", "ArtifactVersion", "ModulePlugin", "ModuleConfig")
SELECTORS: tuple[Object, ...] = (
    {"matchLabels": {"team": "blue"}},
    {"matchExpressions": [{"key": "team", "operator": "In", "values": ["blue", "red"]}]},
    {"matchExpressions": [{"key": "team", "operator": "Exists"}]},
    {"matchLabels": {"team": "red"}, "matchExpressions": [{"key": "other", "operator": "DoesNotExist"}]},
)
FIELDS = (
    ("OperatorView", "status", "operatorStatus"),
    ("OperatorView", "status", "operatorStatus", "installation"),
    ("ModulePluginView", "status", "installed"),
    ("ModulePlugin", "status", "installed"),
    ("ModuleInfo", "status", "version"),
    ("Subscription", "spec", "name"),
    ("Subscription", "status", "installedCSV"),
    ("ClusterServiceVersion", "status", "phase"),
    ("InstallPlan", "spec", "clusterServiceVersionNames"),
    ("ArtifactVersion", "status", "version"),
)
"""Fields that may be of another type than is known."""


def generate(random: Random) -> tuple[World, dict[str, Any], dict[str, int]]:
    """A platform, a wish as users write it, and what was observed by uid."""
    world = World(GLOBAL, *(f"region{number}" for number in range(random.randint(0, 2))))
    for cluster in world.clusters:
        for package in random.sample(PACKAGES, random.randint(1, len(PACKAGES))):
            _operator(world, random, cluster, package)
    for module in random.sample(MODULES, random.randint(0, len(MODULES))):
        _plugin(world, random, module)
    for number in range(random.choice((0, 0, 1, 2))):
        _upload(world, random, f"upload{number}")
    _age(world, random)
    _share_out(world, random)
    for _ in range(random.choice((0, 0, 0, 0, 1, 2, 3))):
        disturb(world, random)
    observed = {
        body["metadata"]["uid"]: random.randint(1, 3)
        for bodies in world.objects.values()
        for body in bodies
        if random.random() < 0.7
    }
    return world, _wish(random), observed


def _operator(world: World, random: Random, cluster: str, package: str) -> None:
    name = random.choice((package, package, f"operatorhub-{package}"))
    offered = random.sample(VERSIONS, random.randint(1, 5))
    owner = world.artifact(cluster, name)
    joint = random.choice(JOINTS)
    for each in offered:
        world.version(cluster, owner, each, package)["status"]["version"] = f"{package}{joint}{each}"
    fate = random.random()
    if fate < 0.4:
        world.view(cluster, package, random.choice(("Absent", "Ready")))
    elif fate < 0.9:
        version = random.choice(offered if random.random() < 0.9 else VERSIONS)
        csv = f"{package}{joint if random.random() < 0.9 else random.choice(JOINTS)}{version}"
        world.view(cluster, package, "Installed", csv, artifact=random.choice((name, "")))
        next_one = f"{package}{joint}{random.choice(VERSIONS)}" if random.random() < 0.05 else csv
        world.subscription(cluster, package, csv, next_one)
        world.csv(cluster, csv, f"ns-{package}")
    else:
        world.view(cluster, package, random.choice(STRANGE))
    if random.random() < 0.05:
        world.artifact(cluster, f"{package}-again", random.choice(VERSIONS), package=package)


def _plugin(world: World, random: Random, module: str) -> None:
    offered = [f"v{version}" for version in sorted(random.sample(VERSIONS, random.randint(1, 4)))]
    where = random.sample(world.clusters, random.randint(0, len(world.clusters)))
    plugin = world.plugin(module, *offered, installed={cluster: random.choice(offered) for cluster in where})
    if random.random() < 0.2:
        plugin["spec"]["dependencies"] = [{"moduleName": random.choice(MODULES)}]
    if random.random() < 0.1:
        plugin["metadata"]["labels"]["cpaas.io/lifecycle-type"] = random.choice(("core", "aligned", "agnostic", "odd"))
    if random.random() < 0.05:
        plugin["spec"]["deleteable"] = False


def _upload(world: World, random: Random, name: str) -> None:
    clusters = random.sample(world.clusters, random.randint(1, len(world.clusters)))
    version = random.choice(VERSIONS)
    package = {
        "name": random.choice((*PACKAGES, *MODULES)),
        "version": random.choice((version, f"v{version}")),
        "artifact": f"harbor.example.com:443/acp/x-bundle:v{random.choice(VERSIONS)}",
    }
    extra: dict[str, Any] = random.choice(({}, {}, {}, {"mode": "Preview"}, {"skipResources": True}))
    body = world.upload(name, package if random.random() < 0.9 else None, *clusters, **extra)
    if random.random() < 0.1:
        _edit(body, random)


def _edit(body: Object, random: Random) -> None:
    """The spec names another package since; somebody may have noted that without reading it."""
    body["spec"]["source"] = {"url": "s3://packages/other.tgz"}
    body["metadata"]["generation"] = 2
    if random.random() < 0.5:
        body["status"]["observedGeneration"] = 2


def _age(world: World, random: Random) -> None:
    for bodies in world.objects.values():
        for body in bodies:
            if random.random() < 0.1:
                created = NOW - timedelta(hours=random.randint(0, 400))
                body["metadata"]["creationTimestamp"] = created.strftime("%Y-%m-%dT%H:%M:%SZ")


def _share_out(world: World, random: Random) -> None:
    """Teams have objects of their own, and so has the platform."""
    for body in [body for (_, kind), bodies in world.objects.items() if kind in CLEANED for body in bodies]:
        if random.random() < 0.1:
            body["metadata"].setdefault("labels", {})["team"] = random.choice(("blue", "red"))
        if random.random() < 0.02:
            _relabel(body, random)


def _wish(random: Random) -> dict[str, Any]:
    retention = {
        "keepNewerThanInstalled": random.random() < 0.8,
        "keepLast": random.choice((0, 0, 1, 2)),
        "observations": random.choice((1, 1, 1, 2, 3)),
    }
    retention |= {"minAge": "168h"} if random.random() < 0.3 else {}
    selected = {"exclude": {"selector": random.choice(SELECTORS)}}
    exclude = random.choice(({}, {}, {}, {"exclude": {"names": ["alpha*", "log"]}}, selected))
    chosen = list(CLEANED) if random.random() < 0.8 else random.sample(CLEANED, random.randint(1, 3))
    return {"retention": retention, "kinds": chosen} | exclude


def disturb(world: World, random: Random) -> None:
    """One thing of the many that have gone wrong somewhere."""
    random.choice((_break, _overtake, _hurry, _spoil, _spoil, _twist))(world, random, random.choice(world.clusters))


def _break(world: World, random: Random, cluster: str) -> None:
    """Something cannot be read, or much of a cluster, or all of it."""
    kinds = [(cluster, kind) for kind in PER_CLUSTER] + [(GLOBAL, kind) for kind in PLUGINS]
    one = {random.choice([*kinds, (GLOBAL, "OperatorView"), ("", "PackageUpload")])}
    much = {(cluster, kind) for kind in random.sample(list(PER_CLUSTER), 4)}
    world.broken |= random.choice((one, one, much, {(cluster, kind) for kind in PER_CLUSTER}))


def _overtake(world: World, random: Random, cluster: str) -> None:
    """The views are behind what is there."""
    package, version = random.choice(PACKAGES), random.choice(VERSIONS)
    csv = f"{package}.v{version}"
    match random.randint(0, 2):
        case 0:
            world.subscription(cluster, package, csv, f"{package}.v{random.choice(VERSIONS)}")
        case 1:
            world.csv(cluster, csv, "elsewhere", phase=random.choice(("Succeeded", "Replacing")))
        case 2:
            world.info(random.choice(MODULES), cluster, f"v{version}")


def _hurry(world: World, random: Random, cluster: str) -> None:
    """Something is under way."""
    package, version = random.choice(PACKAGES), random.choice(VERSIONS)
    match random.randint(0, 2):
        case 0:
            namespace = f"ns-{random.choice(PACKAGES)}"
            phase = random.choice(("RequiresApproval", "Complete", ""))
            world.plan(cluster, namespace, f"{package}.v{version}", phase=phase)
        case 1:
            wanted = f"v{random.choice(VERSIONS)}"
            phase = random.choice(("Running", "Upgrading", ""))
            world.info(random.choice(MODULES), cluster, f"v{version}", wanted=wanted, phase=phase)
        case 2:
            _change(world, random, (cluster, "ArtifactVersion"), _unsettle)


def _spoil(world: World, random: Random, cluster: str) -> None:
    """An object is not as it should be, or not there."""
    views = (GLOBAL, random.choice(("OperatorView", "ModulePluginView")))
    some = random.choice((*((cluster, kind) for kind in CLEANED[:2]), *((GLOBAL, kind) for kind in CLEANED[2:])))
    match random.randint(0, 5):
        case 5:
            world.info(random.choice(MODULES), cluster, "v1.0.0")["metadata"]["labels"].pop("cpaas.io/module-name")
        case 0:
            _change(world, random, (GLOBAL, "OperatorView"), _empty_csv)
        case 1:
            _change(world, random, some, _relabel)
        case 2:
            _change(world, random, views, lambda body, _: body.update(status=None))
        case 3:
            _change(world, random, views, lambda body, _: world.objects[views].remove(body))
        case 4:
            _change(world, random, some, _end)


def _twist(world: World, random: Random, cluster: str) -> None:
    """A field has another type than is known."""
    kind, *path = random.choice(FIELDS)

    def change(body: Object, random: Random) -> None:
        place = body
        for step in path[:-1]:
            place[step] = place.get(step) or {}
            place = place[step]
        place[path[-1]] = random.choice((7, [["region1"]]))
        world.odd.add(body["metadata"]["uid"])

    _change(world, random, (cluster if kind in PER_CLUSTER else GLOBAL, kind), change)


def _change(world: World, random: Random, place: tuple[str, str], change: Callable[[Object, Random], None]) -> None:
    if bodies := [each for each in world.objects[place] if each["metadata"]["uid"] not in world.odd]:
        change(random.choice(bodies), random)


def _empty_csv(body: Object, _: Random) -> None:
    installation = ((body.get("status") or {}).get("operatorStatus") or {}).get("installation")
    if installation:
        installation["subscription"]["installedCSV"] = ""


def _unsettle(body: Object, random: Random) -> None:
    body["status"]["phase"] = random.choice(("Pending", "failed", "unknown", "present", "Deleting"))
    if random.random() < 0.5:
        body["status"]["version"] = ""


def _relabel(body: Object, random: Random) -> None:
    words = (
        [("lifecycle-type", "core"), ("lifecycle-type", "odd")] if body["kind"] in ("Artifact", "ModulePlugin") else []
    )
    key, value = random.choice((*words, ("library", "system"), ("builtin", "true"), ("built-in-plugin", "true")))
    body["metadata"].setdefault(random.choice(("labels", "annotations")), {})[f"cpaas.io/{key}"] = value


def _end(body: Object, _: Random) -> None:
    body["metadata"]["deletionTimestamp"] = "2026-05-31T00:00:00Z"
