"""One run for one Platform: is the way in open? Says so in its status; writes nothing else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from violet_operator.api import RECONCILE_ANNOTATION
from violet_operator.api.conditions import READY, RECONCILING, STALLED, Conditions
from violet_operator.clients.kube import ARTIFACT_VERSIONS, ARTIFACTS, PLATFORMS, Kube
from violet_operator.errors import OperatorError, Stalled, Waiting
from violet_operator.platform.resolve import Connection
from violet_operator.settings import Settings
from violet_operator.support.requeue import Requeue

logger = logging.getLogger(__name__)

JsonObject = dict[str, Any]

_INTERVAL = 300.0
"""Seconds between two looks at a Platform that works."""


class Environment(Protocol):
    """What the process gives a run."""

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


async def reconcile(namespace: str, name: str, env: Environment) -> Requeue:
    """Probe one Platform; says when to look again."""
    try:
        body = await env.kube.get(PLATFORMS, namespace, name)
        if body is None or body["metadata"].get("deletionTimestamp"):
            return Requeue()
        status, result = await _probe(body, env)
        if status != body.get("status"):
            await env.kube.write_status(PLATFORMS, body, status)
    except OperatorError as error:
        logger.warning("Platform %s/%s: %s", namespace, name, error.message)
        return Requeue(failed=True)
    return result


async def _probe(body: JsonObject, env: Environment) -> tuple[JsonObject, Requeue]:
    metadata = body["metadata"]
    generation = int(metadata.get("generation") or 0)
    last: JsonObject = body.get("status") or {}
    conditions = Conditions(last.get("conditions", []), generation=generation, clock=env.clock)
    status: JsonObject = {"observedGeneration": generation, "clusters": []}
    if requested := (metadata.get("annotations") or {}).get(RECONCILE_ANNOTATION):
        status["lastHandledReconcileAt"] = requested
    conditions.remove(STALLED)
    conditions.remove(RECONCILING)
    result = Requeue(after=_INTERVAL)
    try:
        connection = await env.connect(metadata["namespace"], metadata["name"])
        status["registry"] = {
            "address": connection.registry.address,
            "pullAddress": connection.pull_address,
            "origin": "Spec",
        }
        await asyncio.to_thread(connection.registry.ping)
        status["registry"]["capabilities"] = await asyncio.to_thread(connection.registry.capabilities)
        for cluster, kube in connection.clusters.items():
            await _check_rights(kube, env.settings.system_namespace)
            status["clusters"].append({"name": cluster, "ready": True})
        conditions.set(READY, "True", "Connected", f"Registry {connection.registry.address} and every cluster answer.")
    except OperatorError as error:
        conditions.set(READY, "False", error.reason, error.message)
        if isinstance(error, Stalled):
            conditions.set(STALLED, "True", error.reason, error.message)
        else:
            conditions.set(RECONCILING, "True", "ProgressingWithRetry", f"Trying again: {error.message}")
            result = Requeue(failed=True)
    return {**status, "conditions": conditions.to_api()}, result


async def _check_rights(kube: Kube, namespace: str) -> None:
    """Raise unless we may publish there."""
    for resource in (ARTIFACTS, ARTIFACT_VERSIONS):
        for verb in ("get", "create", "patch"):
            if not await kube.allowed(verb, resource, namespace):
                raise Waiting(
                    "TargetForbidden",
                    f"Cluster {kube.name}: the operator's account may not {verb} {resource.plural} in namespace "
                    f"{namespace}. Give it that right (see the chart's ClusterRole).",
                )
