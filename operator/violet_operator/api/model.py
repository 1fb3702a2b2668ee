"""The base of all API models: camelCase outside, snake_case inside, CEL rules beside the fields they bind."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


def rule(expression: str, message: str) -> dict[str, str]:
    """One CEL validation rule; `message` is what the user reads when the API server refuses an object."""
    return {"rule": expression, "message": message}


def rules(*items: dict[str, str]) -> dict[str, Any]:
    """Schema extension that carries CEL rules (Kubernetes `x-kubernetes-validations`)."""
    return {"x-kubernetes-validations": list(items)}


SET: dict[str, Any] = {"x-kubernetes-list-type": "set"}
"""Schema extension of a list whose items are unique."""


def list_map(*keys: str) -> dict[str, Any]:
    """Schema extension of a list that is a map by `keys`."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


class ApiModel(BaseModel):
    """A part of a spec or a status."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")

    def to_api(self) -> dict[str, Any]:
        """The JSON form: camelCase, absent instead of null."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"

SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
"""What Kubernetes takes as the name of most objects (RFC 1123 subdomain), up to 253 characters."""

Name = Annotated[str, Field(min_length=1, max_length=253, pattern=rf"^{SUBDOMAIN}$")]
"""The name of an object of the same namespace (RFC 1123 subdomain)."""

Label = Annotated[str, Field(min_length=1, max_length=63, pattern=rf"^{_LABEL}$")]
"""A short name (RFC 1123 label)."""

Duration = Annotated[
    str,
    Field(
        max_length=32,
        pattern=r"^([0-9]+(ms|s|m|h))+$",
        json_schema_extra=rules(rule("duration(self) >= duration('1m')", "must be at least 1m")),
    ),
]
"""A Go duration string; parse it with `support.durations.parse_duration`."""

CronExpression = Annotated[
    str,
    Field(
        max_length=128,
        json_schema_extra=rules(
            rule(
                "self.matches('^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|[^ =]+( +[^ =]+){4})$')",
                "must be five fields (minute, hour, day of the month, month, day of the week) or a word such as "
                "@daily; the time zone goes into timeZone",
            )
        ),
    ),
]
"""A schedule as a CronJob has it; `support.cron.Schedule` reads it."""

TimeZone = Annotated[
    str,
    Field(
        max_length=64,
        pattern=r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$",
        json_schema_extra=rules(
            rule("self.lowerAscii() != 'local'", "must be a name of the IANA database: Local is whatever a pod has")
        ),
    ),
]
"""A name of the IANA time zone database."""


class SecretRef(ApiModel):
    """A Secret of the object's own namespace."""

    name: Name = Field(description="Name of the Secret, in the namespace of this object.")


class KeysRef(ApiModel):
    """A Secret or ConfigMap of the object's own namespace, all of whose entries are read."""

    kind: Literal["Secret", "ConfigMap"] = Field("Secret", description="Secret or ConfigMap.")
    name: Name = Field(description="Name of the object, in the namespace of this object.")


class CABundleRef(ApiModel):
    """A PEM bundle of certificate authorities in a ConfigMap or Secret of the object's own namespace."""

    kind: Literal["ConfigMap", "Secret"] = Field("ConfigMap", description="ConfigMap or Secret.")
    name: Name = Field(description="Name of the object, in the namespace of this object.")
    key: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")] = Field(
        "ca.crt", description="Key that holds the PEM certificates."
    )


class Condition(ApiModel):
    """A condition as in Kubernetes' `metav1.Condition`."""

    type: Annotated[str, Field(max_length=316)] = Field(description="Type of the condition.")
    status: Literal["True", "False", "Unknown"] = Field(description="True, False or Unknown.")
    reason: Annotated[str, Field(min_length=1, max_length=1024)] = Field(
        description="One word in CamelCase for programs."
    )
    message: Annotated[str, Field(max_length=32768)] = Field(description="A sentence for people.")
    last_transition_time: str = Field(
        description="When the status last changed.", json_schema_extra={"format": "date-time"}
    )
    observed_generation: int | None = Field(
        None, ge=0, description="The generation of the spec that this condition was judged on."
    )


Conditions = Annotated[list[Condition], Field(max_length=16, json_schema_extra=list_map("type"))]
