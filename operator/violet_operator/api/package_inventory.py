"""PackageInventory: what is installed where, kept up to date as `apps.yaml`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from violet_operator.api.model import (
    SET,
    ApiModel,
    CABundleRef,
    CronExpression,
    Duration,
    Label,
    Name,
    SecretRef,
    TimeZone,
    rule,
    rules,
)
from violet_operator.api.package_upload import PlatformRef


class ConfigMapKeyRef(ApiModel):
    """A key of a ConfigMap of the object's own namespace, which is written."""

    name: Name = Field(description="Name of the ConfigMap, in the namespace of this object; made if there is none.")
    key: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")] = Field(
        "apps.yaml", description="Key that holds the export; other keys are left alone."
    )


class Output(ApiModel):
    """Where the export goes."""

    config_map_ref: ConfigMapKeyRef = Field(description="The ConfigMap that holds the export.")
    url: Annotated[str, Field(max_length=2048)] | None = Field(
        None,
        description="A copy of the export in object storage: s3://BUCKET/KEY, written when the export changes.",
        json_schema_extra=rules(
            rule(
                "self.matches('^s3://[^/?#@]+/([^?#]*[^?#/])$')",
                "must be s3://BUCKET/KEY and name one object, without user name or password",
            )
        ),
    )
    endpoint: Annotated[str, Field(max_length=512)] | None = Field(
        None,
        description="Address of the object storage; http:// or https:// says TLS or not. Default: the cloud "
        "provider's own.",
        json_schema_extra=rules(
            rule("self.matches('^https?://[^/?#@]+/?$')", "must be http://HOST[:PORT] or https://HOST[:PORT]")
        ),
    )
    region: Annotated[str, Field(min_length=1, max_length=64)] | None = Field(
        None, description="Region of the bucket. Default: us-east-1."
    )
    credentials_secret_ref: SecretRef | None = Field(
        None,
        description="Secret with accesskey and secretkey (sessiontoken). Absent: the pod's own identity.",
    )
    ca_bundle_ref: CABundleRef | None = Field(
        None, description="Certificate authorities to trust for the storage, beside the system's."
    )


class PackageInventorySpec(ApiModel):
    """The desired state."""

    platform_ref: PlatformRef = Field(
        default_factory=PlatformRef,
        description="The Platform whose packages are listed.",
        json_schema_extra={"default": {"name": "default"}},
    )
    clusters: Annotated[list[Label], Field(min_length=1, max_length=100, json_schema_extra=SET)] | None = Field(
        None, description="List these clusters only. Default: all that the Platform shows."
    )
    interval: Duration | None = Field(
        None, description="How often to look, such as 30m or 1h. Default, without a schedule: 1h."
    )
    schedule: CronExpression | None = Field(
        None, description="When to look, instead of an interval: a cron expression as in a CronJob."
    )
    time_zone: TimeZone | None = Field(
        None, description="Time zone of the schedule, such as Asia/Shanghai. Default: UTC."
    )
    suspend: bool = Field(False, description="Do nothing until this is false again.")
    output: Output = Field(
        description="Where the export goes.",
        json_schema_extra=rules(
            rule(
                "has(self.url) || !(has(self.endpoint) || has(self.region) || has(self.credentialsSecretRef) || "
                "has(self.caBundleRef))",
                "endpoint, region, credentialsSecretRef and caBundleRef go with url",
            )
        ),
    )


SPEC_RULES = rules(
    rule("!(has(self.interval) && has(self.schedule))", "interval and schedule exclude each other"),
    rule("!has(self.timeZone) || has(self.schedule)", "timeZone goes with schedule"),
)

PRINTER_COLUMNS = [
    {"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Ready')].status"},
    {"name": "Reason", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Ready')].reason"},
    {"name": "Operators", "type": "integer", "jsonPath": ".status.counts.operatorBundles"},
    {"name": "Plugins", "type": "integer", "jsonPath": ".status.counts.modulePlugins"},
    {"name": "Charts", "type": "integer", "jsonPath": ".status.counts.charts"},
    {"name": "Changed", "type": "date", "jsonPath": ".status.lastChangeTime"},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    {"name": "Exported", "type": "date", "jsonPath": ".status.lastExportTime", "priority": 1},
    {"name": "ConfigMap", "type": "string", "jsonPath": ".spec.output.configMapRef.name", "priority": 1},
    {
        "name": "Message",
        "type": "string",
        "jsonPath": ".status.conditions[?(@.type=='Ready')].message",
        "priority": 1,
    },
]
