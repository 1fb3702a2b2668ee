"""What a package is, from everything that was read of it: pure.

Content wins over the manifest, and both over the file name. What does not agree is collected as contradictions; which
of them stall is said where they are found, and in docs/package-format.md.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from violet_operator.api.model import SUBDOMAIN
from violet_operator.errors import Stalled
from violet_operator.package.contradictions import judge, missing
from violet_operator.package.limits import KIB
from violet_operator.package.manifest import ManifestSpec, PackageManifest
from violet_operator.package.model import Bundle, Chart, Image, Package, PackageType
from violet_operator.package.references import is_full, places

_NAME = re.compile(rf"(?=.{{1,253}}\Z){SUBDOMAIN}")
_MOST = 512 * KIB
"""Bytes of what a status repeats of a package; an object that is larger than 1.5 MiB is not stored at all."""

_LIFECYCLES = ("core", "aligned", "agnostic")


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that was read.

    Attributes:
        images: with full names.
        bundles: images that are operator bundles, by reference.
        charts: charts.
        manifest: the packager's word.
        file_name: of the package; a hint, never more.
    """

    images: tuple[Image, ...] = ()
    bundles: tuple[tuple[str, Bundle], ...] = ()
    charts: tuple[Chart, ...] = ()
    manifest: PackageManifest | None = None
    file_name: str = ""


@dataclass(frozen=True, slots=True)
class _Main:
    """What makes the package what it is."""

    type: PackageType
    reference: str
    bundle: Bundle | None = None
    chart: Chart | None = None


def classify(found: Findings) -> Package:
    """The package, with its contradictions.

    Raises:
        Stalled: it is nothing that is known, several things at once, or lacks what it names.
    """
    _check_images(found)
    main = _main(found)
    spec = found.manifest.spec if found.manifest else None
    artifact = main.reference or (spec.artifact if spec else None) or ""
    first = [image for image in found.images if image.reference == artifact]
    package = Package(
        name=_name(main, found.manifest),
        display_name=_display_name(main, found.manifest),
        type=main.type,
        version=_content_version(main) or (spec.version if spec else "") or artifact.rpartition(":")[2],
        lifecycle=_lifecycle(main, spec),
        catalog_source=spec.catalog_source if spec else None,
        artifact=artifact,
        related_images=_related(found, main, artifact),
        images=(*first, *(image for image in found.images if image.reference != artifact)),
        architectures=_architectures(found, main, artifact),
        bundle=main.bundle,
        chart=main.chart,
    )
    _check_size(package)
    return judge(package, found.manifest, found.file_name)


def _check_size(package: Package) -> None:
    about: list[Any] = [
        package.display_name,
        package.version,
        package.artifact,
        package.related_images,
        package.architectures,
    ]
    bundle = package.bundle
    if bundle:
        about += [bundle.channels, bundle.default_channel, bundle.csv, bundle.replaces, bundle.skip_range]
    size = len(json.dumps(about))
    if size > _MOST:
        raise Stalled(
            "PackageTooLarge",
            f"What the package says of itself (names, version, channels, images) has {size} bytes; at most {_MOST} are "
            "kept. Get a corrected package from its vendor.",
        )


def _check_images(found: Findings) -> None:
    for image in found.images:
        if not is_full(image.reference):
            only = f", only {image.reference!r}, which may be a tag or a repository" if image.reference else ""
            raise Stalled(
                "InvalidPackage",
                f"Image {image.digest} of the package has no full name{only}: give it as HOST/REPOSITORY:TAG in the "
                "annotation org.opencontainers.image.ref.name of index.json (docker-archive: RepoTags).",
            )
        _, at, pinned = image.reference.partition("@")
        if at and pinned != image.digest:
            raise Stalled("DigestMismatch", f"Image {image.reference} of the package has the digest {image.digest}.")
    places(found.images, "")
    lacking = missing(found.manifest, found.images)
    if lacking:
        raise Stalled(
            "IncompletePackage",
            f"The package names {len(lacking)} image(s) that are not inside: {', '.join(lacking[:5])}. "
            "It was made or copied incompletely; get it again from its vendor.",
        )


