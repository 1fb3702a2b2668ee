"""Signed packages and uploads that demand a signature, for end-to-end tests; the registry is behind a recorder."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster import Kit
from tests.faults import FaultProxy
from tests.harness import Object, Site, installation, platform, secret, small, to_platform
from tests.packages import Built, Bundle, SigningKey

READS = {"GET", "HEAD"}


@contextmanager
def signing_key() -> Iterator[SigningKey]:
    """A key pair in a folder with a short path, as gpg's agent needs it."""
    with tempfile.TemporaryDirectory(prefix="gpg-") as folder, SigningKey(Path(folder) / "key") as key:
        yield key


@contextmanager
def recorded_site(kit: Kit, proxy: FaultProxy, vendor: SigningKey, directory: Path) -> Iterator[Site]:
    """An installation that knows the vendor's key, whose registry is reached through the recording proxy."""
    with installation(kit, directory) as site:
        registry = {"anonymous": True, "plainHTTP": True, "pullAddress": kit.registry().address}
        site.apply(platform("recorded", proxy.address, **registry), secret("keys", vendor=vendor.public_key))
        yield site


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
