"""What is inside a bundle or chart that lies in the registry, and which images it needs. Blocking: for threads.

For what stays, every file counts, whatever it is: who names an image anywhere may need it. For what goes only what a
ClusterServiceVersion says by its fields: a name in a description is no reason to delete an image.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from violet_operator.clients.registry_reader import RegistryReader
from violet_operator.errors import OperatorError, Stalled, Waiting
from violet_operator.package.archive import Member
from violet_operator.package.documents import load_yaml, mapping, objects, text
from violet_operator.package.limits import MIB, Limits
from violet_operator.package.nested import Budget, files_in
from violet_operator.package.references import Destination, destination, tagged
from violet_operator.package.source import Buffer
from violet_operator.support.digests import parse_digest, sha256_digest

JsonObject = dict[str, Any]

_LARGEST = 32 * MIB
"""Bytes of the layers of one bundle or chart; the largest known have a few."""

_LIMITS = Limits(nested=64 * MIB, documents=64 * MIB)
"""The largest known unpack to 20 MiB; all of it is kept while it is searched."""

_DEPTH = 4
"""Index in index, or chart in chart."""

_ARCHIVES = (".tgz", ".tar.gz")


def files_of(registry: RegistryReader, to: Destination) -> dict[str, bytes] | None:
    """Every file in the layers of an image, of all its platforms; None: there is no such image.

    Raises:
        Waiting: it cannot be read, or is too large for a bundle or chart.
        OperatorError: the registry fails.
    """
    try:
        return _Reader(registry, to.repository).read(to.tag)
    except Stalled as error:
        raise Waiting("ImagesUnknown", f"{registry.address}/{to} cannot be read: {error.message}") from None


def related_images(files: dict[str, bytes]) -> list[str]:
    """The images that the ClusterServiceVersions among some files name by their fields."""
    found: dict[str, None] = {}
    for path, data in sorted(files.items()):
        if b"ClusterServiceVersion" in data:
            try:
                documents = load_yaml(path, data)
            except Stalled:
                continue  # nobody could install it either
            for document in documents:
                if text(document, "kind") == "ClusterServiceVersion":
                    found |= dict.fromkeys(_named(document))
    return list(found)


def needed(files: dict[str, bytes], prefix: str) -> set[Destination]:
    """Where these images are in our registry."""
    found = set()
    for reference in related_images(files):
        try:
            found.add(destination(tagged(reference), prefix))
        except OperatorError:
            continue  # it is no reference
    return found


def _named(csv: JsonObject) -> Iterator[str]:
    spec = mapping(csv, "spec")
    yield from (name for each in objects(spec, "relatedImages") if (name := text(each, "image")))
    for deployment in objects(spec, "install", "spec", "deployments"):
        pod = mapping(deployment, "spec", "template", "spec")
        for container in (*objects(pod, "initContainers"), *objects(pod, "containers")):
            if name := text(container, "image"):
                yield name
            for variable in objects(container, "env"):
                if text(variable, "name").startswith("RELATED_IMAGE_") and (name := text(variable, "value")):
                    yield name


class _Held:
    """A layer in memory, for whoever reads archives."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def open(self, _: Member) -> Iterator[Buffer]:
        """All of it."""
        return iter([self._data] if self._data else [])


class _Reader:
    """Reads one image; the caps are those of one package."""

    def __init__(self, registry: RegistryReader, repository: str) -> None:
        self._registry = registry
        self._repository = repository
        self._budget = Budget.of(_LIMITS)
        self._left = _LARGEST
        self._files: dict[str, bytes] = {}

    def read(self, reference: str, depth: int = 0) -> dict[str, bytes] | None:
        found = self._registry.find(self._repository, reference)
        if found is None:
            return None
        try:
            document = dict(json.loads(found.raw))
        except (ValueError, TypeError, RecursionError):
            raise Stalled("InvalidPackage", "it is no manifest.") from None
        children = objects(document, "manifests")
        if children and depth >= _DEPTH:
            raise Stalled("InvalidPackage", "it is an index in an index in an index.")
        for child in children:
            self.read(text(child, "digest"), depth + 1)
        for layer in objects(document, "layers"):
            self._layer(layer)
        return self._files

    def _layer(self, layer: JsonObject) -> None:
        try:
            digest, size = parse_digest(layer["digest"]), int(layer["size"])
        except (KeyError, ValueError, TypeError):
            raise Stalled("InvalidPackage", "a layer has no digest or size.") from None
        self._left -= size
        if self._left < 0:
            raise Stalled("PackageTooLarge", f"its layers have more than {_LARGEST} bytes, as no bundle or chart has.")
        data = self._registry.small_blob(self._repository, digest, size)
        if "tar" in text(layer, "mediaType"):
            self._unpack(digest, data)
        else:
            self._files[digest] = data

    def _unpack(self, name: str, data: bytes, depth: int = 0) -> None:
        """The files of an archive, and those of archives in it: a chart holds the charts it depends on."""
        if depth >= _DEPTH:
            raise Stalled("InvalidPackage", "it is an archive in an archive in an archive.")
        member = Member(name, 0, len(data), sha256_digest(data))
        found = files_in(_Held(data), member, lambda _, __: True, _LIMITS, self._budget)
        for path, content in found.items():
            if content and path.endswith(_ARCHIVES):
                self._unpack(f"{name}/{path}", content, depth + 1)
            elif content:
                self._files[f"{name}/{path}"] = content


def texts(files: Iterable[bytes]) -> list[str]:
    """Files as text, as far as they are; JSON may write a slash in two ways."""
    return [data.decode("utf-8", "replace").replace("\\/", "/") for data in files]
