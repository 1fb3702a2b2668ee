"""`violet-operator package PATH`: make a package of our layout, with its checksum file."""

from __future__ import annotations

import argparse
import gzip
import hashlib
import sys
from pathlib import Path
from typing import BinaryIO

from violet_operator.package.compose import Wishes, compose
from violet_operator.package.model import Package
from violet_operator.package.virtual import VirtualTar

_LEVEL = 1
"""Layers are compressed already: more effort would only heat the room."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("path", type=Path, help="an OCI image layout, or a bundle directory")
    parser.add_argument("--output", type=Path, help="file to write; default: NAME.VERSION.tgz")
    parser.add_argument("--images", type=Path, help="an OCI image layout with further images, such as related ones")
    parser.add_argument("--artifact", help="full reference of the main image, HOST/REPOSITORY:TAG")
    parser.add_argument("--name", help="name of the package; default: as the content says")
    parser.add_argument("--version", dest="package_version", help="its version; default: as the content says")
    parser.add_argument("--display-name", help="name for people; default: as the content says")
    parser.add_argument("--lifecycle", choices=("core", "aligned", "agnostic"), help="default: as the content says")
    parser.add_argument("--catalog-source", help="default catalog; default: platform")


def run(flags: argparse.Namespace) -> int:
    """Make the package; prints the files written.

    Raises:
        Stalled: it cannot be made; nothing is left behind.
    """
    wishes = Wishes(
        name=flags.name,
        version=flags.package_version,
        display_name=flags.display_name,
        lifecycle=flags.lifecycle,
        catalog_source=flags.catalog_source,
        artifact=flags.artifact,
    )
    package, entries = compose(flags.path, flags.images, wishes)
    output: Path = flags.output or Path(f"{package.name}.{package.version}.tgz")
    for path in write(VirtualTar(entries), output):
        sys.stdout.write(f"{path}\n")
    sys.stderr.write(f"{_describe(package)}\n")
    return 0


def write(tar: VirtualTar, output: Path) -> list[Path]:
    """Write a package and its checksum file; gives their paths. An interrupted write leaves no file of that name."""
    unfinished = output.with_name(f".{output.name}.unfinished")
    digest = hashlib.sha256()
    try:
        with unfinished.open("wb") as file, gzip.GzipFile("", "wb", _LEVEL, _Hashing(file, digest), mtime=0) as packed:
            for piece in tar.read_from(0):
                packed.write(piece)
        unfinished.replace(output)
    finally:
        unfinished.unlink(missing_ok=True)
    checksum = output.with_name(f"{output.name}.sha256")
    checksum.write_text(f"{digest.hexdigest()}  {output.name}\n", encoding="ascii")
    return [output, checksum]


class _Hashing:
    """A file that is hashed as it is written."""

    def __init__(self, file: BinaryIO, digest: hashlib._Hash) -> None:
        self._file = file
        self._digest = digest

    def write(self, data: bytes) -> int:
        """Write and hash."""
        self._digest.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        """Nothing is held back here."""
        self._file.flush()


def _describe(package: Package) -> str:
    return f"{package.name} {package.version} ({package.type}, {len(package.images)} images)"
