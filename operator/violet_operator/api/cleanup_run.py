"""CleanupRun: one run of a cleanup: what was judged and why, the plan and its hash, and what became of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from violet_operator.api.cleanup import Cleanup
from violet_operator.api.model import ApiModel, Conditions, list_map, rule, rules

MOST_ITEMS = 1000
"""Items in a status: some 400 KB, well below what an API server stores as one object."""

MOST_CLUSTERS = 512

MOST_IMAGES = 500


class CleanupRunSpec(Cleanup):
    """What to do: a copy of the policy's wishes as they were when the run was made."""

    approved_plan: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        None, description="Mode Approve: the hash of the plan (status.plan.hash) that may be executed."
    )
    restore: bool = Field(False, description="Put back what this run has deleted.")


class Item(ApiModel):
    """An object that was judged."""

    kind: Annotated[str, Field(max_length=64)] = Field(description="Kind.")
    name: Annotated[str, Field(max_length=253)] = Field(description="Name.")
    namespace: Annotated[str, Field(max_length=63)] | None = Field(None, description="Namespace.")
    cluster: Annotated[str, Field(max_length=63)] = Field(description="Cluster.")
    action: Literal["Delete", "Keep"] = Field(description="Delete or Keep.")
    reason: Annotated[str, Field(max_length=64)] = Field(description="Why, in one word.")
    message: Annotated[str, Field(max_length=512)] | None = Field(None, description="Why, for people.")
    outcome: Literal["Planned", "Deleted", "Deleting", "Skipped", "Failed", "Restored"] | None = Field(
        None, description="What became of a deletion."
    )
    uid: Annotated[str, Field(max_length=64)] | None = Field(
        None, description="Identity of the object: another one of the same name has another."
    )
    content: Annotated[str, Field(max_length=64)] | None = Field(
        None, description="Digest of its generation and labels, of what would be deleted."
    )
    observed: int | None = Field(None, ge=1, description="In how many runs in a row it was a candidate.")


class Plan(ApiModel):
    """What the run found to do."""

    hash: str = Field(description="Identity of the deletions; what spec.approvedPlan names.")
    judged: int = Field(ge=0, description="Objects judged.")
    deletions: int = Field(ge=0, description="Objects to delete.")
    kept: int = Field(ge=0, description="Objects kept.")


class KeptFor(ApiModel):
    """How many objects were kept for one reason."""

    reason: str = Field(description="The reason.")
    count: int = Field(ge=1, description="Objects.")


class Outcomes(ApiModel):
    """How many of the planned deletions had which outcome."""

    deleted: int = Field(ge=0, description="Objects that are gone.")
    deleting: int = Field(ge=0, description="Objects that are on their way out, and held by a finalizer.")
    skipped: int = Field(ge=0, description="Objects that stay, as something has changed since the plan was made.")
    failed: int = Field(ge=0, description="Objects that could not be deleted.")
    restored: int | None = Field(None, ge=0, description="Objects that are back, or were never gone.")


class Backup(ApiModel):
    """Where the deleted objects are saved."""

    config_map: str = Field(description="Name of the ConfigMap that names the others, in the run's namespace.")
    parts: int = Field(ge=0, description="ConfigMaps with objects, and with manifests of images.")
    objects: int = Field(ge=0, description="Objects in them: all that the run may delete.")
    bytes: int = Field(ge=0, description="Size of the parts, compressed.")


class ClusterResult(ApiModel):
    """What could be read of a cluster."""

    name: str = Field(description="Name of the cluster.")
    complete: bool = Field(description="Whether everything that deletions depend on could be read.")
    message: Annotated[str, Field(max_length=2048)] | None = Field(None, description="What could not, and why.")


class ImageItem(ApiModel):
    """An image that the objects to delete stand for or need, and that is in the registry."""

    image: Annotated[str, Field(max_length=512)] = Field(description="REPOSITORY:TAG or REPOSITORY@DIGEST.")
    digest: Annotated[str, Field(max_length=128)] = Field(description="Digest of its manifest or index.")
    action: Literal["Delete", "Keep"] = Field(description="Delete or Keep.")
    reason: Annotated[str, Field(max_length=64)] = Field(description="Why, in one word.")
    message: Annotated[str, Field(max_length=512)] | None = Field(None, description="Why, for people.")
    outcome: Literal["Planned", "Deleted", "Skipped", "Failed", "Restored"] | None = Field(
        None, description="What became of a deletion."
    )


class ImageOutcomes(ApiModel):
    """How many manifests had which outcome."""

    deleted: int | None = Field(None, ge=0, description="Manifests that are gone.")
    skipped: int | None = Field(None, ge=0, description="Manifests that stay, as something needs them now.")
    failed: int | None = Field(None, ge=0, description="Manifests that could not be deleted, or not be put back.")
    restored: int | None = Field(None, ge=0, description="Manifests that are back.")


