"""A Helm chart: Chart.yaml, values.yaml, and the images its values name.

Of sub-charts that are unpacked in `charts/` the images are read, with what the chart sets for them; packed ones are not
opened. `.helmignore` is not applied: it says what `helm package` leaves out,
and Helm itself does not apply it to an archive.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

from violet_operator.errors import Stalled
from violet_operator.package.archive import Archive, Member
from violet_operator.package.documents import (
    JsonObject,
    invalid,
    load_mapping,
    load_object,
    load_yaml,
    mapping,
    objects,
    text,
)
from violet_operator.package.limits import MIB, Limits
from violet_operator.package.model import Chart, Image
from violet_operator.package.nested import files_in
from violet_operator.package.plugin import CONFIG, MODULE, read_plugin
from violet_operator.support.digests import Digest, digests_in

HELM_CONFIG = "application/vnd.cncf.helm.config.v1+json"
"""Config media type of a chart that is kept as an image (Helm, HIP-0006)."""

HELM_CONTENT = "application/vnd.cncf.helm.chart.content.v1"
_CHART, _VALUES = "Chart.yaml", "values.yaml"
_WANTED = (_CHART, _VALUES, MODULE, CONFIG)

_WANTED_OF_SUBCHART = re.compile(r"charts/(?P<folder>[^/]+)/(?:Chart|values)\.yaml")

_LOOKED_THROUGH = re.compile(r"(?:charts/[^/]+/)*(?:(?:Chart|values)\.yaml|templates/.+)")
"""For digests of images, unless they are larger than such files are."""

_REFERENCE = re.compile(
    r"(?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)
"""Values may hold templates and words of people where an image is expected."""

_SUBCHARTS = 64
"""Sub-charts that are looked into; the largest umbrella charts have some thirty."""

_TEXTS = ("name", "version", "appVersion")
"""Keys of `Chart.yaml` that are text, whatever they look like."""

_DEPTH = 12
"""Levels of values searched for images."""

_IMAGES = 1000
"""Images that a chart's values may name."""


def read_chart(
    archive: Archive,
    member: Member,
    limits: Limits,
    reference: str | None = None,
    inside: Collection[Digest] = (),
) -> Chart:
    """A chart archive inside the package.

    Args:
        archive: the package.
        member: the chart archive.
        limits: caps.
        reference: of the image that the chart is packed as.
        inside: digests of the package's images.

    Raises:
        Stalled: it is no chart, or cannot be read.
    """
    found = files_in(archive, member, lambda path, size: _wanted(path.partition("/")[2], size), limits)
    files = {path: data for path, data in found.items() if data is not None}
    roots = sorted(path.removesuffix(_CHART) for path in files if path.partition("/")[2] == _CHART)
    if not roots:
        raise invalid(repr(member.name), "it is no Helm chart, as it holds no NAME/Chart.yaml")
    if len(roots) > 1:
        raise invalid(repr(member.name), f"it holds {len(roots)} charts side by side: {', '.join(roots[:5])}")
    ours = {path.removeprefix(roots[0]): data for path, data in files.items()}
    chart = _chart(ours, repr(member.name), member)
    return replace(chart, reference=reference, pinned=digests_in(ours.values(), inside))


def read_bare_chart(archive: Archive, root: str) -> Chart:
    """The package as a chart archive itself.

    Raises:
        Stalled: it cannot be read.
    """
    members = {path.removeprefix(root): member for path, member in archive.members.items() if path.startswith(root)}
    inner = sorted(path for path in members if _WANTED_OF_SUBCHART.fullmatch(path) and members[path].size <= MIB)
    names = [*(name for name in _WANTED if name in members), *inner[: 2 * _SUBCHARTS]]
    files = {name: archive.read(members[name]) for name in names}
    return _chart(files, repr(f"{root}{_CHART}"), archive.itself)


def _wanted(path: str, size: int) -> bool:
    return path in _WANTED or (size <= MIB and _LOOKED_THROUGH.fullmatch(path) is not None)


def chart_layer(image: Image) -> Member | None:
    """Where an image that is a packed chart holds it; None: it is another image."""
    manifest = load_object("the manifest of a chart", image.manifests[-1].raw)
    if text(manifest, "config", "mediaType") != HELM_CONFIG:
        return None
    members = {blob.digest: blob.member for blob in image.blobs}
    for layer in objects(manifest, "layers"):
        if text(layer, "mediaType").startswith(HELM_CONTENT):
            return members.get(layer.get("digest"))  # type: ignore[arg-type]
    return None


