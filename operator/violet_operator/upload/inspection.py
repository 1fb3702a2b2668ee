"""What the package is, for the status and for publishing."""

from __future__ import annotations

from violet_operator.package.layout import understand
from violet_operator.package.model import Image, Opened, Package
from violet_operator.package.subset import subset_package
from violet_operator.upload.context import JsonObject, Upload
from violet_operator.upload.threads import in_thread

_LABEL = "operators.operatorframework.io.bundle."


async def inspect(upload: Upload) -> None:
    """Understand the verified package; sets `opened` and the status' `package`.

    Raises:
        Stalled: it is no package, contradicts itself, or is of a type that cannot be published yet.
    """
    archive = upload.archive
    assert archive is not None
    package = await in_thread(lambda: understand(archive), upload.cancel)
    package = subset_package(package, upload.spec.image_platforms)
    upload.status.facts["package"] = package_facts(package, upload.spec.image_platforms)
    upload.opened = Opened(archive, package)


def package_facts(package: Package, image_platforms: list[str] | None = None) -> JsonObject:
    """`status.package`."""
    main = package.main_image()
    facts = {
        "name": package.name,
        "displayName": package.display_name,
        "type": package.type,
        "version": package.version,
        "architectures": package.architectures,
        "lifecycle": package.lifecycle,
        "artifact": package.artifact,
        "channels": channels(main),
        "defaultChannel": main.labels.get(f"{_LABEL}channel.default.v1"),
        "relatedImages": list(package.related_images),
        "imagePlatforms": image_platforms,
    }
    return {key: value for key, value in facts.items() if value is not None}


def channels(image: Image) -> list[str]:
    """OLM channels of a bundle image, from its labels (operator-registry, bundle format)."""
    listed = image.labels.get(f"{_LABEL}channels.v1", "")
    return [channel.strip() for channel in listed.split(",") if channel.strip()]
