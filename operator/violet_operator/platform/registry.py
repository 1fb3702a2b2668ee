"""Which registry a Platform means, and how to log in there: as its spec says, or as the platform itself says."""

from __future__ import annotations

import base64
import json

from violet_operator.api.platform import PlatformSpec, RegistrySpec
from violet_operator.clients.registry_http import RegistrySettings
from violet_operator.errors import Waiting
from violet_operator.platform.discovery import Discovered
from violet_operator.platform.resolve import Reader, read_ca_bundle, read_secret


def needs_discovery(spec: PlatformSpec) -> bool:
    """Whether the platform has to be asked for its registry."""
    return spec.registry is None or spec.registry.address is None


async def registry_settings(
    reader: Reader, namespace: str, name: str, spec: PlatformSpec, discovered: Discovered | None
) -> tuple[RegistrySettings, str]:
    """How to reach the registry, and what clusters pull from; Secrets are those of the Platform's own namespace.

    What the spec says wins, part by part. Discovered credentials go to the discovered address alone.

    Raises:
        Waiting: a Secret or ConfigMap is missing or lacks what it should hold, or the platform names no registry.
    """
    registry = spec.registry or RegistrySpec()
    found = discovered if registry.address is None else None
    address = registry.address or (found.address if found else None)
    if address is None:
        raise Waiting(
            "RegistryNotDiscovered",
            f"Platform {name} shows no cluster global, which would name its registry. Give spec.registry.address.",
        )
    settings = RegistrySettings(
        address,
        *await _login(reader, namespace, name, registry, address, found),
        plain_http=registry.plain_http,
        ca_bundle=await _ca_bundle(reader, namespace, name, spec, registry),
    )
    return settings, registry.pull_address or (found.pull_address if found else address)


async def _login(
    reader: Reader, namespace: str, name: str, registry: RegistrySpec, address: str, found: Discovered | None
) -> tuple[str | None, str | None]:
    """User and password, or neither."""
    if registry.credentials_secret_ref is not None:
        secret_name = registry.credentials_secret_ref.name
        secret = await read_secret(reader, namespace, secret_name, f"Platform {name}")
        return login_for(secret, address, secret_name)
    if found is None or registry.anonymous:
        return None, None
    if found.username is None:
        raise Waiting(
            "RegistryNotDiscovered",
            f"Platform {name} names registry {address} but no login for it (Secret registry-admin). "
            "Give spec.registry.credentialsSecretRef, or anonymous: true.",
        )
    return found.username, found.password


async def _ca_bundle(
    reader: Reader, namespace: str, name: str, spec: PlatformSpec, registry: RegistrySpec
) -> str | None:
    """Whom to trust: the registry's own bundle; for a registry that the platform names, else the platform's."""
    ref = registry.ca_bundle_ref
    if ref is None and registry.address is None and not registry.plain_http:
        ref = spec.ca_bundle_ref
    return await read_ca_bundle(reader, namespace, ref, f"Platform {name}") if ref else None


def login_for(secret: dict[str, str], address: str, name: str) -> tuple[str, str]:
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
