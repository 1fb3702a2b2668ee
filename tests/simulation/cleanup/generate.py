"""Random platforms: mostly at rest, with everything in them that has gone wrong somewhere."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from tests.simulation.cleanup.world import GLOBAL, PER_CLUSTER, PLUGINS, Object, World

NOW = datetime(2026, 6, 1, tzinfo=UTC)
VERSIONS = ("0.9.0", "1.0.0", "1.2.0", "1.10.0", "2.0.0-rc.1", "2.0.0", "2.0.1", "3.0.0")
PACKAGES = ("alpha", "beta-operator", "3gamma", "delta")
MODULES = ("log", "mesh", "net")
JOINTS = (".v", ".v", ".", "-", "-v")
"""What stands between package and version in the name of a CSV."""
STRANGE = ("Installing", "", "Failed", "installed", "Unknown")


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
        world.subscription(cluster, package, csv)
        world.csv(cluster, csv, f"ns-{package}")
    else:
        world.view(cluster, package, random.choice(STRANGE))
    if random.random() < 0.05:
        world.artifact(cluster, f"{package}-again", random.choice(VERSIONS), package=package)


def _plugin(world: World, random: Random, module: str) -> None:
    offered = [f"v{version}" for version in sorted(random.sample(VERSIONS[:4], random.randint(1, 4)))]
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


def _wish(random: Random) -> dict[str, Any]:
    retention = {
        "keepNewerThanInstalled": random.random() < 0.8,
        "keepLast": random.choice((0, 0, 1, 2)),
        "observations": random.choice((1, 1, 1, 2, 3)),
    }
    retention |= {"minAge": "168h"} if random.random() < 0.3 else {}
    exclude = random.choice(({}, {}, {}, {"exclude": {"names": ["alpha*", "log"]}}))
    kinds = ["Artifact", "ArtifactVersion", "ModulePlugin", "ModuleConfig"]
    chosen = kinds if random.random() < 0.8 else random.sample(kinds, random.randint(1, 3))
    return {"retention": retention, "kinds": chosen} | exclude


def disturb(world: World, random: Random) -> None:
    """One thing of the many that have gone wrong somewhere."""
    random.choice((_break, _overtake, _hurry, _spoil))(world, random, random.choice(world.clusters))


def _break(world: World, random: Random, cluster: str) -> None:
    """Something cannot be read, or a whole cluster."""
    kinds = [(cluster, kind) for kind in PER_CLUSTER] + [(GLOBAL, kind) for kind in PLUGINS]
    one = {random.choice([*kinds, (GLOBAL, "OperatorView"), ("", "PackageUpload")])}
    world.broken |= random.choice((one, {(cluster, kind) for kind in PER_CLUSTER}))


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
            _change(random, world.objects[cluster, "ArtifactVersion"], _unsettle)


def _spoil(world: World, random: Random, cluster: str) -> None:
    """An object is not as it should be, or not there."""
    views = world.objects[GLOBAL, random.choice(("OperatorView", "ModulePluginView"))]
    match random.randint(0, 5):
        case 5:
            world.info(random.choice(MODULES), cluster, "v1.0.0")["metadata"]["labels"].pop("cpaas.io/module-name")
        case 0:
            _change(random, world.objects[GLOBAL, "OperatorView"], _empty_csv)
        case 1:
            _change(random, world.objects[cluster, "Artifact"], _relabel)
        case 2:
            _change(random, views, lambda body, _: body.update(status=None))
        case 3:
            _change(random, views, lambda body, _: views.remove(body))
        case 4:
            _change(random, world.objects[cluster, random.choice(("Artifact", "ArtifactVersion"))], _end)


def _change(random: Random, bodies: list[Object], change: Any) -> None:
    if bodies:
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
    key, value = random.choice(
        (("lifecycle-type", "core"), ("lifecycle-type", "odd"), ("library", "system"), ("builtin", "true"))
    )
    body["metadata"].setdefault("labels", {})[f"cpaas.io/{key}"] = value


def _end(body: Object, _: Random) -> None:
    body["metadata"]["deletionTimestamp"] = "2026-05-31T00:00:00Z"
