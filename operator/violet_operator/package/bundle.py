"""An operator bundle (operator-registry, bundle format): image labels, metadata/annotations.yaml, and its CSV.

The files are read from the layers of the bundle image as they stream by; nothing is unpacked.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from violet_operator.errors import Stalled
from violet_operator.package.archive import Archive
from violet_operator.package.documents import (
    AGAIN,
    JsonObject,
    load_mapping,
    load_object,
    load_yaml,
    mapping,
    objects,
    text,
)
from violet_operator.package.limits import Limits
from violet_operator.package.model import Bundle, Contradiction, Image
from violet_operator.package.nested import Budget, files_in
from violet_operator.package.platforms import normal
from violet_operator.package.versions import newest
from violet_operator.support.digests import Digest, digests_in

_PREFIX = "operators.operatorframework.io.bundle."
_PACKAGE, _CHANNELS = f"{_PREFIX}package.v1", f"{_PREFIX}channels.v1"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_ARCH, _OS = "operatorframework.io/arch.", "operatorframework.io/os."


def is_labelled(image: Image) -> bool:
    """Whether an image's labels say that it is an operator bundle."""
    return any(label.startswith(_PREFIX) for label in image.labels)


def read_bundle(archive: Archive, image: Image, limits: Limits, inside: Collection[Digest] = ()) -> Bundle | None:
    """What a bundle image says of itself; None: it is no bundle.

    Args:
        archive: the package.
        image: that may be a bundle.
        limits: caps.
        inside: digests of the package's images.

    Raises:
        Stalled: a layer or a document in it cannot be read.
    """
    try:
        files = _files(archive, image, limits)
        annotations = _annotations(files, _annotations_path(image))
        csvs, broken = _csvs(files)
    except Stalled:
        if is_labelled(image):
            raise
        return None  # nothing says that it is a bundle: somebody else's files
    if not is_labelled(image) and not (annotations and csvs):
        return None
    facts = {**image.labels, **annotations}
    csv = newest(csvs, key=_version)
    notes = [
        *_differences(image.labels, annotations, image.reference),
        *(
            Contradiction(f"Passed over, as the bundle has a CSV elsewhere: {error.message.removesuffix(AGAIN)}")
            for error in broken
        ),
        *_several([text(item, "metadata", "name") for item in csvs], text(csv, "metadata", "name")),
    ]
    if csv is None:
        notes.append(
            Contradiction(f"{image.reference} is labelled as an operator bundle, but holds no CSV.", stalls=True)
        )
    return Bundle(
        package=facts.get(_PACKAGE, ""),
        channels=_list(facts.get(_CHANNELS, "")),
        default_channel=facts.get(f"{_PREFIX}channel.default.v1") or None,
        csv=text(csv, "metadata", "name"),
        version=_version(csv),
        display_name=text(csv, "spec", "displayName"),
        related_images=_related(csv, limits),
        replaces=text(csv, "spec", "replaces") or None,
        skip_range=text(csv, "metadata", "annotations", "olm.skipRange") or None,
        platforms=_platforms(mapping(csv, "metadata", "labels")),
        pinned=digests_in(files.values(), inside),
        notes=tuple(notes),
    )


def _files(archive: Archive, image: Image, limits: Limits) -> dict[str, bytes]:
    """The manifests and metadata of the image's file system: layers from the lowest up."""
    runs = next((manifest for manifest in image.manifests if manifest.platform), image.manifests[0])
    lowest = load_object("the bundle's manifest", runs.raw)
    members = {str(blob.digest): blob.member for blob in image.blobs}
    digests = [text(layer, "digest") for layer in objects(lowest, "layers")]
    once = reversed(dict.fromkeys(reversed(digests)))  # of a layer that comes twice, the upper one hides the other
    manifests, annotations = _folder(image, "manifests"), _annotations_path(image)

    def wanted(path: str, _size: int) -> bool:
        folder, _, name = path.rpartition("/")
        return path == annotations or (folder == manifests and name.endswith((".yaml", ".yml", ".json")))

    found: dict[str, bytes] = {}
    budget = Budget.of(limits)
    for member in (members[digest] for digest in once if digest in members):
        if member.size:
            upper = files_in(archive, member, wanted, limits, budget)
            removed = {path for path, data in upper.items() if data is None}
            found = {path: data for path, data in found.items() if removed.isdisjoint(_with_folders(path))}
            found |= {path: data for path, data in upper.items() if data is not None}
    return found


