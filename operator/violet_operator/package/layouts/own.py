"""Our own layout: NAME/manifest.yaml, NAME/images/, NAME/chart/NAME-VERSION.tgz (docs/package-format.md).

In place of the OCI layout in `images/` there may be an unpacked docker-archive or a registry's storage tree.
"""

from __future__ import annotations

from dataclasses import replace

from violet_operator.package.archive import Archive
from violet_operator.package.layouts import distribution, docker_archive, helm_chart, oci_layout
from violet_operator.package.layouts.base import Contents, Layout, folders_with
from violet_operator.package.layouts.helm_chart import CHART_FILE
from violet_operator.package.limits import Limits
from violet_operator.package.manifest import parse_manifest

_MANIFEST = "manifest.yaml"
_IMAGES, _CHARTS = "images/", "chart/"
_LOOKS = 16
"""Folders with a manifest.yaml that are looked into."""


def _recognise(archive: Archive) -> str | None:
    """One of several, or in a deeper folder, as when a parent was packed, must have its images or charts beside."""
    folders = folders_with(archive, _MANIFEST)
    near = [root for root in folders if root.count("/") <= 1 and f"{root}{CHART_FILE}" not in archive.members]
    if len(near) == 1:
        return near[0]
    others = near or ([] if helm_chart.LAYOUT.recognise(archive) else folders)
    roots = [root for root in others[:_LOOKS] if _has_parts(archive, root)]
    roots = [root for root in roots if root.count("/") == roots[0].count("/")]
    return roots[0] if len(roots) == 1 else None


def _has_parts(archive: Archive, root: str) -> bool:
    return any(name.startswith((f"{root}{_IMAGES}", f"{root}{_CHARTS}")) for name in archive.members)


def _contents(archive: Archive, root: str, limits: Limits) -> Contents:
    member = archive.members[f"{root}{_MANIFEST}"]
    charts = [
        member
        for name, member in sorted(archive.members.items())
        if name.startswith(f"{root}{_CHARTS}") and name.endswith((".tgz", ".tar.gz"))
    ]
    return replace(
        _images(archive, f"{root}{_IMAGES}", limits),
        charts=tuple(charts),
        manifest=parse_manifest(member.name, archive.read(member)),
    )


def _images(archive: Archive, root: str, limits: Limits) -> Contents:
    if not any(name.startswith(root) for name in archive.members):
        return Contents()
    for layout in (oci_layout.LAYOUT, docker_archive.LAYOUT, distribution.LAYOUT):
        if layout.recognise(archive) == root:
            return layout.contents(archive, root, limits)
    return oci_layout.LAYOUT.contents(archive, root, limits)  # says what is missing there


LAYOUT = Layout(
    "one NAME/manifest.yaml beside NAME/images/ (an OCI image layout) or NAME/chart/", _recognise, _contents
)
