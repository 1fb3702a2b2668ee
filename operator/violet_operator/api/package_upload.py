"""PackageUpload: one package, brought to the state "installable" on all its targets, and kept there."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from violet_operator.api.model import (
    SET,
    ApiModel,
    CABundleRef,
    Duration,
    KeysRef,
    Label,
    Name,
    SecretRef,
    rule,
    rules,
)

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Fingerprint = Annotated[str, Field(pattern=r"^([0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})$")]
ImagePlatform = Annotated[str, Field(max_length=64, pattern=r"^[a-z0-9]+/[a-z0-9_]+(/[a-z0-9.]+)?$")]


class StorageAccess(ApiModel):
    """How to get into the storage: shared with a PackageUploadSet, whose uploads get in the same way."""

    endpoint: Annotated[str, Field(max_length=512)] | None = Field(
        None,
        description="Address of the object storage, for s3:// and az://; http:// or https:// says TLS or not. "
        "Default: the cloud provider's own.",
        json_schema_extra=rules(
            rule("self.matches('^https?://[^/?#@]+/?$')", "must be http://HOST[:PORT] or https://HOST[:PORT]")
        ),
    )
    region: Annotated[str, Field(min_length=1, max_length=64)] | None = Field(
        None, description="Region of the bucket (s3://). Default: us-east-1."
    )
    credentials_secret_ref: SecretRef | None = Field(
        None,
        description="Secret with the keys as in Flux's Bucket: accesskey and secretkey (sessiontoken) for s3; "
        "username and password, or token, for http(s); serviceaccount for gs; accountKey, sasKey, or tenantId, "
        "clientId and clientSecret for az. Absent: the pod's own identity.",
    )
    ca_bundle_ref: CABundleRef | None = Field(
        None, description="Certificate authorities to trust for the storage, beside the system's."
    )


class Source(StorageAccess):
    """Where the package lies."""

    url: Annotated[str, Field(min_length=8, max_length=2048)] = Field(
        description="The package: s3://BUCKET/KEY, gs://BUCKET/KEY, az://CONTAINER/KEY, https://... or http://...",
        json_schema_extra=rules(
            rule(
                "self.matches('^(s3|gs|az)://[^/?#@]+/[^?#]+$|^https?://[^/?#@]+/.+$')",
                "must be s3://BUCKET/KEY, gs://BUCKET/KEY, az://CONTAINER/KEY, https://HOST/PATH or http://HOST/PATH, "
                "without user name or password",
            ),
            rule(
                "!self.endsWith('/')",
                "must name one object, not a prefix: use a PackageUploadSet for a prefix",
            ),
        ),
    )
    sha256: Sha256 | None = Field(
        None,
        description="Pin: sha256 of the package, lower-case hex. Wins over a checksum file beside the package.",
    )


class GPG(ApiModel):
    """Public keys of whoever signs the packages."""

    keys_ref: KeysRef = Field(description="Public keys; every entry of the object is tried.")
    fingerprints: Annotated[list[Fingerprint], Field(max_length=64, json_schema_extra=SET)] | None = Field(
        None, description="Pin: only signatures by these keys count (full fingerprints)."
    )


class Verification(ApiModel):
    """What a package must show before anything of it is written anywhere."""

    policy: Literal["Require", "IfPresent", "Skip"] = Field(
        "Require",
        description="Require: a signature or checksum must be there and good. IfPresent: one that is there must be "
        "good. Skip: nothing is demanded, and signatures are not looked at; a sha256 pin or checksum file must fit.",
    )
    gpg: GPG | None = Field(
        None,
        description="Check the GPG signature beside the package (.sig, .asc). With policy Require it must be there.",
    )


class PlatformRef(ApiModel):
    """A Platform of the object's own namespace."""

    name: Name = Field("default", description="Name of the Platform, in the namespace of this object.")


class Target(ApiModel):
    """A platform and its clusters."""

    platform_ref: PlatformRef = Field(
        default_factory=PlatformRef,
        description="The Platform.",
        json_schema_extra={"default": {"name": "default"}},
    )
    clusters: Annotated[list[Label], Field(min_length=1, max_length=100, json_schema_extra=SET)] = Field(
        default_factory=lambda: ["global"],
        description="Clusters of that platform that get the package.",
        json_schema_extra={"default": ["global"]},
    )


