"""Manifests and names of the platform's Artifact and ArtifactVersion (`platform.md` 1.1, 1.2).

What is unknown of the platform is handled as its section 9 says: every key is set as a label where the value is
a valid label, and as an annotation as well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

API_VERSION = "app.alauda.io/v1alpha1"
MANAGED_BY = "cpaas.io/managed-by"
MANAGER = "violet"
"""The marketplace resets `present` on Artifacts that carry another value, or none (`platform.md` 1.1)."""

_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_DOTS = re.compile(r"[-.]*\.[-.]*")
"""A dot and its neighbours that no name may have beside it; a tag may."""

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

    @property
    def version_name(self) -> str:
        """Name of the ArtifactVersion: `<artifact>.<tag>` (`platform.md` 1.2), as RFC 1123 allows it."""
        return _DOTS.sub(".", f"{self.name}.{self.tag}".lower().replace("_", "-")).rstrip("-.")

    def artifact(self) -> JsonObject:
        """The Artifact to apply."""
        return {
            "apiVersion": API_VERSION,
            "kind": "Artifact",
            "metadata": self._metadata(self.name, {}),
            "spec": {
                "type": "bundle",
                "displayName": self.display_name,
                "registry": self.registry,
                "repository": self.repository,
                "present": True,
                "artifactVersionSelector": {"matchLabels": {"cpaas.io/artifact-version": self.name}},
            },
        }

    def version(self, artifact_uid: str) -> JsonObject:
        """The ArtifactVersion to apply; without its owner the marketplace declares it Failed."""
        facts = {"cpaas.io/artifact-version": self.name, "cpaas.io/bundle-version": self.tag}
        if self.channels:
            facts["cpaas.io/channels"] = ",".join(self.channels)
        if self.default_channel:
            facts["cpaas.io/default-channel"] = self.default_channel
        metadata = self._metadata(self.version_name, facts)
        metadata["ownerReferences"] = [
            {"apiVersion": API_VERSION, "kind": "Artifact", "name": self.name, "uid": artifact_uid}
        ]
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
        }
        labels = {key: value for key, value in keys.items() if _LABEL_VALUE.fullmatch(value)}
        return {"name": name, "namespace": self.namespace, "labels": labels, "annotations": keys}
