"""Metrics of the inventories themselves, beside those of their runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prometheus_client import Gauge

JsonObject = dict[str, Any]

_LABELS = ["namespace", "name"]

PACKAGES = Gauge("violet_inventory_packages", "Packages listed, by type.", [*_LABELS, "type"])
UNREAD = Gauge("violet_inventory_unread_clusters", "Clusters that could not be read whole at the last look.", _LABELS)
EXPORTED = Gauge(
    "violet_inventory_last_export_timestamp_seconds", "When the export was last made or confirmed.", _LABELS
)

_TYPES = {"operatorBundles": "OperatorBundle", "modulePlugins": "ModulePlugin", "charts": "Chart"}


def show(namespace: str, name: str, status: JsonObject) -> None:
    """Set the metrics of one inventory from its status."""
    if counts := status.get("counts"):
        for field, kind in _TYPES.items():
            PACKAGES.labels(namespace, name, kind).set(counts[field])
    UNREAD.labels(namespace, name).set(sum("message" in cluster for cluster in status.get("clusters", ())))
    if stamp := status.get("lastExportTime"):
        EXPORTED.labels(namespace, name).set(datetime.fromisoformat(stamp).timestamp())


def forget(namespace: str, name: str) -> None:
    """An inventory is gone."""
    for gauge in (PACKAGES, UNREAD, EXPORTED):
        gauge.remove_by_labels({"namespace": namespace, "name": name})
