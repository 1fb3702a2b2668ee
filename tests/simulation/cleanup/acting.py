"""A plan, and a world that moves before it is carried out: which deletions the operator would still make, and which are
wrong. Some of the plan is done already, as after a kill in the middle.
"""

from collections import Counter
from copy import deepcopy
from random import Random
from typing import Any

from tests.simulation.cleanup.generate import NOW, VERSIONS, disturb, generate
from tests.simulation.cleanup.oracle import Oracle
from tests.simulation.cleanup.simulate import WrongDeletionError
from tests.simulation.cleanup.world import GLOBAL, Object, World
from violet_operator.api.cleanup import Cleanup
from violet_operator.cleanup import backup
from violet_operator.cleanup.backup import Entry
from violet_operator.cleanup.decide import Step, decide, due, parents
from violet_operator.cleanup.judge import judge

Place = tuple[str, str, str]


def plan(world: World, wish: dict[str, Any], observed: dict[str, int]) -> list[Entry]:
    """What the operator would delete, saved."""
    verdicts = judge(world.state(), Cleanup.model_validate(wish), NOW, observed)
    return [
        backup.entry(
            each.ref.cluster,
            each.ref.kind,
            (each.reason, each.message, each.observed),
            deepcopy(world.get(each.ref.cluster, each.ref.kind, each.ref.name)),
        )
        for each in verdicts
        if each.action == "Delete"
    ]


def decided(world: World, entries: list[Entry], wish: dict[str, Any]) -> list[Step]:
    """What the operator would do now, in every cluster."""
    cleanup, clusters = Cleanup.model_validate(wish), sorted({each.cluster for each in entries})
    mine = [[each for each in entries if each.cluster == name] for name in clusters]
    return [step for each in mine for step in decide(each, world.state(), cleanup, NOW)]


def simulate_acting(random: Random, seen: Counter[str]) -> None:
    """Plan, let the world move, and decide.

    Raises:
        WrongDeletionError: a deletion breaks a rule, or is not in the plan.
    """
    world, wish, observed = generate(random)
    entries = plan(world, wish, observed)
    if not entries:
        return
    seen["plans"] += 1
    planned = deepcopy(world)
    for _ in range(random.choice((0, 1, 1, 2, 3))):
        move(world, random, entries)
    before = deepcopy(world)
    as_planned(before, planned, entries)
    done = carry_out(world, random, decided(world, entries, wish), entries)
    steps = decided(world, entries, wish)
    seen.update(f"{each.outcome} {each.reason}" for each in steps)
    goes = {place(each.entry) for each in steps if each.outcome in ("Delete", "Deleting", "Deleted")}
    oracle = Oracle(before, wish, observed)
    for step in steps:
        if step.outcome == "Delete":
            check(step.entry, world, oracle, goes | done)
    seen["killed in the middle"] += bool(done and goes - done)


def check(entry: Entry, world: World, oracle: Oracle, deleted: set[Place]) -> None:
    """One deletion, held against the world as it is now."""
    found = world.get(entry.cluster, entry.ref.kind, entry.ref.name)
    faults = oracle.wrong(*place(entry), deleted)
    if found["metadata"]["uid"] != entry.ref.uid:
        faults.append("it is another object")
    if found["spec"] != entry.body["spec"]:
        faults.append("it is not what was saved")
    if faults:
        raise WrongDeletionError(f"{place(entry)}: {', '.join(faults)}")


def place(entry: Entry) -> Place:
    """Where it is."""
    return entry.cluster, entry.ref.kind, entry.ref.name


def carry_out(world: World, random: Random, steps: list[Step], entries: list[Entry]) -> set[Place]:
    """Do the first of the deletions; the platform may take the views away with them."""
    first = due(steps, parents(entries))
    order = [
        each.entry for each in [*first, *(each for each in steps if each.outcome == "Delete" and each not in first)]
    ]
    done = order[: random.randint(0, len(order))] if random.random() < 0.6 else []
    for entry in done:
        bodies = world.objects[entry.cluster, entry.ref.kind]
        going = world.get(entry.cluster, entry.ref.kind, entry.ref.name)
        if random.random() < 0.2:
            going["metadata"]["deletionTimestamp"] = "2026-06-01T00:00:00Z"
        else:
            bodies.remove(going)
        if entry.ref.kind in backup.OWNERS and random.random() < 0.5:
            drop_views(world, entry)
    return {place(each) for each in done}


def drop_views(world: World, entry: Entry) -> None:
    """There is nothing to show any more."""
    kind = view_kind(entry)
    world.objects[GLOBAL, kind] = [each for each in world.objects[GLOBAL, kind] if not shows(each, entry)]


