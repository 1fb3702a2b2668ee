"""Versions as packagers write them."""

import pytest

from violet_operator.package.versions import newest, same_version


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("v1.2.3", "1.2.3", True),
        ("1.2.3+build", "v1.2.3_build", True),
        ("1.2.3", "1.2.30", False),
        ("1.2", "1.2.0", False),
        ("1.2.3-rc.1", "1.2.3", False),
    ],
)
def test_same_version(one: str, other: str, same: bool) -> None:
    assert same_version(one, other) is same


@pytest.mark.parametrize(
    ("versions", "wanted"),
    [
        (["1.9.0", "1.10.0", "1.2.0"], "1.10.0"),
        (["v2.0.0", "1.10.0"], "v2.0.0"),
        (["1.0.0-rc.2", "1.0.0", "1.0.0-rc.10"], "1.0.0"),
        (["1.0.0-rc.2", "1.0.0-rc.10"], "1.0.0-rc.10"),
        (["1.0.0-alpha", "1.0.0-1"], "1.0.0-alpha"),
        (["", "x", "0.0.1"], "0.0.1"),
        (["9" * 5000, "1"], "9" * 5000),
        (["٣.1", "1.0"], "1.0"),
    ],
)
def test_newest(versions: list[str], wanted: str) -> None:
    assert newest(versions, key=str) == wanted


def test_none_is_newest_of_none() -> None:
    assert newest([], key=str) is None
