"""What a run of the upload flow works with and fills in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from violet_operator.api.package_upload import PackageUploadSpec
from violet_operator.api.request import is_unanswered, requested_at
from violet_operator.clients.kube import Kube
from violet_operator.clients.object_store import ObjectInfo, ObjectStore
from violet_operator.errors import OperatorError
from violet_operator.package.archive import Archive
from violet_operator.package.model import Opened
from violet_operator.platform import environment
from violet_operator.platform.resolve import Connection
from violet_operator.publication.apply import Applied
from violet_operator.support.cancel import CancelToken
from violet_operator.support.meter import Meter
from violet_operator.upload.plan import PushPlan
from violet_operator.upload.shelf import PackageShelf
from violet_operator.upload.status import UploadStatus
from violet_operator.verification.checks import Checks
from violet_operator.verification.examine import Findings
from violet_operator.verification.rules import Rules

JsonObject = dict[str, Any]


class Pacer(Protocol):
    """How a run waits and transfers without holding up others."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    def released(self) -> AbstractAsyncContextManager[None]:
        """Without the slot that others wait for."""
        ...

    def transfer(self, size: int) -> AbstractAsyncContextManager[None]:
        """A lane for moving `size` bytes."""
        ...


class Drift(Protocol):
    """Watches what uploads have published, and wakes them."""

    def follow(self, key: tuple[str, str], kube: Kube, applied: Iterable[Applied]) -> None:
        """Watch what an upload has published on a cluster."""
        ...

    def forget(self, key: tuple[str, str]) -> None:
        """Watch nothing of it any more."""
        ...


class Environment(environment.Environment, Protocol):
    """What the process gives every run."""

    @property
    def packages(self) -> PackageShelf:
        """Packages that were read and could not be pushed yet."""
        ...

    @property
    def drift(self) -> Drift:
        """Whom to tell what was published."""
        ...

    def suspect(self, namespace: str, platform: str) -> None:
        """Tell of a Platform that it may not work any more."""
        ...


class Failure(NamedTuple):
    """Something that failed.

    Attributes:
        step: the condition that is False for it; None: before the first step.
        error: what happened.
        where: the target in words; empty where it concerns the package itself.
        platform: name of the Platform that has dropped out for it, if one has.
    """

    step: str | None
    error: OperatorError
    where: str = ""
    platform: str | None = None


@dataclass(slots=True)
class Upload:
    """One run for one PackageUpload.

    Attributes:
        body: the object as read at the start.
        spec: its spec.
        status: the status being judged anew.
        env: the process.
        pacer: this run's slots.
        cancel: set when the run is called off.
        meter: what the transfer threads count.
        connections: the ways in to the target platforms that have not failed, by name of Platform.
        store: the bucket, once the source is resolved.
        source: the object, once found.
        rules: what the package must show.
        checks: the rules with what lies beside the package.
        settled: everything is in the registries already, from an earlier run.
        archive: the package, where it had to be read.
        findings: what was found out meanwhile.
        opened: the same, once verified and understood.
        plans: what each platform's registry lacks, by name of Platform.
        chart_due: the platforms whose chart repository lacks the chart.
        failures: what has failed so far and holds back nothing else.
        intact: the targets on which this very package was installable before, by Platform and cluster.
        publishing: what was begun on the target clusters, by Platform and cluster.
        repairs: what was found missing or altered of it, and has been put right.
        outdated: why the last verdict does not count any more, where the package cannot be read for another one.
        partly: how far publishing has come where something has failed.
        writing: held while the status is written, as several clusters report side by side.
    """

    body: JsonObject
    spec: PackageUploadSpec
    status: UploadStatus
    env: Environment
    pacer: Pacer
    cancel: CancelToken = field(default_factory=CancelToken)
    meter: Meter = field(default_factory=Meter)
    connections: dict[str, Connection] = field(default_factory=dict)
    store: ObjectStore | None = None
    source: ObjectInfo | None = None
    rules: Rules | None = None
    checks: Checks | None = None
    settled: bool = False
    archive: Archive | None = None
    findings: Findings | None = None
    opened: Opened | None = None
    plans: dict[str, PushPlan] = field(default_factory=dict)
    chart_due: set[str] = field(default_factory=set)
    failures: list[Failure] = field(default_factory=list)
    intact: frozenset[tuple[str, str]] = frozenset()
    publishing: dict[tuple[str, str], asyncio.Task[str | None]] = field(default_factory=dict)
    repairs: list[str] = field(default_factory=list)
    outdated: OperatorError | None = None
    partly: OperatorError | None = None
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def namespace(self) -> str:
        """Namespace of the object, and of everything it refers to."""
        return str(self.body["metadata"]["namespace"])

    @property
    def name(self) -> str:
        """Name of the object."""
        return str(self.body["metadata"]["name"])

    @property
    def uid(self) -> str:
        """Identity of the object: another one of the same name has another."""
        return str(self.body["metadata"]["uid"])

    @property
    def generation(self) -> int:
        """Generation of the spec."""
        return int(self.body["metadata"].get("generation") or 0)

    @property
    def requested_at(self) -> str | None:
        """Value of the annotation that asks for a reconcile now."""
        return requested_at(self.body["metadata"])

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name."""
        return self.namespace, self.name

    @property
    def preview(self) -> bool:
        """Whether nothing may be written anywhere."""
        return self.spec.mode == "Preview"

    @property
    def forced(self) -> bool:
        """Whether the user asks for a new look, and has not been answered yet."""
        return is_unanswered(self.body["metadata"], self.status.last)