def as_planned(world: World, planned: World, entries: list[Entry]) -> None:
    """For the oracle: what is going took its view with it, and what was noted on it last, whoever has deleted it."""
    for entry in entries:
        if entry.ref.kind not in backup.OWNERS or not is_going(world, entry):
            continue
        kind, bodies = view_kind(entry), world.objects[entry.cluster, entry.ref.kind]
        if not any(shows(each, entry) for each in world.objects[GLOBAL, kind]):
            world.objects[GLOBAL, kind] += [each for each in planned.objects[GLOBAL, kind] if shows(each, entry)]
        for index, body in enumerate(bodies):
            if body["metadata"]["uid"] == entry.ref.uid:
                bodies[index] = deepcopy(entry.body)


def is_going(world: World, entry: Entry) -> bool:
    """Whether an object of the plan is gone, or on its way out."""
    bodies = world.objects[entry.cluster, entry.ref.kind]
    there = [each for each in bodies if each["metadata"]["uid"] == entry.ref.uid]
    return not there or "deletionTimestamp" in there[0]["metadata"]


def view_kind(owner: Entry) -> str:
    """The kind of its view."""
    return "OperatorView" if owner.ref.kind == "Artifact" else "ModulePluginView"


def shows(view: Object, owner: Entry) -> bool:
    """Whether it is the view of this Artifact or ModulePlugin."""
    name = owner.ref.name.removeprefix("operatorhub-").removesuffix("-again")
    namespace = owner.cluster if owner.ref.kind == "Artifact" else None
    return (view["metadata"]["name"], view["metadata"].get("namespace")) == (name, namespace)


def move(world: World, random: Random, entries: list[Entry]) -> None:
    """Something happens between the plan and the deletion, often to what is in the plan."""
    if random.random() < 0.3:
        disturb(world, random)
        return
    entry = random.choice(entries)
    if entry.ref.kind in ("Artifact", "ArtifactVersion"):
        _move_operator(world, random, entry)
    else:
        _move_plugin(world, random, entry)


def _move_operator(world: World, random: Random, entry: Entry) -> None:
    cluster = entry.cluster
    name = entry.ref.name.split(".v")[0]
    package, version = name.removeprefix("operatorhub-").removesuffix("-again"), random.choice(VERSIONS)
    match random.randint(0, 6):
        case 0:  # somebody installs it; the view is late
            world.subscription(cluster, package, f"{package}.v{version}")
        case 1:
            world.csv(cluster, f"{package}.v{version}", "elsewhere")
        case 2:
            world.plan(cluster, f"ns-{package}", f"{package}.v{version}")
        case 3:
            package_of = {"name": package, "version": version, "artifact": f"h/x:v{version}"}
            world.upload("late", package_of if random.random() < 0.8 else None, cluster)
        case 4:  # the next version comes
            owners = [each for each in world.objects[cluster, "Artifact"] if each["metadata"]["name"] == name]
            taken = {each["metadata"]["name"] for each in world.objects[cluster, "ArtifactVersion"]}
            if owners and f"{name}.v{version}" not in taken:
                world.version(cluster, owners[0], version, package)
        case _:
            _change(world, random, entry)


def _move_plugin(world: World, random: Random, entry: Entry) -> None:
    module, version = entry.body["spec"]["name"], f"v{random.choice(VERSIONS)}"
    match random.randint(0, 4):
        case 0:
            world.info(module, random.choice(world.clusters), version)
        case 1:
            world.upload("late", {"name": module, "version": version, "artifact": f"h/x:{version}"}, GLOBAL)
        case 2:
            taken = {each["metadata"]["name"] for each in world.objects[GLOBAL, "ModuleConfig"]}
            if f"{module}-{version}" not in taken:
                world.config(module, version)
        case _:
            _change(world, random, entry)


def _change(world: World, random: Random, entry: Entry) -> None:
    """The object itself: edited, replaced by another of its name, on its way out, or gone."""
    bodies: list[Object] = world.objects[entry.cluster, entry.ref.kind]
    found = next((each for each in bodies if each["metadata"]["name"] == entry.ref.name), None)
    if found is None:
        return
    metadata = found["metadata"]
    match random.randint(0, 2):
        case 0:
            found["spec"]["displayName"] = "edited"
            metadata |= {"resourceVersion": "2", "generation": 2}
        case 1 if entry.ref.kind in ("ArtifactVersion", "ModuleConfig"):
            metadata |= {"uid": f"{metadata['uid']}-again", "resourceVersion": "3"}
        case _:
            metadata |= {"deletionTimestamp": "2026-06-01T00:00:00Z", "resourceVersion": "4"}
