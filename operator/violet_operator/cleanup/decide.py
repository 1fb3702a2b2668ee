"""Which deletions of a plan may be carried out now: the plan, held against what was just gathered. Pure.

The platform is judged again, by all the rules, as if the run had not touched it: what of its plan is gone or going
stands there once more as it was saved. So a run that was killed in the middle comes to the same answers, and whatever
has happened since the plan was made protects what it concerns.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import Literal, Protocol, TypeVar, cast

from violet_operator.api.cleanup import Cleanup
from violet_operator.cleanup import operators, plugins
from violet_operator.cleanup.backup import RESOURCES, Entry
from violet_operator.cleanup.judge import Verdict, judge
from violet_operator.cleanup.ownership import PREFIX
from violet_operator.cleanup.parse import READERS
from violet_operator.cleanup.protections import Context
from violet_operator.cleanup.state import (
    Artifact,
    ArtifactVersion,
    Cluster,
    Listing,
    Meta,
    ModuleConfig,
    ModulePlugin,
    OperatorView,
    PluginView,
    State,
)
from violet_operator.platform.kubeconfig import GLOBAL

WHOLE = "NotInstalled"
"""Reason of what goes as a whole: owner and versions, or nothing of it."""

UNKNOWN = frozenset({"ClusterUnknown", "ViewsUnknown", "UploadsUnknown"})
"""Reasons to keep that may pass: something could not be read just now."""


class _HasMeta(Protocol):
    @property
    def meta(self) -> Meta: ...


T = TypeVar("T", bound=_HasMeta)


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of one deletion.

    Attributes:
        entry: the deletion.
        outcome: Delete: do it now; all others as in the items of a status.
        reason: why, in one word.
        message: why, for people.
        again: whether another look may bring another answer.
    """

    entry: Entry
    outcome: Literal["Delete", "Deleted", "Deleting", "Skipped", "Failed"]
    reason: str
    message: str
    again: bool = False


def decide(entries: Sequence[Entry], state: State, wish: Cleanup, now: datetime) -> list[Step]:
    """What may be done about the deletions of one cluster, owners first.

    Args:
        entries: all of the plan in that cluster, done or not.
        state: what was just gathered.
        wish: the run's.
        now: the time.
    """
    observed = {each.ref.uid: each.observed - 1 for each in entries}
    before = untouched(state, entries)
    verdicts = {each.ref.uid: each for each in judge(before, wish, now, observed)}
    live = _Live(state, entries[0].cluster)
    order = list(RESOURCES)
    ordered = sorted(entries, key=lambda each: order.index(each.ref.kind))
    gone = {each.ref.uid for each in ordered if live.is_gone(each)}
    following = _following(entries, gone, live)
    steps = [_step(each, live, verdicts.get(each.ref.uid), following) for each in ordered]
    return _whole_or_not_at_all(steps, Context(wish, now, before, observed))


def _following(entries: Sequence[Entry], gone: Collection[str], live: _Live) -> set[str]:
    """What the platform may have noted on, as others of its package are gone: in its status, at most.

    Whoever deletes it compares the rest of it once more (`act.py`).
    """
    pairs = parents(entries).items()
    related = {owner for version, owner in pairs if version in gone} | {
        version for version, owner in pairs if owner in gone
    }
    return {each.ref.uid for each in entries if each.ref.uid in related and live.is_wanted_alike(each)}


def untouched(state: State, entries: Sequence[Entry]) -> State:
    """The state as it would be if nothing of the plan was gone or going."""
    clusters = tuple(_cluster_before(each, entries) for each in state.clusters)
    before = replace(
        state,
        clusters=clusters,
        plugins=_before(state.plugins, entries, "ModulePlugin", GLOBAL),
        configs=_before(state.configs, entries, "ModuleConfig", GLOBAL),
    )
    return _with_views(before, state, entries)


def _cluster_before(cluster: Cluster, entries: Sequence[Entry]) -> Cluster:
    return replace(
        cluster,
        artifacts=_before(cluster.artifacts, entries, "Artifact", cluster.name),
        versions=_before(cluster.versions, entries, "ArtifactVersion", cluster.name),
    )