def _with_folders(path: str) -> list[str]:
    """A path, and every folder that it lies in, the root too."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(len(parts) + 1)]


def _folder(image: Image, name: str) -> str:
    """Where the bundle has its `manifests` or `metadata`, as the label says."""
    said = image.labels.get(f"{_PREFIX}{name}.v1", name)
    return "/".join(part for part in said.split("/") if part not in ("", "."))


def _annotations_path(image: Image) -> str:
    return f"{_folder(image, 'metadata')}/annotations.yaml".lstrip("/")


def _annotations(files: dict[str, bytes], path: str) -> dict[str, str]:
    data = files.get(path)
    found = mapping(load_mapping(repr(path), data), "annotations") if data is not None else {}
    return {key: value.strip() for key, value in found.items() if isinstance(value, str) and value.strip()}


def _csvs(files: dict[str, bytes]) -> tuple[list[JsonObject], list[Stalled]]:
    """Every ClusterServiceVersion, and what could not be read of the files that look like one.

    Other manifests, CRDs of megabytes among them, are parsed only if there is none: the kind may be written with
    escapes.

    Raises:
        Stalled: there is none, and a file cannot be read.
    """
    likely = {path for path, data in files.items() if b"ClusterServiceVersion" in data or data.startswith(_UTF16)}
    broken: list[Stalled] = []
    for paths in (likely, files.keys() - likely):
        found: list[JsonObject] = []
        for path in sorted(paths):
            try:
                found += _csvs_in(path, files[path])
            except Stalled as error:
                broken.append(error)
        if found:
            return found, broken
    if broken:
        raise broken[0]
    return [], []


def _csvs_in(path: str, data: bytes) -> Iterable[JsonObject]:
    return (document for document in load_yaml(repr(path), data) if text(document, "kind") == "ClusterServiceVersion")


def _version(csv: JsonObject | None) -> str:
    """`spec.version`; else what follows the first dot of the CSV's name, as in `etcdoperator.v0.9.4`."""
    return text(csv, "spec", "version") or text(csv, "metadata", "name").partition(".")[2]


def _related(csv: JsonObject | None, limits: Limits) -> tuple[str, ...]:
    named = filter(None, (text(item, "image") for item in objects(csv, "spec", "relatedImages")))
    found = tuple(dict.fromkeys(named))
    if len(found) > limits.images:
        raise Stalled("PackageTooLarge", f"The CSV names more than {limits.images} images.")
    return found


def _platforms(labels: JsonObject) -> tuple[str, ...]:
    """`operatorframework.io/arch.amd64: supported` and the like."""
    supported = [key for key, value in labels.items() if value == "supported"]
    systems = [key.removeprefix(_OS) for key in supported if key.startswith(_OS)] or ["linux"]
    return tuple(
        normal(f"{system}/{key.removeprefix(_ARCH)}")
        for key in supported
        if key.startswith(_ARCH)
        for system in systems
    )


def _list(text_: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part for part in re.split(r"[\s,]+", text_) if part))


def _same(key: str, one: str, other: str) -> bool:
    return _list(one) == _list(other) if key == _CHANNELS else one.strip() == other


def _differences(labels: dict[str, str], annotations: dict[str, str], name: str) -> list[Contradiction]:
    return [
        Contradiction(
            f"Label {key} of {name} is {labels[key]!r}, but its metadata/annotations.yaml says {value!r}, which counts."
        )
        for key, value in annotations.items()
        if key.startswith(_PREFIX) and not _same(key, labels.get(key, value), value)
    ]


def _several(names: list[str], taken: str) -> list[Contradiction]:
    if len(names) <= 1:
        return []
    return [Contradiction(f"The bundle holds {len(names)} CSVs ({', '.join(names[:5])}); {taken}, the newest, counts.")]
