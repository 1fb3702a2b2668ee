"""What a package is, once read: the same for every layout."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from violet_operator.package.archive import Archive, Member
from violet_operator.support.digests import Digest

_COSIGN = re.compile(r":sha256-[0-9a-f]{64}(\.(sig|att|sbom))?$")
"""Tags under which cosign and registries without a referrers API keep what belongs to an image."""

PackageType = Literal["bundle", "plugin", "chart"]


@dataclass(frozen=True, slots=True)
class Blob:
    """Content that a manifest names: a config or a layer.

    Attributes:
        digest: its name.
        size: bytes.
        member: where the package holds it.
    """

    digest: Digest
    size: int
    member: Member


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest or an index, byte for byte as packed.

    Attributes:
        digest: of `raw`.
        media_type: as its descriptor or the document itself says.
        raw: the document.
        platform: os/arch[/variant] that the config of an index's child says.
    """

    digest: Digest
    media_type: str
    raw: bytes
    platform: str | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """An image of the package.

    Attributes:
        reference: HOST/REPOSITORY:TAG or HOST/REPOSITORY@DIGEST as the packager named it; empty where it has no name.
        digest: of its top manifest or index.
        manifests: children first, the top one last: the order in which a registry takes them.
        blobs: every config and layer, once.
        platforms: os/arch[/variant] of each image manifest that names one.
        labels: that the configs of all its platforms agree on.
        subject: digest of the image it is about, for a signature, attestation or other referrer.
    """

    reference: str
    digest: Digest
    manifests: tuple[Manifest, ...]
    blobs: tuple[Blob, ...]
    platforms: tuple[str, ...]
    labels: dict[str, str]
    subject: Digest | None = None

    @property
    def repository(self) -> str:
        """The reference without tag and digest."""
        name = self.reference.partition("@")[0]
        head, slash, last = name.rpartition("/")
        return f"{head}{slash}{last.partition(':')[0]}"

    def renamed(self, reference: str) -> Image:
        """The same image under another name."""
        return replace(self, reference=reference)

    @property
    def attached(self) -> bool:
        """Whether it says something about another image instead of being run: a referrer, or a tag of cosign's."""
        return self.subject is not None or bool(_COSIGN.search(self.reference))


@dataclass(frozen=True, slots=True)
class Bundle:
    """What an operator bundle says of itself: annotations, labels, ClusterServiceVersion.

    Attributes:
        package: OLM package name.
        channels: OLM channels.
        default_channel: OLM default channel.
        csv: name of the ClusterServiceVersion; what the platform shows as the version of an ArtifactVersion.
        version: of the ClusterServiceVersion.
        display_name: name for people.
        related_images: as the ClusterServiceVersion lists them.
        replaces: name of the ClusterServiceVersion before.
        skip_range: versions that may be skipped on the way to this one.
        platforms: os/arch that the ClusterServiceVersion's labels claim.
        pinned: digests of the package's images that its manifests name, in whatever place.
        notes: contradictions within the bundle.
    """

    package: str
    channels: tuple[str, ...] = ()
    default_channel: str | None = None
    csv: str = ""
    version: str = ""
    display_name: str = ""
    related_images: tuple[str, ...] = ()
    replaces: str | None = None
    skip_range: str | None = None
    platforms: tuple[str, ...] = ()
    pinned: frozenset[Digest] = frozenset()
    notes: tuple[Contradiction, ...] = ()


@dataclass(frozen=True, slots=True)
class Plugin:
    """What makes a chart a cluster plugin: `module-plugin.yaml` and `scripts/plugin-config.yaml`.

    Attributes:
        name: of the ModulePlugin.
        version: of its main chart.
        display_name: name for people.
        main_chart: repository path of its main chart.
        lifecycle: core, aligned or agnostic, or what else the label says.
        affinity: on which clusters it can be installed.
        module: the ModulePlugin, as far as it is the packager's to write: metadata (name, labels, annotations), spec.
        config: `scripts/plugin-config.yaml`, or None: the platform makes no ModuleConfig then.
    """

    name: str
    version: str
    display_name: str
    main_chart: str
    lifecycle: str
    affinity: dict[str, Any]
    module: dict[str, Any]
    config: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Chart:
    """A Helm chart.

    Attributes:
        name: of `Chart.yaml`.
        version: of `Chart.yaml`.
        display_name: name for people.
        images: that its values name.
        metadata: all of `Chart.yaml`.
        member: the chart archive in the package, or the package itself.
        pinned: digests of the package's images that its values and templates name, in whatever place.
        reference: of the image that the chart is packed as, where it is.
        plugin: what makes it a plugin.
    """

    name: str
    version: str
    display_name: str
    metadata: dict[str, Any]
    member: Member
    images: tuple[str, ...] = ()
    pinned: frozenset[Digest] = frozenset()
    reference: str | None = None
    plugin: Plugin | None = None


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two places in a package that do not agree.

    Attributes:
        message: what disagrees with what, and which counts.
        stalls: whether the package cannot be used like this.
    """

    message: str
    stalls: bool = False


@dataclass(frozen=True, slots=True)
class Package:
    """A package and what it holds.

    Attributes:
        name: name of the package; also that of the Artifact.
        display_name: name for people.
        type: bundle, plugin or chart.
        version: as its content says, else the packager.
        lifecycle: core, aligned or agnostic.
        catalog_source: the packager's default catalog.
        artifact: reference of the main image; empty where the package has none.
        related_images: references of the others.
        images: what is inside, the main image first.
        architectures: os/arch[/variant] that it runs on.
        bundle: facts of a bundle.
        chart: facts of a chart or plugin.
        contradictions: what in it does not agree.
    """

    name: str
    display_name: str
    type: PackageType
    version: str
    lifecycle: str
    catalog_source: str | None
    artifact: str
    related_images: tuple[str, ...]
    images: tuple[Image, ...]
    architectures: tuple[str, ...] = ()
    bundle: Bundle | None = None
    chart: Chart | None = None
    contradictions: tuple[Contradiction, ...] = ()

    def main_image(self) -> Image | None:
        """The image that `artifact` names, if it is inside."""
        return next((image for image in self.images if image.reference == self.artifact), None)

    def blobs(self) -> Iterator[Blob]:
        """Every blob, once."""
        seen: set[Digest] = set()
        for image in self.images:
            for blob in image.blobs:
                if blob.digest not in seen:
                    seen.add(blob.digest)
                    yield blob


@dataclass(frozen=True, slots=True)
class Opened:
    """A package that has been read once, with the archive to read its blobs from."""

    archive: Archive
    package: Package
