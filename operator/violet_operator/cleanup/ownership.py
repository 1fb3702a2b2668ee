"""Which ArtifactVersions belong to an Artifact, and what its package may be called. Pure."""

from __future__ import annotations

from collections import defaultdict

from violet_operator.cleanup.state import Artifact, ArtifactVersion, Cluster

PREFIX = "operatorhub-"
"""Of the names of older built-in Artifacts."""


class Index:
    """A cluster's Artifacts, versions and package names, found without looking through all of them each time."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._by_owner: defaultdict[str | None, list[ArtifactVersion]] = defaultdict(list)
        for version in cluster.versions.items:
            key = version.owner_uid or f"label:{version.artifact}"  # by label where there is no owner
            self._by_owner[key].append(version)
        self._by_name: defaultdict[str, set[str]] = defaultdict(set)
        for artifact in cluster.artifacts.items:
            for name in self.names(artifact):
                self._by_name[name].add(artifact.meta.ref.name)

    def versions(self, artifact: Artifact) -> tuple[ArtifactVersion, ...]:
        """The versions of an Artifact."""
        ref = artifact.meta.ref
        return (*self._by_owner.get(ref.uid, ()), *self._by_owner.get(f"label:{ref.name}", ()))

    def names(self, artifact: Artifact) -> frozenset[str]:
        """What its package may be called."""
        name = artifact.meta.ref.name
        packages = (each.package for each in self.versions(artifact))
        return frozenset({name, name.removeprefix(PREFIX), *packages} - {""})

    def rivals(self, artifact: Artifact) -> tuple[str, ...]:
        """Other Artifacts that may be of the same package."""
        sharing = {other for name in self.names(artifact) for other in self._by_name[name]}
        return tuple(sorted(sharing - {artifact.meta.ref.name}))
