"""From a Platform object to ways in: the registry's client and one API client per cluster.

What a later version will bring (login by address, registry discovery) is refused here by name, not ignored.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import ValidationError

from violet_operator.api.model import CABundleRef
from violet_operator.api.platform import ChartsSpec, PlatformSpec, RegistrySpec
from violet_operator.clients.kube import CONFIG_MAPS, PLATFORMS, SECRETS, Kube, Resource
from violet_operator.clients.registry import Registry
from violet_operator.clients.registry_http import RegistrySettings
from violet_operator.errors import Stalled, Waiting

JsonObject = dict[str, Any]

GLOBAL = "global"
"""The platform's management cluster (`platform.md` 0)."""


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
        charts: how Helm charts get into its chart repositories.
    """

    name: str
    registry: Registry
    prefix: str
    pull_address: str
    clusters: dict[str, Kube]
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


async def read_platform(reader: Reader, namespace: str, name: str) -> PlatformSpec:
    """The spec of a Platform.

    Raises:
        Waiting: there is none.
        Stalled: it uses what this version does not support yet.
    """
    body = await reader.get(PLATFORMS, namespace, name)
    if body is None:
        raise Waiting(
            "PlatformNotFound",
            f"There is no Platform {name!r} in namespace {namespace}. Create it, or correct spec.targets.",
        )
    try:
        return PlatformSpec.model_validate(body["spec"])
    except ValidationError as error:
        raise invalid_spec(error, f"Platform {name}: ") from None


def invalid_spec(error: ValidationError, whose: str = "") -> Stalled:
    """The error for an object that is older than a rule of its CRD; names the fields, never their values."""
    faults = [f"spec.{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()]
    return Stalled("InvalidSpec", f"{whose}the spec is not valid: {'; '.join(faults[:5])}. Correct it.")


def check_supported(spec: PlatformSpec, name: str) -> RegistrySpec:
    """What the Platform asks for must be something this version does.

    Raises:
        Stalled: it is not.
    """
    if spec.address is not None:
        raise Stalled(
            "NotSupportedYet",
            f"Platform {name}: spec.address (login to a remote platform) is not supported by this version of the "
            "operator. Run the operator in the platform's global cluster and use spec.inCluster: {}.",
        )
    if spec.registry is None or spec.registry.address is None:
        raise Stalled(
            "NotSupportedYet",
            f"Platform {name}: discovery of the registry is not supported by this version of the operator. "
            "Give spec.registry.address with credentialsSecretRef, or anonymous: true.",
        )
    return spec.registry


async def registry_settings(reader: Reader, namespace: str, name: str, spec: RegistrySpec) -> RegistrySettings:
    """How to reach the registry, with credentials from the Platform's own namespace.

    Raises:
        Waiting: a Secret or ConfigMap is missing or lacks what it should hold.
    """
    address = str(spec.address)
    username = password = None
    if spec.credentials_secret_ref:
        secret = await read_secret(reader, namespace, spec.credentials_secret_ref.name, f"Platform {name}")
        username, password = _registry_login(secret, address, spec.credentials_secret_ref.name)
    bundle = None
    if spec.ca_bundle_ref:
        bundle = await read_ca_bundle(reader, namespace, spec.ca_bundle_ref, f"Platform {name}")
    return RegistrySettings(address, username, password, plain_http=spec.plain_http, ca_bundle=bundle)


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


def _registry_login(secret: dict[str, str], address: str, name: str) -> tuple[str, str]:
    """User and password for a registry from a Secret of type dockerconfigjson or basic-auth."""
    if "username" in secret and "password" in secret:
        return secret["username"], secret["password"]
    try:
        auths = json.loads(secret[".dockerconfigjson"])["auths"]
        entry = next(auths[key] for key in (address, f"https://{address}", f"http://{address}") if key in auths)
        if "auth" in entry:
            user, _, password = base64.b64decode(entry["auth"]).decode().partition(":")
            return user, password
        return str(entry["username"]), str(entry["password"])
    except (KeyError, ValueError, TypeError, AttributeError, StopIteration):
        raise Waiting(
            "InvalidCredentials",
            f"Secret {name!r} holds no login for registry {address}: it needs username and password "
            "(kubernetes.io/basic-auth), or .dockerconfigjson with an entry for exactly that address.",
        ) from None