def _chart(files: dict[str, bytes], where: str, member: Member) -> Chart:
    chart = load_mapping(f"Chart.yaml of {where}", files[_CHART])
    name, version = text(chart, "name"), text(chart, "version")
    if not name or not version:
        raise invalid(f"Chart.yaml of {where}", "it states no name or no version")
    typed = load_mapping(f"Chart.yaml of {where}", files[_CHART], typed=True)
    values = load_mapping(f"values.yaml of {where}", files.get(_VALUES, b""))
    plugin = read_plugin(files, where)
    return Chart(
        name=name,
        version=version,
        display_name=(plugin.display_name if plugin else "") or text(chart, "annotations", "displayName") or name,
        metadata=typed | {key: chart[key] for key in _TEXTS if key in chart},
        member=member,
        images=images_in(chart, values, tuple(_subcharts(files, where))),
        plugin=plugin,
    )


def _subcharts(files: dict[str, bytes], where: str) -> Iterator[tuple[JsonObject, JsonObject]]:
    """`Chart.yaml` and values of the sub-charts that can be read; Helm alone needs the others."""
    folders = sorted({match["folder"] for path in files if (match := _WANTED_OF_SUBCHART.fullmatch(path))})
    for folder in folders[:_SUBCHARTS]:
        documents = (files.get(f"charts/{folder}/{name}", b"") for name in (_CHART, _VALUES))
        try:
            chart, values = (load_mapping(f"charts/{folder} of {where}", document) for document in documents)
        except Stalled:
            continue
        if text(chart, "name"):
            yield chart, values


def images_in(
    chart: JsonObject, values: JsonObject, subcharts: tuple[tuple[JsonObject, JsonObject], ...] = ()
) -> tuple[str, ...]:
    """The images of a chart: those of `global.images`, else of Artifact Hub's annotation, else what values look like.

    Raises:
        Stalled: there are more than any chart has.
    """
    found = list(_global_images(values)) or list(_annotated(chart)) or list(_with_subcharts(chart, values, subcharts))
    if len(found) > _IMAGES:
        raise Stalled("PackageTooLarge", f"The chart names more than {_IMAGES} images.")
    return tuple(name for name in dict.fromkeys(found) if _REFERENCE.fullmatch(name))


def _with_subcharts(
    chart: JsonObject, values: JsonObject, subcharts: tuple[tuple[JsonObject, JsonObject], ...]
) -> Iterator[str]:
    names = {text(inner, "name") for inner, _ in subcharts}
    yield from _searched(chart, {key: value for key, value in values.items() if key not in names})
    for inner, defaults in subcharts:
        with suppress(Stalled):  # its own maker's oddities are no fault of this chart
            yield from images_in(inner, _overlaid(defaults, mapping(values, text(inner, "name"))))


def _overlaid(defaults: JsonObject, values: JsonObject) -> JsonObject:
    """What a sub-chart gets: its own values, but for those that the chart sets for it."""
    both = defaults.keys() & values.keys()
    inner = {key for key in both if isinstance(defaults[key], dict) and isinstance(values[key], dict)}
    return defaults | values | {key: _overlaid(defaults[key], values[key]) for key in inner}


def _global_images(values: JsonObject) -> Iterator[str]:
    """The platform's own convention (`global.registry.address`, `global.images.NAME.{repository,tag}`)."""
    address = text(values, "global", "registry", "address")
    for image in mapping(values, "global", "images").values():
        repository, suffix = text(image, "repository"), _suffix(image)
        if repository and suffix:
            yield _reference(text(image, "registry") or address, repository, suffix)


def _annotated(chart: JsonObject) -> Iterator[str]:
    listed = text(chart, "annotations", "artifacthub.io/images")
    documents: list[Any] = []
    with suppress(Stalled):  # Helm never reads it
        documents = load_yaml("the annotation artifacthub.io/images", listed.encode())
    for document in documents:
        yield from filter(None, (text(image, "image") for image in objects({"images": document}, "images")))


def _searched(chart: JsonObject, values: JsonObject) -> Iterator[str]:
    """Mappings with `repository` and `tag` or `digest`, as in `helm create`; an empty tag means `appVersion`."""
    stack: list[tuple[Any, str, int]] = [(values, "", 0)]
    count = 0
    while stack:
        value, key, depth = stack.pop()
        repository = text(value, "repository")
        if repository and ("tag" in value or "digest" in value or key == "image"):
            suffix = _suffix(value, text(chart, "appVersion"))
            if suffix:
                count += 1
                if count > _IMAGES:
                    raise Stalled("PackageTooLarge", f"The chart's values name more than {_IMAGES} images.")
                yield _reference(text(value, "registry"), repository, suffix)
        if depth < _DEPTH:
            inner = list(value.items()) if isinstance(value, dict) else []
            inner += [(key, item) for item in value] if isinstance(value, list) else []
            stack += [(item, name, depth + 1) for name, item in reversed(inner)]


def _suffix(image: JsonObject, otherwise: str = "") -> str:
    """Tag and digest, where there are such."""
    digest = text(image, "digest")
    tag = text(image, "tag") or ("" if digest else otherwise)
    return (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")


def _reference(registry: str, repository: str, suffix: str) -> str:
    return f"{registry.rstrip('/')}/{repository}{suffix}" if registry else f"{repository}{suffix}"
