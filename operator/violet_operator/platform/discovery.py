"""The platform's own registry, from what the platform says of it (`platform.md` 2.4).

Which of its words the platform's own tool reads is not known. Here a ProductBase comes first, then the ConfigMap
`kube-public/global-info`; each part can be given in `spec.registry` instead. Judging is pure; gathering is apart.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from typing import Any
from urllib.parse import urlsplit

from violet_operator.clients.kube import CONFIG_MAPS, PRODUCT_BASES, SECRETS, Kube, Resource
from violet_operator.errors import Waiting

JsonObject = dict[str, Any]

_OTHER_BASES = Resource("product.alauda.io/v1alpha2", "productbases")
_HOST = re.compile(r"([a-zA-Z0-9]([-a-zA-Z0-9.]*[a-zA-Z0-9])?|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Discovered:
    """A registry as the platform describes it.

    Attributes:
        address: where to push.
        pull_address: where clusters pull.
        username: user, or None where the platform tells none.
        password: its password.
    """

    address: str
    pull_address: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Words:
    """What was found on the platform; None for what is not there.

    Attributes:
        base: spec of the ProductBase.
        info: data of `kube-public/global-info`.
        admin: data of the Secret `registry-admin`, base64.
    """

    base: JsonObject | None = None
    info: JsonObject | None = None
    admin: JsonObject | None = field(default=None, repr=False)


async def gather(kube: Kube, system_namespace: str) -> Words:
    """What the platform's global cluster says of its registry.

    Raises:
        OperatorError: it may not be read, or the API fails.
    """
    info = await kube.get(CONFIG_MAPS, "kube-public", "global-info")
    admin = await kube.get(SECRETS, system_namespace, "registry-admin")
    return Words(
        base=product_base(await _bases(kube)),
        info=None if info is None else info.get("data"),
        admin=None if admin is None else admin.get("data"),
    )


async def _bases(kube: Kube) -> list[JsonObject]:
    for resource in (PRODUCT_BASES, _OTHER_BASES):
        try:
            return await kube.list(resource)
        except Waiting as error:
            if error.reason != "KindMissing":
                raise
    return []


def product_base(items: list[JsonObject]) -> JsonObject | None:
    """The spec of the one that counts: `base`, or the first by name."""
    named = sorted(items, key=lambda item: (item["metadata"]["name"] != "base", item["metadata"]["name"]))
    return _mapping(named[0].get("spec")) if named else None


def judge(words: Words, platform: str) -> Discovered:
    """The registry that these words describe.

    Raises:
        Waiting: they describe none.
    """
    registry = _mapping(_mapping(words.base).get("registry"))
    info = _mapping(words.info)
    said = _host(info.get("registryAddress"))
    address = _host(registry.get("address")) or said
    if address is None:
        raise Waiting(
            "RegistryNotDiscovered",
            f"Platform {platform} names no registry, neither in a ProductBase (spec.registry.address) nor in ConfigMap "
            "kube-public/global-info (registryAddress). Give spec.registry.address with credentialsSecretRef, or "
            "anonymous: true.",
        )
    pull = said or address
    if registry.get("preferPlatformURL") is True:
        pull = _host(info.get("platformURL")) or _host(_mapping(words.base).get("platformURL")) or pull
    username, password = _login(registry, _mapping(words.admin))
    return Discovered(address, pull, username, password)


def _login(registry: JsonObject, admin: JsonObject) -> tuple[str | None, str | None]:
    """User and password. Those of `registry-admin` are the built-in registry's: an external one has its own."""
    built_in = _decoded(admin.get("username")), _decoded(admin.get("password"))
    own = str(registry.get("username") or ""), _decoded(registry.get("password"))
    for username, password in [own] if registry.get("external") is True else [built_in, own]:
        if username and password:
            return username, password
    return None, None


def _decoded(value: object) -> str | None:
    try:
        return base64.b64decode(str(value), validate=True).decode() if value else None
    except ValueError:
        return None


def _host(value: object) -> str | None:
    """HOST[:PORT] of an address with or without a scheme and path; a bare IPv6 address gets its brackets."""
    text = str(value or "").strip()
    try:
        host = urlsplit(text if "://" in text else f"//{text}").netloc.rpartition("@")[2]
    except ValueError:
        return None
    if _is_ipv6(host):
        return f"[{host}]"
    return host if _HOST.fullmatch(host) else None


def _is_ipv6(host: str) -> bool:
    try:
        return "%" not in str(IPv6Address(host))  # an interface of somebody else's machine leads nowhere
    except ValueError:
        return False


def _mapping(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}
