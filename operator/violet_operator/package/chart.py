"""A Helm chart: Chart.yaml, values.yaml, and the images its values name.

Sub-charts are left to the chart that uses them. `.helmignore` is not applied: it says what `helm package` leaves out,
and Helm itself does not apply it to an archive.
"""

from __future__ import annotations

from collections.abc import Iterator
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
from violet_operator.package.limits import Limits
from violet_operator.package.model import Chart, Image
from violet_operator.package.nested import files_in
from violet_operator.package.plugin import CONFIG, MODULE, read_plugin

HELM_CONFIG = "application/vnd.cncf.helm.config.v1+json"
"""Config media type of a chart that is kept as an image (Helm, HIP-0006)."""

HELM_CONTENT = "application/vnd.cncf.helm.chart.content.v1"
_CHART, _VALUES = "Chart.yaml", "values.yaml"
_WANTED = (_CHART, _VALUES, MODULE, CONFIG)

_TEXTS = ("name", "version", "appVersion")
"""Keys of `Chart.yaml` that are text, whatever they look like."""

_DEPTH = 12
"""Levels of values searched for images."""

_IMAGES = 1000
"""Images that a chart's values may name."""


def read_chart(archive: Archive, member: Member, limits: Limits, reference: str | None = None) -> Chart:
    """A chart archive inside the package.

    Args:
        archive: the package.
        member: the chart archive.
        limits: caps.
        reference: of the image that the chart is packed as.

    Raises:
        Stalled: it is no chart, or cannot be read.
    """
    files = files_in(archive, member, lambda path: path.partition("/")[2] in _WANTED, limits)
    roots = sorted(path.removesuffix(_CHART) for path in files if path.partition("/")[2] == _CHART)
    if not roots:
        raise invalid(repr(member.name), "it is no Helm chart, as it holds no NAME/Chart.yaml")
    if len(roots) > 1:
        raise invalid(repr(member.name), f"it holds {len(roots)} charts side by side: {', '.join(roots[:5])}")
    inside = {path.removeprefix(roots[0]): data for path, data in files.items() if data is not None}
    return _chart(inside, repr(member.name), member, reference)


def read_bare_chart(archive: Archive, root: str) -> Chart:
    """The package as a chart archive itself.

    Raises:
        Stalled: it cannot be read.
    """
    members = ((name, archive.members.get(f"{root}{name}")) for name in _WANTED)
    files = {name: archive.read(member) for name, member in members if member is not None}
    return _chart(files, repr(f"{root}{_CHART}"), archive.itself, None)


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


def _chart(files: dict[str, bytes], where: str, member: Member, reference: str | None) -> Chart:
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
        images=images_in(chart, values),
        reference=reference,
        plugin=plugin,
    )


def images_in(chart: JsonObject, values: JsonObject) -> tuple[str, ...]:
    """The images of a chart: those of `global.images`, else of Artifact Hub's annotation, else what values look like.

    Raises:
        Stalled: there are more than any chart has.
    """
    found = list(_global_images(values)) or list(_annotated(chart)) or list(_searched(chart, values))
    if len(found) > _IMAGES:
        raise Stalled("PackageTooLarge", f"The chart names more than {_IMAGES} images.")
    return tuple(dict.fromkeys(found))


def _global_images(values: JsonObject) -> Iterator[str]:
    """The platform's own convention (`global.registry.address`, `global.images.NAME.{repository,tag}`)."""
    address = text(values, "global", "registry", "address")
    for image in mapping(values, "global", "images").values():
        repository, tag = text(image, "repository"), text(image, "tag")
        if repository and tag:
            yield _reference(text(image, "registry") or address, repository, tag)


def _annotated(chart: JsonObject) -> Iterator[str]:
    listed = text(chart, "annotations", "artifacthub.io/images")
    for document in load_yaml("the annotation artifacthub.io/images", listed.encode()) if listed else ():
        yield from filter(None, (text(image, "image") for image in objects({"images": document}, "images")))


def _searched(chart: JsonObject, values: JsonObject) -> Iterator[str]:
    """Mappings with `repository` and `tag`, as `helm create` writes them; an empty tag means `appVersion`."""
    stack: list[tuple[Any, str, int]] = [(values, "", 0)]
    count = 0
    while stack:
        value, key, depth = stack.pop()
        repository = text(value, "repository")
        if repository and ("tag" in value or key == "image"):
            tag = text(value, "tag") or text(chart, "appVersion")
            if tag:
                count += 1
                if count > _IMAGES:
                    raise Stalled("PackageTooLarge", f"The chart's values name more than {_IMAGES} images.")
                yield _reference(text(value, "registry"), repository, tag)
        if depth < _DEPTH:
            inner = list(value.items()) if isinstance(value, dict) else []
            inner += [(key, item) for item in value] if isinstance(value, list) else []
            stack += [(item, name, depth + 1) for name, item in reversed(inner)]


def _reference(registry: str, repository: str, tag: str) -> str:
    return f"{registry.rstrip('/')}/{repository}:{tag}" if registry else f"{repository}:{tag}"
