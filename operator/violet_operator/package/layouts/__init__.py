"""One small adapter per layout: does the package have it, where, and what does it hold."""

from __future__ import annotations

from violet_operator.package.layouts import distribution, docker_archive, helm_chart, oci_layout, own
from violet_operator.package.layouts.base import Contents, Layout

LAYOUTS: tuple[Layout, ...] = (
    own.LAYOUT,
    oci_layout.LAYOUT,
    helm_chart.LAYOUT,
    docker_archive.LAYOUT,
    distribution.LAYOUT,
)
"""In the order they are looked for: newer `docker save` writes an OCI layout and its own manifest side by side, and a
chart may hold any file."""

__all__ = ["LAYOUTS", "Contents", "Layout"]
