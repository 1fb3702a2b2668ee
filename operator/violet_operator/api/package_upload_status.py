"""The status of a PackageUpload, as its CRD declares it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from violet_operator.api.model import ApiModel, Conditions, list_map


class SourceStatus(ApiModel):
    """The object that was read."""

    url: str | None = Field(None, description="Resolved URL, without credentials.")
    etag: str | None = Field(None, description="Entity tag of the object; a new one starts over.")
    version: str | None = Field(None, description="Version of the object, where the storage keeps versions.")
    size: int | None = Field(None, ge=0, description="Bytes.")
    sha256: str | None = Field(None, description="What was read, as sha256.")


class VerificationStatus(ApiModel):
    """What the package has shown."""

    method: Literal["GPG", "Checksum", "Pin", "None"] = Field(description="GPG, Checksum, Pin or None.")
    fingerprint: str | None = Field(None, description="Fingerprint of the signer's primary key.")
    key_id: Annotated[str | None, Field(alias="keyID")] = Field(
        None, description="Id of the key that made the signature; may be that of a subkey."
    )
    user_id: Annotated[str | None, Field(alias="userID")] = Field(None, description="User of that key.")
    signed_at: str | None = Field(
        None, description="When it was signed, as the signer says.", json_schema_extra={"format": "date-time"}
    )
    sha256: str | None = Field(None, description="sha256 of what was verified.")
    verified_at: str | None = Field(
        None, description="When it was verified.", json_schema_extra={"format": "date-time"}
    )
    unchecked: list[str] = Field(
        default_factory=list, description="Signature files beside it that no keys were there for."
    )
    trust: str | None = Field(
        None, description="Hash of the keys, fingerprints and policy that it was judged by; others are a new judgement."
    )
    evidence: str | None = Field(
        None,
        description="Hash of the side files and rules it was judged by; a bad verdict stands until it changes.",
    )


class ChartStatus(ApiModel):
    """A package's Helm chart, as it is uploaded to a chart repository."""

    name: str = Field(description="Name of the chart.")
    version: str = Field(description="Version of the chart.")
    digest: str = Field(description="sha256 of the chart archive.")


class PackageStatus(ApiModel):
    """What the package is."""

    name: str = Field(description="Name; also that of the Artifact.")
    display_name: str | None = Field(None, description="Name for people.")
    type: Literal["bundle", "plugin", "chart"] = Field(description="bundle, plugin or chart.")
    version: str = Field(description="Version.")
    architectures: list[str] = Field(default_factory=list, description="Platforms of the images, os/arch.")
    lifecycle: str | None = Field(None, description="core, aligned or agnostic.")
    artifact: str | None = Field(None, description="The main image as the packager named it.")
    channels: list[str] = Field(default_factory=list, description="OLM channels of a bundle.")
    default_channel: str | None = Field(None, description="OLM default channel of a bundle.")
    csv: str | None = Field(None, description="Name of a bundle's ClusterServiceVersion; the platform's word for it.")
    replaces: str | None = Field(None, description="The ClusterServiceVersion that a bundle comes after.")
    skip_range: str | None = Field(None, description="Versions that may be skipped on the way to a bundle's.")
    main_chart: str | None = Field(None, description="Repository path of a plugin's main chart.")
    affinity: dict[str, Any] | None = Field(
        None,
        description="On which clusters a plugin can be installed, as its ModulePlugin says.",
        json_schema_extra={"x-kubernetes-preserve-unknown-fields": True},
    )
    module: dict[str, Any] | None = Field(
        None,
        description="The ModulePlugin of a plugin as its packager wrote it: metadata (labels, annotations) and spec.",
        json_schema_extra={"x-kubernetes-preserve-unknown-fields": True},
    )
    chart: ChartStatus | None = Field(None, description="The chart of a package of type chart.")
    image_platforms: list[str] | None = Field(None, description="Architectures that were taken, if not all.")
    related_images: list[str] = Field(default_factory=list, description="The other images as the packager named them.")
    contradictions: list[str] = Field(
        default_factory=list, description="What in the package does not agree, and which word counts."
    )


class Progress(ApiModel):
    """How far the transfer is; never goes back for one source and generation."""

    bytes_total: int = Field(ge=0, description="Bytes to read and to push, as far as known.")
    bytes_done: int = Field(ge=0, description="Bytes read and pushed.")
    blobs_total: int = Field(0, ge=0, description="Blobs of the package, counted once per repository.")
    blobs_done: int = Field(0, ge=0, description="Blobs that are in the registry now.")
    blobs_skipped: int = Field(0, ge=0, description="Blobs that were in the registry already.")
    percent: int = Field(ge=0, le=100, description="Share done.")


class PlannedObject(ApiModel):
    """What an upload would do with an object on a cluster."""

    platform: str = Field(description="Name of the Platform.")
    cluster: str = Field(description="Name of the cluster.")
    kind: str = Field(description="Kind.")
    namespace: str | None = Field(None, description="Namespace.")
    name: str = Field(description="Name.")
    action: Literal["Create", "Change", "Keep"] = Field(description="Create, Change or Keep.")


class PlannedRegistry(ApiModel):
    """A registry that an upload would push to."""

    platform: str = Field(description="Name of the Platform.")
    address: str = Field(description="Where images go: HOST, or HOST/PREFIX.")
    pull_address: str = Field(description="What clusters pull from, likewise.")


