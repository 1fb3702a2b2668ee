"""Names of images across registries: what is pushed and recognised leaves the packager's registry out."""

from __future__ import annotations

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
