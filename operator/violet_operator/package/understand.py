"""From an archive to a package: its layout, what that holds, and what it all amounts to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from violet_operator.errors import Stalled
from violet_operator.package.archive import Archive
from violet_operator.package.bundle import is_labelled, read_bundle
from violet_operator.package.chart import chart_layer, read_bare_chart, read_chart
from violet_operator.package.chart_image import chart_tag, check_chart
from violet_operator.package.classify import Findings, classify, object_name
from violet_operator.package.layouts import LAYOUTS, Contents
from violet_operator.package.limits import MIB, Limits
from violet_operator.package.manifest import PackageManifest
from violet_operator.package.model import Bundle, Chart, Image, Package
from violet_operator.package.references import has_tag, tagged
from violet_operator.support.digests import Digest

_UNLABELLED = 32 * MIB
"""Bytes of an image without labels that is still looked into: a bundle holds some YAML."""

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
"""As registries take it (OCI distribution specification 1.1)."""

_CANDIDATES = 16
"""Bundles and charts that are read to find what a package is for."""


def understand(archive: Archive, *, file_name: str = "", limits: Limits | None = None) -> Package:
    """What the archive holds.

    Args:
        archive: the package, read once.
        file_name: its name: a hint that is compared, and never believed.
        limits: caps.

    Raises:
        Stalled: no known layout, something wrong inside, or a contradiction that cannot stand.
        OperatorError: the package cannot be read.
    """
    limits = limits or Limits()
    contents = _contents(archive, limits)
    charts = _charts(archive, contents, limits)
    bundles = _bundles(archive, contents, limits, look_closer=not charts)
    contents = _with_untagged(contents, charts, bundles)
    names = {image.digest: _bundle_name(image, bundle) for image, bundle in bundles}
    names |= {image.digest: _name(image, chart.name, chart_tag(chart.version)) for image, chart in charts if image}
    findings = Findings(
        images=tuple(image.renamed(_full_name(image, names)) for image in contents.images),
        bundles=tuple((names[image.digest], bundle) for image, bundle in bundles),
        charts=tuple(replace(chart, reference=names[image.digest]) if image else chart for image, chart in charts),
        manifest=_with_full_name(contents, names),
        file_name=file_name,
    )
    package = classify(findings)
    fatal = [item.message for item in package.contradictions if item.stalls]
    if fatal:
        raise Stalled("ContradictoryPackage", f"{' '.join(fatal)} Get a corrected package from its vendor.")
    if package.chart:
        check_chart(archive, package.chart)
    return package


def _contents(archive: Archive, limits: Limits) -> Contents:
    for layout in LAYOUTS:
        root = layout.recognise(archive)
        if root is not None:
            return layout.contents(archive, root, limits)
    names = sorted(name for name in archive.members if "/blobs/" not in name)
    inside = ", ".join(names[:8]) or "nothing but blobs"
    raise Stalled(
        "UnknownLayout",
        f"The package has no known layout. Found {len(archive.members)} files: {inside[:400]}. Expected one of: "
        f"{'; '.join(layout.expected for layout in LAYOUTS)}. Get the package again from its vendor.",
    )


def _bundles(archive: Archive, contents: Contents, limits: Limits, *, look_closer: bool) -> list[tuple[Image, Bundle]]:
    """Images that are operator bundles: the one that the manifest names, if it is one, else those that are labelled so.

    Args:
        archive: the package.
        contents: what its layout holds.
        limits: caps.
        look_closer: whether small images without labels are looked into, if there are no others.
    """
    images, inside = [image for image in contents.images if not image.attached], _digests(contents)
    named = [image for image in images if contents.manifest and image.reference == contents.manifest.spec.artifact]
    labelled = [image for image in images if is_labelled(image)]
    small = [image for image in images if sum(blob.size for blob in image.blobs) <= _UNLABELLED]
    named = [image for image in named if image in (*labelled, *small)]
    for likely in (named, labelled, small[:_CANDIDATES] if look_closer else []):
        candidates = list({image.digest: image for image in reversed(likely)}.values())
        _check_number(len(candidates), "operator bundles")
        others = [image for image in candidates if chart_layer(image) is None]
        read = ((image, read_bundle(archive, image, limits, inside)) for image in others)
        found = [(image, bundle) for image, bundle in read if bundle is not None]
        if found:
            return found
    return []


def _charts(archive: Archive, contents: Contents, limits: Limits) -> list[tuple[Image | None, Chart]]:
    """Charts beside the images, and images that are packed charts; the same chart in both forms counts once."""
    inside = _digests(contents)
    layers = [(image, layer) for image in contents.images if (layer := chart_layer(image)) is not None]
    _check_number(len(layers) + len(contents.charts), "charts")
    found: list[tuple[Image | None, Chart]] = [
        (image, read_chart(archive, layer, limits, image.reference, inside)) for image, layer in layers
    ]
    packed = {(chart.name, chart.version) for _, chart in found}
    beside = [read_chart(archive, member, limits, inside=inside) for member in contents.charts]
    found += [(None, chart) for chart in beside if (chart.name, chart.version) not in packed]
    if contents.chart_root is not None:
        found.append((None, read_bare_chart(archive, contents.chart_root)))
    return found


def _with_untagged(
    contents: Contents, charts: list[tuple[Image | None, Chart]], bundles: list[tuple[Image, Bundle]]
) -> Contents:
    """With the images that have no tag where the packager, a CSV or a chart names them by digest."""
    named = [*contents.manifest.spec.related_images] if contents.manifest else []
    named += [name for _, bundle in bundles for name in bundle.related_images]
    named += [name for _, chart in charts for name in chart.images]
    digests = {digest for name in named if (digest := name.partition("@")[2])}
    return replace(contents, images=(*contents.images, *contents.untagged(digests)))


def _digests(contents: Contents) -> frozenset[Digest]:
    return frozenset(manifest.digest for image in contents.images for manifest in image.manifests)


def _check_number(count: int, what: str) -> None:
    if count > _CANDIDATES:
        raise Stalled("PackageTooLarge", f"The package holds {count} {what}; at most {_CANDIDATES} are looked into.")


def _bundle_name(image: Image, bundle: Bundle) -> str:
    return _name(image, f"{bundle.package}-bundle", f"v{bundle.version.removeprefix('v')}")


def _name(image: Image, repository: str, tag: str) -> str:
    """The image's own name; for one without a tag, as a bare OCI layout may have, one from what it says of itself.

    Names without a registry are as good: the registry's part is replaced when the image is pushed.
    """
    if has_tag(image.reference):
        return image.reference
    own, at, digest = image.reference.partition("@")
    tag = re.sub(r"[^A-Za-z0-9_.-]", "-", tag)[:128]
    if at or "/" in own:
        return f"{own}:{tag}{at}{digest}"
    return f"{object_name(repository)}:{own if _TAG.fullmatch(own) else tag}"


def _full_name(image: Image, names: Mapping[Digest, str]) -> str:
    """The image's own name, else that of the bundle or chart in it, else with docker's tag; one word stays as it is."""
    reference = image.reference
    named = image.renamed(names.get(image.digest, ""))
    if named.reference and not has_tag(reference) and ("@" not in reference or named.repository == image.repository):
        return named.reference
    return tagged(reference) if "/" in reference else reference


def _with_full_name(contents: Contents, names: Mapping[Digest, str]) -> PackageManifest | None:
    """The manifest with the artifact's name as the image has it now, where both had lacked the tag."""
    manifest = contents.manifest
    main = next((image for image in contents.images if manifest and image.reference == manifest.spec.artifact), None)
    if manifest is None or main is None:
        return manifest
    spec = manifest.spec.model_copy(update={"artifact": _full_name(main, names)})
    return manifest.model_copy(update={"spec": spec})
