"""What every run shares: clients, and short-lived copies of the objects that uploads refer to."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from violet_operator.api.platform import ChartsSpec
from violet_operator.clients.kube import Kube, Resource
from violet_operator.clients.registry import Registry
from violet_operator.clients.registry_http import RegistrySettings
from violet_operator.platform.resolve import GLOBAL, Connection, check_supported, read_platform, registry_settings
from violet_operator.settings import Settings
from violet_operator.upload.shelf import PackageShelf

JsonObject = dict[str, Any]

_FRESH = 5.0
"""Seconds for which a referenced object is not read again: a thousand uploads share one Platform and its Secrets,
and a corrected Secret still counts at the next try."""

_REGISTRIES = 16
"""Clients kept: registries and logins in use at once on any one site."""


class Environment:
    """Shared by all runs; used on the event loop only."""

    def __init__(self, settings: Settings, kube: Kube) -> None:
        self.settings = settings
        self.kube = kube
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.packages = PackageShelf()
        self._objects: dict[tuple[Resource, str | None, str], tuple[float, JsonObject | None]] = {}
        self._registries: dict[RegistrySettings, Registry] = {}

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

    def forget(self, resource: Resource, namespace: str | None, name: str) -> None:
        """An object has changed: the copy of it does not count any more."""
        self._objects.pop((resource, namespace, name), None)

    async def connect(self, namespace: str, platform: str) -> Connection:
        """The way in to a Platform.

        Raises:
            OperatorError: it does not exist, is not supported, or refers to something missing.
        """
        spec = await read_platform(self, namespace, platform)
        registry_spec = check_supported(spec, platform)
        settings = await registry_settings(self, namespace, platform, registry_spec)
        return Connection(
            name=platform,
            registry=self._registry(settings),
            prefix=registry_spec.repository_prefix or "",
            pull_address=registry_spec.pull_address or settings.address,
            clusters={GLOBAL: self.kube},
            charts=spec.charts or ChartsSpec(),
        )

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
