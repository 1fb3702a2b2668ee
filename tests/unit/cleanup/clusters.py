"""A platform in memory behind the client that the operator uses: answers as API servers and their collector would."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.simulation.cleanup.acting import plan
from tests.simulation.cleanup.world import GLOBAL, World
from tests.unit.cleanup.platforms import GARBAGE, REGION, platform
from violet_operator.api.cleanup import Cleanup
from violet_operator.cleanup.act import Orders, act
from violet_operator.cleanup.backup import Entry
from violet_operator.cleanup.decide import Step
from violet_operator.cleanup.gather import Scope
from violet_operator.clients.kube import Resource
from violet_operator.errors import OperatorError, Transient

Object = dict[str, Any]

KINDS = {
    "artifacts": "Artifact",
    "artifactversions": "ArtifactVersion",
    "subscriptions": "Subscription",
    "clusterserviceversions": "ClusterServiceVersion",
    "installplans": "InstallPlan",
    "moduleplugins": "ModulePlugin",
    "moduleconfigs": "ModuleConfig",
    "moduleinfoes": "ModuleInfo",
    "operatorviews": "OperatorView",
    "modulepluginviews": "ModulePluginView",
    "packageuploads": "PackageUpload",
}
OWN = ""
"""The operator's own cluster, in the world's words."""


@dataclass
class Clusters:
    """All clusters of a world, and a clock that moves when they are read and written.

    Attributes:
        world: what they hold.
        seconds: the clock that nobody sets.
        wall: the other one.
        reading: seconds that a whole look takes; once for each listing of ArtifactVersions.
        checking: seconds that a listing of Subscriptions or ModuleInfos takes.
        writing: seconds that a deletion takes.
        before: is called with each object whose deletion is asked for.
        silent: clusters that do not answer at all.
        answers: whether a deletion is known where it arrives; else 404.
        looks: when ArtifactVersions were listed.
        checks: when Subscriptions or ModuleInfos were listed.
        asked: listings by (cluster, plural).
        reads: names of ClusterServiceVersions and InstallPlans that were read one by one.
        gone: names in the order in which they went.
        ages: how old what protects was at each deletion.
        orphaned: names that went without what belongs to them.
        collecting: real seconds after which the collector lets go of such an object; 0: it is gone at once.
        goes_on: whether the backup is still there.
    """

    world: World = field(default_factory=platform)
    seconds: float = 0.0
    wall: datetime = datetime(2026, 6, 1, tzinfo=UTC)
    reading: Callable[[], float] = lambda: 0.0
    checking: float = 0.0
    writing: float = 0.0
    before: Callable[[Object], object] = lambda _: None
    silent: set[str] = field(default_factory=set)
    answers: bool = True
    looks: list[float] = field(default_factory=list)
    checks: list[float] = field(default_factory=list)
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    reads: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    ages: list[float] = field(default_factory=list)
    orphaned: list[str] = field(default_factory=list)
    collecting: float = 0.0
    goes_on: bool = True

    def plan(self, **wish: Any) -> list[Entry]:
        """What the operator would delete, saved."""
        return plan(self.world, {"retention": {}} | wish, {})

    def clean(self, entries: Sequence[Entry] | None = None, **wish: Any) -> dict[str, Step]:
        """One pass over a plan, by default that of now, as `KIND NAME`."""

        async def tell(_: Sequence[Step]) -> bool:
            return self.goes_on

        apis: Any = {name: Api(name, self) for name in self.world.clusters}
        scope = Scope(apis, None, Api(OWN, self), (), "cpaas-system")  # type: ignore[arg-type]
        cleanup = Cleanup.model_validate({"retention": {}} | wish)
        orders = Orders(cleanup, scope, lambda: self.wall, lambda: None, tell, lambda: self.seconds)
        steps = asyncio.run(act(self.plan(**wish) if entries is None else entries, orders))
        return {f"{each.entry.ref.kind} {each.entry.ref.name}": each for each in steps}


class Api:
    """The client of one cluster."""

    def __init__(self, name: str, clusters: Clusters) -> None:
        self.name = name
        self._all = clusters

    async def read(self, path: str, _: str) -> Object:
        """Which views it serves."""
        await self._answer()
        if path == "/apis":
            versions = [{"groupVersion": "app.alauda.io/v1alpha2"}]
            return {"kind": "APIGroupList", "groups": [{"name": "app.alauda.io", "versions": versions}]}
        return {
            "kind": "APIResourceList",
            "metadata": {},
            "resources": [{"name": name} for name in ("operatorviews", "modulepluginviews")],
        }

    async def pages(
        self, resource: Resource, _: str | None = None, *, accept: str = "", **__: str
    ) -> AsyncGenerator[list[Object]]:
        """A listing."""
        self._all.asked[self.name, resource.plural] += 1
        await self._answer()
        kind = KINDS[resource.plural]
        if (self.name, kind) in self._all.world.broken:
            raise Transient("TargetUnavailable", f"{kind} of {self.name} answers 503.")
        bodies = deepcopy(self._all.world.objects[self.name, kind])
        if kind == "ArtifactVersion":
            self._all.looks.append(self._all.seconds)
            self._all.seconds += self._all.reading()
        if kind in ("Subscription", "ModuleInfo"):
            self._all.checks.append(self._all.seconds)
            self._all.seconds += self._all.checking
        yield heads(bodies) if "PartialObjectMetadataList" in accept else bodies

    async def get(self, resource: Resource, _: str | None, name: str) -> Object | None:
        """An object."""
        await self._answer()
        if resource.plural in ("clusterserviceversions", "installplans"):
            self._all.reads.append(name)
        found = self._all.world.objects[self.name, KINDS[resource.plural]]
        return deepcopy(next((each for each in found if each["metadata"]["name"] == name), None))

    async def delete(self, _: Resource, body: Object, *, orphan: bool = False) -> tuple[str, ...] | None:
        """A deletion as it was read."""
        await self._answer()
        self._all.ages.append(self._all.seconds - self._all.checks[-1])
        self._all.seconds += self._all.writing
        self._all.before(body)
        if not self._all.answers:
            return None
        mine, metadata = self._all.world.objects[self.name, body["kind"]], body["metadata"]
        there = next((each for each in mine if each["metadata"]["name"] == metadata["name"]), None)
        if there is None:
            return None
        if any(there["metadata"][key] != metadata[key] for key in ("uid", "resourceVersion")):
            raise Transient("ObjectChanged", "It has changed.")
        if held := there["metadata"].get("finalizers"):
            there["metadata"]["deletionTimestamp"] = "2026-06-01T00:00:00Z"
            return tuple(held)
        self._all.gone.append(metadata["name"])
        if not orphan:
            mine.remove(there)
            self._collect(metadata["uid"])
            return ()
        self._all.orphaned.append(metadata["name"])
        if not self._all.collecting:
            mine.remove(there)
            return ()
        there["metadata"] |= {"deletionTimestamp": "2026-06-01T00:00:00Z", "finalizers": ["orphan"]}
        asyncio.get_running_loop().call_later(self._all.collecting, mine.remove, there)
        return ("orphan",)

    def _collect(self, owner: str) -> None:
        for (cluster, _), bodies in self._all.world.objects.items():
            for each in [each for each in bodies if cluster == self.name and _belongs(each, owner)]:
                bodies.remove(each)
                self._all.gone.append(each["metadata"]["name"])

    async def _answer(self) -> None:
        if self.name in self._all.silent:
            await asyncio.Event().wait()


def _belongs(body: Object, owner: str) -> bool:
    return any(each["uid"] == owner for each in body["metadata"].get("ownerReferences") or ())


def heads(bodies: list[Object]) -> list[Object]:
    """What a PartialObjectMetadataList has of objects."""
    return [{"metadata": each["metadata"]} for each in bodies]


def refuse(name: str, error: OperatorError) -> Callable[[Object], None]:
    """Have the deletion of one object fail."""

    def check(body: Object) -> None:
        if body["metadata"]["name"] == name:
            raise error

    return check


def touch(body: Object, **changes: Any) -> None:
    """Somebody changes an object: its metadata or its spec, and so its resourceVersion."""
    if spec := changes.pop("spec", None):
        body["spec"] |= spec
        changes["generation"] = 2
    body["metadata"] |= {"resourceVersion": f"{body['metadata']['resourceVersion']}7"} | changes


OPERATORS = {name for name in GARBAGE if name.startswith("Artifact")}
PLUGINS = set(GARBAGE) - OPERATORS


def told(steps: dict[str, Step], *names: str) -> set[str]:
    """What became of these, by default of all."""
    return {f"{each.outcome} {each.reason}" for name, each in steps.items() if not names or name in names}


def once(body: Object, name: str, what: Callable[[], object], done: list[str]) -> None:
    """Do something when the deletion of one object is asked for, before it is."""
    if body["metadata"]["name"] == name and not done:
        done.append(name)
        what()


def names(clusters: Clusters, cluster: str, kind: str) -> set[str]:
    """What is there of a kind."""
    return {each["metadata"]["name"] for each in clusters.world.objects[cluster, kind]}


def many(number: int = 60) -> Clusters:
    """An operator that nobody has installed, with many versions; each deletion takes half a second."""
    clusters = Clusters(World(GLOBAL, REGION), writing=0.5)
    clusters.world.artifact(REGION, "many", *(f"1.0.{number}" for number in range(number)))
    clusters.world.view(REGION, "many", "Ready")
    return clusters
