"""What every run shares: clients, and short-lived copies of the objects that uploads refer to."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from violet_operator.api.platform import ChartsSpec
from violet_operator.clients.kube import Kube, Resource
from violet_operator.clients.registry import Registry
from violet_operator.clients.registry_http import RegistrySettings
from violet_operator.platform.access import read_access
from violet_operator.platform.discovery import gather, judge
from violet_operator.platform.kubeconfig import GLOBAL
from violet_operator.platform.pushes import Pushes
from violet_operator.platform.registry import needs_discovery, registry_settings
from violet_operator.platform.resolve import Connection, read_platform
from violet_operator.platform.tries import Tries
from violet_operator.platform.verdict import Verdict
from violet_operator.runtime.drift import DriftWatch
from violet_operator.runtime.ways import Ways
from violet_operator.settings import Settings
from violet_operator.upload.shelf import PackageShelf
from violet_operator.upload_set.listing import Listings

JsonObject = dict[str, Any]

_FRESH = 5.0
"""Seconds for which a referenced object is not read again: a thousand uploads share one Platform and its Secrets,
and a corrected Secret still counts at the next try."""

_SOON, _PAUSE = 0.5, 10.0
"""Seconds until a Platform is looked at that seems not to work (of many uploads all notice at once), and after a look
until the next one for such a reason."""

_REGISTRIES = 16
"""Clients kept: registries and logins in use at once on any one site."""


class Environment:
    """Shared by all runs; used on the event loop only."""

    def __init__(self, settings: Settings, kube: Kube) -> None:
        self.settings = settings
        self.kube = kube
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.packages = PackageShelf()
        self.pushes = Pushes()
        self.tries = Tries()
        self.drift = DriftWatch()
        self.listings = Listings()
        self.look_at: Callable[[tuple[str, str], float], None] = lambda _key, _within: None
        self._objects: dict[tuple[Resource, str | None, str], tuple[float, JsonObject | None]] = {}
        self._registries: dict[RegistrySettings, Registry] = {}
        self._judged_at: dict[tuple[str, str], float] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._ways = Ways(
            kube,
            lambda: self.clock(),  # noqa: PLW0108 - tests set another clock later
        )

    async def get(self, resource: Resource, namespace: str | None, name: str) -> JsonObject | None:
        """An object that others refer to, at most five seconds old.

        Raises:
            OperatorError: it may not be read, or the API fails.
        """
        key = (resource, namespace, name)
        read_at, body = self._objects.get(key, (float("-inf"), None))
        if time.monotonic() - read_at > _FRESH:
            self._forget_stale()
            body = await self.kube.get(resource, namespace, name)
            self._objects[key] = (time.monotonic(), body)
        return body

    def turn(self, namespace: str) -> asyncio.Lock:
        """For the PackageUploadSets of a namespace: one at a time gives names."""
        return self._turns[namespace]

    def forget(self, namespace: str) -> None:
        """Objects of a namespace may have changed: no copy of them counts any more."""
        self._objects = {key: copy for key, copy in self._objects.items() if key[1] != namespace}

    async def connect(self, namespace: str, platform: str, *, registry: bool = True) -> Connection:
        """The way in to a Platform, for whoever wants to use it. Costs no request to the platform.

        Args:
            namespace: the Platform's.
            platform: its name.
            registry: whether its registry has to work, too.

        Raises:
            OperatorError: the Platform does not exist, is not Ready, or refers to something missing.
        """
        metadata, _ = await read_platform(self, namespace, platform)
        generation = int(metadata.get("generation") or 0)
        await self._ways.check((namespace, platform), metadata["uid"], generation, registry=registry)
        return await self.open(namespace, platform)

    async def enter(self, namespace: str, platform: str, *, anew: bool) -> dict[str, Kube]:
        """Go in to a Platform, ready or not, and look around: its clusters as they are now.

        Args:
            namespace: the Platform's.
            platform: its name.
            anew: log in again, whatever is open.

        Raises:
            OperatorError: there is no way in.
        """
        _, spec = await read_platform(self, namespace, platform)
        access = await read_access(self, namespace, platform, spec)
        return (await self._ways.open((namespace, platform), access, anew=anew)).clusters

    async def discover(self, namespace: str, platform: str) -> None:
        """Ask the platform for its registry, unless the Platform names one.

        Raises:
            OperatorError: it names none, or may not be asked.
        """
        _, spec = await read_platform(self, namespace, platform)
        way = self._ways.get((namespace, platform))
        found = None
        if needs_discovery(spec) and GLOBAL in way.clusters:
            found = judge(await gather(way.clusters[GLOBAL], self.settings.system_namespace), platform)
        way.discovered = found

    async def open(self, namespace: str, platform: str) -> Connection:
        """The way in as it was entered last, with the registry as the Secrets say now.

        Raises:
            OperatorError: a Secret or ConfigMap is missing, or the Platform was never entered.
        """
        _, spec = await read_platform(self, namespace, platform)
        way = self._ways.get((namespace, platform))
        settings, pull_address = await registry_settings(self, namespace, platform, spec, way.discovered)
        return Connection(
            name=platform,
            registry=self._registry(settings),
            prefix=(spec.registry.repository_prefix if spec.registry else None) or "",
            pull_address=pull_address,
            clusters=way.clusters,
            pull_secrets=tuple((spec.registry.image_pull_secrets if spec.registry else None) or ()),
            discovered=needs_discovery(spec),
            gateway=way.gateway,
            charts=spec.charts or ChartsSpec(),
        )

    async def judge(self, namespace: str, platform: str, verdict: Verdict) -> bool:
        """Note what was found out of a Platform; whether whoever waited for it can go on now."""
        self._judged_at[namespace, platform] = time.monotonic()
        return await self._ways.judge((namespace, platform), verdict)

    def suspect(self, namespace: str, platform: str) -> None:
        """An upload has met what may bar the way for all: have the Platform looked at, soon but not all the time."""
        key = namespace, platform
        waited = time.monotonic() - self._judged_at.get(key, float("-inf"))
        self.look_at(key, max(_SOON, _PAUSE - waited))

    def leave(self, namespace: str, platform: str) -> None:
        """A Platform is gone."""
        self._ways.forget((namespace, platform))
        self._judged_at.pop((namespace, platform), None)

    async def close(self) -> None:
        """End all watches, and close every connection to platforms."""
        await self.drift.close()
        await self._ways.close()

    def _registry(self, settings: RegistrySettings) -> Registry:
        """One client, with its connections and tokens, per registry and login."""
        found = self._registries.pop(settings, None) or Registry(settings)
        self._registries[settings] = found  # the last used is last
        if len(self._registries) > _REGISTRIES:  # logins that were replaced go first, and their passwords with them
            del self._registries[next(iter(self._registries))]
        return found

    def _forget_stale(self) -> None:
        """Secrets stay in memory no longer than they are of use."""
        limit = time.monotonic() - _FRESH
        for key in [key for key, (read_at, _) in self._objects.items() if read_at < limit]:
            del self._objects[key]
