"""What is about an image must be found from the image (OCI distribution specification 1.1, "Referrers").

A registry with the referrers API keeps the list itself. On any other, whoever pushes keeps it: an image index under
the tag `sha256-HEX` of the subject ("Referrers Tag Schema"), which others may write too, so it is extended, never
replaced.
"""

from __future__ import annotations

import json
from typing import Any, Protocol

from violet_operator.errors import Stalled, Transient
from violet_operator.support.digests import Digest, parse_digest, sha256_digest

OCI_INDEX = "application/vnd.oci.image.index.v1+json"

_TRIES = 5
"""Times that a list is read and written: a client that writes it at the same time may drop our entry."""

JsonObject = dict[str, Any]


class Manifests(Protocol):
    """What is needed of a registry's client."""

    @property
    def address(self) -> str:
        """HOST[:PORT]."""
        ...

    def get_manifest(self, repository: str, reference: str) -> bytes | None:
        """A manifest or index, or None."""
        ...

    def put_manifest(self, repository: str, reference: str, raw: bytes, media_type: str) -> bool:
        """Store a manifest; whether the registry lists it for its subject."""
        ...

    def referrers(self, repository: str, subject: Digest) -> set[str] | None:
        """What the registry itself lists for a subject, or None: it has no such API."""
        ...


def subject_of(raw: bytes) -> Digest | None:
    """The image that a manifest or index is about."""
    try:
        return parse_digest(json.loads(raw)["subject"]["digest"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def tag_of(subject: Digest) -> str:
    """Where the list of what is about an image is kept on registries without the API."""
    return subject.replace(":", "-")


def push_manifest(registry: Manifests, repository: str, raw: bytes, media_type: str) -> None:
    """Store a manifest by its digest, and see to it that it is found from its subject.

    Raises:
        Stalled: the tag for the list holds something else.
        OperatorError: the registry refuses or cannot be reached.
    """
    digest, subject = sha256_digest(raw), subject_of(raw)
    taken = registry.put_manifest(repository, digest, raw, media_type)
    if subject is None or taken or digest in (registry.referrers(repository, subject) or ()):
        return
    for _ in range(_TRIES):
        index = merged(_index(registry, repository, subject), entry_for(raw, media_type))
        if index is None:
            return
        registry.put_manifest(repository, tag_of(subject), index, OCI_INDEX)
    raise Transient(
        "RegistryUnavailable",
        f"Registry {registry.address} does not keep {repository}:{tag_of(subject)}, the list of what is about that "
        "image: another client may be writing it at the same time; trying again.",
    )


def is_listed(registry: Manifests, repository: str, raw: bytes) -> bool:
    """Whether a manifest that is there is found from its subject, if it has one.

    Raises:
        Stalled: the tag for the list holds something else.
        OperatorError: the registry refuses or cannot be reached.
    """
    digest, subject = sha256_digest(raw), subject_of(raw)
    if subject is None or digest in (registry.referrers(repository, subject) or ()):
        return True
    return digest in {entry.get("digest") for entry in _index(registry, repository, subject)["manifests"]}


def tag_to_write(registry: Manifests, repository: str, raw: bytes) -> str | None:
    """The tag that pushing a manifest would make or extend; None where it is about nothing, or the registry lists it.

    Raises:
        OperatorError: the registry refuses or cannot be reached.
    """
    subject = subject_of(raw)
    listed = subject is None or registry.referrers(repository, subject) is not None
    return None if subject is None or listed else tag_of(subject)


def merged(index: JsonObject, entry: JsonObject) -> bytes | None:
    """The list with one entry more; None: it is there already."""
    if any(item.get("digest") == entry["digest"] for item in index["manifests"]):
        return None
    return json.dumps(index | {"manifests": [*index["manifests"], entry]}, separators=(",", ":")).encode()


def entry_for(raw: bytes, media_type: str) -> JsonObject:
    """A manifest's entry: with its own artifact type, else the media type of its config, and its annotations."""
    document = json.loads(raw)
    config = document.get("config")
    kind = document.get("artifactType") or (config.get("mediaType") if isinstance(config, dict) else None)
    entry = {
        "mediaType": media_type,
        "digest": sha256_digest(raw),
        "size": len(raw),
        "artifactType": kind,
        "annotations": document.get("annotations"),
    }
    return {key: value for key, value in entry.items() if value}


def _index(registry: Manifests, repository: str, subject: Digest) -> JsonObject:
    raw = registry.get_manifest(repository, tag_of(subject))
    if raw is None:
        return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}
    return read_index(raw, f"Registry {registry.address} has {repository}:{tag_of(subject)}")


def read_index(raw: bytes, whose: str) -> JsonObject:
    """A list of referrers.

    Raises:
        Stalled: it is something else.
    """
    try:
        index: JsonObject = dict(json.loads(raw))
        index["manifests"] = index["manifests"] if index["manifests"] is not None else []
        found = index["manifests"] if index.get("mediaType", OCI_INDEX) == OCI_INDEX else None
    except (ValueError, KeyError, TypeError, RecursionError):
        index, found = {}, None
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise Stalled(
            "TagExists",
            f"{whose}, which is no image index: the list of what is about that image belongs there (OCI referrers tag "
            "schema). It is not replaced: remove that tag.",
        )
    return index
