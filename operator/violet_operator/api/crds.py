"""Writes the CRD files from the models: `python -m violet_operator.api.crds DIR...` (`make crds`).

The models are the one source of the API; the committed files are compared with them in the tests.
"""

from __future__ import annotations

import sys
from pathlib import Path
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


def crd(
    *,
    kind: str,
    plural: str,
    short: str,
    spec: type[BaseModel],
    status: type[BaseModel],
    module: Any,  # noqa: ANN401
) -> dict[str, Any]:
    """One CustomResourceDefinition; `module` holds SPEC_RULES and PRINTER_COLUMNS and documents the kind."""
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
                "singular": kind.lower(),
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
    return {
        "cleanuppolicies.yaml": crd(
            kind="CleanupPolicy",
            plural="cleanuppolicies",
            short="vcp",
            spec=cleanup_policy.CleanupPolicySpec,
            status=cleanup_policy.CleanupPolicyStatus,
            module=cleanup_policy,
        ),
        "cleanupruns.yaml": crd(
            kind="CleanupRun",
            plural="cleanupruns",
            short="vcr",
            spec=cleanup_run.CleanupRunSpec,
            status=cleanup_run.CleanupRunStatus,
            module=cleanup_run,
        ),
        "packageinventories.yaml": crd(
            kind="PackageInventory",
            plural="packageinventories",
            short="pi",
            spec=package_inventory.PackageInventorySpec,
            status=package_inventory_status.PackageInventoryStatus,
            module=package_inventory,
        ),
        "packageuploads.yaml": crd(
            kind="PackageUpload",
            plural="packageuploads",
            short="pu",
            spec=package_upload.PackageUploadSpec,
            status=package_upload_status.PackageUploadStatus,
            module=package_upload,
        ),
        "packageuploadsets.yaml": crd(
            kind="PackageUploadSet",
            plural="packageuploadsets",
            short="pus",
            spec=package_upload_set.PackageUploadSetSpec,
            status=package_upload_set.PackageUploadSetStatus,
            module=package_upload_set,
        ),
        "platforms.yaml": crd(
            kind="Platform",
            plural="platforms",
            short="vp",
            spec=platform.PlatformSpec,
            status=platform.PlatformStatus,
            module=platform,
        ),
    }


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