def _before(listing: Listing[T], entries: Sequence[Entry], kind: str, cluster: str) -> Listing[T]:
    """A listing in which what is gone or going is as it was saved; what has come in its place stays."""
    saved = {each.ref.uid: each for each in entries if (each.ref.kind, each.cluster) == (kind, cluster)}
    stay = tuple(each for each in listing.items if not (each.meta.deleting and each.meta.ref.uid in saved))
    names = {each.meta.ref.name for each in stay}
    lost = [READERS[kind](cluster, each.body) for each in saved.values() if each.ref.name not in names]
    return replace(listing, items=(*stay, *cast("list[T]", lost)))


def _with_views(before: State, state: State, entries: Sequence[Entry]) -> State:
    """The platform takes a view away with what it shows; those that are still there speak as well."""
    live = _Live(state, entries[0].cluster)
    gone = [READERS[each.ref.kind](each.cluster, each.body) for each in entries if live.is_gone(each)]
    artifacts = (each.meta.ref for each in gone if isinstance(each, Artifact))
    modules = (each for each in gone if isinstance(each, ModulePlugin))
    operator_views = (
        OperatorView(ref.cluster, ref.name.removeprefix(PREFIX), "Absent", ref.name, "", None) for ref in artifacts
    )
    plugin_views = (PluginView(each.meta.ref.name, each.module, None, ()) for each in modules)
    return replace(
        before,
        operator_views=replace(before.operator_views, items=(*before.operator_views.items, *operator_views)),
        plugin_views=replace(before.plugin_views, items=(*before.plugin_views.items, *plugin_views)),
    )


class _Live:
    """What is there of the kinds that may be deleted, in one cluster."""

    def __init__(self, state: State, name: str) -> None:
        cluster = next((each for each in state.clusters if each.name == name), None)
        lost = None if cluster else state.unreachable.get(name, f"Cluster {name} was not read.")
        found = cluster or Cluster(name)
        self.unknown = {
            "Artifact": lost or found.artifacts.unknown,
            "ArtifactVersion": lost or found.versions.unknown,
            "ModulePlugin": lost or state.plugins.unknown,
            "ModuleConfig": lost or state.configs.unknown,
        }
        metas = chain(_metas(found.artifacts), _metas(found.versions), _metas(state.plugins), _metas(state.configs))
        self._metas = {each.ref.uid: each for each in metas}

    def get(self, entry: Entry) -> Meta | None:
        """The object, if it is there."""
        return self._metas.get(entry.ref.uid)

    def is_wanted_alike(self, entry: Entry) -> bool:
        """Whether nobody has changed what is wanted of it, or marked it."""
        there = self.get(entry)
        saved = READERS[entry.ref.kind](entry.cluster, entry.body).meta
        return there is not None and replace(saved, version=there.version) == there

    def is_gone(self, entry: Entry) -> bool:
        """Whether it is known to be gone, or going."""
        there = self.get(entry)
        return not self.unknown[entry.ref.kind] and (there is None or there.deleting)


def _metas(listing: Listing[T]) -> Iterator[Meta]:
    return (each.meta for each in listing.items)


def _step(entry: Entry, live: _Live, verdict: Verdict | None, following: Collection[str]) -> Step:
    if unknown := live.unknown[entry.ref.kind]:
        return Step(entry, "Failed", "ClusterUnknown", unknown, again=True)
    there = live.get(entry)
    if there is None:
        return Step(entry, "Deleted", entry.reason, "It is gone.")
    if there.deleting:
        return deleting(entry, there.finalizers)
    if verdict is None or (verdict.action, verdict.reason) != ("Delete", entry.reason):
        return _protected(entry, verdict)
    if there.version != entry.body["metadata"]["resourceVersion"] and entry.ref.uid not in following:
        return changed(entry)
    return Step(entry, "Delete", entry.reason, entry.message)


def changed(entry: Entry) -> Step:
    """It is not what was saved: to put that back would lose what has come since."""
    return Step(entry, "Skipped", "ObjectChanged", "It has changed since it was saved, and stays.")


def deleting(entry: Entry, finalizers: Sequence[str]) -> Step:
    """It is on its way out, and something holds it."""
    held = ", ".join(finalizers) or "no finalizer"
    return Step(entry, "Deleting", "FinalizerPending", f"It is being deleted, and held by {held}.", again=True)


