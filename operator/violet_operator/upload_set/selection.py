"""Which objects under a prefix are packages, and which of those are wanted. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from violet_operator.clients.bucket import StorageSettings
from violet_operator.verification.evidence import PACKAGE_SUFFIXES


def select(
    keys: Iterable[str], prefix: str, include: Sequence[str] | None, exclude: Sequence[str] | None
) -> Iterator[str]:
    """Names, below the prefix, of the packages that are wanted.

    A package is what `violet-operator verify DIR` takes for one, by its suffix: side files are none.
    """
    for key in keys:
        name = key.removeprefix(prefix)
        if (
            key.startswith(prefix)
            and name.endswith(PACKAGE_SUFFIXES)
            and (not include or _matches(name, include))
            and not _matches(name, exclude or ())
        ):
            yield name


def package_url(prefix_url: str, package: str) -> str | None:
    """The `source.url` of a package, or None where a URL cannot say its name (`?`, `#`, control characters)."""
    url = prefix_url + package
    sayable = package.isprintable() and not {"?", "#"} & set(package)
    return url if sayable and StorageSettings(url).key == StorageSettings(prefix_url).key + package else None


def _matches(name: str, globs: Sequence[str]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)
