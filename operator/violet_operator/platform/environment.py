"""What the process gives the flows: the part that most of them share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from violet_operator.clients.kube import Kube, Resource
from violet_operator.platform.pushes import Pushes
from violet_operator.platform.resolve import Connection
from violet_operator.platform.tries import Tries
from violet_operator.settings import Settings

JsonObject = dict[str, Any]


class Teller(Protocol):
    """What a run needs to tell how its object fares."""

    @property
    def kube(self) -> Kube:
        """The operator's own cluster."""
        ...

    @property
    def clock(self) -> Callable[[], datetime]:
        """The time, in UTC."""
        ...


class Process(Teller, Protocol):
    """What every run needs."""

    @property
    def settings(self) -> Settings:
        """The operator's settings."""
        ...


class Environment(Process, Protocol):
    """What a run needs that goes to platforms."""

    @property
    def pushes(self) -> Pushes:
        """Which images uploads want in registries just now."""
        ...

    @property
    def tries(self) -> Tries:
        """Which objects this process has tried again."""
        ...

    async def get(self, resource: Resource, namespace: str | None, name: str) -> JsonObject | None:
        """A referenced object (Platform, Secret, ConfigMap); may be some seconds old."""
        ...

    async def connect(self, namespace: str, platform: str, *, registry: bool = True) -> Connection:
        """The way in to a Platform; without `registry`, even if that does not work."""
        ...

    async def enter(self, namespace: str, platform: str, *, anew: bool) -> dict[str, Kube]:
        """The clusters of a Platform, as they are now."""
        ...
