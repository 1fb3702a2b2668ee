"""One look at one platform for one PackageInventory: its steps, in order."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from violet_operator.api.package_inventory import PackageInventorySpec
from violet_operator.api.request import is_unanswered, requested_at
from violet_operator.clients.kube import CONFIG_MAPS, Kube
from violet_operator.errors import Stalled, Waiting
from violet_operator.inventory import export
from violet_operator.inventory.applications import Installed, differences, merge, parse, render, without_namesakes
from violet_operator.inventory.gather import Gathered, gather
from violet_operator.inventory.record import Record, recall, sha256
from violet_operator.inventory.status import InventoryStatus, named
from violet_operator.platform.environment import Environment
from violet_operator.support.cron import Schedule
from violet_operator.support.durations import parse_duration

JsonObject = dict[str, Any]

_INTERVAL = "1h"

_LONGEST = 3600.0
"""Seconds of one sleep: clocks are set and machines sleep, so a schedule is compared with the time again and again."""


@dataclass(slots=True)
class Look:
    """One look.

    Attributes:
        body: the PackageInventory as read at the start.
        spec: its spec.
        status: the status being judged anew.
        env: the process.
        step: the condition that a failure would make false; None: before the first step.
        gathered: what was found.
        live: the ConfigMap, if there is one.
        last: the last export, if it is still there as it was written.
        untold: the record of the last export, if no status tells of it.
    """

    body: JsonObject
    spec: PackageInventorySpec
    status: InventoryStatus
    env: Environment
    step: str | None = None
    gathered: Gathered = field(default_factory=Gathered)
    live: JsonObject | None = None
    last: set[Installed] | None = None
    untold: Record | None = None

    @property
    def namespace(self) -> str:
        """Namespace of the object, and of everything it refers to."""
        return str(self.body["metadata"]["namespace"])

    @property
    def name(self) -> str:
        """Name of the object."""
        return str(self.body["metadata"]["name"])

    @property
    def _forced(self) -> bool:
        """Whether the user asks for a new look, and has not been answered yet."""
        return is_unanswered(self.body["metadata"], self.status.last)

    def wait(self) -> float:
        """Seconds until the next look after this one.

        Raises:
            Stalled: the schedule is none.
        """
        if self.spec.schedule is None:
            return parse_duration(self.spec.interval or _INTERVAL)
        now = self.env.clock()
        return min(_LONGEST, (self._next(now) - now).total_seconds())

    def due(self) -> bool:
        """Whether it is time: always with an interval; by schedule also after a change, a failure or a request."""
        last = self.status.last.get("lastExportTime")
        if self.spec.schedule is None or self._forced or not self.status.is_ready() or not last:
            return True
        return self._next(datetime.fromisoformat(last)) <= self.env.clock()

    def _next(self, moment: datetime) -> datetime:
        try:
            return Schedule(str(self.spec.schedule), self.spec.time_zone).after(moment)
        except ValueError as error:
            raise Stalled("InvalidSchedule", f"{error}. Correct spec.schedule or spec.timeZone.") from None

    async def gather(self) -> None:
        """Read everything that is installed; sets `gathered`.

        Raises:
            OperatorError: there is no way in, or no such cluster.
        """
        platform, facts = self.spec.platform_ref.name, self.status.facts
        if requested := requested_at(self.body["metadata"]):
            facts["lastHandledReconcileAt"] = requested
            if self._forced:
                facts.pop("copy", None)  # to be written anew, whatever fails before that
        connection = await self.env.connect(self.namespace, platform)
        wanted = self._wanted(platform, connection.clusters)
        if facts.get("platform") != platform:  # what is known is about another one
            facts.pop("clusters", None)
            facts.pop("views", None)
        facts["platform"] = platform
        namespace, views = self.env.settings.system_namespace, facts.get("views", [])
        self.gathered = await gather(connection.clusters, wanted, namespace, views)
        facts["views"] = sorted(self.gathered.views.union(views))
        self.status.read(wanted, self.gathered)

    def _wanted(self, platform: str, clusters: dict[str, Kube]) -> list[str]:
        wanted = list(self.spec.clusters or clusters)
        if unknown := [name for name in wanted if name not in clusters]:
            raise Stalled(
                "UnknownCluster",
                f"Platform {platform} has no cluster {named(unknown)}, only {', '.join(clusters)}. "
                "Correct spec.clusters. The last export stays as it is.",
            )
        if not wanted:
            raise Waiting("NotGathered", f"Platform {platform} shows no cluster. The last export stays as it is.")
        return wanted

    async def read_last(self) -> None:
        """Read the ConfigMap and the last export, here or where it was before; sets `live` and `last`.

        What the last export tells and no status ever told, the operator having died meanwhile, is told now.

        Raises:
            OperatorError: it cannot be read.
        """
        self.live = await self._config_map(self.spec.output.config_map_ref.name)
        found = recall(self.live, self.spec.output.config_map_ref.key, self._known)
        before = (self.status.last.get("export") or {}).get("configMap", self._place)
        if found is None and before != self._place:
            name, _, key = before.partition("/")
            found = recall(await self._config_map(name), key, self._known)
        with suppress(ValueError):  # what only looks as if we had written it
            self.last = parse(found.text) if found else None
            self.untold = found.untold if found else None
        if self.untold:
            self.status.facts |= self.untold.facts()

    async def _config_map(self, name: str) -> JsonObject | None:
        return await self.env.kube.get(CONFIG_MAPS, self.namespace, name)

    @property
    def _place(self) -> str:
        ref = self.spec.output.config_map_ref
        return f"{ref.name}/{ref.key}"

    @property
    def _known(self) -> str:
        """The sum of the last export that the status knows; before the first, what no other inventory has."""
        return str((self.status.last.get("export") or {}).get("sha256") or self.body["metadata"]["uid"])

    def compare(self) -> None:
        """Whether the last export knows of what could not be read.

        Raises:
            Waiting: it does not.
        """
        states = self.status.facts["clusters"]
        unread = [each for each in states if "message" in each]
        lost = [each for each in unread if self.last is None or "lastReadTime" not in each]
        if lost:
            raise Waiting(
                "NotGathered",
                f"{len(lost)} of {len(states)} clusters cannot be read whole, and no earlier export tells of them: "
                f"{_told(lost)} Nothing is exported, as packages would be missing. Mend that, or leave the clusters "
                "out of spec.clusters.",
            )
        if not unread:
            self.status.gathered(" ".join(["Every cluster was read.", *self.gathered.notes]))

    async def export(self) -> None:
        """Write what was found, and what the last export says of what could not be read.

        Raises:
            OperatorError: it may not be written, or does not fit.
        """
        ref, unread = self.spec.output.config_map_ref, self.gathered.unread.keys()
        items, namesakes = without_namesakes(merge(self.gathered.listing.installed, unread, self.last or ()))
        if namesakes:
            self.gathered.notes.append(f"Not listed, as another package has the name: {named(namesakes)}.")
        text, known = render(items), self.untold.sha256 if self.untold else self._known
        changes = [] if self.last is None else differences(self.last, items)
        record = Record.of(text, self._known, self.env.clock(), self.untold, changes)
        wanted = export.body(self.namespace, self.name, ref, text, record)
        before = self.status.last.get("export") or {}
        export.check(self.live, wanted, exported=before.get("configMap") == self._place)
        await export.write(self.env.kube, self.live, wanted)
        self.status.count(items, self.gathered)
        if known != record.sha256:
            if before and self.last is None:
                self.gathered.notes.append("The last export was gone or altered: what changed since is not known.")
            self.status.facts |= record.facts()
        self.status.written(self._place, text)
        await self._copy(text)
        self.status.exported(f"Key {ref.key} of ConfigMap {ref.name} has it.")

    async def _copy(self, text: str) -> None:
        """Into storage where this very export was not written yet; what fails counts as not written."""
        output, facts = self.spec.output, self.status.facts
        last = facts.pop("copy", None) or {}
        if output.url is None:
            return
        place = output.model_dump(
            mode="json", by_alias=True, exclude_none=True, exclude={"config_map_ref", "ca_bundle_ref"}
        )
        wanted = place | {"sha256": sha256(text)}
        if {key: value for key, value in last.items() if key != "etag"} != wanted:
            etag = await export.copy(self.env, self.namespace, self.name, output, text)
            last = wanted | ({"etag": etag} if etag else {})
        facts["copy"] = last

    def conclude(self) -> None:
        """Judge what was found, now that it is exported.

        Raises:
            Waiting: some clusters could not be read.
        """
        facts, ref = self.status.facts, self.spec.output.config_map_ref
        facts["lastExportTime"] = self.status.now()
        states, counts = facts["clusters"], facts["counts"]
        if unread := [each for each in states if "message" in each]:
            raise Waiting(
                "PartlyGathered",
                f"{len(unread)} of {len(states)} clusters cannot be read whole; the export has of them what was read "
                f"last: {_told(unread)}",
            )
        notes = [*self.gathered.notes, *_pending(self.gathered)]
        total = counts["operatorBundles"] + counts["modulePlugins"] + counts["charts"]
        message = f"{total} packages on {len(states)} clusters: key {ref.key} of ConfigMap {ref.name}."
        self.status.ready(" ".join([message, *notes]))


def _told(states: Iterable[JsonObject]) -> str:
    """Which clusters have which message: one for all, where what knows of all does not answer."""
    clusters: dict[str, list[str]] = {}
    for state in states:
        clusters.setdefault(state["message"], []).append(state["name"])
    return " ".join(f"{named(names)}: {message}" for message, names in clusters.items())


def _pending(gathered: Gathered) -> list[str]:
    found = {f"{name} on {cluster}" for _, name, cluster in gathered.listing.pending}
    return [f"Not listed yet, as no version is installed: {named(found)}."] if found else []