class PlanStatus(ApiModel):
    """What there was to do when last judged; kept in mode Preview."""

    bytes: int = Field(ge=0, description="Bytes to push.")
    blobs: int = Field(ge=0, description="Blobs to push.")
    blobs_present: int = Field(0, ge=0, description="Blobs already there.")
    tags: list[str] = Field(default_factory=list, description="Tags to write.")
    overwrites: list[str] = Field(default_factory=list, description="Tags that exist with other content.")
    registries: list[PlannedRegistry] = Field(default_factory=list, description="What it was made for.")
    objects: list[PlannedObject] = Field(default_factory=list, description="Objects on the clusters.")
    hash: str | None = Field(None, description="Identity of what would be written.")


class ObjectStatus(ApiModel):
    """An object on a target cluster."""

    kind: str = Field(description="Kind.")
    namespace: str | None = Field(None, description="Namespace.")
    name: str = Field(description="Name.")


class TargetStatus(ApiModel):
    """The result on one cluster of one platform."""

    platform: str = Field(description="Name of the Platform.")
    cluster: str = Field(description="Name of the cluster.")
    phase: Literal["Pending", "Publishing", "Ready", "Failed", "Skipped"] = Field(description="Where it stands.")
    message: str | None = Field(None, description="A sentence for people.")
    objects: list[ObjectStatus] = Field(default_factory=list, description="Objects published there.")
    waiting_since: str | None = Field(
        None,
        description="Since when the cluster is waited for; the deadline counts from here.",
        json_schema_extra={"format": "date-time"},
    )


class ImageStatus(ApiModel):
    """An image of the package."""

    source: str = Field(description="Reference as the packager named it.")
    destination: str = Field(description="Reference in the registry.")
    digest: str = Field(description="Digest of the manifest or index, byte for byte as packed.")
    platform: str | None = Field(None, description="Name of the Platform whose registry holds it.")


class PublishedTag(ApiModel):
    """A tag that the upload needs or has needed."""

    platform: str = Field(description="Name of the Platform.")
    registry: str = Field(description="Where it was pushed: HOST[:PORT].")
    pull_address: str = Field(description="What clusters pull from.")
    repository: str = Field(description="Repository.")
    tag: str = Field(description="Tag.")
    digest: str = Field(description="What it points at; with other content it stays.")
    pushed: bool = Field(False, description="Whether this upload has written it. One that was there before stays.")


class PublishedVersion(ApiModel):
    """A version of a package on one cluster."""

    platform: str = Field(description="Name of the Platform.")
    cluster: str = Field(description="Name of the cluster.")
    registry: str = Field(description="Where its images were pushed: HOST[:PORT].")
    pull_address: str = Field(description="What the cluster pulls from.")
    type: Literal["bundle", "plugin", "chart"] = Field(description="bundle, plugin or chart.")
    name: str = Field(description="Name of the package; of a chart, of the chart.")
    version: str = Field(description="Version.")
    object: str = Field(description="Name of its ArtifactVersion, ModulePlugin or Chart.")
    csv: str | None = Field(None, description="Name of a bundle's ClusterServiceVersion.")
    module: str | None = Field(None, description="Label cpaas.io/module-name of a plugin.")
    repository: str | None = Field(None, description="Repository of a chart.")
    digest: str | None = Field(None, description="sha256 of a chart archive.")
    made: bool = Field(
        False, description="Whether this upload publishes it there; not with skipResources, nor a chart that was there."
    )


class PublishedStatus(ApiModel):
    """What deletionPolicy Delete takes back: recorded before it is written, and kept when the package changes."""

    tags: Annotated[list[PublishedTag], Field(json_schema_extra={"x-kubernetes-list-type": "atomic"})] = Field(
        default_factory=list, description="Tags."
    )
    versions: Annotated[list[PublishedVersion], Field(json_schema_extra={"x-kubernetes-list-type": "atomic"})] = Field(
        default_factory=list, description="Versions on clusters."
    )


class PackageUploadStatus(ApiModel):
    """The observed state."""

    observed_generation: int | None = Field(None, ge=0, description="The generation judged last.")
    last_handled_reconcile_at: str | None = Field(
        None, description="Value of the reconcile-requested-at annotation that was handled last."
    )
    conditions: Conditions = Field(
        default_factory=list,
        description="Fetched, Verified, Pushed, Published, Ready; Reconciling and Stalled while true.",
    )
    source: SourceStatus | None = Field(None, description="The object that was read.")
    verification: VerificationStatus | None = Field(None, description="What the package has shown.")
    package: PackageStatus | None = Field(None, description="What the package is.")
    progress: Progress | None = Field(None, description="How far the transfer is.")
    plan: PlanStatus | None = Field(None, description="What there was to do when last judged.")
    targets: Annotated[list[TargetStatus], Field(json_schema_extra=list_map("platform", "cluster"))] = Field(
        default_factory=list, description="Result per cluster."
    )
    images: Annotated[list[ImageStatus], Field(json_schema_extra={"x-kubernetes-list-type": "atomic"})] = Field(
        default_factory=list, description="Images of the package in the registries."
    )
    published: PublishedStatus | None = Field(
        None, description="What deletionPolicy Delete takes back, also of earlier packages and targets."
    )
