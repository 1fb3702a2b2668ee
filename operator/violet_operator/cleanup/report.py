"""What a run says of its judgement, in the form of its status. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from violet_operator.api.cleanup_run import MOST_CLUSTERS, MOST_ITEMS
from violet_operator.cleanup.backup import Entry, Index, index_name
from violet_operator.cleanup.decide import Step
from violet_operator.cleanup.images.model import Deletion
from violet_operator.cleanup.judge import PLAIN, Verdict, tally
from violet_operator.cleanup.plan import deletions, plan_hash
from violet_operator.cleanup.putback import PutBack
from violet_operator.cleanup.state import State
from violet_operator.cleanup.summary import summary

JsonObject = dict[str, Any]

_FIRST = ("Failed", "Deleting", "Skipped", "Delete", "Deleted", "Create", "Restored")
"""Outcomes in the order in which they matter."""
_LONGEST_MESSAGE = 500
_LONGEST_FAULT = 2000
_BRIEF = 200
_LARGEST = 800_000
"""Bytes of a status: with its conditions and its spec it fits into the 1.5 MB that etcd takes of one object."""


def results(platform: str, state: State, verdicts: Sequence[Verdict], images: Sequence[Deletion] = ()) -> JsonObject:
    """Plan, items, counts and summary."""
    to_delete = deletions(verdicts)
    told = [*to_delete, *sorted(filter(_worth_telling, verdicts), key=lambda each: not each.observed)]
    return {
        "plan": {
            "hash": plan_hash(platform, to_delete, images),
            "judged": len(verdicts),
            "deletions": len(to_delete),
            "kept": len(verdicts) - len(to_delete),
        },
        "clusters": _clusters(state)[:MOST_CLUSTERS],
        "kept": [{"reason": reason, "count": count} for reason, count in tally(verdicts).items()],
        **_fitting([_item(each) for each in told]),
        "summary": summary(each.ref for each in to_delete),
    }


def acted(steps: Sequence[Step], before: Sequence[JsonObject]) -> JsonObject:
    """What became of each deletion, failures first; `before` are the items so far."""
    ordered = sorted(steps, key=lambda each: _FIRST.index(each.outcome))
    items = [_done(each.entry, each.outcome, each.reason, each.message) for each in ordered]
    known = {each.entry.ref.uid for each in steps}
    rest = [each for each in before if each.get("uid") not in known]
    deleted = (each.entry.ref for each in steps if each.outcome == "Deleted")
    return _fitting([*items, *rest]) | {"summary": summary(deleted)}


def updated(items: Sequence[JsonObject], steps: Sequence[Step]) -> list[JsonObject]:
    """The items of a run that goes on, with what is known so far."""
    known = {each.entry.ref.uid: _done(each.entry, each.outcome, each.reason, each.message) for each in steps}
    return [known.get(str(each.get("uid")), each) for each in items]


def put_back(results: Sequence[PutBack], before: Sequence[JsonObject]) -> JsonObject:
    """What became of each object that was to be put back, failures first; `before` are the items so far."""
    ordered = sorted(results, key=lambda each: _FIRST.index(each.outcome))
    items = [_done(each.entry, each.outcome, each.entry.reason, each.message) for each in ordered]
    known = {each.entry.ref.uid for each in results}
    return _fitting([*items, *(each for each in before if each.get("uid") not in known)])


def saved(run: str, index: Index) -> JsonObject:
    """Where the backup is."""
    return {
        "configMap": index_name(run),
        "parts": len(index.parts) + len(index.images),
        "objects": index.objects,
        "bytes": index.size,
    }


def bounded(status: JsonObject) -> JsonObject:
    """A status that fits into an object, whatever it is made of: the longest parts give way, in turn."""
    over = _size(status) - _LARGEST
    if over <= 0:
        return status
    clusters = [each for each in status.get("clusters") or [] if not each["complete"]]
    brief = {each["name"]: each | {"message": each.get("message", "")[:_BRIEF]} for each in clusters}
    status = status | {"clusters": [brief.get(each["name"], each) for each in status.get("clusters") or []]}
    status |= {"summary": _cut(str(status.get("summary", "")), _LARGEST // 8)}
    if images := status.get("images"):
        status["images"] = images | _shortened(images, _LARGEST // 4)
    over = _size(status) - _LARGEST
    return status | _shortened(status, _size(status.get("items") or []) - over) if over > 0 else status


def _shortened(whole: JsonObject, limit: int) -> JsonObject:
    """Its items as far as they fit, and how many are left out with those that were before."""
    items, size = whole.get("items") or [], 0
    for number, each in enumerate(items):
        size += _size(each) + 2
        if size > limit:
            return {"items": items[:number], "itemsLeftOut": len(items) - number + whole.get("itemsLeftOut", 0)}
    return {}


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    lines = text[:longest].splitlines()[:-1]
    return "\n".join([*lines, f"... and {len(text.splitlines()) - len(lines)} more lines"])


def _size(part: object) -> int:
    return len(json.dumps(part, ensure_ascii=False).encode())


def _fitting(items: list[JsonObject]) -> JsonObject:
    left_out = len(items) - MOST_ITEMS
    return {"items": items[:MOST_ITEMS], **({"itemsLeftOut": left_out} if left_out > 0 else {})}


def _done(entry: Entry, outcome: str, reason: str, message: str) -> JsonObject:
    verdict = Verdict(entry.ref, "Delete", reason, message, entry.observed)
    return _item(verdict) | {"outcome": outcome}


def _worth_telling(verdict: Verdict) -> bool:
    return verdict.action == "Keep" and verdict.reason not in PLAIN


def _item(verdict: Verdict) -> JsonObject:
    ref = verdict.ref
    return {
        "kind": ref.kind,
        "name": ref.name,
        **({"namespace": ref.namespace} if ref.namespace else {}),
        "cluster": ref.cluster,
        "action": verdict.action,
        "reason": verdict.reason,
        "message": verdict.message[:_LONGEST_MESSAGE],
        **({"outcome": "Planned"} if verdict.action == "Delete" else {}),
        "uid": ref.uid,
        **({"content": verdict.content} if verdict.content else {}),
        **({"observed": verdict.observed} if verdict.observed else {}),
    }


def _clusters(state: State) -> list[JsonObject]:
    """What could be read of each cluster; what concerns all of them is told of `global`."""
    faults = {cluster.name: None for cluster in state.clusters} | state.unread
    everywhere = (state.operator_views, state.plugin_views, state.plugins, state.configs, state.infos, state.uploads)
    shared = [listing.unknown for listing in everywhere if listing.unknown]
    if shared:
        faults["global"] = " ".join(filter(None, (faults.get("global"), *shared)))
    return [
        {"name": name, "complete": fault is None, **({"message": fault[:_LONGEST_FAULT]} if fault else {})}
        for name, fault in sorted(faults.items())
    ]
