"""Writing the export: one key of a ConfigMap, and a copy in object storage.

The ConfigMap may hold other people's data: only our key is written, and never over one that somebody else wrote.
"""

from __future__ import annotations

import asyncio
from typing import Any

from violet_operator.api import FIELD_MANAGER, GROUP
from violet_operator.api.package_inventory import ConfigMapKeyRef, Output
from violet_operator.clients.bucket import StorageSettings
from violet_operator.clients.kube import CONFIG_MAPS, Kube
from violet_operator.clients.kube_errors import NoRightError
from violet_operator.clients.object_store import ObjectStore
from violet_operator.errors import OperatorError, Stalled, Waiting
from violet_operator.inventory.record import RECORD, Record, holds
from violet_operator.platform.resolve import Reader, read_ca_bundle, read_secret

JsonObject = dict[str, Any]

MARK = f"{GROUP}/package-inventory"
"""Annotation of a ConfigMap: the PackageInventory that writes into it."""

LIMIT = 1 << 20
"""Bytes that the API lets a ConfigMap hold, all keys together."""


def check(live: JsonObject | None, wanted: JsonObject, *, exported: bool) -> None:
    """Whether we may write there, and whether it fits.

    Args:
        live: the ConfigMap, if there is one.
        wanted: what we want of it.
        exported: the inventory has written there before.

    Raises:
        Stalled: it belongs to someone else, or is too large.
    """
    ((key, text),), metadata = wanted["data"].items(), (live or wanted)["metadata"]
    where, name = f"ConfigMap {metadata['name']}", wanted["metadata"]["annotations"][MARK]
    mark = (metadata.get("annotations") or {}).get(MARK)
    if mark not in (None, name):
        raise Stalled(
            "ConfigMapInUse",
            f"{where} is written by PackageInventory {mark}. Name another in spec.output.configMapRef.",
        )
    others = {**((live or {}).get("data") or {}), **((live or {}).get("binaryData") or {})}
    if live and key in others and not (mark == name and (exported or FIELD_MANAGER in _managers(live, key))):
        raise Stalled(
            "ConfigMapInUse",
            f"{where} has a key {key} that this inventory has not written. Remove it, or name another ConfigMap or key "
            "in spec.output.configMapRef.",
        )
    others[key] = text
    size = sum(len(value.encode()) for value in others.values())
    if size > LIMIT:
        raise Stalled(
            "ExportTooLarge",
            f"With the export ({len(text.encode())} bytes) {where} would hold {size} bytes, and {LIMIT} fit. List "
            "fewer clusters (spec.clusters) in each of several inventories.",
        )


def body(namespace: str, name: str, ref: ConfigMapKeyRef, text: str, record: Record) -> JsonObject:
    """What an inventory owns of the ConfigMap."""
    annotations = {MARK: name, RECORD: record.annotation()}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": ref.name, "namespace": namespace, "annotations": annotations},
        "data": {ref.key: text},
    }


async def write(kube: Kube, live: JsonObject | None, wanted: JsonObject) -> None:
    """Bring the ConfigMap to what we want of it; what is so already costs no write.

    Raises:
        OperatorError: we may not, or somebody else applies our key.
    """
    (key,), metadata = wanted["data"], wanted["metadata"]
    annotations = ((live or {}).get("metadata") or {}).get("annotations") or {}
    if holds(live, key) == wanted["data"][key] and MARK in annotations:
        return
    claimed = live is not None and bool(_managers(live, key, applied=True) - {FIELD_MANAGER})
    try:
        await kube.apply(CONFIG_MAPS, wanted, force=not claimed)
    except NoRightError as error:
        raise Waiting(
            "ExportForbidden",
            f"{error.message} For ConfigMaps: kubectl -n {metadata['namespace']} create rolebinding violet-inventory "
            "--clusterrole=violet-inventory --serviceaccount=NAMESPACE:ACCOUNT of the operator "
            "(violet-system:violet-operator).",
        ) from None


def _managers(config_map: JsonObject, key: str, *, applied: bool = False) -> set[str]:
    """Who owns a key; `applied`: only those who apply it, and so mean it."""
    return {
        str(each["manager"])
        for each in config_map["metadata"].get("managedFields") or ()
        if f"f:{key}" in ((each.get("fieldsV1") or {}).get("f:data") or {})
        and (each["operation"] == "Apply" or not applied)
    }


async def copy(reader: Reader, namespace: str, name: str, output: Output, text: str) -> str | None:
    """Write the export into object storage; its entity tag there.

    Raises:
        Stalled: the settings cannot be right.
        Waiting: the storage does not take it.
    """
    owner, credentials, bundle = f"PackageInventory {name}", None, None
    if output.credentials_secret_ref:
        credentials = await read_secret(reader, namespace, output.credentials_secret_ref.name, owner)
    if output.ca_bundle_ref:
        bundle = await read_ca_bundle(reader, namespace, output.ca_bundle_ref, owner)
    settings = StorageSettings(
        str(output.url), output.endpoint, output.region, credentials, bundle, field="spec.output"
    )
    try:
        return await asyncio.to_thread(lambda: ObjectStore(settings).put(settings.key, text.encode()))
    except Stalled:
        raise
    except OperatorError as error:
        raise Waiting("CopyNotStored", error.message) from None
