"""Writes the CRD files from the models: `python -m violet_operator.api.crds DIR...` (`make crds`).

The models are the one source of the API; the committed files are compared with them in the tests.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml
from pydantic import BaseModel

from violet_operator.api import (
    GROUP,
    VERSION,
    cleanup_policy,
    cleanup_run,
    package_inventory,
    package_inventory_status,
    package_upload,
    package_upload_set,
    package_upload_status,
    platform,
)
from violet_operator.api.schema import structural


def crd(short: str, spec: type[BaseModel], status: type[BaseModel], module: ModuleType) -> dict[str, Any]:
    """One CustomResourceDefinition of the kind that the spec's model is named after.

    Args:
        short: its short name for kubectl.
        spec: model.
        status: model.
        module: holds SPEC_RULES and PRINTER_COLUMNS, and documents the kind.
    """
    kind = spec.__name__.removesuffix("Spec")
    singular = kind.lower()
    plural = f"{singular[:-1]}ies" if singular.endswith("y") else f"{singular}s"
    schema = {
        "type": "object",
        "description": (module.__doc__ or "").strip(),
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": structural(spec) | module.SPEC_RULES,
            "status": structural(status),
        },
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": singular,
                "shortNames": [short],
                "categories": ["violet"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": module.PRINTER_COLUMNS,
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


def all_crds() -> dict[str, dict[str, Any]]:
    """Every CRD by the name of its file."""
    found = [
        crd("vcp", cleanup_policy.CleanupPolicySpec, cleanup_policy.CleanupPolicyStatus, cleanup_policy),
        crd("vcr", cleanup_run.CleanupRunSpec, cleanup_run.CleanupRunStatus, cleanup_run),
        crd(
            "pi",
            package_inventory.PackageInventorySpec,
            package_inventory_status.PackageInventoryStatus,
            package_inventory,
        ),
        crd("pu", package_upload.PackageUploadSpec, package_upload_status.PackageUploadStatus, package_upload),
        crd(
            "pus",
            package_upload_set.PackageUploadSetSpec,
            package_upload_set.PackageUploadSetStatus,
            package_upload_set,
        ),
        crd("vp", platform.PlatformSpec, platform.PlatformStatus, platform),
    ]
    return {f"{document['spec']['names']['plural']}.yaml": document for document in found}


def render(document: dict[str, Any]) -> str:
    """The text of a CRD file."""

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - anchors help no reader of a CRD
            return True

    head = "# Generated from operator/violet_operator/api by `make crds`. Do not edit.\n"
    return head + yaml.dump(document, Dumper=Dumper, sort_keys=False, width=110, allow_unicode=True)


def main(directories: list[str]) -> None:
    """Write every CRD into each of the directories."""
    for directory in directories:
        for name, document in all_crds().items():
            (Path(directory) / name).write_text(render(document), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
