"""Signed packages, uploads that demand a signature, and what was written of them, for end-to-end tests."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults import FaultProxy
from tests.harness import Object, Site, small, to_platform
from tests.packages import Built, Bundle, SigningKey

READS = {"GET", "HEAD"}


@contextmanager
def signing_key() -> Iterator[SigningKey]:
    """A key pair in a folder with a short path, as gpg's agent needs it."""
    with tempfile.TemporaryDirectory(prefix="gpg-") as folder, SigningKey(Path(folder) / "key") as key:
        yield key


class GpgLink:
    """A folder for PATH with nothing in it but gpg: the machine's own, unless a script takes its place."""

    def __init__(self, folder: Path) -> None:
        found = shutil.which("gpg")
        assert found
        self._real = Path(found)
        self.folder = folder
        folder.mkdir()
        self.restore()

    def replace(self, script: str) -> None:
        """Let a shell script take its place; `$gpg` in it is the real one."""
        path = self.folder / "gpg.sh"
        path.write_text(f"#!/bin/sh\ngpg={self._real}\n{script}\n")
        path.chmod(0o755)
        path.replace(self.folder / "gpg")

    def remove(self) -> None:
        """Let there be none."""
        (self.folder / "gpg").unlink(missing_ok=True)

    def restore(self) -> None:
        """The machine's own again."""
        self.remove()
        (self.folder / "gpg").symlink_to(self._real)


def signed(site: Site, key: SigningKey, name: str, spec: Bundle | None = None) -> Built:
    """A package with a signature and no checksum file."""
    built = site.put_package(name, spec or small(name), sidecar=None)
    site.storage.put(f"{name}.tgz.sig", key.sign(built.path))
    return built


def gpg_upload(site: Site, name: str, keys: Object | None = None, **gpg: object) -> Object:
    """An upload that demands a signature."""
    wish = {"policy": "Require", "gpg": {"keysRef": keys or {"kind": "Secret", "name": "keys"}, **gpg}}
    return site.package_upload(name, verification=wish, targets=to_platform("recorded"))


def registry_writes(proxy: FaultProxy, name: str) -> list[str]:
    """Every request to the registry about a package that is more than a look."""
    return [f"{each.method} {each.path}" for each in proxy.requests if each.method not in READS and name in each.path]


def platform_writes(site: Site, name: str) -> list[str]:
    """Everything that the operator has written about a package, but its own status and events."""
    written = site.cluster.audit_writes("violet-operator")
    return [each.resource for each in written if each.name.startswith(name) and each.resource != "packageuploads"]
