"""From an archive to a package: which layout it has, and what that layout says is inside.

One small adapter per layout; for now there is one, our own (DESIGN: `NAME/manifest.yaml`, `NAME/images/`).
"""

from __future__ import annotations

from violet_operator.errors import Stalled
from violet_operator.package.archive import Archive, Member
from violet_operator.package.manifest import PackageManifest, parse_manifest
from violet_operator.package.model import Image, Package
from violet_operator.package.oci import OCILayout

_MANIFEST = "manifest.yaml"


def understand(archive: Archive) -> Package:
    """What the archive holds.

    Raises:
        Stalled: no known layout, a type that is not supported yet, or a contradiction inside; the message says what
            was found and expected.
    """
    manifest = _find_manifest(archive)
    document = parse_manifest(manifest.name, archive.read(manifest))
    if document.spec.type != "bundle":  # the others hold a chart where this type holds its images
        raise Stalled(
            "NotSupportedYet",
            f"The package is a {document.spec.type}; this version of the operator publishes operator bundles only. "
            "Upload it with the vendor's violet.",
        )
    root = manifest.name.removesuffix(_MANIFEST)
    images = {image.reference: image for image in OCILayout(archive, f"{root}images/").images()}
    return _package(document, images)


def _find_manifest(archive: Archive) -> Member:
    found = [
        member
        for name, member in archive.members.items()
        if name.rpartition("/")[2] == _MANIFEST and name.count("/") <= 1
    ]
    if len(found) == 1:
        return found[0]
    names = sorted(name for name in archive.members if "/blobs/" not in name)
    inside = ", ".join(names[:8]) or "nothing but blobs"
    raise Stalled(
        "UnknownLayout",
        f"The package has no known layout: expected one NAME/{_MANIFEST} beside NAME/images/, found "
        f"{len(found)} of them among {len(archive.members)} files ({inside}). Get the package again from its vendor.",
    )


def _package(document: PackageManifest, images: dict[str, Image]) -> Package:
    spec = document.spec
    named = [spec.artifact, *spec.related_images]
    missing = [reference for reference in dict.fromkeys(named) if reference not in images]
    if missing:
        raise Stalled(
            "IncompletePackage",
            f"The package names {len(missing)} image(s) that are not inside: {', '.join(missing[:5])}. "
            "It was made or copied incompletely; get it again from its vendor.",
        )
    main = images[spec.artifact]
    return Package(
        name=document.metadata.name,
        display_name=spec.display_name or document.metadata.name,
        type=spec.type,
        version=spec.version,
        lifecycle=spec.lifecycle,
        catalog_source=spec.catalog_source,
        artifact=spec.artifact,
        related_images=tuple(spec.related_images),
        images=(main, *(image for image in images.values() if image is not main)),
    )
