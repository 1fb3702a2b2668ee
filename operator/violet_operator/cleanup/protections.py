"""What protects one object, whatever its kind: tables of named guards, each of which answers for one reason. Pure.

A guard says why an object must stay, or nothing. The first that speaks decides; none may be left out
(`tests/unit/cleanup/test_guards.py` removes each in turn).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Generic, NamedTuple, TypeVar

from violet_operator.api.cleanup import Cleanup, Requirement, Selector
from violet_operator.cleanup.state import Meta, State
from violet_operator.package.versions import comparable, is_older, is_version, same_version
from violet_operator.support.durations import parse_duration

S = TypeVar("S")

BUILT_IN = ("cpaas.io/builtin", "cpaas.io/built-in-plugin")
"""Labels or annotations of what came with the platform, on owners and versions (`platform.md` 1.1, 1.4)."""


class Finding(NamedTuple):
    """Why an object stays or goes."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Context:
    """What every judgement depends on.

    Attributes:
        wish: what the run is to do.
        now: the time.
        state: all that was gathered.
        observed: in how many runs in a row each object (by uid) was a candidate, up to the last run.
    """

    wish: Cleanup
    now: datetime
    state: State
    observed: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Guard(Generic[S]):
    """One reason to keep something, and when it holds."""

    reason: str
    look: Callable[[S, Context], str | None]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An object that may be deleted.

    Attributes:
        meta: its identity, age and labels.
        owner: that of the Artifact or ModulePlugin it is a version of.
        names: what its package is called.
        spellings: how its version is written; empty for an owner.
        unfinished: why the platform is not done with it, if so.
        deletable: whether the platform lets it be deleted.
        installable: whether it can be installed, as far as the platform says.
    """

    meta: Meta
    names: frozenset[str]
    owner: Meta | None = None
    spellings: frozenset[str] = frozenset()
    unfinished: str | None = None
    deletable: bool = True
    installable: bool = True


@dataclass(frozen=True, slots=True)
class Version:
    """A version of something that is installed.

    Attributes:
        candidate: the object.
        version: its version; or a text that is none, where it is not certain.
        used: what is in use, or about to be, by name; with its version, or a text that is none.
        installed: the names of those that are installed.
        offered: the version that the owner offers by itself, and would make again; or empty.
    """

    candidate: Candidate
    version: str
    used: Mapping[str, str]
    installed: tuple[str, ...]
    offered: str = ""


def first(guards: Iterable[Guard[S]], subject: S, context: Context) -> Finding | None:
    """The finding of the first guard that speaks."""
    for guard in guards:
        if message := guard.look(subject, context):
            return Finding(guard.reason, message)
    return None


def _being_deleted(it: Candidate, _: Context) -> str | None:
    return "It is being deleted already." if it.meta.deleting else None


def _system_catalog(it: Candidate, _: Context) -> str | None:
    ours = (meta for meta in (it.meta, it.owner) if meta)
    system = next((meta for meta in ours if "system" in meta.words("cpaas.io/library")), None)
    return (
        f"{system.ref.name} is in the system catalog (cpaas.io/library), which is the platform's." if system else None
    )


def _built_in(it: Candidate, _: Context) -> str | None:
    """Any word but a clear no."""
    for meta in filter(None, (it.meta, it.owner)):
        if key := next((each for each in BUILT_IN if meta.words(each) - {"false"}), None):
            return f"{meta.ref.name} came with the platform ({key})."
    return None


def _excluded(it: Candidate, context: Context) -> str | None:
    exclude = context.wish.exclude
    if exclude is None:
        return None
    for meta in (it.meta, it.owner):
        if meta is None:
            continue
        if pattern := next((each for each in exclude.names if fnmatchcase(meta.ref.name, each)), None):
            return f"spec.exclude.names has {pattern!r}, which is {meta.ref.name}."
        if exclude.selector and selects(exclude.selector, meta.labels):
            return f"spec.exclude.selector selects {meta.ref.name}."
    return None


def _wanted(it: Candidate, context: Context) -> str | None:
    ref = it.meta.ref
    for upload in context.state.uploads.items:
        there = ref.cluster in upload.clusters or ref.namespace is None  # plugins go to global, whatever is asked
        wants = there and upload.package in it.names
        if it.owner is not None:
            wants = wants and any(same_version(one, other) for one in it.spellings for other in upload.versions)
        if wants or (ref.cluster, ref.kind, ref.name) in upload.objects:
            return f"PackageUpload {upload.name} wants it to be there."
    return None


def _not_deletable(it: Candidate, _: Context) -> str | None:
    return None if it.deletable else "spec.deleteable is false: the platform does not let it be deleted."


def _unfinished(it: Candidate, _: Context) -> str | None:
    return it.unfinished


def _too_young(it: Candidate, context: Context) -> str | None:
    least = context.wish.retention.min_age
    if least is None:
        return None
    if it.meta.created is None:
        return "Its age is not known."
    old_enough = context.now - it.meta.created >= timedelta(seconds=parse_duration(least))
    return None if old_enough else f"It is younger than {least} (spec.retention.minAge)."


OBJECT_GUARDS: tuple[Guard[Candidate], ...] = (
    Guard("BeingDeleted", _being_deleted),
    Guard("SystemCatalog", _system_catalog),
    Guard("BuiltIn", _built_in),
    Guard("Excluded", _excluded),
    Guard("WantedByUpload", _wanted),
    Guard("NotDeletable", _not_deletable),
    Guard("InProgress", _unfinished),
    Guard("TooYoung", _too_young),
)
"""What protects an object of any kind."""


def _unknown_version(it: Version, _: Context) -> str | None:
    if not is_version(it.version):
        said = ", ".join(sorted(it.candidate.spellings)) or "none"
        return f"Its version ({said}) is not certain, and cannot be compared with the installed one."
    other = next((name for name in sorted(it.used) if not comparable(it.version, it.used[name])), None)
    return f"Whether it is older than {other!r}, which is in use, the names do not tell." if other else None


def _in_use(it: Version, _: Context) -> str | None:
    for used, version in it.used.items():
        if any(one == used or same_version(one, version) for one in it.candidate.spellings):
            return f"{used} is in use."
    return None


def _offered(it: Version, _: Context) -> str | None:
    again = it.offered and same_version(it.version, it.offered)
    return f"The platform makes {it.offered} again: it is what the plugin offers." if again else None


def _newer(it: Version, context: Context) -> str | None:
    if not context.wish.retention.keep_newer_than_installed:
        return None
    other = next((each for each in it.installed if not is_older(it.version, it.used[each])), None)
    return f"It is newer than the installed {other} (spec.retention.keepNewerThanInstalled)." if other else None


VERSION_GUARDS: tuple[Guard[Version], ...] = (
    Guard("InUse", _in_use),
    Guard("UnknownVersion", _unknown_version),
    Guard("Offered", _offered),
    Guard("NewerThanInstalled", _newer),
)
"""What protects a version of something that is installed, beside `OBJECT_GUARDS`."""


def selects(selector: Selector, labels: Mapping[str, str]) -> bool:
    """Whether a label selector selects an object with these labels, by Kubernetes' rules."""
    equal = all(labels.get(key) == value for key, value in selector.match_labels.items())
    return equal and all(_meets(each, labels) for each in selector.match_expressions)


def _meets(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    there = requirement.key in labels
    match requirement.operator:
        case "Exists":
            return there
        case "DoesNotExist":
            return not there
        case "In":
            return there and labels[requirement.key] in requirement.values
        case "NotIn":
            return not there or labels[requirement.key] not in requirement.values
