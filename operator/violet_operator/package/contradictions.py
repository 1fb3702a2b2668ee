"""What in a package does not agree: pure, one small function per comparison.

Content wins over the manifest, both over the file name, so most of these are for the reader alone. Those that stall
are the ones that the platform would refuse later, when it is harder to see why.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from violet_operator.package.documents import mapping
from violet_operator.package.manifest import PackageManifest
from violet_operator.package.model import Contradiction, Image, Package
from violet_operator.package.plugin import CONFIG, REQUIRED
from violet_operator.package.references import is_full, names_of
from violet_operator.package.versions import same_version

_FILE_VERSION = re.compile(r"v?\d+(?:\.\d+)+")


def missing(manifest: PackageManifest | None, images: Iterable[Image]) -> list[str]:
    """Images that the manifest names and the package lacks; the artifact of a chart or plugin is the chart itself."""
    if manifest is None:
        return []
    spec = manifest.spec
    named = [*([spec.artifact] if spec.type == "bundle" and spec.artifact else []), *spec.related_images]
    return _lacking(dict.fromkeys(named), images)


def judge(package: Package, manifest: PackageManifest | None, file_name: str) -> Package:
    """The package with everything in it that does not agree."""
    found: list[Contradiction] = []
    if manifest:
        found += _manifest(package, manifest)
    if package.bundle:
        found += _bundle(package)
        artifact = [manifest.spec.artifact] if manifest and manifest.spec.artifact else []
        found += _unnamed(package, (*package.bundle.related_images, *package.related_images, *artifact))
    if package.chart:
        found += _chart(package)
    found += _tag(package)
    found += _platforms(package)
    found += _file_name(package, file_name)
    return replace(package, contradictions=tuple(dict.fromkeys(found)))


def _manifest(package: Package, manifest: PackageManifest) -> Iterator[Contradiction]:
    spec = manifest.spec
    if spec.type != package.type:
        yield Contradiction(f"The manifest says type {spec.type}, the content is a {package.type}: the content counts.")
    if not same_version(spec.version, package.version):
        yield Contradiction(
            f"The manifest says version {spec.version}, the content {package.version}: the content counts."
        )
    if manifest.metadata.name != package.name:
        yield Contradiction(
            f"The manifest says name {manifest.metadata.name}, the content {package.name}: the content counts."
        )
    if spec.artifact and spec.artifact != package.artifact:
        yield Contradiction(
            f"The manifest says artifact {spec.artifact}, the content is {package.artifact}: the content counts."
        )
    if "lifecycle" in spec.model_fields_set and spec.lifecycle != package.lifecycle:
        yield Contradiction(
            f"The manifest says lifecycle {spec.lifecycle}, the content {package.lifecycle}: the content counts."
        )
    if spec.platforms and set(spec.platforms) != set(package.architectures):
        yield Contradiction(
            f"The manifest says platforms {_some(sorted(spec.platforms))}, the images are for "
            f"{_some(package.architectures)}: the images count."
        )


def _bundle(package: Package) -> Iterator[Contradiction]:
    bundle = package.bundle
    assert bundle is not None
    yield from bundle.notes
    if bundle.default_channel and bundle.default_channel not in bundle.channels:
        yield Contradiction(
            f"The bundle's default channel {bundle.default_channel} is none of its channels ({_some(bundle.channels)})."
        )
    yield from _elsewhere(package, "CSV names", bundle.related_images)
    unbacked = set(bundle.platforms) - set(package.architectures)
    if unbacked:
        yield Contradiction(f"The CSV claims {_some(sorted(unbacked))}, which no image inside is for.")


def _chart(package: Package) -> Iterator[Contradiction]:
    chart = package.chart
    assert chart is not None
    plugin = chart.plugin
    yield from _elsewhere(package, "chart's values name", chart.images)
    if plugin is None:
        return
    if plugin.version and plugin.version != chart.version:
        yield Contradiction(
            f"module-plugin.yaml says chart version {plugin.version}, Chart.yaml says {chart.version}; the platform "
            "takes them only if they are equal.",
            stalls=True,
        )
    if plugin.config is None:
        yield Contradiction(
            f"The chart has a module-plugin.yaml, but no {CONFIG}, without which the platform makes no ModuleConfig.",
            stalls=True,
        )
    lacking = [f"spec.{key}" for key in REQUIRED if key not in mapping(plugin.module, "spec")]
    if lacking:
        yield Contradiction(
            f"module-plugin.yaml lacks {', '.join(lacking)}, without which the platform takes no ModulePlugin."
        )
    if plugin.lifecycle != package.lifecycle:
        yield Contradiction(
            f"The plugin's lifecycle {plugin.lifecycle!r} is none of the known: {package.lifecycle} counts."
        )


def _elsewhere(package: Package, who: str, named: Iterable[str]) -> Iterator[Contradiction]:
    lacking = _lacking(named, package.images)
    if lacking:
        yield Contradiction(
            f"The {who} {len(lacking)} image(s) that are not inside: {_some(lacking)}. "
            "The clusters must get them from elsewhere."
        )


def _unnamed(package: Package, named: Iterable[str]) -> Iterator[Contradiction]:
    """Images that nobody asks for: forgotten, or slipped in."""
    known = {key for name in (*named, package.artifact) for key in _keys(name)}
    others = [image for image in package.images if not image.attached]
    asked = {image.digest for image in others if not known.isdisjoint(_known(image))}  # under whatever other tag
    unnamed = [image.reference for image in others if image.digest not in asked]
    if unnamed:
        yield Contradiction(
            f"The package holds {len(unnamed)} image(s) that neither its manifest nor its CSV names: {_some(unnamed)}. "
            "They are pushed as well."
        )


def _tag(package: Package) -> Iterator[Contradiction]:
    tag = package.artifact.partition("@")[0].rpartition("/")[2].partition(":")[2]
    said = tag.replace("_", "+") if package.chart else tag  # helm push: a tag cannot have a plus
    if tag and not same_version(said, package.version):
        what, whose = ("chart's image", "Chart.yaml") if package.chart else ("bundle image", "CSV")
        yield Contradiction(f"The {what} has tag {tag}, its {whose} version {package.version}.")


def _platforms(package: Package) -> Iterator[Contradiction]:
    """Images that run on fewer platforms than the package: found at the start of a Pod otherwise."""
    main = {image.digest for image in package.images if image.reference == package.artifact}
    for image in package.images:
        lacking = set(package.architectures) - set(image.platforms)
        runs = image.platforms and not image.attached and image.digest not in main
        if runs and lacking:
            yield Contradiction(f"Image {image.reference} is not for {_some(sorted(lacking))}, as others are.")


def _file_name(package: Package, file_name: str) -> Iterator[Contradiction]:
    """A version in the file name: names have many forms and get changed, so only a clear one is compared."""
    base = file_name.rpartition("/")[2]
    known = (package.version, package.artifact.rpartition(":")[2])
    bare = [re.escape(version.removeprefix("v")) for version in known if version]
    versions = _FILE_VERSION.findall(base)
    if versions and not re.search(rf"(?<!\d)(?<!\d\.)(?:{'|'.join(bare)})(?!\d)", base):
        yield Contradiction(f"The file name says version {versions[0]}, the content {package.version}.")


def _lacking(named: Iterable[str], images: Iterable[Image]) -> list[str]:
    inside = {key for image in images for key in _known(image)}
    return [name for name in named if inside.isdisjoint(_keys(name))]


def _known(image: Image) -> set[str]:
    """Everything that an image may be called: digests, and names without a registry."""
    name = image.reference.partition("@")[0]
    return {str(manifest.digest) for manifest in image.manifests} | (names_of(name) if is_full(name) else set())


def _keys(reference: str) -> set[str]:
    """The digest or names by which an image is recognised: registries get changed, repositories do not."""
    name, _, digest = reference.partition("@")
    return {digest} if digest else names_of(name)


def _some(items: Iterable[str], most: int = 5) -> str:
    listed = list(items)
    return (", ".join(listed[:most]) + (", ..." if len(listed) > most else "")) or "none"
