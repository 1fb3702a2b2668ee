"""What the process gives the flows of a cleanup."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from violet_operator.clients.kube import Kube
from violet_operator.platform.resolve import Connection
from violet_operator.settings import Settings

JsonObject = dict[str, Any]


class Environment(Protocol):
    """Shared by all runs."""

    @property
    def settings(self) -> Settings:
        """The operator's settings."""
        ...

    @property
    def kube(self) -> Kube:
        """The operator's own cluster."""
        ...

    @property
    def clock(self) -> Callable[[], datetime]:
        """The time, in UTC."""
        ...

    async def connect(self, namespace: str, platform: str) -> Connection:
        """The way in to a Platform."""
        ...
