"""The interface of a layout adapter."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from violet_operator.package.archive import Archive, Member
from violet_operator.package.limits import Limits
from violet_operator.package.manifest import PackageManifest
from violet_operator.package.model import Image


@dataclass(frozen=True, slots=True)
class Contents:
    """What a layout says is inside.

    Attributes:
        images: in the order found; an image may lack a name.
        charts: chart archives.
        chart_root: folder of a chart that is not packed: the package itself is the archive.
        manifest: the packager's word on it, where the layout has one.
        untagged: gives further images, those of these digests, which count only if something names them by digest.
    """

    images: tuple[Image, ...] = ()
    charts: tuple[Member, ...] = ()
    chart_root: str | None = None
    manifest: PackageManifest | None = None
    untagged: Callable[[Collection[str]], list[Image]] = lambda _: []


@dataclass(frozen=True, slots=True)
class Layout:
    """An adapter.

    Attributes:
        expected: what a package of this layout holds, for people.
        recognise: the folder in which it was found ("" or ending in a slash), or None.
        contents: what is inside; raises Stalled where that is not what the layout promises.
    """

    expected: str
    recognise: Callable[[Archive], str | None]
    contents: Callable[[Archive, str, Limits], Contents]


def shallowest(archive: Archive, name: str) -> str | None:
    """The folder of the least deep member with this path at its end, or None."""
    return next(iter(folders_with(archive, name)), None)


def folders_with(archive: Archive, name: str) -> list[str]:
    """The folders of the members with this path at their end, the least deep first."""
    found = [path.removesuffix(name) for path in archive.members if path == name or path.endswith(f"/{name}")]
    return sorted(found, key=lambda folder: (folder.count("/"), folder))
