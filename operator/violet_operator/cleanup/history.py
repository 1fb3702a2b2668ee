"""The runs of a policy: which is under way, which may be forgotten, what they have seen. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from violet_operator.api import API_VERSION, POLICY_LABEL, SUPERSEDES
from violet_operator.api.cleanup import Cleanup
from violet_operator.api.conditions import AWAITING_APPROVAL, COMPLETE, FAILED, RESTORED, find, is_true

JsonObject = dict[str, Any]

_LONGEST_LABEL = 63
_LONGEST_NAME = 253


def label_of(policy: str) -> str:
    """The value of a run's label: the policy's name, where a label can hold it."""
    return fitting(policy, _LONGEST_LABEL)


def of_policy(runs: Iterable[JsonObject], uid: str) -> list[JsonObject]:
    """The runs that a policy controls, oldest first."""
    owned = [
        run
        for run in runs
        if any(
            owner.get("controller") and owner["uid"] == uid for owner in run["metadata"].get("ownerReferences") or ()
        )
    ]
    return sorted(owned, key=lambda run: (run["metadata"]["creationTimestamp"], run["metadata"]["name"]))


def has(run: JsonObject, condition: str) -> bool:
    """Whether a condition of a run is true."""
    return is_true((run.get("status") or {}).get("conditions") or [], condition)


def has_ended(run: JsonObject) -> bool:
    """Whether a run is through, in whatever way."""
    return has(run, COMPLETE) or has(run, FAILED)


def restores(run: JsonObject) -> bool:
    """Whether a run is to put back what it has deleted, and has not done all of that; without a backup it never can."""
    found = find((run.get("status") or {}).get("conditions") or [], RESTORED) or {}
    over = found.get("status") == "True" or found.get("reason") == "NoBackup"
    done = over and found.get("observedGeneration") == run["metadata"].get("generation")
    return (run.get("spec") or {}).get("restore") is True and not done


def waits(run: JsonObject) -> bool:
    """Whether a run waits for its approval: it makes way for the next."""
    return has(run, AWAITING_APPROVAL) and not has_ended(run) and not run["spec"].get("approvedPlan")


def active(runs: Sequence[JsonObject]) -> JsonObject | None:
    """The run that is under way, if there is one; one that waits for its approval only if there is no other."""
    under_way = [run for run in runs if restores(run) or not has_ended(run)]
    return min(under_way, key=waits, default=None)


def has_successor(runs: Sequence[JsonObject], run: JsonObject) -> bool:
    """Whether the policy has started another run while this one waited; `runs` are the policy's."""
    name = run["metadata"]["name"]
    return any((each["metadata"].get("annotations") or {}).get(SUPERSEDES) == name for each in runs)


def owner(run: JsonObject) -> str | None:
    """The name of the policy that controls a run."""
    owners = run["metadata"].get("ownerReferences") or ()
    found = (each["name"] for each in owners if each.get("controller") and each["kind"] == "CleanupPolicy")
    return next(found, None)


def gist(run: JsonObject) -> tuple[object, ...]:
    """All that a policy looks at: as long as this stays the same, it has no reason to look again."""
    return run["metadata"].get("uid"), has(run, COMPLETE), has(run, FAILED), waits(run), restores(run)


def last_result(runs: Sequence[JsonObject]) -> str | None:
    """How the run that ended last has ended."""
    ended = [run for run in runs if has_ended(run)]
    if not ended:
        return None
    run = max(ended, key=lambda each: str(each["status"].get("completionTime")))
    found = find(run["status"]["conditions"], COMPLETE if has(run, COMPLETE) else FAILED) or {}
    return f"{run['metadata']['name']}: {found.get('type')} ({found.get('reason')}): {found.get('message')}"


def superfluous(runs: Sequence[JsonObject], *, successful: int, failed: int) -> list[JsonObject]:
    """Runs that have ended, beyond so many of each kind; the newest stay."""
    found = []
    for condition, limit in ((COMPLETE, successful), (FAILED, failed)):
        ended = [run for run in runs if has(run, condition) and not restores(run)]
        found += ended[: max(len(ended) - limit, 0)]
    return found


def last_success(runs: Sequence[JsonObject]) -> str | None:
    """When a run was last completed."""
    times = [(run.get("status") or {}).get("completionTime") for run in runs if has(run, COMPLETE)]
    return max((time for time in times if time), default=None)


def observed(runs: Sequence[JsonObject], but: str) -> dict[str, int]:
    """In how many runs in a row each object (by uid) was a candidate, by the last run that has ended and is not `but`.

    A failed run does not count itself, but what was no candidate in it, as it was in use or nobody knew, begins anew.
    """
    ended = [run for run in runs if has_ended(run) and run["metadata"]["uid"] != but]
    if not ended:
        return {}
    last = ended[-1]
    itself = 0 if has(last, COMPLETE) else 1
    items = last["status"].get("items") or ()
    return {item["uid"]: item["observed"] - itself for item in items if "uid" in item and "observed" in item}


def scheduled_name(policy: str, due: datetime) -> str:
    """The name of a run: the same for the same time, so that it is made once."""
    return _name(policy, due.astimezone(UTC).strftime("%Y%m%d%H%M"))


def requested_name(policy: JsonObject, request: str) -> str:
    """The name of a run that somebody asked for: the same for the same request, another if that comes again."""
    last, metadata = (policy.get("status") or {}).get("lastRun"), policy["metadata"]
    asked = "\0".join((metadata["uid"], last or "", request))
    return _name(metadata["name"], hashlib.sha256(asked.encode()).hexdigest()[:8])


def new_run(policy: JsonObject, name: str, waiting: JsonObject | None = None) -> JsonObject:
    """A run with the policy's wishes as they are now; `waiting` is the run that makes way for it."""
    metadata = policy["metadata"]
    wishes = [field.alias for field in Cleanup.model_fields.values()]
    owner = {"apiVersion": API_VERSION, "kind": "CleanupPolicy", "name": metadata["name"], "uid": metadata["uid"]}
    return {
        "apiVersion": API_VERSION,
        "kind": "CleanupRun",
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "labels": {POLICY_LABEL: label_of(metadata["name"])},
            **({"annotations": {SUPERSEDES: waiting["metadata"]["name"]}} if waiting else {}),
            "ownerReferences": [owner | {"controller": True}],
        },
        "spec": {key: value for key, value in policy["spec"].items() if key in wishes},
    }


def _name(policy: str, suffix: str) -> str:
    return f"{fitting(policy, _LONGEST_NAME - len(suffix) - 1)}-{suffix}"


def fitting(name: str, longest: int) -> str:
    """A name cut to size, with a digest of all of it, so that two long names stay two."""
    if len(name) <= longest:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:10]
    return f"{name[: longest - len(digest) - 1].rstrip('-.')}-{digest}"
