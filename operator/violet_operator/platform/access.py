"""From a Platform's spec and Secrets to how one gets in: settings only, nothing is asked of the platform."""

from __future__ import annotations

from dataclasses import dataclass

from violet_operator.api.platform import PlatformSpec
from violet_operator.clients.gateway_http import GatewaySettings
from violet_operator.clients.kube_endpoint import KubeEndpoint
from violet_operator.errors import Waiting
from violet_operator.platform.kubeconfig import parse_kubeconfig
from violet_operator.platform.resolve import Reader, read_ca_bundle, read_secret


@dataclass(frozen=True, slots=True)
class InCluster:
    """The cluster that the operator runs in."""


Access = InCluster | GatewaySettings | tuple[KubeEndpoint, ...]
"""Equal ones lead the same way: clients are kept as long as it does not change."""


async def read_access(reader: Reader, namespace: str, name: str, spec: PlatformSpec) -> Access:
    """The way in that a Platform describes.

    Raises:
        Waiting: a Secret or ConfigMap is missing or lacks what it should hold.
    """
    if spec.address is not None:
        return await _gateway(reader, namespace, name, spec)
    if spec.kubeconfig_secret_ref is None:
        return InCluster()
    secret_name = spec.kubeconfig_secret_ref.name
    secret = await read_secret(reader, namespace, secret_name, f"Platform {name}")
    if not secret.get("kubeconfig"):
        raise Waiting("InvalidCredentials", f"Secret {secret_name!r} has no key kubeconfig. Add it.")
    return parse_kubeconfig(secret["kubeconfig"], secret_name)


async def _gateway(reader: Reader, namespace: str, name: str, spec: PlatformSpec) -> GatewaySettings:
    owner = f"Platform {name}"
    assert spec.address is not None
    if spec.credentials_secret_ref is None:  # an object older than the rule that demands it
        raise Waiting("InvalidCredentials", f"{owner} has an address and no credentialsSecretRef. Add it.")
    secret_name = spec.credentials_secret_ref.name
    secret = await read_secret(reader, namespace, secret_name, owner)
    token = secret.get("token", "").strip() or None
    username, password = secret.get("username") or None, secret.get("password") or None
    if (token is None) == (username is None or password is None) or (token and (username or password)):
        raise Waiting(
            "InvalidCredentials",
            f"Secret {secret_name!r} must have either the key token, or the keys username and password. Correct it.",
        )
    if token and not (token.isascii() and token.isprintable() and " " not in token):
        raise Waiting("InvalidCredentials", f"The token in Secret {secret_name!r} can be none. Correct it.")
    bundle = None
    if spec.ca_bundle_ref:
        bundle = await read_ca_bundle(reader, namespace, spec.ca_bundle_ref, owner)
    return GatewaySettings(
        address=spec.address.rstrip("/"),
        client_id=spec.client_id,
        token=token,
        username=username,
        password=password,
        ca_bundle=bundle,
        verify=not spec.insecure_skip_tls_verify,
    )
