"""Platform: where packages go, and how to get in; reports whether that works."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from violet_operator.api.model import (
    SET,
    ApiModel,
    CABundleRef,
    Conditions,
    Label,
    Name,
    SecretRef,
    list_map,
    rule,
    rules,
)

HOST = r"([a-zA-Z0-9]([-a-zA-Z0-9.]*[a-zA-Z0-9])?|\\[[0-9a-fA-F:.]+\\])(:[0-9]{1,5})?"
"""DNS name, IPv4 or bracketed IPv6, with an optional port; escaped for a CEL string literal."""

HostPort = Annotated[str, Field(min_length=1, max_length=512)]


class InCluster(ApiModel):
    """The platform whose global cluster this operator runs in; no further settings."""


class RegistrySpec(ApiModel):
    """The image registry that packages are pushed to."""

    address: HostPort | None = Field(
        None,
        description="HOST[:PORT]; an IPv6 address in brackets. Default: the platform's own registry.",
        json_schema_extra=rules(rule(f"self.matches('^{HOST}$')", "must be HOST[:PORT], without https:// and path")),
    )
    credentials_secret_ref: SecretRef | None = Field(
        None, description="Secret of type kubernetes.io/dockerconfigjson or kubernetes.io/basic-auth."
    )
    anonymous: bool = Field(False, description="The registry takes pushes without credentials.")
    plain_http: Annotated[bool, Field(alias="plainHTTP")] = Field(False, description="Speak HTTP instead of HTTPS.")
    ca_bundle_ref: CABundleRef | None = Field(None, description="Certificate authorities to trust for the registry.")
    repository_prefix: Annotated[str, Field(min_length=1, max_length=128)] | None = Field(
        None,
        description="Put before each repository, such as the name of a Harbor project.",
        json_schema_extra=rules(
            rule(
                "self.matches('^[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$')",
                "must be lower-case path components of a repository name, without a slash at the ends",
            )
        ),
    )
    pull_address: HostPort | None = Field(
        None,
        description="HOST[:PORT] that clusters pull from, where it differs from address.",
        json_schema_extra=rules(rule(f"self.matches('^{HOST}$')", "must be HOST[:PORT], without https:// and path")),
    )
    image_pull_secrets: Annotated[list[Name], Field(max_length=16, json_schema_extra=SET)] | None = Field(
        None,
        description="Secrets of the clusters' system namespace with which they pull from the registry.",
    )


class ChartsSpec(ApiModel):
    """How Helm charts get into the platform's chart repositories."""

    backend: Literal["catalogApi", "chartmuseum", "oci"] = Field(
        "catalogApi",
        description="catalogApi: the platform's own API. chartmuseum: the ChartMuseum behind it. oci: the image "
        "registry, for a chart repository that the platform fills from there.",
    )
    address: Annotated[str, Field(min_length=8, max_length=512)] | None = Field(
        None,
        description="http(s)://HOST[:PORT][/PATH] of the platform (catalogApi) or of ChartMuseum.",
        json_schema_extra=rules(
            rule(
                f"self.matches('^https?://{HOST}(/[-._~a-zA-Z0-9]+)*/?$')",
                "must be http(s)://HOST[:PORT][/PATH], without user name or password",
            )
        ),
    )
    credentials_secret_ref: SecretRef | None = Field(
        None, description="Secret with the key token, or username and password."
    )
    ca_bundle_ref: CABundleRef | None = Field(None, description="Certificate authorities to trust for address.")


