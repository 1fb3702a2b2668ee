"""What the package is, for the status and for publishing."""

from __future__ import annotations

from violet_operator.package.model import Bundle, Chart, Opened, Package
from violet_operator.package.subset import subset_package
from violet_operator.package.understand import understand
from violet_operator.support.redact import shorten
from violet_operator.upload.chart_images import with_chart_images
from violet_operator.upload.context import JsonObject, Upload
from violet_operator.upload.fetch import fetched
from violet_operator.upload.threads import in_thread

_CONTRADICTIONS = 32
"""That a status lists; a package with more of them needs no longer list."""


async def inspect(upload: Upload) -> None:
    """Understand the verified package; sets `opened` and the status' `package`.

    Raises:
        Stalled: it is no package, contradicts itself, or cannot be published.
    """
    archive = upload.archive
    assert archive is not None
    name = upload.spec.source.url.partition("?")[0]
    package = await in_thread(lambda: understand(archive, file_name=name), upload)
    package = subset_package(package, upload.spec.image_platforms)
    upload.status.facts["package"] = package_facts(package, upload.spec.image_platforms)
    fetched(upload)
    from_registry = any(connection.charts.backend == "oci" for connection in upload.connections.values())
    repository = upload.spec.chart_repository if from_registry else ""
    upload.opened = Opened(archive, await in_thread(lambda: with_chart_images(archive, package, repository), upload))


def package_facts(package: Package, image_platforms: list[str] | None = None) -> JsonObject:
    """`status.package`."""
    facts = {
        "name": package.name,
        "displayName": package.display_name,
        "type": package.type,
        "version": package.version,
        "architectures": list(package.architectures),
        "lifecycle": package.lifecycle,
        "artifact": package.artifact or None,
        "relatedImages": list(package.related_images),
        "imagePlatforms": image_platforms,
        "contradictions": [shorten(item.message) for item in package.contradictions[:_CONTRADICTIONS]] or None,
        **(_bundle_facts(package.bundle) if package.bundle else {}),
        **(_chart_facts(package.chart) if package.chart else {}),
    }
    return {key: value for key, value in facts.items() if value is not None}


def _bundle_facts(bundle: Bundle) -> JsonObject:
    return {
        "channels": list(bundle.channels),
        "defaultChannel": bundle.default_channel,
        "csv": bundle.csv,
        "replaces": bundle.replaces,
        "skipRange": bundle.skip_range,
    }


def _chart_facts(chart: Chart) -> JsonObject:
    plugin = chart.plugin
    if plugin is None:
        return {"chart": {"name": chart.name, "version": chart.version, "digest": chart.member.digest}}
    return {"mainChart": plugin.main_chart or None, "affinity": plugin.affinity or None, "module": plugin.module}
