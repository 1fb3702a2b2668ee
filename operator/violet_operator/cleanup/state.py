"""What a run knows of a platform: plain facts, as read. What could not be read never looks like nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """The objects of a kind, or why they are not known.

    Attributes:
        items: the objects; of no meaning where `unknown` is set.
        unknown: what went wrong; None: nothing.
    """

    items: tuple[T, ...] = ()
    unknown: str | None = None


@dataclass(frozen=True, slots=True)
class Ref:
    """One object, for certain."""

    kind: str
    cluster: str
    namespace: str | None
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Meta:
    """What every object that may be deleted has."""

    ref: Ref
    created: datetime | None
    deleting: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    version: str = ""
    """Its resourceVersion: it has changed where that has."""
    generation: object = None
    """It is wanted otherwise where that has changed; a status alone leaves it."""
    finalizers: tuple[str, ...] = ()

    @property
    def content(self) -> str:
        """Digest of what somebody means by it: it is another once its spec or its labels were touched.

        Not its status and not its annotations: the platform notes there what it likes, whenever it likes.
        """
        meant = json.dumps([self.generation, sorted(self.labels.items())])
        return hashlib.sha256(meant.encode()).hexdigest()[:32]

    def words(self, key: str) -> set[str]:
        """What label and annotation of that name say, in small letters: which of the two the platform sets varies."""
        return {texts[key].lower() for texts in (self.labels, self.annotations) if texts.get(key)}


@dataclass(frozen=True, slots=True)
class Artifact:
    """What can be installed, of one operator."""

    meta: Meta
    type: str


@dataclass(frozen=True, slots=True)
class ArtifactVersion:
    """One version of it; `csv` is the platform's word for it, empty while the platform has not read it."""

    meta: Meta
    owner_uid: str | None
    artifact: str | None
    tag: str
    phase: str
    package: str
    csv: str


@dataclass(frozen=True, slots=True)
class OperatorView:
    """The platform's own word on an operator in a cluster; in namespace NAME-OF-CLUSTER of `global`."""

    cluster: str
    name: str
    phase: str
    artifact: str
    installed_csv: str
    lifecycle: str | None


@dataclass(frozen=True, slots=True)
class Subscription:
    """Somebody wants an operator."""

    namespace: str
    name: str
    package: str
    state: str
    installed_csv: str
    current_csv: str
    starting_csv: str


@dataclass(frozen=True, slots=True)
class InstallPlan:
    """OLM installs, or waits for approval."""

    namespace: str
    name: str
    phase: str
    csvs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CSV:
    """An operator is there."""

    namespace: str
    name: str
    phase: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ModulePlugin:
    """A cluster plugin that can be installed."""

    meta: Meta
    module: str
    version: str
    deletable: bool
    installed: tuple[str, ...]
    needs: frozenset[str]


@dataclass(frozen=True, slots=True)
class ModuleConfig:
    """One version of it."""

    meta: Meta
    module: str
    version: str
    deletable: bool
    ready: bool
    needs: frozenset[str]


@dataclass(frozen=True, slots=True)
class ModuleInfo:
    """A plugin is installed in a cluster, or on its way in or out."""

    name: str
    module: str
    lifecycle: str | None
    phase: str
    wanted: str
    current: str
    transit: str


@dataclass(frozen=True, slots=True)
class PluginView:
    """The platform's own word on a plugin; `installed` are versions, or None where it does not say."""

    name: str
    module: str
    lifecycle: str | None
    installed: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Upload:
    """A live PackageUpload and what it wants to be there; `package` is empty while it has not been read."""

    name: str
    clusters: frozenset[str]
    package: str
    versions: frozenset[str]
    objects: frozenset[tuple[str, str, str]]
    """(cluster, kind, name) of what it has published."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """What one cluster holds."""

    name: str
    artifacts: Listing[Artifact] = Listing()
    versions: Listing[ArtifactVersion] = Listing()
    subscriptions: Listing[Subscription] = Listing()
    csvs: Listing[CSV] = Listing()
    plans: Listing[InstallPlan] = Listing()

    @property
    def _listings(self) -> tuple[Listing[Any], ...]:
        return self.artifacts, self.versions, self.subscriptions, self.csvs, self.plans

    @property
    def unknown(self) -> str | None:
        """Why it is not known what the cluster uses."""
        return next((listing.unknown for listing in self._listings if listing.unknown), None)

    @property
    def silent(self) -> bool:
        """Whether nothing of it could be read."""
        return all(listing.unknown for listing in self._listings)


@dataclass(frozen=True, slots=True)
class State:
    """All that was gathered; `plugins` and the others live on the global cluster."""

    clusters: tuple[Cluster, ...] = ()
    operator_views: Listing[OperatorView] = Listing()
    plugin_views: Listing[PluginView] = Listing()
    plugins: Listing[ModulePlugin] = Listing()
    configs: Listing[ModuleConfig] = Listing()
    infos: Listing[ModuleInfo] = Listing()
    uploads: Listing[Upload] = Listing()
    unreachable: Mapping[str, str] = field(default_factory=dict)
    """Clusters of the run that could not be read at all, and why."""

    @property
    def unread(self) -> dict[str, str]:
        """Clusters of the run of which anything could not be read, and why."""
        return {each.name: each.unknown for each in self.clusters if each.unknown} | dict(self.unreachable)


def assemble(clusters: Iterable[Cluster], rest: State) -> State:
    """The state: a cluster of which nothing could be read is unreachable."""
    found = tuple(clusters)
    unreachable = {each.name: str(each.unknown) for each in found if each.silent}
    return replace(rest, clusters=tuple(each for each in found if not each.silent), unreachable=unreachable)
