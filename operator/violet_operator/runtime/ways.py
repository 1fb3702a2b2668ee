"""The ways in to platforms, opened once and kept: clients, logins, what was discovered, and the last verdict."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from violet_operator.clients.gateway import Gateway
from violet_operator.clients.gateway_http import GatewaySettings
from violet_operator.clients.kube import Kube
from violet_operator.clients.kube_endpoint import connect
from violet_operator.platform.access import Access, InCluster
from violet_operator.platform.discovery import Discovered
from violet_operator.platform.kubeconfig import GLOBAL
from violet_operator.platform.verdict import Verdict, not_ready

Key = tuple[str, str]
"""Namespace and name of a Platform."""

_FIRST_VERDICT = 10.0
"""Seconds to wait for a Platform that is just being tried: after a start everything comes at once."""

_RETIRED = 4
"""Replaced clients that are kept: runs that began with them may still use them."""


@dataclass(slots=True)
class Way:
    """What is open to one platform.

    Attributes:
        access: what it was opened with.
        clusters: API client by name of cluster.
        gateway: the platform's own API, where there is one.
        discovered: the registry that the platform names, where it had to be asked.
    """

    access: Access
    clusters: dict[str, Kube] = field(default_factory=dict)
    gateway: Gateway | None = None
    discovered: Discovered | None = None

    async def close(self) -> None:
        """Close the connections; a request that still comes opens new ones."""
        if self.gateway:
            await self.gateway.close()
        elif not isinstance(self.access, InCluster):
            for kube in self.clusters.values():
                await kube.close()


class Ways:
    """Of all Platforms; used on the event loop only."""

    def __init__(self, own: Kube, clock: Callable[[], datetime]) -> None:
        self._own = own
        self._clock = clock
        self._ways: dict[Key, Way] = {}
        self._tried: dict[Key, Way] = {}
        self._judged_with: dict[Key, Way] = {}
        self._retired: list[Way] = []
        self._verdicts: dict[Key, Verdict] = {}
        self._judged = asyncio.Condition()

    async def open(self, key: Key, access: Access, *, anew: bool) -> Way:
        """The way in, with the clusters as they are now; logs in only where it has to.

        Args:
            key: whose.
            access: what the Platform says.
            anew: forget what is open, and a password that was refused.

        Raises:
            OperatorError: the platform lets us not in, or does not answer.
        """
        for retired in self._retired:
            await retired.close()
        way = self._candidate(key, access, anew=anew)
        if way.gateway:
            names = await way.gateway.clusters()
            way.clusters = {name: way.clusters.get(name) or way.gateway.cluster(name) for name in names}
        tried, used = self._tried.pop(key, None), self._ways.get(key)
        if used and way is not used:
            way.discovered = used.discovered  # until it is asked again
        self._ways[key] = way  # until now, uploads have used the one before
        for old in (tried, used):
            if old is not way:
                self._retire(old)
        return way

    def get(self, key: Key) -> Way:
        """The way in as it was opened last.

        Raises:
            Waiting: it was not yet.
        """
        way = self._ways.get(key)
        if way is None:
            raise not_ready(key[1], "it has not been tried yet.")
        return way

    async def judge(self, key: Key, verdict: Verdict) -> bool:
        """Note what was found out; whether whoever waited can go on now."""
        way = self._ways.get(key)
        earlier = self._verdicts.get(key)
        opens = verdict.opens(earlier) or (verdict.ready and way is not self._judged_with.get(key))
        self._verdicts[key] = verdict
        if way:
            self._judged_with[key] = way
        async with self._judged:
            self._judged.notify_all()
        return opens

    async def check(self, key: Key, uid: str, generation: int, *, registry: bool = True) -> None:
        """Go on only when this Platform, as it is specified now, is ready; without `registry`, when its clusters are.

        Raises:
            Waiting: it is not, or nobody knows yet.
        """

        def known() -> Verdict | None:
            verdict = self._verdicts.get(key)
            return verdict if verdict and verdict.uid == uid and verdict.generation >= generation else None

        try:
            async with asyncio.timeout(_FIRST_VERDICT), self._judged:
                await self._judged.wait_for(known)
        except TimeoutError:
            raise not_ready(key[1], "it is still being tried.") from None
        verdict = known()
        if verdict:
            verdict.check(key[1], registry=registry)

    def forget(self, key: Key) -> None:
        """A Platform is gone."""
        self._verdicts.pop(key, None)
        self._judged_with.pop(key, None)
        for ways in (self._ways, self._tried):
            self._retire(ways.pop(key, None))

    async def close(self) -> None:
        """Close everything."""
        for key in {*self._ways, *self._tried}:
            self.forget(key)
        for way in self._retired:
            await way.close()

    def _candidate(self, key: Key, access: Access, *, anew: bool) -> Way:
        """The way to try: the one in use, one that was tried in vain and still knows why, or a new one."""
        tried, used = self._tried.get(key), self._ways.get(key)
        for known in (tried, used):
            if known and known.access == access and not anew:
                return known
        self._retire(self._tried.pop(key, None))
        way = self._tried[key] = self._fresh(access)
        return way

    def _fresh(self, access: Access) -> Way:
        if isinstance(access, InCluster):
            return Way(access, {GLOBAL: self._own})
        if isinstance(access, GatewaySettings):
            return Way(access, gateway=Gateway(access, self._clock))
        return Way(access, {endpoint.name: connect(endpoint) for endpoint in access})

    def _retire(self, way: Way | None) -> None:
        if way:
            self._retired = [*self._retired[-_RETIRED:], way]
