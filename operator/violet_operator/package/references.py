"""Names of images across registries: what is pushed and recognised leaves the packager's registry out."""

from __future__ import annotations

import re
from dataclasses import dataclass

from violet_operator.errors import Stalled

_OFFICIAL = "library/"
"""Where Docker Hub keeps the images whose short name has no namespace: `nginx` is `docker.io/library/nginx`."""


def without_registry(reference: str) -> str:
    """The reference without its registry.

    The first component is a registry if it has a dot or a colon, or is `localhost` (the rule of the distribution
    reference grammar).
    """
    first, slash, rest = reference.partition("/")
    return rest if slash and ("." in first or ":" in first or first == "localhost") else reference


def familiar(reference: str) -> str:
    """The name by which an image is recognised in whatever registry: short, where Docker Hub has a long form too."""
    path = without_registry(reference)
    short = path.removeprefix(_OFFICIAL)
    return path if "/" in short else short


_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"({_PART}(?:/{_PART})*)(?::([A-Za-z0-9_][A-Za-z0-9._-]{{0,127}}))?(?:@(sha256:[0-9a-f]{{64}}))?")
"""REPOSITORY:TAG@DIGEST (distribution specification): nothing else may become part of a URL, `../` above all."""


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
    found = _PATH.fullmatch(without_registry(reference))
    if not found or not (found[2] or found[3]):
        raise Stalled(
            "InvalidPackage",
            f"The package names image {reference!r}, which is no reference HOST/REPOSITORY:TAG to push it under.",
        )
    repository, tag = found[1], found[2] or found[3]
    return Destination(f"{prefix}/{repository}" if prefix else repository, tag)
