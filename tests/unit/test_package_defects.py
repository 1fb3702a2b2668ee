"""Every defect of the package builder is really in the file, and not in the good one."""

import gzip
import hashlib
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.packages import DEFECTS, build
from tests.unit.package_reader import SPEC, read, walk


def read_all(path: Path) -> bytes:
    """The uncompressed stream."""
    with gzip.open(path) as stream:
        return stream.read()


def members_of_type(predicate: Callable[[tarfile.TarInfo], bool]) -> Callable[[Path], bool]:
    """Whether some member is so."""

    def check(path: Path) -> bool:
        with tarfile.open(path) as tar:
            return any(predicate(member) for member in tar)

    return check


def raises(error: type[Exception], reader: Callable[[Path], Any]) -> Callable[[Path], bool]:
    """Whether reading fails so."""

    def check(path: Path) -> bool:
        with pytest.raises(error):
            reader(path)
        return True

    return check


def manifest_of(path: Path) -> bytes:
    """The package manifest as it stands."""
    return read(path)["topolvm-operator/manifest.yaml"]


def absent_image(path: Path) -> bool:
    """Whether the manifest names an image that the index does not."""
    return bool({*yaml.safe_load(manifest_of(path))["spec"]["relatedImages"]} - {*walk(read(path))})


def duplicates(path: Path) -> bool:
    """Whether two members have one name and different content."""
    with tarfile.open(path) as tar:
        same = [tar.extractfile(m).read() for m in tar if m.name.endswith("/manifest.yaml")]  # type: ignore[union-attr]
    return len(same) == 2 and same[0] != same[1]


CHECKS: dict[str, Callable[[Path], bool]] = {
    "truncated-gzip": raises(EOFError, read_all),
    "corrupt-gzip": raises((zlib.error, OSError), read_all),  # type: ignore[arg-type]
    "not-a-tar": lambda p: bool(read_all(p)) and raises(tarfile.ReadError, read)(p),
    "not-gzip": lambda p: raises(gzip.BadGzipFile, read_all)(p) and raises(tarfile.ReadError, read)(p),
    "no-manifest": lambda p: not any(name.endswith("manifest.yaml") for name in read(p)),
    "bad-manifest-yaml": raises(yaml.YAMLError, lambda p: yaml.safe_load(manifest_of(p))),
    "manifest-wrong-kind": lambda p: yaml.safe_load(manifest_of(p))["kind"] != "Package",
    "missing-image": absent_image,
    "missing-blob": raises(KeyError, lambda p: walk(read(p))),
    "digest-mismatch": raises(AssertionError, lambda p: walk(read(p))),
    "path-traversal": members_of_type(lambda m: m.name == "../../etc/x"),
    "absolute-path": members_of_type(lambda m: m.name == "/etc/x"),
    "symlink": members_of_type(tarfile.TarInfo.issym),
    "hardlink": members_of_type(tarfile.TarInfo.islnk),
    "device": members_of_type(tarfile.TarInfo.isdev),
    "duplicate-member": duplicates,
    "wrong-checksum": lambda p: hashlib.sha256(p.read_bytes()).hexdigest() not in Path(f"{p}.sha256").read_text(),
}


def test_every_defect_has_a_check() -> None:
    assert set(CHECKS) == set(DEFECTS)


@pytest.mark.parametrize("defect", DEFECTS)
def test_defect_is_there_and_only_there(tmp_path: Path, defect: Any) -> None:
    bad, good = tmp_path / "bad.tgz", tmp_path / "good.tgz"
    built = build(SPEC, bad, defect=defect)
    build(SPEC, good)
    assert CHECKS[defect](bad)
    assert built.sha256 == hashlib.sha256(bad.read_bytes()).hexdigest()
    try:
        in_good = CHECKS[defect](good)
    except (AssertionError, pytest.fail.Exception):
        in_good = False
    assert not in_good
