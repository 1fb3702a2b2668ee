"""The first phase of a run: gather, judge, and say what would go. Writes nothing but the run's status."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from violet_operator.api import POLICY_LABEL
from violet_operator.api.cleanup_run import CleanupRunSpec
from violet_operator.api.conditions import AWAITING_APPROVAL, COMPLETE, PLANNED
from violet_operator.cleanup import approval, history, metrics
from violet_operator.cleanup.gather import Scope, gather
from violet_operator.cleanup.images import phase
from violet_operator.cleanup.images.model import ImagePlan
from violet_operator.cleanup.images.report import broken_limit as broken_by_images
from violet_operator.cleanup.images.report import said as words
from violet_operator.cleanup.judge import Verdict, judge, tally
from violet_operator.cleanup.plan import broken_limit, deletions
from violet_operator.cleanup.record import Record
from violet_operator.cleanup.report import results
from violet_operator.clients.kube import CLEANUP_RUNS
from violet_operator.errors import Stalled
from violet_operator.platform.environment import Environment, JsonObject
from violet_operator.platform.resolve import Connection


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan that may be carried out.

    Attributes:
        hash: its identity.
        deletions: what is to go.
        images: what goes with it in the registry.
    """

    hash: str
    deletions: list[Verdict]
    images: ImagePlan


def scope(connection: Connection, spec: CleanupRunSpec, env: Environment) -> Scope:
    """Where a run looks."""
    settings = env.settings
    return Scope(connection.clusters, spec.clusters, env.kube, settings.namespaces, settings.system_namespace)


async def plan(record: Record, spec: CleanupRunSpec, connection: Connection, env: Environment) -> Planned | None:
    """Gather and judge; None: there is nothing more to do now, and the status says why.

    Raises:
        OperatorError: the run fails, or has to try again.
    """
    state = await gather(scope(connection, spec, env))
    observed = await _observed(record, spec, env)
    verdicts = await asyncio.to_thread(judge, state, spec, env.clock(), observed)
    images = await phase.look(record, spec, deletions(verdicts), connection, env)
    before = record.facts.get("items") or []
    record.facts.pop("itemsLeftOut", None)
    record.facts |= results(spec.platform_ref.name, state, verdicts, images.deletions)
    found = Planned(str(record.facts["plan"]["hash"]), deletions(verdicts), images)
    objects = len(found.deletions)
    metrics.report(record.where, objects, tally(verdicts), images.bytes)
    said = f"{objects} of {len(verdicts)} objects would be deleted"
    record.conditions.set(PLANNED, "True", "Planned", f"{said}; status.items says which and why.{words(images)}")
    if broken := broken_limit(verdicts, spec.limits) or broken_by_images(objects, images, spec.limits):
        raise Stalled("LimitExceeded", f"{broken}: nothing is deleted.")
    if spec.approved_plan and spec.approved_plan != found.hash:
        raise approval.changed(spec.approved_plan, found.hash, before, verdicts)
    return _go_on(record, spec, found, said)


def _go_on(record: Record, spec: CleanupRunSpec, found: Planned, said: str) -> Planned | None:
    """Whether the plan may be carried out now; `said` is what it comes to."""
    if spec.mode == "DryRun":
        record.end(COMPLETE, "DryRun", f"{said}. Mode DryRun: nothing was deleted.{words(found.images)}")
        return None
    if not found.deletions:
        record.end(COMPLETE, "NothingToDelete", f"None of {record.facts['plan']['judged']} objects may be deleted.")
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
