"""One installation for all tests of signatures: one vendor's key is known, and the way to the registry is recorded.

Its gpg is the machine's own, found by a link that a test may replace for a while.
"""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import Kit
from tests.faults import FaultProxy
from tests.harness import Site, installation, platform, secret
from tests.packages import SigningKey
from tests.signed import GpgLink, signing_key


@pytest.fixture(scope="package")
def vendor() -> Iterator[SigningKey]:
    """Whom the uploads trust: the Secret `keys` holds the public key."""
    with signing_key() as key:
        yield key


@pytest.fixture(scope="package")
def stranger() -> Iterator[SigningKey]:
    """Someone else."""
    with signing_key() as key:
        yield key


@pytest.fixture(scope="package")
def proxy(kit: Kit) -> Iterator[FaultProxy]:
    """Records what the operator says to the registry."""
    with FaultProxy(kit.registry().address) as proxy:
        yield proxy


@pytest.fixture(scope="package")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installation's own."""
    return tmp_path_factory.mktemp("verification")


@pytest.fixture(scope="package")
def temporary(directory: Path) -> Path:
    """Where the operator puts what is not to stay."""
    path = directory / "tmp"
    path.mkdir()
    return path


@pytest.fixture(scope="package")
def operators_gpg(directory: Path) -> GpgLink:
    """The only program that the operator finds."""
    return GpgLink(directory / "bin")


@pytest.fixture
def gpg(operators_gpg: GpgLink) -> Iterator[GpgLink]:
    """The operator's gpg, which is the real one again after the test."""
    yield operators_gpg
    operators_gpg.restore()


@pytest.fixture(scope="package")
def site(
    kit: Kit, proxy: FaultProxy, vendor: SigningKey, directory: Path, temporary: Path, operators_gpg: GpgLink
) -> Iterator[Site]:
    """The installation; its Platform `recorded` is reached through the proxy."""
    environment = {"PATH": str(operators_gpg.folder), "TMPDIR": str(temporary)}
    with installation(kit, directory, environment=environment) as site:
        registry = {"anonymous": True, "plainHTTP": True, "pullAddress": kit.registry().address}
        site.apply(platform("recorded", proxy.address, **registry), secret("keys", vendor=vendor.public_key))
        yield site


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"p{secrets.token_hex(4)}"
