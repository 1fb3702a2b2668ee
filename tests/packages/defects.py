"""Packages that must be refused: each defect is one change of a good package, and nothing else is wrong."""

import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

from tests.packages import content
from tests.packages.archive import Member, file
from tests.packages.oci import random_chunks
from tests.packages.spec import Package

Defect = Literal[
    "truncated-gzip",
    "corrupt-gzip",
    "not-a-tar",
    "not-gzip",
    "no-manifest",
    "bad-manifest-yaml",
    "manifest-wrong-kind",
    "missing-image",
    "missing-blob",
    "digest-mismatch",
    "path-traversal",
    "absolute-path",
    "symlink",
    "hardlink",
    "device",
    "duplicate-member",
    "wrong-checksum",
]
DEFECTS: tuple[Defect, ...] = get_args(Defect)

STRANGE_SIZE = 64 << 10


def change_members(defect: Defect | None, spec: Package, members: list[Member], victim: str) -> list[Member]:
    """The members with the defect, if it is one of the content; ``victim`` is the member name of a layer."""
    manifest = next(m.name for m in members if m.name.endswith("manifest.yaml"))
    top = manifest.removesuffix("manifest.yaml")
    added: dict[str, Member] = {
        "path-traversal": file("../../etc/x", b"outside\n"),
        "absolute-path": file("/etc/x", b"outside\n"),
        "symlink": Member(f"{top}link", kind=tarfile.SYMTYPE, target="/etc/passwd"),
        "hardlink": Member(f"{top}link", kind=tarfile.LNKTYPE, target=manifest),
        "device": Member(f"{top}device", kind=tarfile.CHRTYPE),
        "duplicate-member": file(manifest, content.package_manifest(spec, version="99.0.0")),
    }
    replaced: dict[str, Member] = {
        "bad-manifest-yaml": file(manifest, b"kind: Package\nspec: {version: [\n"),
        "manifest-wrong-kind": file(
            manifest,
            content.package_manifest(spec).replace(b"\nkind: Package\n", b"\nkind: Parcel\n"),
        ),
        "missing-image": file(manifest, _manifest_with_absent_image(spec)),
    }
    if defect in added:
        return [*members, added[defect]]
    if defect in replaced:
        return [replaced[defect] if m.name == manifest else m for m in members]
    if defect == "no-manifest":
        return [m for m in members if m.name not in (manifest, f"{top}images/index.json")]
    if defect == "missing-blob":
        return [m for m in members if m.name != victim]
    if defect == "digest-mismatch":
        return [replace(m, chunks=_flipped(m.chunks)) if m.name == victim else m for m in members]
    return members


def instead_of_tar(defect: Defect | None, seed: int) -> Iterator[bytes] | None:
    """What to write in place of the archive, for the two defects that have none."""
    if defect in {"not-a-tar", "not-gzip"}:
        return random_chunks(f"{seed}/strange", STRANGE_SIZE)
    return None


def damage_file(defect: Defect | None, path: Path) -> bool:
    """Damage the finished file; says whether it did, as its digest is another one then."""
    middle = path.stat().st_size // 2
    if defect == "truncated-gzip":
        with path.open("r+b") as package:
            package.truncate(middle)
        return True
    if defect == "corrupt-gzip":
        with path.open("r+b") as package:
            package.seek(middle)
            damaged = bytes(byte ^ 0xFF for byte in package.read(64))
            package.seek(middle)
            package.write(damaged)
        return True
    return False


def _manifest_with_absent_image(spec: Package) -> bytes:
    absent = f"{spec.registry}/absent:v0.0.0"
    return content.package_manifest(spec, relatedImages=[*spec.related_references, absent])


def _flipped(chunks: Callable[[], Iterator[bytes]]) -> Callable[[], Iterator[bytes]]:
    def flipped() -> Iterator[bytes]:
        stream = chunks()
        first = next(stream)
        yield bytes([first[0] ^ 0xFF]) + first[1:]
        yield from stream

    return flipped
