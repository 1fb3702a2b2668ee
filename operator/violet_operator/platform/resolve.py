"""A Platform as uploads use it, and how it and what it refers to are read."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import ValidationError

from violet_operator.api.model import CABundleRef
from violet_operator.api.platform import ChartsSpec, PlatformSpec
from violet_operator.clients.gateway import Gateway
from violet_operator.clients.kube import CONFIG_MAPS, PLATFORMS, SECRETS, Kube, Resource
from violet_operator.clients.registry import Registry
from violet_operator.errors import Stalled, Waiting

JsonObject = dict[str, Any]


class Reader(Protocol):
    """Reads objects of the operator's own cluster; may remember them for some seconds."""

    async def get(self, resource: Resource, namespace: str | None, name: str) -> JsonObject | None:
        """An object, or None."""
        ...


@dataclass(frozen=True, slots=True)
class Connection:
    """A platform, ready for use.

    Attributes:
        name: name of the Platform object.
        registry: client of its registry.
        prefix: repository prefix, or an empty string.
        pull_address: what clusters pull from.
        clusters: API client by name of cluster.
        pull_secrets: Secrets with which clusters pull, by name.
        discovered: whether the platform named the registry, and not its Platform.
        gateway: the platform's own API, where there is one.
        charts: how Helm charts get into its chart repositories.
    """

    name: str
    registry: Registry
    prefix: str
    pull_address: str
    clusters: dict[str, Kube]
    pull_secrets: tuple[str, ...] = ()
    discovered: bool = False
    gateway: Gateway | None = None
    charts: ChartsSpec = field(default_factory=ChartsSpec)

    def cluster(self, name: str) -> Kube:
        """The client of a cluster.

        Raises:
            Stalled: the platform has no such cluster.
        """
        found = self.clusters.get(name)
        if found is None:
            raise Stalled(
                "UnknownCluster",
                f"Platform {self.name} has no cluster {name!r}, only {', '.join(self.clusters)}. Correct spec.targets.",
            )
        return found


async def read_platform(reader: Reader, namespace: str, name: str) -> tuple[JsonObject, PlatformSpec]:
    """A Platform's metadata and spec.

    Raises:
        Waiting: there is none.
        Stalled: its spec is older than a rule of its CRD.
    """
    body = await reader.get(PLATFORMS, namespace, name)
    if body is None:
        raise Waiting(
            "PlatformNotFound",
            f"There is no Platform {name!r} in namespace {namespace}. Create it, or correct the name in platformRef.",
        )
    try:
        return body["metadata"], PlatformSpec.model_validate(body["spec"])
    except ValidationError as error:
        raise invalid_spec(error, f"Platform {name}: ") from None


def invalid_spec(error: ValidationError, whose: str = "") -> Stalled:
    """The error for an object that is older than a rule of its CRD; names the fields, never their values."""
    faults = [f"spec.{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()]
    return Stalled("InvalidSpec", f"{whose}the spec is not valid: {'; '.join(faults[:5])}. Correct it.")


async def read_secret(reader: Reader, namespace: str, name: str, owner: str) -> dict[str, str]:
    """The decoded entries of a Secret.

    Raises:
        Waiting: there is none, or an entry is not text.
    """
    body = await reader.get(SECRETS, namespace, name)
    if body is None:
        raise Waiting(
            "SecretNotFound",
            f"{owner} names Secret {name!r}, which namespace {namespace} does not have. Create it, "
            "or correct the name.",
        )
    try:
        return {key: base64.b64decode(value).decode() for key, value in (body.get("data") or {}).items()}
    except ValueError:
        raise Waiting("InvalidCredentials", f"Secret {name!r} holds an entry that is not text. Correct it.") from None


async def read_ca_bundle(reader: Reader, namespace: str, ref: CABundleRef, owner: str) -> str:
    """The PEM text that a reference names.

    Raises:
        Waiting: the object or its key is missing.
    """
    if ref.kind == "Secret":
        data = await read_secret(reader, namespace, ref.name, owner)
    else:
        body = await reader.get(CONFIG_MAPS, namespace, ref.name)
        data = (body or {}).get("data") or {}
    if not data.get(ref.key):
        raise Waiting(
            "CABundleNotFound",
            f"{owner} names key {ref.key!r} of {ref.kind} {ref.name!r}, which namespace {namespace} does not have.",
        )
    return data[ref.key]
