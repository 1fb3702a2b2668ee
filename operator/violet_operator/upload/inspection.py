"""What the package is, for the status and for publishing; refuses what this version cannot publish."""

from __future__ import annotations

from violet_operator.api.conditions import FETCHED
from violet_operator.errors import Stalled
from violet_operator.package.model import Bundle, Opened, Package, Plugin
from violet_operator.package.understand import understand
from violet_operator.support.redact import shorten
from violet_operator.upload.context import JsonObject, Upload
from violet_operator.upload.threads import in_thread

_CONTRADICTIONS = 32
"""That a status lists; a package with more of them needs no longer list."""


async def inspect(upload: Upload) -> None:
    """Understand the verified package; sets `opened` and the status' `package`.

    Raises:
        Stalled: it is no package, contradicts itself, or is of a type that cannot be published yet.
    """
    archive = upload.archive
    assert archive is not None
    name = upload.spec.source.url.partition("?")[0]
    package = await in_thread(lambda: understand(archive, file_name=name), upload.cancel)
    upload.status.facts["package"] = package_facts(package)
    fetched = upload.status.conditions.get(FETCHED)
    if fetched:
        upload.status.done(FETCHED, fetched["reason"], with_contradictions(fetched["message"], upload.status.facts))
    if package.type != "bundle":
        raise Stalled(
            "NotSupportedYet",
            f"The package is a {package.type}; this version of the operator publishes operator bundles only.",
        )
    upload.opened = Opened(archive, package)


def with_contradictions(message: str, facts: JsonObject) -> str:
    """A message about the package, and what in it does not agree: named where people look first."""
    found = facts["package"].get("contradictions")
    if not found:
        return message
    return shorten(f"{message} Contradictions in the package ({len(found)}): {' '.join(found)}")


def package_facts(package: Package) -> JsonObject:
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
        "contradictions": [shorten(item.message) for item in package.contradictions[:_CONTRADICTIONS]] or None,
        **(_bundle_facts(package.bundle) if package.bundle else {}),
        **(_plugin_facts(package.chart.plugin) if package.chart and package.chart.plugin else {}),
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


def _plugin_facts(plugin: Plugin) -> JsonObject:
    return {"mainChart": plugin.main_chart or None, "affinity": plugin.affinity or None}
