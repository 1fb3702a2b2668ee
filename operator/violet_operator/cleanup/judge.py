"""The judgement: for every object Keep or Delete, with the reason. A pure function of state, wish and clock.

What is installed keeps its owner, and its versions are judged one by one. What nobody has installed goes as a whole
(owner and versions) or not at all, as the platform deletes versions with their owner.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cmp_to_key
from typing import Literal

from violet_operator.api.cleanup import Cleanup
from violet_operator.cleanup import operators, plugins
from violet_operator.cleanup.package import Package
from violet_operator.cleanup.protections import (
    OBJECT_GUARDS,
    VERSION_GUARDS,
    Context,
    Finding,
    Version,
    first,
)
from violet_operator.cleanup.state import Meta, Ref, State
from violet_operator.package.versions import comparable, is_older
from violet_operator.platform.kubeconfig import GLOBAL

PLAIN = frozenset({"Installed", "InUse"})
"""Reasons to keep that need no telling: things are as they should be."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to become of an object, and why.

    Attributes:
        ref: the object.
        action: Delete or Keep.
        reason: why, in one word.
        message: why, for people.
        observed: in how many runs in a row it was a candidate, this one included; 0: it is none.
        content: digest of what it was when it was judged, where it is to go.
    """

    ref: Ref
    action: Literal["Delete", "Keep"]
    reason: str
    message: str
    observed: int = 0
    content: str = ""


def judge(state: State, wish: Cleanup, now: datetime, observed: Mapping[str, int]) -> list[Verdict]:
    """Every object that was gathered, judged; in a stable order.

    Args:
        state: what was gathered.
        wish: where, what, and how cautiously.
        now: the time.
        observed: of the last run, in how many runs in a row each object (by uid) was a candidate.
    """
    verdicts: dict[Ref, Verdict] = {}
    for each in _judge_all(Context(wish, now, state, observed)):
        if each.action == "Keep" or each.ref not in verdicts:  # two may claim one object: Keep wins
            verdicts[each.ref] = each
    return sorted(verdicts.values(), key=lambda each: (each.ref.cluster, each.ref.kind, each.ref.name))


def tally(verdicts: Iterable[Verdict]) -> dict[str, int]:
    """Objects kept, by reason."""
    return dict(sorted(Counter(each.reason for each in verdicts if each.action == "Keep").items()))


def _judge_all(context: Context) -> Iterator[Verdict]:
    for cluster in context.state.clusters:
        for package in operators.packages(cluster, context):
            yield from _judge_package(package, context)
        for version in operators.orphans(cluster):
            yield _keep(version.meta, Finding("NoOwner", "It belongs to no Artifact of an operator."))
        for artifact in cluster.artifacts.items:
            if artifact.type != operators.BUNDLE:
                yield _keep(artifact.meta, Finding("NotAnOperator", f"Artifacts of type {artifact.type!r} stay."))
    if any(cluster.name == GLOBAL for cluster in context.state.clusters):
        for package in plugins.packages(context):
            yield from _judge_package(package, context)
        for config in plugins.orphans(context.state):
            yield _keep(config.meta, Finding("NoOwner", "It belongs to no ModulePlugin."))


def _judge_package(package: Package, context: Context) -> Iterator[Verdict]:
    if package.blocked:
        for meta in (package.owner.meta, *(each.candidate.meta for each in package.versions)):
            yield _keep(meta, package.blocked)
    elif package.installed:
        yield _keep(package.owner.meta, Finding("Installed", "It is installed."))
        yield from _judge_versions(package.versions, context)
    else:
        yield from _judge_whole(package, context)


def _judge_versions(versions: tuple[Version, ...], context: Context) -> Iterator[Verdict]:
    """Of what is installed: the versions that nothing keeps, but for those to roll back to."""
    candidates = []
    for version in versions:
        meta = version.candidate.meta
        finding = first(VERSION_GUARDS, version, context) or first(OBJECT_GUARDS, version.candidate, context)
        finding = finding or _other_kind(meta, context)
        if finding:
            yield _keep(meta, finding)
        else:
            candidates.append(version)
    last = context.wish.retention.keep_last
    kept = _to_roll_back_to(candidates, last)
    for version in candidates:
        meta = version.candidate.meta
        if meta.ref in kept:
            message = f"One of the newest {last} before the installed one (spec.retention.keepLast)."
            yield _keep(meta, Finding("KeptLast", message))
        else:
            message = f"It is not the installed version ({', '.join(version.installed)}), and nothing uses it."
            yield from _go([meta], Finding("OldVersion", message), context)


def _to_roll_back_to(versions: Iterable[Version], last: int) -> set[Ref]:
    """The newest installable versions before each one that is installed, with all that may be as new as the last."""
    newest_first = sorted((each for each in versions if each.candidate.installable), key=cmp_to_key(_newest_first))
    installed = {each.used[name] for each in newest_first for name in each.installed}
    kept = set()
    for current in installed:
        before = [each for each in newest_first if is_older(each.version, current)]
        if newest := before[:last]:
            kept |= {each.candidate.meta.ref for each in before if not _is_newer(newest[-1], each)}
    return kept


def _is_newer(one: Version, other: Version) -> bool:
    """For certain."""
    return comparable(one.version, other.version) and is_older(other.version, one.version)


def _judge_whole(package: Package, context: Context) -> Iterator[Verdict]:
    """Of what nobody has installed: everything, or nothing."""
    owner = package.owner.meta
    finding = first(OBJECT_GUARDS, package.owner, context) or _other_kind(owner, context)
    kept = {
        version.candidate.meta.ref: found
        for version in package.versions
        if (found := first(OBJECT_GUARDS, version.candidate, context))
    }
    if kept and not finding:
        first_kept = min(kept, key=lambda ref: ref.name)
        finding = Finding("VersionProtected", f"Its version {first_kept.name} must stay: {kept[first_kept].message}")
    if finding is None:
        metas = (owner, *(each.candidate.meta for each in package.versions))
        yield from _go(metas, Finding("NotInstalled", "Nobody has installed it."), context)
        return
    yield _keep(owner, finding)
    for version in package.versions:
        ref = version.candidate.meta.ref
        stays = Finding("OwnerStays", f"{owner.ref.kind} {owner.ref.name} stays: {finding.message}")
        yield _keep(version.candidate.meta, kept.get(ref, stays))


def _other_kind(meta: Meta, context: Context) -> Finding | None:
    if meta.ref.kind in context.wish.kinds:
        return None
    return Finding("KindNotSelected", f"spec.kinds does not have {meta.ref.kind}.")


def _newest_first(one: Version, other: Version) -> int:
    return int(is_older(one.version, other.version)) - int(is_older(other.version, one.version))


def _go(metas: Sequence[Meta], finding: Finding, context: Context) -> Iterator[Verdict]:
    """What goes together, once all of it was a candidate in enough runs."""
    seen = [context.observed.get(meta.ref.uid, 0) + 1 for meta in metas]
    rarest, least = min(seen), context.wish.retention.observations
    for meta, times in zip(metas, seen, strict=True):
        if rarest >= least:
            yield Verdict(meta.ref, "Delete", *finding, observed=times, content=meta.content)
        else:
            message = f"A candidate in {rarest} of {least} runs in a row (spec.retention.observations)."
            yield Verdict(meta.ref, "Keep", "SeenTooRarely", message, observed=times)


def _keep(meta: Meta, finding: Finding) -> Verdict:
    return Verdict(meta.ref, "Keep", *finding)
