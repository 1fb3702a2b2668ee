"""Registries for the tests of which images may go: manifests from a few words, and an oracle written from the rules."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from violet_operator.cleanup.images.model import Manifest, Repository, manifest_of
from violet_operator.clients.registry_reader import Found
from violet_operator.support.digests import Digest, sha256_digest

INDEX = "application/vnd.oci.image.index.v1+json"
IMAGE = "application/vnd.oci.image.manifest.v1+json"


def blob(name: str) -> dict[str, Any]:
    """A descriptor of a blob whose size is 100 times the length of its name."""
    return {"mediaType": "application/octet-stream", "digest": sha256_digest(name.encode()), "size": 100 * len(name)}


def image(*layers: str, subject: Manifest | None = None, note: str = "") -> Manifest:
    """An image manifest with these layers."""
    document: dict[str, Any] = {
        "mediaType": IMAGE,
        "config": blob("c" + "".join(layers)),
        "layers": list(map(blob, layers)),
    }
    if subject:
        document["subject"] = {"digest": subject.digest}
    return made(document | ({"annotations": {"note": note}} if note else {}), IMAGE)


def index(*children: Manifest, subject: Manifest | None = None) -> Manifest:
    """An index of these manifests."""
    document: dict[str, Any] = {"mediaType": INDEX, "manifests": [{"digest": each.digest} for each in children]}
    return made(document | ({"subject": {"digest": subject.digest}} if subject else {}), INDEX)


def made(document: dict[str, Any], media_type: str) -> Manifest:
    return manifest_of(Found(json.dumps(document).encode(), media_type), "test")


def repository(name: str, tags: Mapping[str, Manifest], *more: Manifest) -> Repository:
    """A repository with these tags, and manifests without one."""
    manifests = {each.digest: each for each in (*tags.values(), *more)}
    return Repository(name, {tag: each.digest for tag, each in tags.items()}, manifests)


def reach(it: Repository, roots: Iterable[Digest]) -> set[Digest]:
    """All manifests that somebody needs who pulls these: themselves and the children of indexes."""
    found: set[Digest] = set()
    pending = list(roots)
    while pending:
        digest = pending.pop()
        if digest in it.manifests and digest not in found:
            found.add(digest)
            pending += it.manifests[digest].children
    return found
