"""Vendors' keys, made once for all tests here."""

from collections.abc import Iterator

import pytest

from tests.unit.verification.vendors import Vendors
from tests.unit.verification.vendors import vendors as made


@pytest.fixture(scope="session")
def vendors() -> Iterator[Vendors]:
    """Real key pairs of every condition."""
    with made() as vendors:
        yield vendors
