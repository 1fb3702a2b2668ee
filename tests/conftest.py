"""Fixtures that start the cluster kit once per test session, and give each test a namespace of its own."""

import secrets
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.cluster import Cluster, Kit, Registry, Storage
from tests.cluster.kit import needed_tools
from tests.cluster.toolchain import ensure

settings.register_profile(  # the time that an example takes says more of the machine than of us
    "explore", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("same", settings.get_profile("explore"), derandomize=True)
settings.load_profile("same")  # the same commit gives the same result; `pytest --hypothesis-profile explore` seeks anew


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build what the kit needs before the first test: its minutes must not count as that test's time."""
    tools: dict[str, None] = {}  # a set that keeps its order
    for item in session.items:
        if item.get_closest_marker("integration") or item.get_closest_marker("e2e"):
            tools |= dict.fromkeys(needed_tools())
        for marker in item.iter_markers("tools"):
            tools |= dict.fromkeys(marker.args)
    if not session.config.option.collectonly:
        ensure(*tools)


@pytest.fixture(scope="session")
def kit() -> Iterator[Kit]:
    """One cluster named global, object storage, and registries on first use."""
    with Kit() as kit:
        yield kit


@pytest.fixture(scope="session")
def cluster(kit: Kit) -> Cluster:
    """The cluster named global."""
    return kit.cluster("global")


@pytest.fixture(scope="session")
def registry(kit: Kit) -> Registry:
    """A registry over plain HTTP that asks for no password."""
    return kit.registry()


@pytest.fixture(scope="session")
def storage(kit: Kit) -> Storage:
    """The object storage with its bucket."""
    return kit.storage


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A new namespace, gone after the test."""
    name = f"test-{secrets.token_hex(4)}"
    cluster.kubectl("create", "namespace", name)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")
