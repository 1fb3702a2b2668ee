"""The publisher for an upload's type of package, from the facts in its status: they outlive the package's reading."""

from __future__ import annotations

from violet_operator.api.artifact import Publication
from violet_operator.platform.resolve import Connection
from violet_operator.publication.bundle import BundlePublisher
from violet_operator.publication.publisher import Publisher
from violet_operator.upload.context import Upload
from violet_operator.upload.plan import destination


def publisher_for(upload: Upload, connection: Connection) -> Publisher:
    """What brings the package to the clusters of one platform."""
    return BundlePublisher(_publication(upload, connection), upload.status.facts["package"].get("csv"))


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
        upload=f"{upload.namespace}/{upload.name}",
        record=upload.status.facts["verification"],
    )
