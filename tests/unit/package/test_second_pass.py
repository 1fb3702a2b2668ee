"""What was verified is what is used: a storage that gives out other bytes later is found out, whatever is read."""

import gzip
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.unit.package.inputs import manifest, plugin_files
from tests.unit.package.source import tar_of
from violet_operator.errors import Transient
from violet_operator.package.archive import SMALL, Archive
from violet_operator.package.plugin import MODULE
from violet_operator.package.understand import understand


@dataclass
class TwoFaced:
    """Gives out one content at the first pass, and another of the same size ever after."""

    good: bytes
    bad: bytes
    passes: int = field(default=0, init=False)

    @property
    def size(self) -> int:
        return len(self.good)

    def read_from(self, offset: int) -> Iterator[bytes]:
        self.passes += 1
        data = self.good if self.passes == 1 else self.bad
        for start in range(offset, len(data), 1 << 16):
            yield data[start : start + (1 << 16)]


def scanned(good: bytes, bad: bytes) -> Archive:
    """The archive of the first content, with the second behind it."""
    assert len(good) == len(bad)
    assert good != bad
    archive = Archive.scan(TwoFaced(good, bad))
    assert archive.sha256 == hashlib.sha256(good).hexdigest()
    return archive


def test_a_large_member() -> None:
    data = os.urandom(4 * SMALL)
    archive = scanned(tar_of({"a": data, "b": b"x"}), tar_of({"a": data[:-1] + bytes([data[-1] ^ 1]), "b": b"x"}))
    got: list[bytes] = []
    with pytest.raises(Transient) as caught:
        got.extend(bytes(piece) for piece in archive.open(archive.members["a"]))
    assert caught.value.reason == "SourceChanged"
    assert sum(map(len, got)) < len(data), "whoever sends it on must not have been given all of it"
    with pytest.raises(Transient):
        archive.read(archive.members["a"])
    with pytest.raises(Transient):
        list(archive.open(archive.itself))
    assert b"".join(bytes(piece) for piece in archive.open(archive.members["b"])) == b"x"


def test_a_plugin_in_a_chart_archive() -> None:
    files = plugin_files() | {"web/files/big.bin": os.urandom(2 * SMALL)}
    module = files[f"web/{MODULE}"]
    altered = files | {f"web/{MODULE}": module[:-2] + b"#\n"}

    def package(content: dict[str, bytes]) -> bytes:
        described = manifest(type="plugin", artifact=None, version="v1.0.4", relatedImages=[])
        chart = gzip.compress(tar_of(content), 0, mtime=0)
        return tar_of({"demo/manifest.yaml": described, "demo/chart/web-v1.0.4.tgz": chart})

    assert understand(Archive.scan(TwoFaced(package(files), package(files)))).type == "plugin"
    with pytest.raises(Transient) as caught:
        understand(scanned(package(files), package(altered)))
    assert caught.value.reason == "SourceChanged"
