"""One run for one Platform: is the way in open? Says so in its status; writes nothing else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Protocol

from violet_operator.api.conditions import READY, Conditions, transition
from violet_operator.api.request import is_unanswered, requested_at
from violet_operator.clients.kube import PLATFORMS, Kube
from violet_operator.errors import OperatorError, Stalled
from violet_operator.platform.environment import Process
from violet_operator.platform.probe import ClusterState, probe
from violet_operator.platform.report import report
from violet_operator.platform.resolve import Connection
from violet_operator.platform.verdict import Verdict
from violet_operator.support.redact import shorten
from violet_operator.support.requeue import Requeue

logger = logging.getLogger(__name__)

JsonObject = dict[str, Any]

_INTERVAL = 300.0
"""Seconds between two looks at a Platform that works."""

_TOLD = 3
"""Clusters of which the condition says what is wrong there; `status.clusters` says it of all."""


class Environment(Process, Protocol):
    """What the process gives a run."""

    async def enter(self, namespace: str, platform: str, *, anew: bool) -> dict[str, Kube]:
        """Its clusters, as they are now."""
        ...

    async def discover(self, namespace: str, platform: str) -> None:
        """Ask it for its registry, where its spec names none."""
        ...

    async def open(self, namespace: str, platform: str) -> Connection:
        """What `enter` and `discover` have opened."""
        ...

    async def judge(self, namespace: str, platform: str, verdict: Verdict) -> bool:
        """Note the verdict; whether uploads that wait can go on now."""
        ...


async def reconcile(namespace: str, name: str, env: Environment, wake: Callable[[], None]) -> Requeue:
    """Probe one Platform; says when to look again, and wakes whoever waits for it."""
    try:
        body = await env.kube.get(PLATFORMS, namespace, name)
        if body is None or body["metadata"].get("deletionTimestamp"):
            return Requeue()
        probe = _Probe(body, env)
        result = await probe.run()
        status = {**probe.status, "conditions": probe.conditions.to_api()}
        if status != body.get("status"):
            await report(env, PLATFORMS, body, status, transition(body.get("status") or {}, status))
        if await env.judge(namespace, name, probe.verdict()):
            wake()
    except OperatorError as error:
        logger.warning("Platform %s/%s: %s", namespace, name, error.message)
        return Requeue(failed=True)
    return result


class _Probe:
    """One look at one Platform."""

    def __init__(self, body: JsonObject, env: Environment) -> None:
        self._metadata = metadata = body["metadata"]
        self._spec: JsonObject = body["spec"]
        self._env = env
        self._generation = int(metadata.get("generation") or 0)
        self._last: JsonObject = body.get("status") or {}
        self._states: list[ClusterState] = []
        self.conditions = Conditions(self._last.get("conditions", []), generation=self._generation, clock=env.clock)
        self.status: JsonObject = {"observedGeneration": self._generation, "clusters": []} | self._known_registry()

    async def run(self) -> Requeue:
        """Fill the status; says when to look again."""
        requested, anew = requested_at(self._metadata), is_unanswered(self._metadata, self._last)
        if requested:
            self.status["lastHandledReconcileAt"] = requested
        self.conditions.at_rest()
        try:
            await self._look(anew=anew)
        except OperatorError as error:
            return self._failed(error)
        self._connected()
        return Requeue(after=_INTERVAL)

    def verdict(self) -> Verdict:
        """What it amounts to, for uploads."""
        ready = self.conditions.get(READY) or {}
        return Verdict(
            uid=str(self._metadata["uid"]),
            generation=self._generation,
            ready=ready.get("status") == "True",
            reason=str(ready.get("reason", "")),
            message=str(ready.get("message", "")),
            clusters=frozenset(state.name for state in self._states if state.error is None),
        )

    def _known_registry(self) -> JsonObject:
        """What was found out of this very spec: while nobody can be asked, it is taken to be the same."""
        same = self._last.get("observedGeneration") == self._generation
        return {"registry": self._last["registry"]} if same and self._last.get("registry") else {}

    async def _look(self, *, anew: bool) -> None:
        """Clusters, then the registry; one cluster that works is enough, as targets fail each for themselves."""
        namespace, name = self._metadata["namespace"], self._metadata["name"]
        clusters = await self._env.enter(namespace, name, anew=anew)
        logged_in = "address" in self._spec
        self._states = await probe(clusters, self._env.settings.system_namespace, logged_in=logged_in)
        self.status["clusters"] = [_cluster_status(state) for state in self._states]
        errors = [state.error for state in self._states if state.error]
        if len(errors) == len(self._states):
            raise errors[0]
        await self._env.discover(namespace, name)
        connection = await self._env.open(namespace, name)
        self.status["registry"] = {
            "address": connection.registry.address,
            "pullAddress": connection.pull_address,
            "origin": "Discovered" if connection.discovered else "Spec",
        }
        await asyncio.to_thread(connection.registry.ping)
        self.status["registry"]["capabilities"] = await asyncio.to_thread(connection.registry.capabilities)

    def _connected(self) -> None:
        address = self.status["registry"]["address"]
        bad = {state.name: state.error.message for state in self._states if state.error}
        notes = [*bad.values(), *(state.note for state in self._states if state.note)][:_TOLD]
        if bad:
            said = f"Registry {address} answers, and {len(self._states) - len(bad)} of {len(self._states)} clusters."
            said = " ".join([said, f"Not ready: {', '.join(bad)}.", *notes])
            self.conditions.set(READY, "True", "PartlyConnected", said)
        else:
            said = " ".join([f"Registry {address} and every cluster answer.", *notes])
            self.conditions.set(READY, "True", "Connected", said)

    def _failed(self, error: OperatorError) -> Requeue:
        self.conditions.failed(error)
        if error.reason == "RegistryNotDiscovered":  # it was asked, and has none now
            self.status.pop("registry", None)
        return Requeue(after=_INTERVAL) if isinstance(error, Stalled) else Requeue(failed=True)


def _cluster_status(state: ClusterState) -> JsonObject:
    if state.error:
        return {"name": state.name, "ready": False, "message": shorten(f"{state.error.reason}: {state.error.message}")}
    return {"name": state.name, "ready": True} | ({"message": state.note} if state.note else {})
