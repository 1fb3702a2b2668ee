"""PackageUploadSet: every package under a prefix, one PackageUpload each; finds new ones by itself."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, JsonValue

from violet_operator.api.model import ApiModel, Conditions, Duration, rule, rules
from violet_operator.api.package_upload import OPTION_RULES, SOURCE_RULES, StorageAccess, UploadOptions

Glob = Annotated[
    str,
    Field(
        min_length=1,
        max_length=256,
        json_schema_extra=rules(
            rule("!self.startsWith('/')", "is compared with names below the prefix, which begin with no slash")
        ),
    ),
]
Globs = Annotated[list[Glob], Field(max_length=64)]

_KEYS = (
    rule(
        "self.all(k, k.matches('^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$'))",
        "keys must be as Kubernetes wants them: an optional DNS name and a slash, then letters, digits, '-', '_', '.'",
    ),
    rule("self.all(k, !k.startsWith('violet.alauda.io/'))", "keys of violet.alauda.io/ are the operator's own"),
)

_NO_OPTIONS: JsonValue = {"skipPush": False, "skipResources": False}
"""The default of a template's spec; the API server fills in the rest, but judges OPTION_RULES before."""

LabelValue = Annotated[str, Field(max_length=63, pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$")]
AnnotationValue = Annotated[str, Field(max_length=4096)]


class SetSource(StorageAccess):
    """Where the packages lie, and how to get at them."""

    url: Annotated[str, Field(min_length=7, max_length=1024)] = Field(
        description="The prefix: s3://BUCKET/ or s3://BUCKET/PREFIX/ (gs:// and az:// likewise). Packages below it "
        "count at any depth.",
        json_schema_extra=rules(
            rule(
                "self.matches('^(s3|gs|az)://[^/?#@]+/([^/?#]+/)*$')",
                "must be s3://BUCKET/ or s3://BUCKET/PREFIX/ (or gs://, az://), with a slash at the end",
            )
        ),
    )


class TemplateMetadata(ApiModel):
    """Labels and annotations of the uploads, beside the operator's own."""

    labels: Annotated[dict[str, LabelValue], Field(max_length=32)] | None = Field(
        None, description="Labels of every upload.", json_schema_extra=rules(*_KEYS)
    )
    annotations: Annotated[dict[str, AnnotationValue], Field(max_length=32)] | None = Field(
        None, description="Annotations of every upload.", json_schema_extra=rules(*_KEYS)
    )


class Template(ApiModel):
    """What every upload of this Set looks like."""

    metadata: TemplateMetadata | None = Field(None, description="Labels and annotations of every upload.")
    spec: UploadOptions = Field(
        default_factory=UploadOptions,
        description="Spec of every upload, without source: that is the package's, with this Set's way in.",
        json_schema_extra={"default": _NO_OPTIONS, **rules(*OPTION_RULES)},
    )


class PackageUploadSetSpec(ApiModel):
    """The desired state."""

    source: SetSource = Field(description="Where the packages lie.")
    include: Globs | None = Field(
        None,
        description="Take only packages whose name below the prefix matches one of these: * any characters, slashes "
        "too, ? one, [ab] one of these. Default: all.",
    )
    exclude: Globs | None = Field(None, description="Leave out packages that match one of these; wins over include.")
    template: Template = Field(
        default_factory=Template,
        description="What every upload looks like.",
        json_schema_extra={"default": {"spec": _NO_OPTIONS}},
    )
    interval: Duration = Field("5m", description="How often to look for new packages, such as 5m or 1h.")
    prune: bool = Field(
        False, description="Delete an upload whose package is gone from the prefix, or is no longer selected."
    )
    suspend: bool = Field(
        False, description="Look for nothing and change nothing until this is false again. The uploads go on."
    )


class Failure(ApiModel):
    """A package that is not Ready for a reason."""

    package: str = Field(description="Name below the prefix.")
    upload: str | None = Field(None, description="Name of its PackageUpload.")
    reason: str = Field(description="One word in CamelCase for programs.")
    message: str = Field(description="A sentence for people.")


class PackageNames(ApiModel):
    """Packages that have something in common."""

    count: int = Field(ge=0, description="How many.")
    packages: list[str] = Field(
        default_factory=list, description="Their names below the prefix; of very many, the first."
    )


class SetVerification(ApiModel):
    """The classes of `violet verify`; a package without a verdict is in none."""

    gpg: PackageNames | None = Field(None, description="Verified successfully with GPG.")
    checksum: PackageNames | None = Field(None, description="Verified successfully with checksum.")
    failed: PackageNames | None = Field(None, description="Verification failed.")
    no_file: PackageNames | None = Field(None, description="No verification file found.")


class PackageUploadSetStatus(ApiModel):
    """The observed state."""

    observed_generation: int | None = Field(None, ge=0, description="The generation judged last.")
    last_handled_reconcile_at: str | None = Field(
        None, description="Value of the reconcile-requested-at annotation that was handled last."
    )
    conditions: Conditions = Field(default_factory=list, description="Ready; Reconciling and Stalled while true.")
    found: int | None = Field(None, ge=0, description="Packages under the prefix that are selected.")
    ready: int | None = Field(None, ge=0, description="Of those, how many are Ready.")
    failed: int | None = Field(None, ge=0, description="Of those, how many have failed.")
    progressing: int | None = Field(None, ge=0, description="The rest: under way, waiting or suspended.")
    gone: int | None = Field(
        None, ge=0, description="Uploads of this Set whose package is no longer found, and which are kept."
    )
    failures: list[Failure] = Field(
        default_factory=list, description="What has failed and why; of very many, the first."
    )
    verification: SetVerification | None = Field(None, description="The packages by what they have shown.")


SPEC_RULES = rules(*SOURCE_RULES)

PRINTER_COLUMNS = [
    {"name": "Found", "type": "integer", "jsonPath": ".status.found"},
    {"name": "Ready", "type": "integer", "jsonPath": ".status.ready"},
    {"name": "Failed", "type": "integer", "jsonPath": ".status.failed"},
    {"name": "Reason", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Ready')].reason"},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    {"name": "Progressing", "type": "integer", "jsonPath": ".status.progressing", "priority": 1},
    {"name": "Gone", "type": "integer", "jsonPath": ".status.gone", "priority": 1},
    {"name": "Source", "type": "string", "jsonPath": ".spec.source.url", "priority": 1},
    {
        "name": "Message",
        "type": "string",
        "jsonPath": ".status.conditions[?(@.type=='Ready')].message",
        "priority": 1,
    },
]
