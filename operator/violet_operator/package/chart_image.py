"""A chart archive as an image, as `helm push` makes it (Helm, HIP-0006): config, one layer, manifest.

The same chart gives the same digest each time: nothing in it is of the moment.
"""

from __future__ import annotations

import json
import re

from violet_operator.package.archive import Archive
from violet_operator.package.chart import HELM_CONFIG, HELM_CONTENT
from violet_operator.package.documents import invalid
from violet_operator.package.inflate import GZIP_MAGIC
from violet_operator.package.model import Blob, Chart, Image, Manifest
from violet_operator.package.references import destination
from violet_operator.support.digests import sha256_digest

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")


def chart_tag(version: str) -> str:
    """The tag for a chart's version: a tag has no plus sign, so that Helm writes an underscore."""
    return version.replace("+", "_")


def main_chart(chart: Chart) -> str:
    """The reference by which the platform pulls a plugin's main chart; empty for other charts."""
    plugin = chart.plugin
    return f"{plugin.main_chart}:{chart_tag(plugin.version)}" if plugin and plugin.main_chart else ""


def check_chart(archive: Archive, chart: Chart) -> None:
    """Refuse a chart that Helm or a registry would not take: its name and version become parts of addresses.

    Raises:
        Stalled: it has no usable name or version, or is not gzip.
        OperatorError: the package cannot be read.
    """
    if reference := main_chart(chart):
        destination(reference, "")
    if not _NAME.fullmatch(chart.name) or not _VERSION.fullmatch(chart.version):
        raise invalid("The chart", f"{chart.name!r} {chart.version!r} is no name and version for a chart repository")
    head = next(archive.open(chart.member), b"")
    if bytes(head[:2]) != GZIP_MAGIC:
        raise invalid(f"Chart {chart.name}", "it is not packed with gzip, as `helm package` does it")


def as_image(archive: Archive, chart: Chart, reference: str) -> Image:
    """The chart, a checked one, under this reference."""
    config = archive.hold(
        f"config/{chart.name}-{chart.version}",
        json.dumps(chart.metadata, sort_keys=True, separators=(",", ":")).encode(),
    )
    blobs = tuple(Blob(member.digest, member.size, member) for member in (config, chart.member))
    described = [
        {"mediaType": kind, "digest": blob.digest, "size": blob.size}
        for kind, blob in zip((HELM_CONFIG, f"{HELM_CONTENT}.tar+gzip"), blobs, strict=True)
    ]
    document = {"schemaVersion": 2, "mediaType": _MANIFEST, "config": described[0], "layers": described[1:]}
    raw = json.dumps(document, separators=(",", ":")).encode()
    manifest = Manifest(sha256_digest(raw), _MANIFEST, raw)
    return Image(reference, manifest.digest, (manifest,), blobs, (), {})
