"""What a PackageInventory's status says: pure, the clock passed in."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from violet_operator.api.conditions import EXPORTED, GATHERED, READY, Conditions, Event, timestamp, transition
from violet_operator.errors import OperatorError
from violet_operator.inventory.applications import Installed
from violet_operator.inventory.gather import Gathered
from violet_operator.inventory.record import sha256

JsonObject = dict[str, Any]

_NAMED = 10
"""Names that a message lists."""


class InventoryStatus:
    """The status of one object while a run judges it anew; starts from the last one."""

    def __init__(self, body: JsonObject, clock: Callable[[], datetime]) -> None:
        self._generation = int(body["metadata"].get("generation") or 0)
        self.last: JsonObject = body.get("status") or {}
        self.facts: JsonObject = copy.deepcopy(self.last)
        self.conditions = Conditions(self.facts.pop("conditions", []), generation=self._generation, clock=clock)
        self._clock = clock

    def now(self) -> str:
        """The time, as a status states it."""
        return timestamp(self._clock())

    def read(self, clusters: Iterable[str], gathered: Gathered) -> None:
        """Which clusters could be read; when, is told with the export that says so."""
        before = {item["name"]: item.get("lastReadTime") for item in self.facts.get("clusters", [])}
        states = []
        for name in sorted(clusters):
            said = gathered.failures(name)
            state = {"name": name, "lastReadTime": before.get(name), "message": " ".join(said) or None}
            states.append({key: value for key, value in state.items() if value is not None})
        self.facts["clusters"] = states

    def count(self, items: Iterable[Installed], gathered: Gathered) -> None:
        """How many packages there are."""
        names = {(item.type, item.name) for item in items}
        kinds = [kind for kind, _ in names]
        self.facts["counts"] = {
            "operatorBundles": kinds.count("OperatorBundle"),
            "modulePlugins": kinds.count("ModulePlugin"),
            "charts": kinds.count("Chart"),
            "core": len(gathered.listing.core),
            "pending": len({(kind, name) for kind, name, _ in gathered.listing.pending}),
        }

    def written(self, config_map: str, text: str) -> None:
        """There is an export now, and all that could be read is in it."""
        self.facts["export"] = {"configMap": config_map, "sha256": sha256(text), "size": len(text.encode())}
        for state in self.facts["clusters"]:
            if "message" not in state:
                state["lastReadTime"] = self.now()

    def ready(self, message: str) -> None:
        """Everything was read and written."""
        self.conditions.set(READY, "True", "Exported", message)
        self.conditions.at_rest()
        self.facts["observedGeneration"] = self._generation

    def failed(self, step: str | None, error: OperatorError) -> None:
        """A step does not hold; None: before the first one."""
        if step is not None:
            self.conditions.set(step, "False", error.reason, error.message)
        self.conditions.failed(error)
        self.facts["observedGeneration"] = self._generation

    def suspended(self) -> None:
        """Nothing is done; what was exported still is."""
        self.conditions.at_rest()
        ready = self.conditions.get(READY)
        if ready is not None and ready["status"] == "True":
            self.conditions.set(READY, "True", ready["reason"], ready["message"])
        else:
            self.conditions.set(READY, "False", "Suspended", "spec.suspend is true: nothing is done until it is false.")
        self.facts["observedGeneration"] = self._generation

    def is_ready(self) -> bool:
        """Whether the last look at this very spec went well."""
        return self.conditions.is_current(READY) and self.conditions.is_current(EXPORTED)

    def gathered(self, message: str) -> None:
        """Every cluster was read."""
        self.conditions.set(GATHERED, "True", "Gathered", message)

    def exported(self, message: str) -> None:
        """What was read is where it should be."""
        self.conditions.set(EXPORTED, "True", "Exported", message)

    def to_api(self) -> JsonObject:
        """The whole status."""
        return {**self.facts, "conditions": self.conditions.to_api()}

    def events(self) -> list[Event]:
        """What is worth telling: `Ready` has changed, or fails for another reason."""
        return transition(self.last, self.to_api(), silent=("Suspended",))


def named(names: Iterable[str]) -> str:
    """Some names for a message."""
    found = sorted(names)
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return ", ".join(found[:_NAMED]) + more