DEFAULT_TARGETS: list[JsonValue] = [{"platformRef": {"name": "default"}, "clusters": ["global"]}]


class HasSource(ApiModel):
    """A spec that names one package."""

    source: Source = Field(description="Where the package lies.")


class UploadOptions(ApiModel):
    """What is to be done with a package, wherever it lies: the rest of the spec, and a PackageUploadSet's template."""

    verification: Verification = Field(
        default_factory=Verification,
        description="What the package must show before anything of it is written anywhere.",
        json_schema_extra={
            "default": {"policy": "Require"},
            **rules(
                rule(
                    "self.policy != 'Skip' || !has(self.gpg)",
                    "policy Skip ignores gpg: remove gpg, or use policy Require or IfPresent",
                )
            ),
        },
    )
    targets: Annotated[list[Target], Field(min_length=1, max_length=16)] = Field(
        default_factory=lambda: [Target()],
        description="Platforms and clusters that get the package; each platform has its own result.",
        json_schema_extra={
            "default": DEFAULT_TARGETS,
            "x-kubernetes-list-type": "atomic",
            **rules(
                rule(
                    "self.all(t, self.exists_one(u, u.platformRef.name == t.platformRef.name))",
                    "each platform may be named once: put its clusters into one entry",
                )
            ),
        },
    )
    catalog_source: Label = Field("platform", description="Catalog that lists an operator bundle.")
    chart_repository: Label = Field("public-charts", description="Repository that lists a Helm chart.")
    image_platforms: (
        Annotated[list[ImagePlatform], Field(min_length=1, max_length=32, json_schema_extra=SET)] | None
    ) = Field(None, description="Push only these architectures, such as linux/amd64. Default: all in the package.")
    mode: Literal["Upload", "Preview"] = Field(
        "Upload",
        description="Preview fetches, verifies, inspects and plans, and writes nothing anywhere.",
    )
    skip_push: bool = Field(False, description="Push no images: they must already be in the registry.")
    skip_resources: bool = Field(False, description="Push the images only: create no objects on the targets.")
    overwrite: Literal["Never", "IfDifferent"] = Field(
        "Never", description="What to do with a tag that exists with other content."
    )
    suspend: bool = Field(False, description="Stop at once and do nothing until this is false again.")
    deletion_policy: Literal["Retain", "Delete"] = Field(
        "Retain", description="What becomes of published objects and tags when this object is deleted."
    )
    interval: Duration = Field("1h", description="How often to look for drift, such as 30m or 1h.")


class PackageUploadSpec(UploadOptions, HasSource):  # in this order, pydantic puts `source` first
    """The desired state."""


OPTION_RULES = (
    rule(
        "!(self.skipPush && self.skipResources)",
        "skipPush and skipResources exclude each other: nothing would be left to do",
    ),
)
SOURCE_RULES = (
    rule(
        "!has(self.source.endpoint) || self.source.url.startsWith('s3://') || self.source.url.startsWith('az://')",
        "endpoint goes with s3:// and az:// only",
    ),
    rule("!has(self.source.region) || self.source.url.startsWith('s3://')", "region goes with s3:// only"),
)
SPEC_RULES = rules(*OPTION_RULES, *SOURCE_RULES)

PRINTER_COLUMNS = [
    {"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Ready')].status"},
    {"name": "Reason", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Ready')].reason"},
    {"name": "Progress", "type": "integer", "jsonPath": ".status.progress.percent", "description": "Percent"},
    {"name": "Package", "type": "string", "jsonPath": ".status.package.name"},
    {"name": "Version", "type": "string", "jsonPath": ".status.package.version"},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    {"name": "Type", "type": "string", "jsonPath": ".status.package.type", "priority": 1},
    {"name": "Source", "type": "string", "jsonPath": ".spec.source.url", "priority": 1},
    {"name": "Verified", "type": "string", "jsonPath": ".status.verification.method", "priority": 1},
    {
        "name": "Message",
        "type": "string",
        "jsonPath": ".status.conditions[?(@.type=='Ready')].message",
        "priority": 1,
    },
]
