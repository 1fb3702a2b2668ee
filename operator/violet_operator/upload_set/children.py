"""From packages and uploads to what has to be done. Pure.

A Set owns the fields that its template has (with the API's defaults) and puts them back. What somebody adds beside
them is theirs. A hash of what was applied last, in an annotation, tells when a field left the template.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from violet_operator.api import API_VERSION, GROUP
from violet_operator.errors import OperatorError, Stalled
from violet_operator.upload_set.names import digested_name, label_value, upload_name
from violet_operator.upload_set.outcome import KIND, owner
from violet_operator.upload_set.selection import package_url

JsonObject = dict[str, Any]

SET_LABEL = f"{GROUP}/upload-set"
"""On every upload of a Set: its name."""

HASH_ANNOTATION = f"{GROUP}/upload-set-hash"
"""On every upload of a Set: identity of what was applied last."""


@dataclass(slots=True)
class Plan:
    """What there is to do.

    Attributes:
        uploads: by package, the uploads that are there.
        apply: by package, bodies to apply; one that is there already has its uid.
        gone: uploads whose package is not found.
        failures: by package, why it can have no upload.
        names: by package, the name of its upload.
    """

    uploads: dict[str, JsonObject] = field(default_factory=dict)
    apply: dict[str, JsonObject] = field(default_factory=dict)
    gone: list[JsonObject] = field(default_factory=list)
    failures: dict[str, OperatorError] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)


def plan(body: JsonObject, packages: Sequence[str], uploads: Iterable[JsonObject]) -> Plan:
    """Compare what should be with what is.

    Args:
        body: the Set.
        packages: names below the prefix.
        uploads: every PackageUpload of the namespace.
    """
    result, uid = Plan(), body["metadata"]["uid"]
    there = {str(upload["metadata"]["name"]): upload for upload in uploads}
    for package in packages:
        name = result.names[package] = _name(body, package, there)
        url, upload = package_url(body["spec"]["source"]["url"], package), there.pop(name, None)
        if url is None:
            result.failures[package] = _unusable(package)
        elif upload is None:
            result.apply[package] = wanted(body, name, url)
        elif (owner(upload) or {}).get("uid") != uid:
            result.failures[package] = _taken(upload)
        else:
            result.uploads[package] = upload
            should = wanted(body, name, url)
            if not upload["metadata"].get("deletionTimestamp") and not holds(upload, should):
                should["metadata"]["uid"] = upload["metadata"]["uid"]
                result.apply[package] = should
    result.gone = [upload for upload in there.values() if (owner(upload) or {}).get("uid") == uid]
    return result


def _name(body: JsonObject, package: str, there: Mapping[str, JsonObject]) -> str:
    """The name of a package's upload: the one it has already; else that with the digest, if another Set has the other.

    A Set of the same name is none other: it was deleted, and its uploads go too.
    """
    ours, uid = body["metadata"]["name"], body["metadata"]["uid"]
    usual, digested = names = upload_name(ours, package), digested_name(ours, package)
    first, second = ((owner(there[name]) if name in there else None) or {} for name in names)
    taken = first.get("name", ours) != ours
    kept = second.get("uid") == uid != first.get("uid")
    return digested if taken or kept else usual


def wanted(body: JsonObject, name: str, url: str) -> JsonObject:
    """The upload of one package, as it is applied."""
    metadata, template = body["metadata"], body["spec"].get("template") or {}
    own = template.get("metadata") or {}
    spec = {**(template.get("spec") or {}), "source": {**body["spec"]["source"], "url": url}}
    labels = {**(own.get("labels") or {}), SET_LABEL: label_value(metadata["name"])}
    annotations = dict(own.get("annotations") or {})
    identity = json.dumps([spec, labels, annotations], sort_keys=True).encode()
    reference = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
    }
    return {
        "apiVersion": API_VERSION,
        "kind": "PackageUpload",
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "labels": labels,
            "annotations": {**annotations, HASH_ANNOTATION: hashlib.sha256(identity).hexdigest()[:16]},
            "ownerReferences": [reference],
        },
        "spec": spec,
    }


def holds(upload: JsonObject, should: JsonObject) -> bool:
    """Whether an upload has everything that it should have."""
    metadata = upload["metadata"]
    return all(
        _within(there, part)
        for there, part in (
            (upload.get("spec"), should["spec"]),
            (metadata.get("labels"), should["metadata"]["labels"]),
            (metadata.get("annotations"), should["metadata"]["annotations"]),
        )
    )


def _within(there: object, part: object) -> bool:
    """Whether a document has each field of another one; lists count whole."""
    if isinstance(part, Mapping):
        return isinstance(there, Mapping) and all(_within(there.get(key), value) for key, value in part.items())
    return there == part


def _unusable(package: str) -> Stalled:
    return Stalled(
        "UnusableName",
        f"{package!r} cannot be named in a URL (?, # or a control character in it). Rename the object, or exclude it.",
    )


def _taken(upload: JsonObject) -> Stalled:
    whose = owner(upload)
    belongs = f"belongs to PackageUploadSet {whose['name']!r}" if whose else "is not this Set's"
    return Stalled(
        "NameTaken",
        f"PackageUpload {upload['metadata']['name']!r} exists and {belongs}: it is left alone. Delete it, or exclude "
        "the package.",
    )
