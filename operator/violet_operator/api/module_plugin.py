"""The ModulePlugin to apply for a cluster plugin (`platform.md` 1.4).

What the packager wrote counts, key for key; added is only what the platform finds plugins by, and who put it there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from violet_operator.api.artifact import MANAGED_BY, MANAGER, as_labels, verified

JsonObject = dict[str, Any]

API_VERSION = "cluster.alauda.io/v1alpha1"
MODULE_NAME = "cpaas.io/module-name"


def module_plugin(name: str, module: JsonObject, record: JsonObject, settings: Mapping[str, str]) -> JsonObject:
    """The object to apply.

    Args:
        name: of the plugin.
        module: labels and annotations (in `metadata`) and `spec`, as the packager wrote them.
        record: what the package has shown (`status.verification`).
        settings: labels and annotations above all of these; an empty value leaves one out.
    """
    written = module.get("metadata") or {}
    labels = {MANAGED_BY: MANAGER, MODULE_NAME: name, "cpaas.io/module-type": "plugin"}
    annotations = {MANAGED_BY: MANAGER, MODULE_NAME: name, "cpaas.io/built-in-plugin": "false"}
    labels |= (written.get("labels") or {}) | as_labels(settings)
    annotations |= (written.get("annotations") or {}) | verified(record) | dict(settings)
    return {
        "apiVersion": API_VERSION,
        "kind": "ModulePlugin",
        "metadata": {
            "name": name,
            "labels": {key: value for key, value in labels.items() if settings.get(key, "-")},
            "annotations": {key: value for key, value in annotations.items() if settings.get(key, "-")},
        },
        "spec": module["spec"],
    }