def _main(found: Findings) -> _Main:
    candidates = [_Main("bundle", reference, bundle=bundle) for reference, bundle in found.bundles]
    candidates += [
        _Main("plugin" if chart.plugin else "chart", chart.reference or "", chart=chart) for chart in found.charts
    ]
    spec = found.manifest.spec if found.manifest else None
    if not candidates:
        names = ", ".join(image.reference for image in found.images[:5]) or "no images"
        raise Stalled(
            "InvalidPackage",
            f"The package holds neither an operator bundle nor a chart, but {names}."
            + (f" Its manifest says type {spec.type} with artifact {spec.artifact or 'none'}." if spec else "")
            + " A bundle image has the labels operators.operatorframework.io.bundle.*, a chart has a Chart.yaml.",
        )
    if spec:
        by_artifact = [item for item in candidates if item.reference == spec.artifact]
        by_type = [item for item in candidates if item.type == spec.type]
        candidates = by_artifact or by_type or candidates
    if len(candidates) > 1:
        names = ", ".join(item.reference or _content_name(item) for item in candidates[:5])
        raise Stalled(
            "InvalidPackage",
            f"The package holds {len(candidates)} things that could be what it is for ({names}), and no manifest that "
            "says which one. Get the package again from its vendor, or add a manifest.yaml.",
        )
    return candidates[0]


def _content_name(main: _Main) -> str:
    if main.bundle:
        return main.bundle.package or main.bundle.csv.partition(".")[0]
    assert main.chart is not None
    return (main.chart.plugin.name if main.chart.plugin else "") or main.chart.name


def _content_version(main: _Main) -> str:
    if main.bundle:
        return main.bundle.version
    assert main.chart is not None
    return main.chart.version


def object_name(name: str) -> str:
    """What is left of a name when it has to be that of a Kubernetes object.

    Raises:
        Stalled: nothing.
    """
    letters = re.sub(r"[^a-z0-9.-]+", "-", name.lower())[:253]
    usable = ".".join(label for part in letters.split(".") if (label := part.strip("-")))
    if not usable:
        raise Stalled("InvalidPackage", f"The package's name {name[:80]!r} cannot be the name of a Kubernetes object.")
    return usable


def _name(main: _Main, manifest: PackageManifest | None) -> str:
    """Name of the Artifact: the content's, where Kubernetes takes it."""
    name = _content_name(main)
    if _NAME.fullmatch(name):
        return name
    if manifest:
        return manifest.metadata.name
    return object_name(name)


def _display_name(main: _Main, manifest: PackageManifest | None) -> str:
    own = main.bundle.display_name if main.bundle else main.chart.display_name if main.chart else ""
    said = manifest.spec.display_name if manifest else None
    plain_chart = main.chart is not None and own == main.chart.name  # a chart has no other name of its own
    return (said if plain_chart else None) or own or said or _name(main, manifest)


def _lifecycle(main: _Main, spec: ManifestSpec | None) -> str:
    plugin = main.chart.plugin if main.chart else None
    if plugin and plugin.lifecycle in _LIFECYCLES:
        return plugin.lifecycle
    return spec.lifecycle if spec else "agnostic"


def _related(found: Findings, main: _Main, artifact: str) -> tuple[str, ...]:
    if found.manifest and found.manifest.spec.related_images:
        return tuple(found.manifest.spec.related_images)
    named = main.bundle.related_images if main.bundle else main.chart.images if main.chart else ()
    return named or tuple(image.reference for image in _beside(found, artifact))


def _beside(found: Findings, artifact: str) -> list[Image]:
    """The images but for the artifact, under whatever tags, and what is about others."""
    main = {image.digest for image in found.images if image.reference == artifact}
    return [image for image in found.images if image.digest not in main and not image.attached]


def _architectures(found: Findings, main: _Main, artifact: str) -> tuple[str, ...]:
    """Platforms of the images that run; a bundle image is data, and mostly says linux/amd64 of itself."""
    run = {platform for image in _beside(found, artifact) for platform in image.platforms}
    claimed = main.bundle.platforms if main.bundle else ()
    said = tuple(found.manifest.spec.platforms) if found.manifest else ()
    of_artifact = {platform for image in found.images for platform in image.platforms}
    return tuple(sorted(run or claimed or said or of_artifact))