def _protected(entry: Entry, verdict: Verdict | None) -> Step:
    if verdict is None:
        return Step(entry, "Skipped", "NotJudged", "It was not judged again, and stays.")
    if verdict.reason in UNKNOWN:
        return Step(entry, "Failed", verdict.reason, verdict.message, again=True)
    if verdict.action == "Delete":
        said = f"Planned for {entry.reason}; now it would go for {verdict.reason}, which is another plan."
        return Step(entry, "Skipped", "ReasonChanged", said)
    return Step(entry, "Skipped", verdict.reason, verdict.message)


def parents(entries: Collection[Entry]) -> dict[str, str]:
    """The uid of the owner by the uid of the version, where both are in the plan: they go as a whole."""
    owners: dict[tuple[str, str], str] = {}
    for each in entries:
        found = READERS[each.ref.kind](each.cluster, each.body)
        if isinstance(found, Artifact):
            owners |= {("uid", each.ref.uid): each.ref.uid, ("artifact", each.ref.name): each.ref.uid}
        elif isinstance(found, ModulePlugin):
            owners |= {("module", name): each.ref.uid for name in (found.module, each.ref.name)}
    parents = {}
    for each in entries:
        found = READERS[each.ref.kind](each.cluster, each.body)
        key = ("", "")
        if isinstance(found, ArtifactVersion):
            key = ("uid", found.owner_uid) if found.owner_uid else ("artifact", found.artifact or "")
        elif isinstance(found, ModuleConfig):
            key = ("module", found.module)
        if key in owners:
            parents[each.ref.uid] = owners[key]
    return parents


def due(steps: Collection[Step], parents: Mapping[str, str]) -> list[Step]:
    """What may go by this look, package by package.

    An Artifact goes by a look that shows none of its versions any more: so one that has come since keeps it, and one
    that a finalizer holds still has it. A ModuleConfig goes by a look that does not show its ModulePlugin any more: the
    platform would make it again.
    """
    waiting, found = awaited(steps, parents), defaultdict[str, list[Step]](list)
    for each in steps:
        uid = each.entry.ref.uid
        if each.outcome == "Delete" and uid not in waiting:
            found[parents.get(uid, uid)].append(each)
    return [each for package in found.values() for each in package]


def awaited(steps: Iterable[Step], parents: Mapping[str, str]) -> dict[str, Step]:
    """By uid: what has to be gone before an object may go, and is still there."""
    there = {each.entry.ref.uid: each for each in steps if each.outcome != "Deleted"}
    found: dict[str, Step] = {}
    for version, owner in parents.items():
        if version in there and owner in there:
            first, then = (owner, version) if there[owner].entry.ref.kind == "ModulePlugin" else (version, owner)
            found.setdefault(then, there[first])
    return found


def _whole_or_not_at_all(steps: list[Step], context: Context) -> list[Step]:
    """What nobody has installed goes only if all of it does: a version that has come since keeps its owner."""
    planned = {each.entry.ref.uid: each for each in steps}
    spared: dict[str, Step] = {}
    packages = [each for cluster in context.state.clusters for each in operators.packages(cluster, context)]
    for package in [*packages, *plugins.packages(context)]:
        members = [package.owner.meta, *(each.candidate.meta for each in package.versions)]
        mine = [planned[each.ref.uid] for each in members if each.ref.uid in planned]
        if not any(each.entry.reason == WHOLE for each in mine):
            continue
        stranger = next((each.ref for each in members if each.ref.uid not in planned), None)
        stays = next((each for each in mine if each.outcome in ("Skipped", "Failed")), None)
        if stranger:
            said = f"{stranger.kind} {stranger.name} of the same package is not in the plan, which is older than it."
            why = Step(mine[0].entry, "Skipped", "NotInPlan", said)
        elif stays:
            said = f"{stays.entry.ref.kind} {stays.entry.ref.name} of the same package stays: {stays.message}"
            why = Step(mine[0].entry, stays.outcome, stays.reason, said, stays.again)
        else:
            continue
        spared |= {each.entry.ref.uid: replace(why, entry=each.entry) for each in mine if each.outcome == "Delete"}
    return [spared.get(each.entry.ref.uid, each) for each in steps]