class Images(ApiModel):
    """What becomes of images in the registry."""

    complete: bool = Field(description="Whether everything that deletions of images depend on could be read.")
    message: Annotated[str, Field(max_length=2048)] | None = Field(None, description="What could not, and why.")
    manifests: int = Field(ge=0, description="Manifests and indexes to delete, with all that belongs to the images.")
    bytes: int = Field(
        ge=0, description="Estimate of what the registry's own garbage collection frees after that; see the docs."
    )
    outcomes: ImageOutcomes | None = Field(None, description="What became of the manifests, in numbers.")
    items: Annotated[
        list[ImageItem], Field(max_length=MOST_IMAGES, json_schema_extra={"x-kubernetes-list-type": "atomic"})
    ] = Field(default_factory=list, description="Images, those to delete first.")
    items_left_out: int | None = Field(None, ge=1, description="Images that did not fit into items.")


class CleanupRunStatus(ApiModel):
    """The observed state."""

    observed_generation: int | None = Field(None, ge=0, description="The generation judged last.")
    conditions: Conditions = Field(
        default_factory=list,
        description="Planned, AwaitingApproval, Complete, Failed, as with a Job; Restored; Reconciling while true.",
    )
    start_time: str | None = Field(None, description="When it began.", json_schema_extra={"format": "date-time"})
    completion_time: str | None = Field(None, description="When it ended.", json_schema_extra={"format": "date-time"})
    plan: Plan | None = Field(None, description="What the run found to do.")
    clusters: Annotated[list[ClusterResult], Field(max_length=MOST_CLUSTERS, json_schema_extra=list_map("name"))] = (
        Field(default_factory=list, description="What could be read of each cluster.")
    )
    kept: Annotated[list[KeptFor], Field(json_schema_extra=list_map("reason"))] = Field(
        default_factory=list, description="Objects kept, by reason."
    )
    items: Annotated[
        list[Item], Field(max_length=MOST_ITEMS, json_schema_extra={"x-kubernetes-list-type": "atomic"})
    ] = Field(
        default_factory=list, description="Objects to delete, and those kept for a reason worth telling; most of all."
    )
    items_left_out: int | None = Field(None, ge=1, description="Objects worth telling that did not fit into items.")
    outcomes: Outcomes | None = Field(None, description="What became of the deletions, in numbers.")
    images: Images | None = Field(None, description="With spec.images: Delete, what becomes of images.")
    backup: Backup | None = Field(None, description="Where the objects are saved that the run deletes.")
    summary: Annotated[str, Field(max_length=262_144)] | None = Field(
        None, description="What was deleted, as the table that violet gc prints."
    )


def _unchanged() -> str:
    """CEL: every field but the two that people set on a run stays as it was."""
    fixed = [name for field in Cleanup.model_fields.values() if (name := field.alias)]
    return " && ".join(
        f"has(self.{name}) == has(oldSelf.{name}) && (!has(self.{name}) || self.{name} == oldSelf.{name})"
        for name in fixed
    )


SPEC_RULES = rules(
    rule(_unchanged(), "only approvedPlan and restore can be changed: make another run"),
    rule("!has(self.approvedPlan) || self.mode == 'Approve'", "approvedPlan goes with mode Approve"),
    rule("!self.restore || self.mode != 'DryRun'", "restore goes with modes that delete: a dry run deletes nothing"),
)

PRINTER_COLUMNS = [
    {"name": "Mode", "type": "string", "jsonPath": ".spec.mode"},
    {"name": "Planned", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Planned')].status"},
    {"name": "Complete", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Complete')].status"},
    {"name": "Failed", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Failed')].reason"},
    {"name": "Deleted", "type": "integer", "jsonPath": ".status.outcomes.deleted"},
    {"name": "Deletions", "type": "integer", "jsonPath": ".status.plan.deletions"},
    {"name": "Kept", "type": "integer", "jsonPath": ".status.plan.kept"},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    {
        "name": "Awaiting",
        "type": "string",
        "jsonPath": ".status.conditions[?(@.type=='AwaitingApproval')].status",
        "priority": 1,
    },
    {
        "name": "Restored",
        "type": "string",
        "jsonPath": ".status.conditions[?(@.type=='Restored')].status",
        "priority": 1,
    },
    {"name": "Backup", "type": "string", "jsonPath": ".status.backup.configMap", "priority": 1},
    {"name": "Manifests", "type": "integer", "jsonPath": ".status.images.manifests", "priority": 1},
    {"name": "Bytes", "type": "integer", "jsonPath": ".status.images.bytes", "priority": 1},
    {"name": "Plan", "type": "string", "jsonPath": ".status.plan.hash", "priority": 1},
    {"name": "Ended", "type": "date", "jsonPath": ".status.completionTime", "priority": 1},
]
