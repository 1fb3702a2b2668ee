"""The status of a PackageInventory, as its CRD declares it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from violet_operator.api.model import SET, ApiModel, Conditions, Label, SecretRef, list_map

Count = Annotated[int, Field(ge=0)]

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]

Action = Literal["Added", "Removed", "Upgraded", "Downgraded"]

Type = Literal["OperatorBundle", "ModulePlugin", "Chart"]

CHANGES = 100
"""Changes that a status lists; there may have been more."""


class Counts(ApiModel):
    """How many packages are listed, by type, and how many are not."""

    operator_bundles: Count = Field(description="Operators.")
    module_plugins: Count = Field(description="Cluster plugins.")
    charts: Count = Field(description="Helm charts.")
    core: Count = Field(description="Not listed, as they come and go with the platform itself.")
    pending: Count = Field(description="Not listed yet: no version of them is installed.")


class Change(ApiModel):
    """What became of one package on one cluster."""

    action: Action = Field(description="What happened.")
    type: Type = Field(description="Type of the package.")
    name: str = Field(description="Name of the package.")
    cluster: str = Field(description="Name of the cluster.")
    before: str | None = Field(None, description="Version before.")
    after: str | None = Field(None, description="Version after.")


class ClusterState(ApiModel):
    """What is known of one cluster."""

    name: Label = Field(description="Name of the cluster.")
    last_read_time: Time | None = Field(None, description="When what the export says of it was read.")
    message: str | None = Field(None, description="What cannot be read there now, if anything.")


class Export(ApiModel):
    """The export as it was written."""

    config_map: str = Field(description="The ConfigMap and its key.")
    sha256: str = Field(description="Sum of the export.")
    size: Count = Field(description="Bytes.")


class Copy(ApiModel):
    """The copy of the export in object storage."""

    url: str = Field(description="Where it lies.")
    endpoint: str | None = Field(None, description="Address of the storage; absent: the cloud provider's own.")
    region: str | None = Field(None, description="Region of the bucket, as the spec has it.")
    credentials_secret_ref: SecretRef | None = Field(None, description="The Secret with which it was written.")
    sha256: str = Field(description="Sum of what was written there.")
    etag: str | None = Field(None, description="Entity tag that the storage gave it.")


class PackageInventoryStatus(ApiModel):
    """The observed state."""

    observed_generation: int | None = Field(None, ge=0, description="The generation judged last.")
    last_handled_reconcile_at: str | None = Field(
        None, description="Value of the reconcile-requested-at annotation that was handled last."
    )
    conditions: Conditions = Field(
        default_factory=list, description="Gathered, Exported and Ready; Reconciling and Stalled while true."
    )
    platform: str | None = Field(None, description="The Platform that the export is about.")
    counts: Counts | None = Field(None, description="How many packages are listed, by type, and how many are not.")
    last_export_time: Time | None = Field(None, description="When the export was last made or confirmed.")
    last_change_time: Time | None = Field(None, description="When the export last changed.")
    changes: Annotated[list[Change], Field(max_length=CHANGES)] = Field(
        default_factory=list,
        description="What the last change of the export consisted of.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    changes_total: int | None = Field(None, ge=0, description="How many changes there were; the list may be cut.")
    clusters: Annotated[list[ClusterState], Field(json_schema_extra=list_map("name"))] = Field(
        default_factory=list, description="The clusters listed, and whether they could be read."
    )
    views: Annotated[list[str], Field(json_schema_extra=SET)] = Field(
        default_factory=list, description="Kinds of the platform's views that were found, and so are expected."
    )
    export: Export | None = Field(None, description="The export as it was written.")
    copied: Annotated[Copy | None, Field(alias="copy")] = Field(
        None, description="The copy of the export in object storage."
    )
