"""A kubeconfig in a Secret: which clusters it leads to, and how. Pure.

Only what it holds itself counts. Paths and commands are refused: whoever may write a Secret must not thereby read the
operator's files or run programs in its pod.
"""

from __future__ import annotations

import base64
import re
from typing import Any

import yaml

from violet_operator.clients.kube_endpoint import KubeEndpoint
from violet_operator.errors import Waiting
from violet_operator.package.documents import parse_yaml

GLOBAL = "global"
"""The platform's management cluster (`platform.md` 0)."""

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SERVER = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")
_PROXY = re.compile(r"https?://[^\s/?#]+/?")
_FOREIGN = {
    "clusters": ("certificate-authority",),
    "users": ("client-certificate", "client-key", "tokenFile", "exec", "auth-provider", "username", "as"),
}
"""Fields that lead out of the Secret, or that we do not know how to honour."""


def parse_kubeconfig(text: str, secret: str) -> tuple[KubeEndpoint, ...]:
    """The clusters of a kubeconfig: one per context, named as the context; a single context is the cluster global.

    Raises:
        Waiting: it is no kubeconfig, or leads out of itself.
    """
    config = _load(text, secret)
    contexts = _named(config, "contexts", "context", secret)
    if not contexts:
        raise _invalid(secret, "has no contexts")
    clusters = _named(config, "clusters", "cluster", secret)
    users = _named(config, "users", "user", secret)
    found = []
    for context, body in contexts.items():
        name = GLOBAL if len(contexts) == 1 else context
        if not _NAME.fullmatch(name):
            raise _invalid(secret, f"has a context {context!r}, which is no name of a cluster: rename it")
        cluster = _part(clusters, body.get("cluster"), "cluster", context, secret)
        user = _part(users, body.get("user"), "user", context, secret)
        found.append(_endpoint(name, cluster, user, secret))
    return tuple(sorted(found, key=lambda endpoint: endpoint.name))


def _load(text: str, secret: str) -> dict[str, Any]:
    """The document. What is wrong with it is told by its place alone: a parser's own words may quote a password."""
    try:
        config: Any = next((each for each in parse_yaml(text.encode()) if each is not None), {})
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        raise _invalid(secret, "is no YAML that can be read" + (f" (line {mark.line + 1})" if mark else "")) from None
    if not isinstance(config, dict):
        raise _invalid(secret, "is no YAML mapping")
    return config


def _named(config: dict[str, Any], plural: str, singular: str, secret: str) -> dict[str, dict[str, Any]]:
    """The entries of one of its lists, by name; those that lead elsewhere are refused."""
    entries = config.get(plural) or []
    found: dict[str, dict[str, Any]] = {}
    for entry in entries if isinstance(entries, list) else []:
        body = entry.get(singular) if isinstance(entry, dict) else None
        if not isinstance(body, dict) or not isinstance(entry.get("name"), str):
            raise _invalid(secret, f"has an entry of {plural} without name and {singular}")
        for key in _FOREIGN.get(plural, ()):
            if body.get(key):
                raise _invalid(secret, f"uses {key}: give token or the ...-data fields instead")
        found[entry["name"]] = body
    return found


def _part(parts: dict[str, dict[str, Any]], name: object, kind: str, context: str, secret: str) -> dict[str, Any]:
    found = parts.get(str(name))
    if found is None:
        raise _invalid(secret, f"names in context {context!r} a {kind} that it does not have")
    return found


def _endpoint(name: str, cluster: dict[str, Any], user: dict[str, Any], secret: str) -> KubeEndpoint:
    server, proxy = str(cluster.get("server")), cluster.get("proxy-url")
    if not _SERVER.fullmatch(server):
        raise _invalid(secret, f"has no usable server for {name!r}: it must be https://HOST[:PORT][/PATH]")
    if proxy and not _PROXY.fullmatch(str(proxy)):
        raise _invalid(secret, f"has no usable proxy-url for {name!r}: it must be http://HOST[:PORT]")
    certificate = [_decoded(user, f"client-{part}-data", secret) for part in ("certificate", "key")]
    if (certificate[0] is None) != (certificate[1] is None):
        raise _invalid(secret, f"has half a client certificate for {name!r}: it needs certificate and key")
    return KubeEndpoint(
        name=name,
        server=server.rstrip("/"),
        token=_token(user, secret),
        certificate="\n".join(text for text in certificate if text) or None,
        ca_bundle=_decoded(cluster, "certificate-authority-data", secret),
        server_name=cluster.get("tls-server-name") or None,
        proxy=str(proxy) if proxy else None,
        verify=str(cluster.get("insecure-skip-tls-verify")).lower() != "true",
    )


def _token(user: dict[str, Any], secret: str) -> str | None:
    token = user.get("token")
    if not token:
        return None
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise _invalid(secret, "has a token that can be none")
    return token


def _decoded(body: dict[str, Any], key: str, secret: str) -> str | None:
    if not body.get(key):
        return None
    try:
        return base64.b64decode("".join(str(body[key]).split()), validate=True).decode()
    except ValueError:
        raise _invalid(secret, f"has a {key} that is no base64 of PEM text") from None


def _invalid(secret: str, what: str) -> Waiting:
    return Waiting("InvalidKubeconfig", f"The key kubeconfig of Secret {secret!r} {what}. Correct it.")
