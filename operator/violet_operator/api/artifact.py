"""Manifests and names of the platform's Artifact and ArtifactVersion (`platform.md` 1.1, 1.2).

What is unknown of the platform is handled as its section 9 says: every key is set as a label where the value is
a valid label, and as an annotation as well.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from violet_operator.api import GROUP

API_VERSION = "app.alauda.io/v1alpha1"
MANAGED_BY = "cpaas.io/managed-by"
MANAGER = "violet"
"""The marketplace resets `present` on Artifacts that carry another value, or none (`platform.md` 1.1)."""

VERIFICATION = f"{GROUP}/verification"
VERIFIED_AT = f"{GROUP}/verified-at"
"""Annotations on what we publish: how and when its package was verified, as `status.verification` of the upload.

The time is one of its own, as the same verdict at another time is no reason to write an object again.
"""

UPLOADED_BY = f"{GROUP}/package-upload"
"""Annotation: namespace/name of the upload that keeps an object, the first where several have the same."""

MADE_BY = f"{GROUP}/made-by"
"""Annotation on what the operator has created: what it has found there and adopted lacks it, and is never deleted."""

_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_DOTS = re.compile(r"[-.]*\.[-.]*")
"""A dot and its neighbours that no name may have beside it; a tag may."""

_LONGEST_LABEL, _LONGEST_NAME = 63, 253
"""Characters of a label value and of an object's name (RFC 1123 label and subdomain)."""

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Publication:
    """What one operator bundle is published as on one cluster.

    Attributes:
        name: name of the Artifact.
        display_name: name for people.
        registry: HOST[:PORT] that the cluster pulls from.
        repository: repository of the bundle image.
        tag: tag of the bundle image.
        namespace: the platform's system namespace.
        library: catalog that lists it.
        channels: OLM channels.
        default_channel: OLM default channel.
        pull_secrets: Secrets of the namespace with which the cluster pulls.
        upload: namespace/name of the upload that publishes it.
        labels: labels and annotations above these; an empty value leaves one out.
        record: what the package has shown (`status.verification`), for whoever looks at the object later.
    """

    name: str
    display_name: str
    registry: str
    repository: str
    tag: str
    namespace: str
    library: str
    channels: tuple[str, ...] = ()
    default_channel: str | None = None
    pull_secrets: tuple[str, ...] = ()
    upload: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    record: JsonObject = field(default_factory=dict)

    @property
    def version_name(self) -> str:
        """Name of the ArtifactVersion: `<artifact>.<tag>` (`platform.md` 1.2), as RFC 1123 allows it.

        Where that leaves something out, a digest makes up for it: two tags are two versions.
        """
        whole = f"{self.name}.{self.tag}"
        name = _DOTS.sub(".", whole.lower().replace("_", "-")).rstrip("-.")
        return name if name == whole and len(name) <= _LONGEST_NAME else _shortened(name, _LONGEST_NAME, whole)

    @property
    def _label(self) -> str:
        """What an Artifact selects its versions by: its name, where a label can hold it."""
        return self.name if len(self.name) <= _LONGEST_LABEL else _shortened(self.name, _LONGEST_LABEL, self.name)

    def artifact(self) -> JsonObject:
        """The Artifact to apply: what holds for every version of the package, as all of them share it."""
        return {
            "apiVersion": API_VERSION,
            "kind": "Artifact",
            "metadata": self._signed(self._metadata(self.name, {})),
            "spec": {
                "type": "bundle",
                "displayName": self.display_name,
                "registry": self.registry,
                "repository": self.repository,
                "present": True,
                **({"imagePullSecrets": list(self.pull_secrets)} if self.pull_secrets else {}),
                "artifactVersionSelector": {"matchLabels": {"cpaas.io/artifact-version": self._label}},
            },
        }

    def version(self) -> JsonObject:
        """The ArtifactVersion to apply; without its Artifact as owner the marketplace declares it Failed."""
        facts = {"cpaas.io/artifact-version": self._label, "cpaas.io/bundle-version": self.tag}
        if self.channels:
            facts["cpaas.io/channels"] = ",".join(self.channels)
        if self.default_channel:
            facts["cpaas.io/default-channel"] = self.default_channel
        metadata = self._signed(self._metadata(self.version_name, facts))
        metadata["annotations"] |= verified(self.record)
        return {
            "apiVersion": API_VERSION,
            "kind": "ArtifactVersion",
            "metadata": metadata,
            "spec": {"present": True, "tag": self.tag},
        }

    def _metadata(self, name: str, facts: dict[str, str]) -> JsonObject:
        keys = {
            MANAGED_BY: MANAGER,
            "cpaas.io/library": self.library,
            "cpaas.io/present": "true",
            "cpaas.io/builtin": "false",
            "cpaas.io/type": "bundle",
            **facts,
            **self.labels,
        }
        keys = {key: value for key, value in keys.items() if value}
        return {"name": name, "namespace": self.namespace, "labels": as_labels(keys), "annotations": keys}

    def _signed(self, metadata: JsonObject) -> JsonObject:
        """With the name of our upload."""
        return metadata | {"annotations": metadata["annotations"] | ({UPLOADED_BY: self.upload} if self.upload else {})}


def as_labels(keys: Mapping[str, str]) -> dict[str, str]:
    """Those whose value a label may have."""
    return {key: value for key, value in keys.items() if _LABEL_VALUE.fullmatch(value)}


def verified(record: JsonObject) -> dict[str, str]:
    """The annotations that say how a package was verified (`status.verification`)."""
    told = ("method", "fingerprint", "keyID", "userID", "signedAt", "sha256")
    verdict = {key: record[key] for key in told if key in record}
    stamp = {VERIFIED_AT: record["verifiedAt"]} if "verifiedAt" in record else {}
    return {VERIFICATION: json.dumps(verdict, sort_keys=True), **stamp} if verdict else {}


def _shortened(name: str, longest: int, whole: str) -> str:
    """A name cut to size, with a digest of all that it stands for, so that two stay two."""
    digest = hashlib.sha256(whole.encode()).hexdigest()[:10]
    return f"{name[: longest - len(digest) - 1].rstrip('-.')}-{digest}"
