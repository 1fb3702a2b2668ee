"""What a CleanupPolicy and a CleanupRun have in common: where to clean, what, and how cautiously."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from violet_operator.api.model import SET, ApiModel, Duration, Label, Name, rule, rules

Kind = Literal["Artifact", "ArtifactVersion", "ModulePlugin", "ModuleConfig"]
KINDS: tuple[Kind, ...] = ("Artifact", "ArtifactVersion", "ModulePlugin", "ModuleConfig")

LabelKey = Annotated[str, Field(min_length=1, max_length=316)]
LabelValue = Annotated[str, Field(max_length=63)]


class PlatformRef(ApiModel):
    """A Platform of the object's own namespace."""

    name: Name = Field("default", description="Name of the Platform.")


class Requirement(ApiModel):
    """One requirement of a label selector."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)",
                "values go with In and NotIn, and with them alone",
            )
        )
    )

    key: LabelKey = Field(description="Key of the label.")
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"] = Field(description="How it is compared.")
    values: Annotated[list[LabelValue], Field(max_length=64)] = Field(
        default_factory=list, description="What it is compared with, for In and NotIn."
    )


class Selector(ApiModel):
    """A label selector, as everywhere in Kubernetes."""

    match_labels: Annotated[dict[str, LabelValue], Field(max_length=64)] = Field(
        default_factory=dict, description="Labels that must be there with these values."
    )
    match_expressions: Annotated[list[Requirement], Field(max_length=64)] = Field(
        default_factory=list, description="Further requirements, all of which must be met."
    )


class Exclude(ApiModel):
    """What is never deleted."""

    names: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=253)]], Field(max_length=256, json_schema_extra=SET)
    ] = Field(default_factory=list, description="Names of objects, or patterns such as opensearch-*.")
    selector: Selector | None = Field(
        None,
        description="Objects with these labels.",
        json_schema_extra=rules(
            rule(
                "(has(self.matchLabels) && size(self.matchLabels) > 0) || "
                "(has(self.matchExpressions) && size(self.matchExpressions) > 0)",
                "must select something: give matchLabels or matchExpressions",
            ),
        ),
    )


class Retention(ApiModel):
    """What is kept although nothing uses it."""

    keep_newer_than_installed: bool = Field(
        True, description="Keep versions newer than the installed one: they were pushed for the next upgrade."
    )
    keep_last: Annotated[int, Field(ge=0, le=1000)] = Field(
        0,
        description="Of the versions older than the installed one that would go and can be installed, keep this many, "
        "the newest, to roll back to.",
    )
    min_age: Duration | None = Field(None, description="Keep objects younger than this, such as 168h.")
    observations: Annotated[int, Field(ge=1, le=100)] = Field(
        1,
        description="Delete what was a candidate in so many runs of this policy in a row, this one included. A failed "
        "run does not count, and what was no candidate in it begins anew.",
    )


class Limits(ApiModel):
    """What stops the whole run before the first deletion."""

    max_deletions: Annotated[int, Field(ge=0)] | None = Field(
        None, description="Most objects, and manifests of images, that a run may delete together."
    )
    max_percent: Annotated[int, Field(ge=0, le=100)] | None = Field(
        None,
        description="Largest share, in percent, that a run may delete of the objects of the kinds that it deletes, on "
        "all clusters together.",
    )


class Cleanup(ApiModel):
    """Where, what, and how cautiously."""

    platform_ref: PlatformRef = Field(default_factory=PlatformRef, description="The platform to clean.")
    clusters: Annotated[list[Label], Field(min_length=1, max_length=512, json_schema_extra=SET)] | None = Field(
        None, description="Clusters to clean. Default: every one that the platform shows."
    )
    mode: Literal["DryRun", "Approve", "Delete"] = Field(
        "DryRun", description="DryRun: only tell. Approve: delete once the plan is approved. Delete: delete."
    )
    kinds: Annotated[list[Kind], Field(min_length=1, max_length=4, json_schema_extra=SET)] = Field(
        list(KINDS), description="Kinds of which objects are candidates."
    )
    exclude: Exclude | None = Field(None, description="What is never deleted.")
    retention: Retention = Field(default_factory=Retention, description="What is kept although nothing uses it.")
    limits: Limits | None = Field(None, description="What stops the whole run before the first deletion.")
    images: Literal["Retain", "Delete"] = Field(
        "Retain", description="Whether images in the registry that nothing refers to any more are deleted too."
    )
