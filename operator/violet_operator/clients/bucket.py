"""A client of one bucket: how it logs in, whom it trusts, and how long it waits; shared by all uploads from there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from obstore import exceptions
from obstore.store import S3Store

from violet_operator.errors import Stalled, Waiting

if TYPE_CHECKING:
    from obstore.store import ClientConfig

_CLIENTS = 16
"""Clients kept: buckets and logins in use at once on any one site; the least used one goes first."""

_SILENCE = 30.0
"""Seconds between two bytes after which a read counts as broken. obstore's own total timeout counts the whole body,
so that one is set out of reach."""


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """How to reach a bucket.

    Attributes:
        url: `s3://BUCKET/KEY`.
        endpoint: address of the storage, or None for the provider's own.
        region: region, or None.
        credentials: entries of the Secret (`accesskey`, `secretkey`, optionally `sessiontoken`), or None for the
            pod's own identity.
        ca_bundle: PEM certificates to trust, or None.
        field: where the user wrote all this, for messages.
    """

    url: str
    endpoint: str | None = None
    region: str | None = None
    credentials: dict[str, str] | None = None
    ca_bundle: str | None = None
    field: str = "spec.source"

    @property
    def key(self) -> str:
        """The object's key."""
        return urlsplit(self.url).path.lstrip("/")

    @property
    def access(self) -> Access:
        """The same for the whole bucket.

        Raises:
            Waiting: the credentials lack what they should hold.
        """
        keys = None if self.credentials is None else frozenset(_keys(self.credentials, self.field).items())
        return Access(urlsplit(self.url).netloc, self.endpoint, self.region, keys, self.ca_bundle)


class Access(NamedTuple):
    """What makes a client of a bucket: uploads that have all of it in common share one."""

    bucket: str
    endpoint: str | None
    region: str | None
    keys: frozenset[tuple[str, str]] | None
    ca_bundle: str | None


def connect(settings: StorageSettings) -> S3Store:
    """The client for these settings.

    Raises:
        Stalled: the settings cannot be right.
        Waiting: the credentials lack what they should hold.
    """
    _check_address(settings)
    return _client(settings.access)


def _check_address(settings: StorageSettings) -> None:
    if not re.fullmatch(r"s3://[\w.-]+/.*", settings.url, re.ASCII | re.DOTALL):
        raise Stalled(
            "InvalidSource", f"{settings.field}.url {settings.url!r} does not name a bucket as s3://BUCKET/KEY."
        )
    try:
        parts = urlsplit(settings.endpoint or "https://default")
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise Stalled("InvalidSource", f"{settings.field}.endpoint {settings.endpoint!r} is not http(s)://HOST[:PORT].")
    if settings.region and not re.fullmatch(r"[\w.-]+", settings.region, re.ASCII):
        raise Stalled("InvalidSource", f"{settings.field}.region {settings.region!r} is not the name of a region.")


@lru_cache(maxsize=_CLIENTS)
def _client(access: Access) -> S3Store:
    """A client with its connections: to make one costs 8 ms of CPU, and a connection to open costs more."""
    client: ClientConfig = {
        "connect_timeout": timedelta(seconds=10),
        "timeout": timedelta(hours=24),
        "read_timeout": timedelta(seconds=_SILENCE),
    }
    if access.endpoint and access.endpoint.startswith("http://"):
        client["allow_http"] = True
    if access.ca_bundle:
        client["root_certificate"] = access.ca_bundle
    config: dict[str, Any] = {"region": access.region or "us-east-1", **dict(access.keys or ())}
    if access.endpoint:
        config["endpoint"] = access.endpoint.rstrip("/")
    try:
        return S3Store(
            access.bucket,
            client_options=client,
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=20)},
            **config,
        )
    except (ValueError, exceptions.GenericError):  # the one from reading PEM, the other from building the client
        raise Stalled(
            "InvalidCABundle", f"The CA bundle for bucket {access.bucket!r} holds no PEM certificates. Correct it."
        ) from None


def _keys(credentials: dict[str, str], field: str) -> dict[str, str]:
    missing = [key for key in ("accesskey", "secretkey") if not credentials.get(key)]
    if missing:
        raise Waiting(
            "InvalidCredentials",
            f"The Secret that {field}.credentialsSecretRef names lacks {' and '.join(missing)}. Add what is missing.",
        )
    keys = {"access_key_id": credentials["accesskey"], "secret_access_key": credentials["secretkey"]}
    if credentials.get("sessiontoken"):
        keys["session_token"] = credentials["sessiontoken"]
    keys = {name: value.strip() for name, value in keys.items()}
    if not all(value.isprintable() for value in keys.values()):
        raise Waiting(
            "InvalidCredentials",
            f"The Secret that {field}.credentialsSecretRef names has a key with a line break or another control "
            "character in it. Correct it.",
        )
    return keys
