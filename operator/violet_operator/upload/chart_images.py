"""Charts that the platform pulls from its image registry, and that the package holds as archives."""

from __future__ import annotations

from dataclasses import replace

from violet_operator.package.archive import Archive
from violet_operator.package.chart_image import as_image, chart_tag, main_chart
from violet_operator.package.model import Chart, Image, Package
from violet_operator.package.references import destination


def with_chart_images(archive: Archive, package: Package, repository: str) -> Package:
    """The package with its chart among the images, where the registry needs it there.

    A plugin's main chart is pulled as `spec.mainChart` of its ModulePlugin says. A Helm chart goes to the registry for
    Platforms with the chart backend `oci`, unless it is packed as an image already.

    Args:
        archive: the package, read once.
        package: what it holds.
        repository: name of the chart repository, if a Platform fills it from the registry; else empty.

    Raises:
        Stalled: the chart cannot be used.
        OperatorError: the package cannot be read.
    """
    chart = package.chart
    if chart is None:
        return package
    reference = _wanted(chart, repository)
    places = {destination(image.reference, "") for image in package.images}
    if not reference or destination(reference, "") in places:
        return package
    packed = next((image for image in package.images if image.reference == chart.reference), None)
    image: Image = packed.renamed(reference) if packed else as_image(archive, chart, reference)
    return replace(package, images=(image, *package.images))


def oci_reference(repository: str, name: str, version: str) -> str:
    """What a chart is called in the registry, under the name of its chart repository."""
    return f"{repository}/{name}:{chart_tag(version)}"


def _wanted(chart: Chart, repository: str) -> str:
    """The reference that the chart must have; empty: none."""
    if chart.plugin:
        return main_chart(chart)
    wanted = repository and not chart.reference
    return oci_reference(repository, chart.name, chart.version) if wanted else ""
