"""What lies beside a package: signatures and checksum files, found by name and read, not yet believed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from violet_operator.errors import Stalled
from violet_operator.verification.packets import signature_packets

SIDE_FILE_LIMIT = 64 << 10
"""Bytes a side file may have: honest ones have some hundred."""

PACKAGE_SUFFIXES = (".tar.gz", ".tgz", ".tar.zst", ".tar")
_ALGORITHMS = {64: "sha256", 128: "sha512"}
_LINE = re.compile(
    r"(?:(?:SHA(?:2-)?(?P<bits>256|512)|[A-Z0-9/-]+) ?\((?P<bsd>.+)\) ?= )?"
    r"\\?(?P<hex>[0-9a-fA-F]{32,})(?:\s+\*?(?P<name>\S.*))?"
)


@dataclass(frozen=True, slots=True)
class SideFile:
    """A detached signature: its packets, without armor."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Sum:
    """What a checksum file says of the package.

    Attributes:
        name: of the file.
        algorithm: sha256 or sha512.
        value: lower-case hex.
        of: the file that it names, if that is not the package: packages get renamed.
    """

    name: str
    algorithm: str
    value: str
    of: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that speaks for the package.

    Attributes:
        package: its key or path.
        pin: sha256 that the user has given.
        signatures: detached signatures beside it.
        sums: checksums beside it.
    """

    package: str
    pin: str | None = None
    signatures: tuple[SideFile, ...] = ()
    sums: tuple[Sum, ...] = ()


def signature_names(package: str) -> list[str]:
    """Names that a signature of the package may have (`platform.md` 5.4), most usual first."""
    return _names(package, (".sig", ".asc"), (".sig",))


def checksum_names(package: str) -> list[str]:
    """Names that a checksum file of the package may have (`platform.md` 5.4), most usual first."""
    return _names(package, (".sha256", ".sha512", ".checksum"), (".sha256", ".sha512"))


def gather(package: str, pin: str | None, read: Callable[[str], bytes | None]) -> Evidence:
    """Read what lies beside a package. With a pin, checksum files must be sound, but say nothing more: the pin wins.

    Args:
        package: key or path.
        pin: sha256 that the user has given.
        read: the content of a side file, or None where there is none.

    Raises:
        Stalled: a side file is there, but is not what its name says, or two contradict each other.
        OperatorError: as `read` does.
    """
    signatures = [_signature(name, data) for name in signature_names(package) if (data := read(name)) is not None]
    found = [(name, data) for name in checksum_names(package) if (data := read(name)) is not None]
    sums = [item for name, data in found for item in parse_sums(name, data, package)]
    _check_agreement(sums)
    return Evidence(package, pin, tuple(signatures), tuple(sums) if pin is None else ())


def parse_sums(name: str, data: bytes, package: str) -> list[Sum]:
    """What a checksum file says, one sum per algorithm: bare hex, or lines of `sha256sum` or BSD `sha256`.

    Lines that name the package count first; a file with one sum needs no right name, as packages get renamed.

    Raises:
        Stalled: it holds no such sum, or several that contradict each other.
    """
    lines = [
        _line(name, number, text) for number, text in enumerate(data.decode("utf-8-sig", "replace").splitlines(), 1)
    ]
    given = [line for line in lines if line is not None]
    wanted = [algorithm for algorithm in _ALGORITHMS.values() if name.endswith(algorithm)] or [*_ALGORITHMS.values()]
    base = _base(package)
    values = {value: "" for value, of in given if of == base} or dict(given)
    sums = [
        Sum(name, found, value, of) for value, of in values.items() if (found := _ALGORITHMS.get(len(value))) in wanted
    ]
    if len({item.algorithm for item in sums}) < len(sums):
        raise _invalid(name, "several sums, none of them clearly for the package")
    if not sums and values:
        raise _invalid(name, f"a sum of {len(min(values))} hex digits, which is no {' or '.join(wanted)}")
    if not sums:
        raise _invalid(name, "no sum" if data.strip() else "nothing")
    return sums


def _line(name: str, number: int, text: str) -> tuple[str, str] | None:
    """Sum and file name of a line; None for an empty one and a comment, as sha256sum reads them."""
    text = text.strip()
    if not text or text.startswith("#"):
        return None
    match = _LINE.fullmatch(text)
    if match is None:
        raise _invalid(name, f"no sum in line {number}")
    value, bits = match["hex"].lower(), match["bits"]
    if bits and len(value) * 4 != int(bits):
        raise _invalid(name, f"a sum of {len(value)} hex digits in line {number}, which is no sha{bits}")
    return value, _base((match["bsd"] or match["name"] or "").replace("\\", "/"))


def _names(package: str, beside: Sequence[str], on_stem: Sequence[str]) -> list[str]:
    stem = next((package.removesuffix(end) for end in PACKAGE_SUFFIXES if package.endswith(end)), None)
    return [package + end for end in beside] + ([stem + end for end in on_stem] if stem else [])


def _base(path: str) -> str:
    return path.rpartition("/")[2]


def _signature(name: str, data: bytes) -> SideFile:
    found = "is no detached OpenPGP signature, or is cut off (an HTML error page is a common cause)"
    if not data.strip():
        found = "is empty"
    else:
        with suppress(ValueError):
            return SideFile(name, signature_packets(data))
    raise Stalled(
        "InvalidSignatureFile", f"{name!r} beside the package {found}. Make one with gpg --detach-sign, and upload it."
    )


def _check_agreement(sums: Sequence[Sum]) -> None:
    for first in sums:
        for second in sums:
            if first.algorithm == second.algorithm and first.value != second.value:
                raise Stalled(
                    "InvalidChecksumFile",
                    f"{first.name!r} and {second.name!r} contradict each other: they say different {first.algorithm} "
                    "sums. Remove the wrong one.",
                )


def _invalid(name: str, found: str) -> Stalled:
    return Stalled(
        "InvalidChecksumFile",
        f"{name!r} beside the package holds {found}: expected 64 hex digits (sha256) or 128 (sha512), or a line of "
        "sha256sum or sha512sum that names the package. Upload it again.",
    )
