"""One run for one PackageInventory: a look if it is time for one, and a status in any case."""

from __future__ import annotations

import logging
from typing import Any

from pydantic import ValidationError

from violet_operator.api.conditions import EXPORTED, GATHERED
from violet_operator.api.package_inventory import PackageInventorySpec
from violet_operator.clients.kube import PACKAGE_INVENTORIES
from violet_operator.errors import OperatorError, Stalled, defect
from violet_operator.inventory import metrics
from violet_operator.inventory.look import Look
from violet_operator.inventory.status import InventoryStatus
from violet_operator.platform.environment import Environment
from violet_operator.platform.report import report
from violet_operator.platform.resolve import invalid_spec
from violet_operator.support.requeue import Requeue

logger = logging.getLogger(__name__)

JsonObject = dict[str, Any]

_STALLED = 3600.0
"""Seconds until an object with a schedule that is none is looked at again all the same."""


async def reconcile(namespace: str, name: str, env: Environment) -> Requeue:
    """Bring one PackageInventory closer to its spec; says when to look again."""
    try:
        body = await env.kube.get(PACKAGE_INVENTORIES, namespace, name)
    except OperatorError as error:
        logger.warning("PackageInventory %s/%s cannot be read: %s", namespace, name, error.message)
        return Requeue(failed=True)
    if body is None or body["metadata"].get("deletionTimestamp"):
        return Requeue()
    status = InventoryStatus(body, env.clock)
    result = await _run(body, status, env)
    metrics.show(namespace, name, status.facts)
    return result if await _write(body, status, env) else Requeue(failed=True)


async def _run(body: JsonObject, status: InventoryStatus, env: Environment) -> Requeue:
    try:
        spec = PackageInventorySpec.model_validate(body["spec"])
    except ValidationError as error:  # an object older than a rule of the CRD
        status.failed(None, invalid_spec(error))
        return Requeue()
    if spec.suspend:
        status.suspended()
        return Requeue()
    look, after = Look(body, spec, status, env), _STALLED
    try:
        after = look.wait()
        if look.due():
            await _take_steps(look)
    except OperatorError as error:
        status.failed(look.step, error)
        if isinstance(error, Stalled):
            return Requeue(after=after)
        return Requeue(after=getattr(error, "after", None), failed=True)
    except Exception as error:
        logger.exception("PackageInventory %s/%s: defect in the operator", look.namespace, look.name)
        status.failed(look.step, defect(error))
        return Requeue(failed=True)
    return Requeue(after=after)


async def _take_steps(look: Look) -> None:
    """Gather, then export what is known, then judge what is not."""
    look.step = GATHERED
    await look.gather()
    look.step = EXPORTED
    await look.read_last()
    look.step = GATHERED
    look.compare()
    look.step = EXPORTED
    await look.export()
    look.step = GATHERED
    look.conclude()


async def _write(body: JsonObject, status: InventoryStatus, env: Environment) -> bool:
    """Write the status if it differs, and the event that goes with it; whether that worked."""
    now, last, metadata = status.to_api(), status.last, body["metadata"]
    if now == last:
        return True
    try:
        await report(env, PACKAGE_INVENTORIES, body, now, status.events())
    except OperatorError as error:
        logger.warning(
            "PackageInventory %s/%s: status not written: %s", metadata["namespace"], metadata["name"], error.message
        )
        return False
    return True
