"""The way to a bucket: obstore's client from our settings, which are checked first.

obstore answers an address or a key that is none with a panic, which no `except Exception` catches.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from obstore import exceptions
from obstore.store import S3Store

from violet_operator.errors import Stalled, Waiting

if TYPE_CHECKING:
    from obstore.store import ClientConfig

_SILENCE = 30.0
"""Seconds between two bytes after which a read counts as broken."""


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
    """

    url: str
    endpoint: str | None = None
    region: str | None = None
    credentials: dict[str, str] | None = None
    ca_bundle: str | None = None

    @property
    def key(self) -> str:
        """The object's key."""
        return urlsplit(self.url).path.lstrip("/")


def _check_address(settings: StorageSettings) -> None:
    if not re.fullmatch(r"s3://[\w.-]+/.*", settings.url, re.ASCII | re.DOTALL):
        raise Stalled("InvalidSource", f"spec.source.url {settings.url!r} does not name a bucket as s3://BUCKET/KEY.")
    try:
        parts = urlsplit(settings.endpoint or "https://default")
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise Stalled("InvalidSource", f"spec.source.endpoint {settings.endpoint!r} is not http(s)://HOST[:PORT].")
    if settings.region and not re.fullmatch(r"[\w.-]+", settings.region, re.ASCII):
        raise Stalled("InvalidSource", f"spec.source.region {settings.region!r} is not the name of a region.")


def connect(settings: StorageSettings) -> S3Store:
    """A client of the bucket; nothing is sent yet.

    Raises:
        Stalled: an address or a CA bundle is none.
        Waiting: the credentials are incomplete.
    """
    _check_address(settings)
    parts = urlsplit(settings.url)
    client: ClientConfig = {
        "connect_timeout": timedelta(seconds=10),
        "timeout": timedelta(hours=24),
        "read_timeout": timedelta(seconds=_SILENCE),
    }
    if settings.endpoint and settings.endpoint.startswith("http://"):
        client["allow_http"] = True
    if settings.ca_bundle:
        client["root_certificate"] = settings.ca_bundle
    config: dict[str, Any] = {"region": settings.region or "us-east-1"}
    if settings.endpoint:
        config["endpoint"] = settings.endpoint.rstrip("/")
    if settings.credentials is not None:
        config |= _keys(settings.credentials)
    try:
        return S3Store(
            parts.netloc,
            client_options=client,
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=20)},
            **config,
        )
    except (ValueError, exceptions.GenericError):  # the one from reading PEM, the other from building the client
        raise Stalled(
            "InvalidCABundle", f"The CA bundle for {settings.url} holds no PEM certificates. Correct it."
        ) from None


def _keys(credentials: dict[str, str]) -> dict[str, str]:
    missing = [key for key in ("accesskey", "secretkey") if not credentials.get(key)]
    if missing:
        raise Waiting(
            "InvalidCredentials",
            f"The Secret that spec.source.credentialsSecretRef names lacks {' and '.join(missing)}. "
            "Add what is missing.",
        )
    keys = {"access_key_id": credentials["accesskey"], "secret_access_key": credentials["secretkey"]}
    if credentials.get("sessiontoken"):
        keys["session_token"] = credentials["sessiontoken"]
    keys = {name: value.strip() for name, value in keys.items()}
    if not all(value.isprintable() for value in keys.values()):
        raise Waiting(
            "InvalidCredentials",
            "The Secret that spec.source.credentialsSecretRef names has a key with a line break or another control "
            "character in it. Correct it.",
        )
    return keys
