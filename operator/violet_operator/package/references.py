"""Names of images across registries: what is pushed and recognised leaves the packager's registry out.

Docker, the kubelet and we read them alike: `docker.io` is the registry that is not named, `library/` is what it puts
before a name of one part, and `latest` is the tag of a name without one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from violet_operator.errors import Stalled
from violet_operator.package.model import Image

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"({_PART}(?:/{_PART})*)(?::([A-Za-z0-9_][A-Za-z0-9._-]{{0,127}}))?(?:@(sha256:[0-9a-f]{{64}}))?")
"""REPOSITORY:TAG@DIGEST (distribution specification): nothing else may become part of a URL, `../` above all."""

_HUB = ("", "docker.io", "index.docker.io")
_OFFICIAL = "library/"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an image goes in a registry.

    Attributes:
        repository: without host.
        tag: tag; or the digest of an image that is known by digest alone.
    """

    repository: str
    tag: str

    def __str__(self) -> str:
        return f"{self.repository}{'@' if ':' in self.tag else ':'}{self.tag}"


def destination(reference: str, prefix: str) -> Destination:
    """Where an image goes: its repository without the packager's registry, behind our prefix.

    Only the registry is left out: `nginx:1.2` and `library/nginx:1.2` are two places.

    Raises:
        Stalled: the reference has neither tag nor digest, or is not a reference.
    """
    found = _PATH.fullmatch(_split(reference)[1])
    if not found or not (found[2] or found[3]):
        raise Stalled(
            "InvalidPackage",
            f"The package names image {reference!r}, which is no reference HOST/REPOSITORY:TAG to push it under.",
        )
    repository, tag = found[1], found[2] or found[3]
    return Destination(f"{prefix}/{repository}" if prefix else repository, tag)


def places(images: Iterable[Image], prefix: str) -> dict[Destination, Image]:
    """Every image by its destination.

    Raises:
        Stalled: two different images have the same one, as their names differ in the registry alone.
    """
    found: dict[Destination, Image] = {}
    for image in images:
        to = destination(image.reference, prefix)
        other = found.setdefault(to, image)
        if other.digest != image.digest:
            raise Stalled(
                "InvalidPackage",
                f"The package holds two images for {to}, whatever the registry: {other.reference} is {other.digest}, "
                f"{image.reference} is {image.digest}. Build it anew with one of them.",
            )
    return found


def has_tag(reference: str) -> bool:
    """Whether it has a tag; a tag alone is no name, nor is the port of `HOST:PORT/REPOSITORY` a tag."""
    return ":" in reference.partition("@")[0].rpartition("/")[2]


def is_full(reference: str) -> bool:
    """Whether it has a tag or a digest."""
    return has_tag(reference) or "@" in reference


def tagged(reference: str) -> str:
    """The reference as docker and the kubelet read it: a name without tag and digest means `latest`."""
    return reference if is_full(reference) else f"{reference}:latest"


def names_of(reference: str) -> set[str]:
    """The names by which an image is recognised in whatever registry: Docker Hub has two for some. Without digest."""
    registry, path = _split(tagged(reference))
    if registry not in _HUB:
        return {path}
    short = path.removeprefix(_OFFICIAL)
    return {path} if "/" in short else {short, f"{_OFFICIAL}{short}"}


def without_registry(reference: str) -> str:
    """The reference without its registry."""
    return _split(reference)[1]


def _split(reference: str) -> tuple[str, str]:
    """Registry, or nothing, and the rest.

    The first component is a registry if it has a dot or a colon, or is `localhost` (the rule of the distribution
    reference grammar).
    """
    first, slash, rest = reference.partition("/")
    return (first, rest) if slash and ("." in first or ":" in first or first == "localhost") else ("", reference)
