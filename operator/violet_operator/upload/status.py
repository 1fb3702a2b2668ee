"""What a PackageUpload's status says: pure, the clock passed in.

Steps state facts and conditions; `Ready`, `Reconciling` and `Stalled` are derived here and nowhere else.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import datetime
from typing import Any

from violet_operator.api.conditions import (
    FETCHED,
    PUBLISHED,
    PUSHED,
    READY,
    RECONCILING,
    STALLED,
    VERIFIED,
    Conditions,
    Event,
    timestamp,
)
from violet_operator.errors import OperatorError, Transient
from violet_operator.support.meter import Reading
from violet_operator.support.redact import shorten

JsonObject = dict[str, Any]

STEPS = (FETCHED, VERIFIED, PUSHED, PUBLISHED)

IN_PROGRESS = ("Fetching", "Pushing", "Publishing", "Withdrawing", "Suspended")
"""Reasons of a Ready condition that is False without a failure."""


class UploadStatus:
    """The status of one object while a run judges it anew; starts from the last one."""

    def __init__(self, body: JsonObject, clock: Callable[[], datetime]) -> None:
        self._generation = int(body["metadata"].get("generation") or 0)
        self.last: JsonObject = body.get("status") or {}
        self._facts: JsonObject = copy.deepcopy(self.last)
        self.conditions = Conditions(self._facts.pop("conditions", []), generation=self._generation, clock=clock)
        self._clock = clock
        if (self.conditions.get(RECONCILING) or {}).get("observedGeneration") != self._generation:
            for target in self._facts.get("targets", []):  # another spec is another thing to wait for
                target.pop("waitingSince", None)

    @property
    def facts(self) -> JsonObject:
        """Everything but the conditions, in API form."""
        return self._facts

    def handled(self, requested_at: str | None) -> None:
        """Note which request to reconcile now this run answers."""
        if requested_at:
            self._facts["lastHandledReconcileAt"] = requested_at

    def working(self, step: str, reason: str, message: str) -> None:
        """A step is under way.

        A Ready object stays Ready while it is only looked at again, and a failed one keeps its reason while the same
        is tried again, so that nothing flickers.
        """
        if not self.conditions.is_current(step):
            self.conditions.set(step, "Unknown", reason, message)
        self.conditions.set(RECONCILING, "True", reason, message)
        self.conditions.remove(STALLED)
        ready = self.conditions.get(READY)
        if ready is None or ready["observedGeneration"] != self._generation or ready["reason"] in IN_PROGRESS:
            self.conditions.set(READY, "False", reason, message)

    def done(self, step: str, reason: str, message: str) -> None:
        """A step holds."""
        self.conditions.set(step, "True", reason, message)

    def failed(self, step: str | None, error: OperatorError) -> None:
        """A step does not hold; what follows it is not known any more. None: before the first step."""
        if step is not None:
            self.degraded(step, error)
        self._forget_unfinished()
        for later in STEPS[STEPS.index(step) + 1 if step else 0 :]:
            if not self.conditions.is_current(later):
                self.conditions.remove(later)
        self.conditions.failed(error)
        self._facts["observedGeneration"] = self._generation

    def degraded(self, step: str, error: OperatorError) -> None:
        """A step does not hold; what follows it may, as an installable package can do without its source.

        A package that is not verified keeps no good record. A fault of the moment says nothing about it, though, and
        is no reason to read it again.
        """
        self.conditions.set(step, "False", error.reason, error.message)
        record = self._facts.get("verification") or {}
        if step == VERIFIED and not isinstance(error, Transient) and record.get("method") != "None":
            self._facts["verification"] = {"method": "None"}

    def ready(self, message: str) -> None:
        """Everything holds."""
        self.conditions.set(READY, "True", "Installable", message)
        self.conditions.at_rest()
        self._facts.pop("plan", None)
        self._facts["observedGeneration"] = self._generation

    def previewed(self, message: str) -> None:
        """Everything that reads holds; nothing was written."""
        self._facts["progress"] = complete(self._facts["progress"])
        self.conditions.set(READY, "True", "Previewed", message)
        self.conditions.at_rest()
        for step in (PUSHED, PUBLISHED):
            self.conditions.remove(step)
        self._facts["observedGeneration"] = self._generation

    def suspended(self) -> None:
        """Nothing is done until `spec.suspend` is false again; what was installable still is."""
        self.conditions.at_rest()
        self._forget_unfinished()
        for target in self._facts.get("targets", []):
            target.pop("waitingSince", None)
            if target["phase"] == "Publishing":
                target["phase"] = "Pending"
        ready = self.conditions.get(READY)
        if ready is not None and ready["status"] == "True":
            self.conditions.set(READY, "True", ready["reason"], ready["message"])
        else:
            self.conditions.set(READY, "False", "Suspended", "spec.suspend is true: nothing is done until it is false.")
        self._facts["observedGeneration"] = self._generation

    def forget_package(self) -> None:
        """The source is another one now: what was known of the last package does not count."""
        for key in ("source", "verification", "package", "images", "targets", "progress", "plan"):
            self._facts.pop(key, None)
        for step in STEPS:
            self.conditions.remove(step)

    def _forget_unfinished(self) -> None:
        """A step that was under way and has not ended has no result."""
        for step in STEPS:
            if (self.conditions.get(step) or {}).get("status") == "Unknown":
                self.conditions.remove(step)

    def progress(self, reading: Reading) -> None:
        """How far the transfer is; never goes back for one package."""
        self._facts["progress"] = advance(self._facts.get("progress") or {}, reading)

    def target(
        self,
        platform: str,
        cluster: str,
        *,
        phase: str | None = None,
        message: str | None = None,
        objects: list[JsonObject] | None = None,
        waiting_since: str | None = None,
    ) -> None:
        """The result on one cluster; what is not given stays as it was, but a new phase ends the waiting."""
        targets = {(item["platform"], item["cluster"]): item for item in self._facts.get("targets", [])}
        item: JsonObject = {"platform": platform, "cluster": cluster, "phase": "Pending", "objects": []}
        item |= targets.get((platform, cluster), {})
        if phase is not None:
            item["phase"] = phase
            item.pop("waitingSince", None)
        item |= {} if message is None else {"message": shorten(message)}
        item |= {} if objects is None else {"objects": objects}
        item |= {} if waiting_since is None else {"waitingSince": waiting_since}
        targets[platform, cluster] = item
        self._facts["targets"] = [targets[key] for key in sorted(targets)]

    def target_waits(self, platform: str, cluster: str, message: str) -> datetime:
        """A cluster cannot install it yet; since when, runs that were called off or met a fault included."""
        since = self._waiting_since(platform, cluster) or self.stamp()
        self.target(platform, cluster, phase="Publishing", message=message, waiting_since=since)
        return datetime.fromisoformat(since)

    def target_failed(self, platform: str, cluster: str, error: OperatorError) -> None:
        """A cluster has failed; a fault of the moment does not end the waiting for it."""
        since = self._waiting_since(platform, cluster) if isinstance(error, Transient) else None
        self.target(platform, cluster, phase="Failed", message=error.message, waiting_since=since)

    def _waiting_since(self, platform: str, cluster: str) -> str | None:
        key = (platform, cluster)
        found = (item for item in self._facts.get("targets", []) if (item["platform"], item["cluster"]) == key)
        return next((item.get("waitingSince") for item in found), None)

    def keep_targets(self, wanted: set[tuple[str, str]]) -> None:
        """Drop results of clusters that are no longer targets."""
        kept = [item for item in self._facts.get("targets", []) if (item["platform"], item["cluster"]) in wanted]
        self._facts["targets"] = kept

    def stamp(self) -> str:
        """The time now, as a status states it."""
        return timestamp(self._clock())

    def to_api(self) -> JsonObject:
        """The whole status."""
        return {**self._facts, "conditions": self.conditions.to_api()}


def advance(last: JsonObject, reading: Reading) -> JsonObject:
    """Progress from the counters, never behind the last one.

    The total is not known at first (what must be pushed shows after reading), so the percentage is kept below
    100 until the transfer is complete, and never falls; a restarted operator reads again, but shows no step back.
    """
    done = max(int(last.get("bytesDone", 0)), reading.bytes_done)
    total = max(reading.bytes_total, done)
    percent = 100 * reading.bytes_done // reading.bytes_total if reading.bytes_total else 0
    return {
        "bytesTotal": total,
        "bytesDone": done,
        "blobsTotal": max(int(last.get("blobsTotal", 0)), reading.blobs_total),
        "blobsDone": max(int(last.get("blobsDone", 0)), reading.blobs_done),
        "blobsSkipped": reading.blobs_skipped if reading.blobs_total else int(last.get("blobsSkipped", 0)),
        "percent": max(int(last.get("percent", 0)), min(percent, 99)),
    }


def complete(progress: JsonObject) -> JsonObject:
    """Progress of a transfer that has ended well."""
    return {**progress, "bytesDone": progress["bytesTotal"], "percent": 100}


def transitions(last: list[JsonObject], now: list[JsonObject]) -> list[Event]:
    """Events worth recording: of what became true, and of new failures."""
    before = {item["type"]: item for item in last}
    events = []
    for item in now:
        old = before.get(item["type"], {})
        became = old.get("status") != item["status"]
        if item["type"] in (VERIFIED, READY) and item["status"] == "True" and became:
            events.append(Event(False, item["reason"], item["message"]))
        elif item["type"] == READY and item["status"] == "False" and old.get("reason") != item["reason"]:
            if item["reason"] not in IN_PROGRESS:
                events.append(Event(True, item["reason"], item["message"]))
        elif item["type"] == FETCHED and item["status"] == "False" and became and _ready(now):
            events.append(Event(True, item["reason"], item["message"]))
    return events


def _ready(conditions: list[JsonObject]) -> bool:
    return any(item["type"] == READY and item["status"] == "True" for item in conditions)
