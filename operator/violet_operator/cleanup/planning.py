"""The first phase of a run: gather, judge, and say what would go. Writes nothing but the run's status."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from violet_operator.api import POLICY_LABEL
from violet_operator.api.cleanup_run import CleanupRunSpec
from violet_operator.api.conditions import AWAITING_APPROVAL, COMPLETE, PLANNED
from violet_operator.cleanup import approval, history, metrics
from violet_operator.cleanup.gather import Scope, gather
from violet_operator.cleanup.identity import identities
from violet_operator.cleanup.images import phase
from violet_operator.cleanup.images.model import ImagePlan
from violet_operator.cleanup.images.report import said as words
from violet_operator.cleanup.judge import Verdict, judge, tally
from violet_operator.cleanup.plan import broken_limit, deletions
from violet_operator.cleanup.record import Record
from violet_operator.cleanup.report import results
from violet_operator.cleanup.state import State
from violet_operator.clients.kube import CLEANUP_RUNS
from violet_operator.errors import OperatorError, Stalled
from violet_operator.platform.environment import Environment, JsonObject
from violet_operator.platform.kubeconfig import GLOBAL
from violet_operator.platform.resolve import Connection


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan that may be carried out.

    Attributes:
        hash: its identity.
        deletions: what is to go.
        images: what goes with it in the registry.
        clusters: identity of each cluster that it is about, by name.
    """

    hash: str
    deletions: list[Verdict]
    images: ImagePlan
    clusters: dict[str, str]


def scope(connection: Connection, spec: CleanupRunSpec, env: Environment) -> Scope:
    """Where a run looks."""
    settings = env.settings
    return Scope(connection.clusters, spec.clusters, env.kube, settings.namespaces, settings.system_namespace)


async def plan(record: Record, spec: CleanupRunSpec, connection: Connection, env: Environment) -> Planned | None:
    """Gather and judge; None: there is nothing more to do now, and the status says why.

    Raises:
        OperatorError: the run fails, or has to try again.
    """
    state, clusters, unknown = await _look(spec, connection, env)
    observed = await _observed(record, spec, env)
    verdicts = await asyncio.to_thread(judge, state, spec, env.clock(), observed)
    going = deletions(verdicts)
    images = await phase.look(record, spec, going, connection, env)
    if images.deletions and unknown:
        images = ImagePlan(unknown=next(iter(unknown.values())).message)
    told = results(spec.platform_ref.name, state, verdicts, images.deletions)
    found = Planned(str(told["plan"]["hash"]), going, images, clusters)
    changed = None
    if spec.approved_plan and spec.approved_plan != found.hash:
        changed = approval.changed(spec.approved_plan, found.hash, record.facts, verdicts, _outage(told, images))
        if not isinstance(changed, Stalled):
            raise changed  # and the status goes on to say what was approved
    record.facts.pop("itemsLeftOut", None)
    record.facts |= told
    phase.tell(record, spec, images)
    metrics.report(record.where, len(going), tally(verdicts), images.bytes)
    said = f"{len(going)} of {len(verdicts)} objects would be deleted"
    record.conditions.set(PLANNED, "True", "Planned", f"{said}; status.items says which and why.{words(images)}")
    if changed:
        raise changed
    if broken := broken_limit(verdicts, len(images.deletions), spec.limits):
        raise Stalled("LimitExceeded", f"{broken}: nothing is deleted.")
    return _go_on(record, spec, found, len(verdicts), said)


async def _look(
    spec: CleanupRunSpec, connection: Connection, env: Environment
) -> tuple[State, dict[str, str], dict[str, OperatorError]]:
    """What is there; the identity of each cluster, or why it is not told: then nothing is known of that."""
    state = await gather(scope(connection, spec, env))
    names = {GLOBAL, *(each.name for each in state.clusters)}
    if spec.images == "Delete":
        names = {*connection.clusters}  # any of them may need an image
    clusters, unknown = await identities({name: connection.clusters[name] for name in names})
    faults = {each.name: unknown.get(GLOBAL, unknown.get(each.name)) for each in state.clusters}
    lost = {name: fault.message for name, fault in faults.items() if fault}
    known = tuple(each for each in state.clusters if each.name not in lost)
    return replace(state, clusters=known, unreachable={**state.unreachable, **lost}), clusters, unknown


def _outage(told: JsonObject, images: ImagePlan) -> str | None:
    """What could not be read, if anything."""
    clusters = (f"cluster {each['name']}: {each['message']}" for each in told["clusters"] if not each["complete"])
    return next(clusters, images.unknown)


def _go_on(record: Record, spec: CleanupRunSpec, found: Planned, judged: int, said: str) -> Planned | None:
    """The plan if it may be carried out now."""
    if spec.mode == "DryRun":
        record.end(COMPLETE, "DryRun", f"{said}. Mode DryRun: nothing was deleted.{words(found.images)}")
        return None
    if not found.deletions:
        record.end(COMPLETE, "NothingToDelete", f"None of {judged} objects may be deleted.")
        return None
    if spec.mode == "Approve" and not spec.approved_plan:
        advice = f"To delete them, set spec.approvedPlan to {found.hash}, within {approval.LONGEST.days} days."
        record.conditions.set(AWAITING_APPROVAL, "True", "AwaitingApproval", f"{said}.{words(found.images)} {advice}")
        return None
    if spec.mode == "Approve":
        record.conditions.set(AWAITING_APPROVAL, "False", "Approved", "The plan is the one that was approved.")
    return found


async def _observed(record: Record, spec: CleanupRunSpec, env: Environment) -> dict[str, int]:
    """What the policy's runs before have seen; nothing for a run of no policy."""
    if spec.retention.observations == 1:
        return {}
    return history.observed(await siblings(record, env), record.metadata["uid"])


async def siblings(record: Record, env: Environment) -> list[JsonObject]:
    """The runs of the same policy, this one included, oldest first; none for a run of no policy."""
    owners = record.metadata.get("ownerReferences") or ()
    policy = next((str(owner["uid"]) for owner in owners if owner.get("controller")), None)
    label = (record.metadata.get("labels") or {}).get(POLICY_LABEL)
    if policy is None or label is None:
        return []
    found = await env.kube.list(CLEANUP_RUNS, record.metadata["namespace"], labels=f"{POLICY_LABEL}={label}")
    return history.of_policy(found, policy)
