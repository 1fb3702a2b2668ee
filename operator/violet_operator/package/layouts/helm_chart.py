"""A bare Helm chart archive, as `helm package` writes it: NAME/Chart.yaml."""

from __future__ import annotations

from violet_operator.package.archive import Archive
from violet_operator.package.layouts.base import Contents, Layout, shallowest
from violet_operator.package.limits import Limits

CHART_FILE = "Chart.yaml"


def _recognise(archive: Archive) -> str | None:
    root = shallowest(archive, CHART_FILE)
    return root if root is not None and root.count("/") == 1 else None


def _contents(_archive: Archive, root: str, _limits: Limits) -> Contents:
    return Contents(chart_root=root)


LAYOUT = Layout("a Helm chart (NAME/Chart.yaml)", _recognise, _contents)
