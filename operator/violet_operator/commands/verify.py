"""`violet-operator verify FILE|DIR`: what the `violet verify` command prints, by the operator's own verdict.

The summary is that of the platform's manual for its CLI; why a package failed goes to standard error.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

from violet_operator.errors import OperatorError, Stalled
from violet_operator.settings import Settings
from violet_operator.support.redact import printable
from violet_operator.verification.checks import weigh
from violet_operator.verification.classes import VerificationClass, passed, refused
from violet_operator.verification.evidence import PACKAGE_SUFFIXES, SIDE_FILE_LIMIT, gather
from violet_operator.verification.examine import Examination, rehearse
from violet_operator.verification.judge import judge
from violet_operator.verification.keys import LIMIT, KeySet, key_set
from violet_operator.verification.rules import rules

_PIECE = 1 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of this command."""
    parser.add_argument("path", type=Path, metavar="FILE|DIR", help="a package, or a folder of packages")
    parser.add_argument(
        "--keys", type=Path, nargs="+", action="extend", metavar="FILE", help="public keys, armored or binary, keyrings"
    )
    parser.add_argument(
        "--fingerprints", nargs="+", action="extend", metavar="HEX", help="only signatures by these keys count"
    )


def run(arguments: argparse.Namespace) -> int:
    """Verify and print the summary; 0 only if every package is verified.

    Raises:
        ValueError: there is no package.
        OperatorError: the keys are none.
    """
    keys = _read_keys(arguments.keys) if arguments.keys else None
    packages = _packages(arguments.path)
    found: dict[VerificationClass, list[Path]] = {kind: [] for kind in VerificationClass}
    for package in packages:
        found[_verify(package, keys, arguments.fingerprints or [])].append(package)
    sys.stdout.write("\n".join(_summary(arguments.path, found)) + "\n")
    return 0 if not found[VerificationClass.FAILED] and not found[VerificationClass.NO_FILE] else 1


def _verify(package: Path, keys: KeySet | None, fingerprints: list[str]) -> VerificationClass:
    """The class of one package; says why, where it failed."""
    try:
        demanded = rules("IfPresent", keys, fingerprints, Settings())
        checks = weigh(gather(str(package), None, _read_side_file), demanded)
        rehearse(checks)
        digest = hashlib.sha256()
        with Examination(checks.reading) as examination:
            for piece in examination.watch(_pieces(package)):
                digest.update(piece)
            proof = judge(checks, digest.hexdigest(), examination.findings())
    except OperatorError as error:
        sys.stderr.write(printable(f"{package}: {error.reason}: {error.message}") + "\n")
        return refused(error.reason)
    except OSError as error:
        sys.stderr.write(f"{printable(str(package))}: cannot be read: {error.strerror}\n")
        return VerificationClass.FAILED
    if proof.unchecked:
        sys.stderr.write(
            f"{printable(str(package))}: its signature was not checked: give the vendor's public keys with --keys.\n"
        )
    return passed(proof.method)


def _packages(path: Path) -> list[Path]:
    if not path.is_dir():
        if not path.exists():
            raise ValueError(f"there is no {path}")
        return [path]
    found = sorted(item for item in path.iterdir() if item.is_file() and item.name.endswith(PACKAGE_SUFFIXES))
    if not found:
        raise ValueError(f"there is no package in {path}: no file ends with {', '.join(PACKAGE_SUFFIXES)}")
    return found


def _summary(path: Path, found: dict[VerificationClass, list[Path]]) -> Iterator[str]:
    yield f"verify path: {printable(str(path))}"
    yield "====== Verification Summary ======"
    for kind, packages in found.items():
        if packages:
            yield f"{kind.value}: {len(packages)} file(s)"
            yield from (f"- {printable(str(package))}" for package in packages)


def _read_keys(paths: list[Path]) -> KeySet:
    try:
        entries = {str(path): _read(path, LIMIT) for path in paths}
    except OSError as error:
        raise Stalled("InvalidKeys", f"{error.filename} cannot be read: {error.strerror}.") from None
    return key_set("--keys", entries)


def _read_side_file(name: str) -> bytes | None:
    path = Path(name)
    if not path.exists():
        return None
    data = _read(path, SIDE_FILE_LIMIT)
    if len(data) > SIDE_FILE_LIMIT:
        raise Stalled("InvalidSideFile", f"{name} is too large: it is no signature or checksum file.")
    return data


def _read(path: Path, limit: int) -> bytes:
    """The content, or a byte more than the limit, which whoever gets it notices."""
    with path.open("rb") as file:
        return file.read(limit + 1)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece
