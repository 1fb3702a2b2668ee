"""Operators: what of a cluster belongs to an Artifact, and when nothing of it may be touched (`platform.md` 3.3). Pure.

Names match generously: whatever might belong to an operator protects it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from violet_operator.cleanup import package
from violet_operator.cleanup.ownership import PREFIX, Index
from violet_operator.cleanup.package import Package
from violet_operator.cleanup.parse import LIFECYCLE
from violet_operator.cleanup.protections import Candidate, Context, Guard, Version, first
from violet_operator.cleanup.state import (
    CSV,
    Artifact,
    ArtifactVersion,
    Cluster,
    InstallPlan,
    OperatorView,
    Subscription,
)
from violet_operator.package.versions import csv_version, is_version, may_be_of, same_version

BUNDLE = "bundle"

INSTALLED = "Installed"
NOT_INSTALLED = ("Absent", "Ready")
"""Phases of an OperatorView that are known to mean that nobody has installed it."""


@dataclass(frozen=True, slots=True)
class Operator:
    """An Artifact with all that may belong to it in its cluster.

    Attributes:
        artifact: the Artifact.
        versions: its ArtifactVersions.
        names: what its package may be called.
        rivals: other Artifacts of the cluster that may be of the same package.
        views: the platform's word on it.
        subscriptions: who wants it.
        csvs: what is there of it.
        pending: InstallPlans that may change it.
        cluster: the cluster.
    """

    artifact: Artifact
    versions: tuple[ArtifactVersion, ...]
    names: frozenset[str]
    rivals: tuple[str, ...]
    views: tuple[OperatorView, ...]
    subscriptions: tuple[Subscription, ...]
    csvs: tuple[CSV, ...]
    pending: tuple[InstallPlan, ...]
    cluster: Cluster

    @property
    def installed(self) -> tuple[str, ...]:
        """CSVs that are installed, by the views' word."""
        return tuple(sorted({view.installed_csv for view in self.views if view.phase == INSTALLED}))

    @property
    def used(self) -> frozenset[str]:
        """CSVs that are in use or wanted."""
        subscribed = (
            csv for each in self.subscriptions for csv in (each.installed_csv, each.current_csv, each.starting_csv)
        )
        return frozenset({*self.installed, *subscribed, *(each.name for each in self.csvs)} - {""})

    @property
    def lifecycles(self) -> set[str]:
        """Every word on its lifecycle."""
        metas = (self.artifact.meta, *(each.meta for each in self.versions))
        said = [each.labels.get(LIFECYCLE) for each in self.csvs] + [view.lifecycle for view in self.views]
        return {word.lower() for word in said if word}.union(*(each.words(LIFECYCLE) for each in metas))


def packages(cluster: Cluster, context: Context) -> Iterator[Package]:
    """Every operator bundle that a cluster offers."""
    index = Index(cluster)
    for artifact in cluster.artifacts.items:
        if artifact.type == BUNDLE:
            yield _package(_operator(artifact, index, context), context)


def orphans(cluster: Cluster) -> Iterator[ArtifactVersion]:
    """Versions that belong to no bundle."""
    index = Index(cluster)
    owned = {
        version.meta.ref
        for artifact in cluster.artifacts.items
        if artifact.type == BUNDLE
        for version in index.versions(artifact)
    }
    return (version for version in cluster.versions.items if version.meta.ref not in owned)


def _package(operator: Operator, context: Context) -> Package:
    owner = Candidate(operator.artifact.meta, operator.names)
    used = {csv: csv_version(csv, operator.names) for csv in operator.used}
    versions = tuple(
        Version(_candidate(each, operator), _version(each, operator.names), used, operator.installed)
        for each in operator.versions
    )
    return Package(owner, versions, bool(operator.installed), first(GUARDS, operator, context))


def _version(version: ArtifactVersion, names: frozenset[str]) -> str:
    """Its version by its CSV's name; empty where its tag says another."""
    found = csv_version(version.csv, names)
    return "" if is_version(version.tag) and not same_version(version.tag, found) else found


def _candidate(version: ArtifactVersion, operator: Operator) -> Candidate:
    settled = version.phase.lower() in ("present", "failed")
    return Candidate(
        meta=version.meta,
        names=operator.names,
        owner=operator.artifact.meta,
        spellings=frozenset({version.csv, csv_version(version.csv, operator.names), version.tag} - {""}),
        installable=version.phase.lower() == "present",
        unfinished=None if settled else f"The platform is not done with it (phase {version.phase!r}).",
    )


def _operator(artifact: Artifact, index: Index, context: Context) -> Operator:
    cluster, names, versions = index.cluster, index.names(artifact), index.versions(artifact)
    views = _views(artifact, names, cluster, context)
    known = {*(each.csv for each in versions), *(view.installed_csv for view in views)} - {""}
    subscriptions = tuple(
        each
        for each in cluster.subscriptions.items
        if each.package in names or known & {each.installed_csv, each.current_csv, each.starting_csv}
    )
    namespaces = {each.namespace for each in subscriptions}
    labels = tuple(f"operators.coreos.com/{name}." for name in names)

    def is_ours(csv: str) -> bool:
        return csv in known or may_be_of(csv, names)

    return Operator(
        artifact=artifact,
        versions=versions,
        names=names,
        rivals=index.rivals(artifact),
        views=views,
        subscriptions=subscriptions,
        csvs=tuple(
            each
            for each in cluster.csvs.items
            if is_ours(each.name) or any(key.startswith(labels) for key in each.labels)
        ),
        pending=tuple(
            plan
            for plan in cluster.plans.items
            if plan.phase != "Complete" and (plan.namespace in namespaces or any(is_ours(csv) for csv in plan.csvs))
        ),
        cluster=cluster,
    )


def _views(artifact: Artifact, names: frozenset[str], cluster: Cluster, context: Context) -> tuple[OperatorView, ...]:
    mine = artifact.meta.ref.name
    return tuple(
        view
        for view in context.state.operator_views.items
        if view.cluster == cluster.name
        and (view.artifact == mine or view.name in names or f"{PREFIX}{view.name}" == mine)
    )


def _uploads_unknown(_: Operator, context: Context) -> str | None:
    return package.uploads_unknown(context)


def _upload_unread(it: Operator, context: Context) -> str | None:
    return package.upload_unread(it.cluster.name, context)


def _cluster_unknown(it: Operator, _: Context) -> str | None:
    return f"It is not known what the cluster uses: {it.cluster.unknown}" if it.cluster.unknown else None


def _views_unknown(_: Operator, context: Context) -> str | None:
    unknown = context.state.operator_views.unknown
    return f"The OperatorViews cannot be read: {unknown}" if unknown else None


def _core(it: Operator, _: Context) -> str | None:
    return package.core(it.lifecycles)


def _unknown_lifecycle(it: Operator, _: Context) -> str | None:
    return package.unknown_lifecycle(it.lifecycles)


def _ambiguous(it: Operator, _: Context) -> str | None:
    return f"Artifact {it.rivals[0]} may be of the same package." if it.rivals else None


def _no_view(it: Operator, _: Context) -> str | None:
    return None if it.views else f"There is no OperatorView of it in namespace {it.cluster.name}."


def _unknown_phase(it: Operator, _: Context) -> str | None:
    strange = next((view for view in it.views if view.phase not in (INSTALLED, *NOT_INSTALLED)), None)
    return f"OperatorView {strange.name} has phase {strange.phase!r}." if strange else None


def _no_installed_csv(it: Operator, _: Context) -> str | None:
    return "It is installed, and installedCSV is empty." if "" in it.installed else None


def _install_pending(it: Operator, _: Context) -> str | None:
    plan = next(iter(it.pending), None)
    return f"InstallPlan {plan.namespace}/{plan.name} is not complete." if plan else None


def _in_transit(it: Operator, _: Context) -> str | None:
    for each in it.subscriptions:
        if each.state != "AtLatestKnown" or each.current_csv != each.installed_csv:
            return f"Subscription {each.namespace}/{each.name} is on its way ({each.state or 'no state'})."
    csv = next((each for each in it.csvs if each.phase != "Succeeded"), None)
    return f"ClusterServiceVersion {csv.namespace}/{csv.name} has phase {csv.phase!r}." if csv else None


def _contradicted(it: Operator, _: Context) -> str | None:
    """The views must agree with what is there; an old view would have us delete what is in use."""
    subscribed = {each.installed_csv for each in it.subscriptions}
    present = {each.name for each in it.csvs}
    if subscribed and subscribed != set(it.installed):
        return f"Its OperatorView says {_said(it.installed)}, its Subscriptions {_said(subscribed)}."
    if present - set(it.installed):
        return f"Its OperatorView says {_said(it.installed)}, and there is {_said(present)}."
    if set(it.installed) - present:
        return f"Its OperatorView says {_said(it.installed)}, and there is {_said(present)}."
    return None


def _said(names: tuple[str, ...] | set[str]) -> str:
    return ", ".join(sorted(names)) or "nothing installed"


GUARDS: tuple[Guard[Operator], ...] = (
    Guard("UploadsUnknown", _uploads_unknown),
    Guard("UploadUnread", _upload_unread),
    Guard("ClusterUnknown", _cluster_unknown),
    Guard("ViewsUnknown", _views_unknown),
    Guard("CoreLifecycle", _core),
    Guard("UnknownLifecycle", _unknown_lifecycle),
    Guard("AmbiguousPackage", _ambiguous),
    Guard("NoView", _no_view),
    Guard("UnknownPhase", _unknown_phase),
    Guard("NoInstalledCSV", _no_installed_csv),
    Guard("InstallPending", _install_pending),
    Guard("UpgradeInTransit", _in_transit),
    Guard("Contradicted", _contradicted),
)
"""What protects an operator with everything that belongs to it."""