class PlatformSpec(ApiModel):
    """The desired state."""

    in_cluster: InCluster | None = Field(
        None, description="The platform whose global cluster this operator runs in; no login needed."
    )
    address: Annotated[str, Field(min_length=9, max_length=512)] | None = Field(
        None,
        description="Address of the platform: https://HOST, HOST being a DNS name, IPv4 or bracketed IPv6.",
        json_schema_extra=rules(
            rule(
                f"self.matches('^https://{HOST}/?$')",
                "must be https://HOST[:PORT], an IPv6 address in brackets",
            )
        ),
    )
    credentials_secret_ref: SecretRef | None = Field(
        None, description="Secret with the key token, or username and password."
    )
    kubeconfig_secret_ref: SecretRef | None = Field(
        None,
        description="Secret with the key kubeconfig, for sites without the platform's gateway: each context is a "
        "cluster of that name; a single context is the cluster global.",
    )
    client_id: Annotated[str, Field(alias="clientID", min_length=1, max_length=128)] = Field(
        "alauda-auth", description="OAuth client for the login with a password; a token needs none."
    )
    ca_bundle_ref: CABundleRef | None = Field(None, description="Certificate authorities to trust for the platform.")
    insecure_skip_tls_verify: Annotated[bool, Field(alias="insecureSkipTLSVerify")] = Field(
        False, description="Do not check the platform's certificate. For tests only."
    )
    registry: RegistrySpec | None = Field(
        None,
        description="The image registry. Default: discovered on the platform.",
        json_schema_extra=rules(
            rule(
                "!has(self.address) || has(self.credentialsSecretRef) || self.anonymous",
                "an explicit address demands credentialsSecretRef, or anonymous: true",
            ),
            rule(
                "!(has(self.credentialsSecretRef) && self.anonymous)",
                "credentialsSecretRef and anonymous exclude each other",
            ),
            rule(
                "!(self.plainHTTP && has(self.caBundleRef))",
                "plainHTTP uses no certificates: remove caBundleRef",
            ),
        ),
    )
    charts: ChartsSpec | None = Field(
        None,
        description="How Helm charts are uploaded. Default: by the platform's own API.",
        json_schema_extra=rules(
            rule("self.backend != 'chartmuseum' || has(self.address)", "backend chartmuseum demands an address"),
            rule(
                "self.backend != 'oci' || !has(self.address)",
                "backend oci goes to the image registry: remove address",
            ),
            rule(
                "self.backend != 'catalogApi' || has(self.address) == has(self.credentialsSecretRef)",
                "with backend catalogApi, address and credentialsSecretRef go together",
            ),
            rule(
                "has(self.address) || !has(self.credentialsSecretRef)",
                "credentialsSecretRef goes with address",
            ),
            rule(
                "!has(self.caBundleRef) || (has(self.address) && self.address.startsWith('https://'))",
                "caBundleRef goes with an address of https://",
            ),
        ),
    )


class ClusterStatus(ApiModel):
    """A cluster that this platform shows us."""

    name: Label = Field(description="Name of the cluster.")
    ready: bool = Field(description="Whether packages can be published there.")
    message: str | None = Field(None, description="A sentence for people.")


class RegistryStatus(ApiModel):
    """The registry in use."""

    address: str = Field(description="Where we push.")
    pull_address: str = Field(description="Where clusters pull.")
    origin: Literal["Spec", "Discovered"] = Field(description="Where the address comes from.")
    capabilities: list[Literal["Catalog", "Referrers"]] = Field(
        default_factory=list,
        description="What it was seen to do: list its repositories (Catalog), list what is about an image (Referrers).",
    )


class PlatformStatus(ApiModel):
    """The observed state."""

    observed_generation: int | None = Field(None, ge=0, description="The generation judged last.")
    last_handled_reconcile_at: str | None = Field(
        None, description="Value of the reconcile-requested-at annotation that was handled last."
    )
    conditions: Conditions = Field(default_factory=list, description="Ready; Reconciling and Stalled while true.")
    clusters: Annotated[list[ClusterStatus], Field(json_schema_extra=list_map("name"))] = Field(
        default_factory=list, description="Clusters visible."
    )
    registry: RegistryStatus | None = Field(None, description="The registry in use.")


SPEC_RULES = rules(
    rule(
        "[has(self.inCluster), has(self.address), has(self.kubeconfigSecretRef)].exists_one(given, given)",
        "give exactly one of inCluster, address and kubeconfigSecretRef",
    ),
    rule(
        "has(self.address) == has(self.credentialsSecretRef)",
        "credentialsSecretRef goes with address: a Secret with the key token, or username and password",
    ),
    rule(
        "has(self.address) || self.clientID == 'alauda-auth'",
        "clientID goes with address: the operator logs in nowhere else",
    ),
    rule(
        "has(self.address) || (!has(self.caBundleRef) && !self.insecureSkipTLSVerify)",
        "caBundleRef and insecureSkipTLSVerify go with address",
    ),
    rule(
        "!(has(self.caBundleRef) && self.insecureSkipTLSVerify)",
        "caBundleRef and insecureSkipTLSVerify exclude each other",
    ),
)

PRINTER_COLUMNS = [
    {"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Ready')].status"},
    {"name": "Reason", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Ready')].reason"},
    {"name": "Registry", "type": "string", "jsonPath": ".status.registry.address"},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    {"name": "Address", "type": "string", "jsonPath": ".spec.address", "priority": 1},
    {
        "name": "Message",
        "type": "string",
        "jsonPath": ".status.conditions[?(@.type=='Ready')].message",
        "priority": 1,
    },
]
