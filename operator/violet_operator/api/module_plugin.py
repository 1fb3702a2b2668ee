"""The ModulePlugin to apply for a cluster plugin (`platform.md` 1.4).

What the packager wrote counts, key for key; added is only what the platform finds plugins by, and who put it there.
"""

from __future__ import annotations

from typing import Any

from violet_operator.api.artifact import MANAGED_BY, MANAGER, verified

JsonObject = dict[str, Any]

API_VERSION = "cluster.alauda.io/v1alpha1"
MODULE_NAME = "cpaas.io/module-name"


def module_plugin(name: str, module: JsonObject, record: JsonObject) -> JsonObject:
    """The object to apply.

    Args:
        name: of the plugin.
        module: labels and annotations (in `metadata`) and `spec`, as the packager wrote them.
        record: what the package has shown (`status.verification`).
    """
    written = module.get("metadata") or {}
    labels = {MANAGED_BY: MANAGER, MODULE_NAME: name, "cpaas.io/module-type": "plugin"}
    annotations = {MANAGED_BY: MANAGER, MODULE_NAME: name, "cpaas.io/built-in-plugin": "false"}
    return {
        "apiVersion": API_VERSION,
        "kind": "ModulePlugin",
        "metadata": {
            "name": name,
            "labels": labels | (written.get("labels") or {}),
            "annotations": annotations | (written.get("annotations") or {}) | verified(record),
        },
        "spec": module["spec"],
    }
