"""The publisher for an upload's type of package, from the facts in its status: they outlive the package's reading."""

from __future__ import annotations

from violet_operator.api.artifact import UPLOADED_BY, Publication
from violet_operator.api.module_plugin import module_plugin
from violet_operator.package.references import destination
from violet_operator.platform.resolve import Connection
from violet_operator.publication.bundle import BundlePublisher
from violet_operator.publication.chart import ChartEntry, ChartPublisher
from violet_operator.publication.plugin import PluginPublisher
from violet_operator.publication.publisher import Publisher
from violet_operator.support.digests import digest_hex
from violet_operator.upload.context import Upload


def publisher_for(upload: Upload, connection: Connection) -> Publisher:
    """What brings the package to the clusters of one platform."""
    package = upload.status.facts["package"]
    if package["type"] == "chart":
        return ChartPublisher(chart_entry(upload, connection))
    if package["type"] == "plugin":
        record, labels = upload.status.facts["verification"], dict(upload.env.settings.artifact_labels)
        body = module_plugin(package["name"], package["module"], record, labels)
        body["metadata"]["annotations"][UPLOADED_BY] = f"{upload.namespace}/{upload.name}"
        return PluginPublisher(body, registry=connection.pull_address, prefix=connection.prefix)
    return BundlePublisher(_publication(upload, connection), package.get("csv"))


def chart_entry(upload: Upload, connection: Connection) -> ChartEntry:
    """What the platform is to list of a package of type chart."""
    chart = upload.status.facts["package"]["chart"]
    return ChartEntry(
        name=chart["name"],
        version=chart["version"],
        digest="" if connection.charts.backend == "oci" else digest_hex(chart["digest"]),
        repository=upload.spec.chart_repository,
        namespace=upload.env.settings.system_namespace,
    )


def _publication(upload: Upload, connection: Connection) -> Publication:
    package = upload.status.facts["package"]
    to = destination(package["artifact"], connection.prefix)
    return Publication(
        name=package["name"],
        display_name=package["displayName"],
        registry=connection.pull_address,
        repository=to.repository,
        tag=to.tag,
        namespace=upload.env.settings.system_namespace,
        library=upload.spec.catalog_source,
        channels=tuple(package.get("channels", [])),
        default_channel=package.get("defaultChannel"),
        labels=dict(upload.env.settings.artifact_labels),
        pull_secrets=connection.pull_secrets,
        upload="/".join(upload.key),
        record=upload.status.facts["verification"],
    )
