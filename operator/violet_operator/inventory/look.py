"""One look at one platform for one PackageInventory: its steps, in order."""

from __future__ import annotations

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
    """

    body: JsonObject
    spec: PackageInventorySpec
    status: InventoryStatus
    env: Environment
    step: str | None = None
    gathered: Gathered = field(default_factory=Gathered)

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
        connection = await self.env.connect(self.namespace, platform)
        wanted = self._wanted(platform, connection.clusters)
        self.gathered = await gather(connection.clusters, wanted, self.env.settings.system_namespace)
        if facts.get("platform") != platform:  # what is known is about another one
            facts.pop("clusters", None)
        facts["platform"] = platform
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

    async def live(self) -> JsonObject | None:
        """The ConfigMap as it is.

        Raises:
            OperatorError: it cannot be read.
        """
        return await self.env.kube.get(CONFIG_MAPS, self.namespace, self.spec.output.config_map_ref.name)

    def recall(self, live: JsonObject | None) -> set[Installed] | None:
        """The last export, if it is still there as it was written.

        Raises:
            Waiting: a cluster cannot be read, and the last export does not know it either.
        """
        text = export.holds(live, self.spec.output.config_map_ref.key)
        known = (self.status.facts.get("export") or {}).get("sha256")
        last = None if text is None or export.sha256(text) != known else parse(text)
        states = self.status.facts["clusters"]
        lost = [each for each in states if "message" in each and (last is None or "lastReadTime" not in each)]
        if lost:
            raise Waiting(
                "NotGathered",
                f"Cluster {lost[0]['name']} cannot be read: {lost[0]['message']} No earlier export tells of it, so "
                "nothing is exported: packages would be missing. Mend the cluster, or leave it out of spec.clusters. "
                f"So it is with {len(lost)} of {len(states)} clusters.",
            )
        if not any("message" in each for each in states):
            self.status.gathered(" ".join(["Every cluster was read.", *self.gathered.notes]))
        return last

    async def export(self, live: JsonObject | None, last: set[Installed] | None) -> None:
        """Write what was found, and what the last export says of what could not be read.

        Raises:
            OperatorError: it may not be written, or does not fit.
        """
        ref, facts = self.spec.output.config_map_ref, self.status.facts
        items, namesakes = without_namesakes(
            merge(self.gathered.listing.installed, self.gathered.unread.keys(), last or ())
        )
        if namesakes:
            self.gathered.notes.append(f"Not listed, as another package has the name: {named(namesakes)}.")
        text, before, place = render(items), facts.get("export") or {}, f"{ref.name}/{ref.key}"
        wanted = export.body(self.namespace, ref.name, ref.key, text, self.name)
        export.check(live, wanted, exported=before.get("configMap") == place)
        await export.write(self.env.kube, live, wanted)
        self.status.count(items, self.gathered)
        if before.get("sha256") != export.sha256(text):
            if before and last is None:
                self.gathered.notes.append("The last export was gone or altered: what changed since is not known.")
            self.status.changed([] if last is None else differences(last, items))
        facts["export"] = {"configMap": place, "sha256": export.sha256(text), "size": len(text.encode())}
        await self._copy(text)
        self.status.exported(f"Key {ref.key} of ConfigMap {ref.name} has it.")

    async def _copy(self, text: str) -> None:
        output, facts = self.spec.output, self.status.facts
        if output.url is None:
            facts.pop("copy", None)
            return
        wanted = {"url": output.url, "sha256": export.sha256(text)}
        if wanted.items() <= (facts.get("copy") or {}).items() and not self._forced:
            return
        etag = await export.copy(self.env, self.namespace, self.name, output, text)
        facts["copy"] = wanted | ({"etag": etag} if etag else {})

    def conclude(self) -> None:
        """Judge what was found, now that it is exported.

        Raises:
            Waiting: some clusters could not be read.
        """
        facts, ref = self.status.facts, self.spec.output.config_map_ref
        facts["lastExportTime"] = self.status.now()
        states, counts = facts["clusters"], facts["counts"]
        bad = [f"{each['name']} ({each['lastReadTime']}): {each['message']}" for each in states if "message" in each]
        if bad:
            raise Waiting(
                "PartlyGathered",
                f"Of {len(states)} clusters {len(bad)} cannot be read, and what the export says of them is as old as "
                f"their last reading: {' '.join(bad)}",
            )
        notes = [*self.gathered.notes, *_pending(self.gathered)]
        total = counts["operatorBundles"] + counts["modulePlugins"] + counts["charts"]
        message = f"{total} packages on {len(states)} clusters: key {ref.key} of ConfigMap {ref.name}."
        self.status.ready(" ".join([message, *notes]))


def _pending(gathered: Gathered) -> list[str]:
    found = {f"{name} on {cluster}" for _, name, cluster in gathered.listing.pending}
    return [f"Not listed yet, as no version is installed: {named(found)}."] if found else []
