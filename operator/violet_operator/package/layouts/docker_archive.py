"""What `docker save` writes (`manifest.json`, configs, layers as tars), alone or unpacked as the `images/` of ours.

It has no registry manifest, so one is made: the same bytes for the same image, every time. Before docker 25 a layer
that several images share lies in the folder of one; the others have a link to it, which is looked up among the files
of the archive. Podman and skopeo write the same with the layers beside, and such links for old readers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from violet_operator.errors import Stalled
from violet_operator.package.archive import Archive, Member
from violet_operator.package.documents import JsonObject, load_json, load_object, mapping, objects
from violet_operator.package.layouts.base import Contents, Layout, folders_with
from violet_operator.package.limits import Limits
from violet_operator.package.model import Blob, Image, Manifest
from violet_operator.package.nested import plain_bytes
from violet_operator.package.oci import OCI_MANIFEST
from violet_operator.package.platforms import platform_of
from violet_operator.support.digests import Digest, sha256_digest

_MANIFEST = "manifest.json"
_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"


_LOOKS = 16
"""Files named manifest.json that are looked into: the name is a common one (web apps, browsers, Helm charts)."""


def _recognise(archive: Archive) -> str | None:
    return next((root for root in folders_with(archive, _MANIFEST)[:_LOOKS] if is_one(archive, root)), None)


def is_one(archive: Archive, root: str) -> bool:
    """Whether docker's own manifest.json lies in this folder."""
    try:
        return bool(_entries(archive, root))
    except Stalled:  # no JSON, or large: somebody else's file
        return False


def _contents(archive: Archive, root: str, limits: Limits) -> Contents:
    return Contents(images=tuple(_images(archive, root, limits)))


LAYOUT = Layout("a docker-archive (`docker save`: manifest.json, layers)", _recognise, _contents)


def names(archive: Archive, root: str) -> dict[str, list[str]]:
    """RepoTags by the path of the config they belong to."""
    return {f"{root}{entry.get('Config')}": _tags(entry) for entry in _entries(archive, root)}


def _entries(archive: Archive, root: str) -> list[JsonObject]:
    member = archive.members.get(f"{root}{_MANIFEST}")
    if member is None:
        return []
    document = load_json(repr(member.name), archive.read(member))
    entries = objects({"images": document}, "images")
    return [entry for entry in entries if "Config" in entry and isinstance(entry.get("Layers", ""), list | None)]


def _tags(entry: JsonObject) -> list[str]:
    tags = entry.get("RepoTags")
    return [tag for tag in tags if isinstance(tag, str) and tag] if isinstance(tags, list) else []


def _images(archive: Archive, root: str, limits: Limits) -> Iterator[Image]:
    entries = _entries(archive, root)
    if sum(max(1, len(_tags(entry))) for entry in entries) > limits.images:
        raise Stalled("PackageTooLarge", f"{root}{_MANIFEST} lists more than {limits.images} images.")
    plain: dict[Digest, Digest] = {}
    for entry in entries:
        image = _image(archive, root, entry, limits, plain)
        for tag in _tags(entry) or [""]:
            yield image.renamed(tag)


def _image(archive: Archive, root: str, entry: JsonObject, limits: Limits, plain: dict[Digest, Digest]) -> Image:
    """An image; `plain` are digests of layers that were unpacked for images before: they share most of them."""
    name = next(iter(_tags(entry)), str(entry.get("Config"))[:80])
    config = _member(archive, root, entry["Config"], name)
    document = load_object(f"the config of {name}", archive.read(config))
    layers = [_member(archive, root, path, name) for path in entry["Layers"] or ()]
    if len(layers) > limits.layers:
        raise Stalled("PackageTooLarge", f"Image {name} has more than {limits.layers} layers.")
    for layer in layers:
        plain[layer.digest] = plain.get(layer.digest) or _plain_digest(archive, layer)
    _check_layers(layers, plain, mapping(document, "rootfs").get("diff_ids") or [], name)
    raw = _manifest(archive, config, layers)
    return Image(
        reference="",
        digest=sha256_digest(raw),
        manifests=(Manifest(sha256_digest(raw), OCI_MANIFEST, raw),),
        blobs=tuple({member.digest: Blob(member.digest, member.size, member) for member in (config, *layers)}.values()),
        platforms=tuple(platform_of(document)),
        labels={str(key): str(value) for key, value in mapping(document, "config", "Labels").items()},
    )


def _member(archive: Archive, root: str, path: object, name: str) -> Member:
    path_inside = f"{root}{path}"
    target = archive.links.get(path_inside)
    member = archive.members.get(path_inside if target is None else target)
    if member is not None and member.name.startswith(root):
        return member
    if target is not None:
        raise Stalled(
            "UnsafeArchive",
            f"Image {name} has the layer {str(path)[:100]!r}, which is a link to {target[:100]!r}: no file of the same "
            "archive. Save the image again.",
        )
    raise Stalled(
        "IncompletePackage",
        f"The package holds no file {str(path)[:100]!r}, which image {name} needs. It was made or copied incompletely.",
    )


def _check_layers(layers: list[Member], plain: dict[Digest, Digest], diff_ids: object, name: str) -> None:
    """The config names the digest of each layer's plain tar: the one check that this format has."""
    if not isinstance(diff_ids, list) or len(diff_ids) != len(layers):
        raise Stalled("InvalidPackage", f"Image {name} has {len(layers)} layers, but its config does not name as many.")
    for layer, diff_id in zip(layers, diff_ids, strict=True):
        if diff_id not in (layer.digest, plain[layer.digest]):
            raise Stalled(
                "DigestMismatch",
                f"Layer {layer.name!r} of image {name} is not the one that its config names ({str(diff_id)[:80]}). "
                "The package was altered or damaged; get it again from its vendor.",
            )


def _plain_digest(archive: Archive, layer: Member) -> Digest:
    if not _compression(archive, layer):
        return layer.digest
    digest = hashlib.sha256()
    for piece in plain_bytes(archive, layer):
        digest.update(piece)
    return Digest(f"sha256:{digest.hexdigest()}")


def _compression(archive: Archive, layer: Member) -> str:
    head = bytes(next(archive.open(layer), b"")[:4])
    return "+gzip" if head[:2] == b"\x1f\x8b" else "+zstd" if head == b"\x28\xb5\x2f\xfd" else ""


def _manifest(archive: Archive, config: Member, layers: list[Member]) -> bytes:
    """An OCI manifest whose bytes depend on the image alone."""
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": _CONFIG_TYPE, "digest": config.digest, "size": config.size},
        "layers": [
            {
                "mediaType": f"{_LAYER_TYPE}{_compression(archive, layer)}",
                "digest": layer.digest,
                "size": layer.size,
            }
            for layer in layers
        ],
    }
    return json.dumps(document, separators=(",", ":")).encode()
