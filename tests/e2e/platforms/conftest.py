"""One installation for all tests of Platforms behind a gateway."""

from collections.abc import Iterator

import pytest

from tests.gateways import World, opened


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two clusters behind one gateway."""
    with opened(tmp_path_factory.mktemp("platforms")) as world:
        yield world
