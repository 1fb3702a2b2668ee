"""What a run says of its judgement, in the form of its status. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from violet_operator.api.cleanup_run import MOST_CLUSTERS, MOST_ITEMS
from violet_operator.cleanup.judge import PLAIN, Verdict, tally
from violet_operator.cleanup.plan import deletions, plan_hash
from violet_operator.cleanup.state import State
from violet_operator.cleanup.summary import summary

JsonObject = dict[str, Any]

_LONGEST_MESSAGE = 500
_LONGEST_FAULT = 2000


def results(platform: str, state: State, verdicts: Sequence[Verdict]) -> JsonObject:
    """Plan, items, counts and summary."""
    to_delete = deletions(verdicts)
    told = [*to_delete, *sorted(filter(_worth_telling, verdicts), key=lambda each: not each.observed)]
    left_out = len(told) - MOST_ITEMS
    return {
        "plan": {
            "hash": plan_hash(platform, verdicts),
            "judged": len(verdicts),
            "deletions": len(to_delete),
            "kept": len(verdicts) - len(to_delete),
        },
        "clusters": _clusters(state)[:MOST_CLUSTERS],
        "kept": [{"reason": reason, "count": count} for reason, count in tally(verdicts).items()],
        "items": [_item(each) for each in told[:MOST_ITEMS]],
        "summary": summary(each.ref for each in to_delete),
        **({"itemsLeftOut": left_out} if left_out > 0 else {}),
    }


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
        **({"observed": verdict.observed} if verdict.observed else {}),
    }


def _clusters(state: State) -> list[JsonObject]:
    """What could be read of each cluster; what concerns all of them is told of `global`."""
    faults = {cluster.name: cluster.unknown for cluster in state.clusters} | dict(state.unreachable)
    everywhere = (state.operator_views, state.plugin_views, state.plugins, state.configs, state.infos, state.uploads)
    shared = [listing.unknown for listing in everywhere if listing.unknown]
    if shared:
        faults["global"] = " ".join(filter(None, (faults.get("global"), *shared)))
    return [
        {"name": name, "complete": fault is None, **({"message": fault[:_LONGEST_FAULT]} if fault else {})}
        for name, fault in sorted(faults.items())
    ]
