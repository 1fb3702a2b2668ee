"""Caps on what a package may be. They stay on: a package is untrusted input until it is verified."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps, each with its reason.

    Attributes:
        size: bytes of the package as stored. The largest known package has 6.5 GB (`platform.md` 5.3).
        plain: bytes after decompression.
        ratio: plain bytes per stored byte beyond the first GiB; deflate reaches 1032, honest layers below 10.
        members: entries of the archive. Images of 100 layers make a package of some thousand.
        name: characters of a member's name; PATH_MAX.
        header: bytes of one extended tar header; honest ones have some hundred.
        document: bytes of one manifest, index or metadata file; registries take manifests of 4 MiB.
        kept: bytes of small members kept in memory between the passes.
        nested: bytes of one chart, or all layers of a bundle, after decompression; the largest known have 20 MiB.
        nested_members: entries of one chart or bundle layer.
        documents: bytes of manifests and configs of one package, and of metadata of one chart or bundle; honest ones
            have a few MiB.
        images: entries of an image index, and images that a CSV names; the largest known package has some 300.
        layers: of one image in a docker-archive; docker itself makes at most 127.
        depth: index inside index; honest images have two levels.
    """

    size: int = 100 * GIB
    plain: int = 400 * GIB
    ratio: int = 200
    members: int = 100_000
    name: int = 4096
    header: int = MIB
    document: int = 4 * MIB
    kept: int = 16 * MIB
    nested: int = 256 * MIB
    nested_members: int = 10_000
    documents: int = 64 * MIB
    images: int = 5000
    layers: int = 1000
    depth: int = 4
