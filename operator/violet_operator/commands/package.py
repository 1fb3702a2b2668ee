"""`violet-operator package PATH`: make a package of our layout, with its checksum file and, given a key, signature."""

from __future__ import annotations

import argparse
import gzip
import hashlib
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from violet_operator.errors import Stalled
from violet_operator.package.compose import Wishes, compose
from violet_operator.package.model import Package
from violet_operator.package.virtual import VirtualTar
from violet_operator.support.redact import printable
from violet_operator.verification.sign import Signer

_LEVEL = 1
"""Layers are compressed already: more effort would only heat the room."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("path", type=Path, help="an OCI image layout, a bundle directory, a chart (directory or .tgz)")
    parser.add_argument("--output", type=Path, help="file to write; default: NAME.VERSION.tgz")
    parser.add_argument("--images", type=Path, help="an OCI image layout with the images it needs")
    parser.add_argument("--artifact", help="full reference of the main image, HOST/REPOSITORY:TAG")
    parser.add_argument("--name", help="name of the package; default: as the content says")
    parser.add_argument("--version", dest="package_version", help="its version; default: as the content says")
    parser.add_argument("--display-name", help="name for people; default: as the content says")
    parser.add_argument("--lifecycle", choices=("core", "aligned", "agnostic"), help="default: as the content says")
    parser.add_argument("--catalog-source", help="default catalog; default: platform")
    parser.add_argument(
        "--sign-key", metavar="KEY", help="sign with it: a key of your gpg, or a file with a private key"
    )
    parser.add_argument("--passphrase-file", type=Path, metavar="FILE", help="its passphrase; default: gpg asks for it")


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
    try:
        with ExitStack() as stack:
            signer = stack.enter_context(_signer(flags)) if flags.sign_key else None
            package, entries = compose(flags.path, flags.images, wishes)
            written = write(VirtualTar(entries), flags.output or _file_name(package))
            if signer:
                written.append(_beside(written[0], ".sig", signer.sign(written[0])))
    except OSError as error:
        raise Stalled("SourceForbidden", f"{error.filename} cannot be used: {error.strerror}.") from None
    _tell(package, written)
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
    return [output, _beside(output, ".sha256", f"{digest.hexdigest()}  {output.name}\n".encode())]


def _beside(package: Path, suffix: str, data: bytes) -> Path:
    path = package.with_name(f"{package.name}{suffix}")
    path.write_bytes(data)
    return path


def _signer(flags: argparse.Namespace) -> Signer:
    passphrase = flags.passphrase_file.read_text(encoding="utf-8").splitlines() if flags.passphrase_file else []
    return Signer(flags.sign_key, passphrase[0] if passphrase else None)


def _file_name(package: Package) -> Path:
    name = f"{package.name}.{package.version}.tgz"
    if Path(name).name != name or not name.isprintable():  # the version is the content's word
        raise Stalled("InvalidPackage", f"{name[:200]!r} is no name for a file. Give one with --output.")
    return Path(name)


def _tell(package: Package, written: Sequence[Path]) -> None:
    sys.stdout.write("".join(f"{path}\n" for path in written))
    for item in package.contradictions:
        sys.stderr.write(f"note: {printable(item.message)}\n")
    for stale in (written[0].with_name(f"{written[0].name}{suffix}") for suffix in (".sig", ".asc")):
        if stale not in written and stale.exists():
            sys.stderr.write(f"note: {stale} belongs to an older package of this name: sign anew, or remove it.\n")
    about = f"{package.name} {package.version} ({package.type}, {len(package.images)} images)"
    sys.stderr.write(f"{printable(about)}\n")


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
