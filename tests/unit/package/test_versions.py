"""Versions as packagers write them."""

import pytest

from violet_operator.package.versions import comparable, csv_version, is_older, is_version, newest, same_version


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


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("1.9.0", "1.10.0"),
        ("v1.0.0-rc.1", "1.0.0"),
        ("1.0.0-rc.2", "1.0.0-rc.10"),
        ("1.0", "1.0.1"),
        ("v3.11.0", "v3.11.0.1"),
    ],
)
def test_what_is_older(older: str, newer: str) -> None:
    assert is_older(older, newer)
    assert not is_older(newer, older)


@pytest.mark.parametrize(("one", "other"), [("1.0", "v1.0.0"), ("1.2.3+build", "1.2.3"), ("2", "2.0.0")])
def test_neither_is_older(one: str, other: str) -> None:
    assert not is_older(one, other)
    assert not is_older(other, one)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.2.3", True),
        ("v1", True),
        ("1.2.3-rc.1+build", True),
        ("v3.11.0_build.1", True),
        ("2.0rc1", False),
        ("1.2.x", False),
        ("1.", False),
        ("٣.1", False),
        ("latest", False),
        ("", False),
        (f"1.{'9' * 18}", True),
        (f"1.{'9' * 19}", False),
    ],
)
def test_what_is_a_version(text: str, expected: bool) -> None:
    assert is_version(text) is expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("1.5.0", "1.5.1", True),
        ("1.5.0-rc.1", "1.6.0-rc.1", True),
        ("1.5.0.1", "1.5.0", True),
        ("v1.5.0-rc.1", "1.5.0-rc.1", True),
        ("1.5.0", "1.5", False),
        ("1.5.0-build.20251226181113", "1.5.0", False),
        ("1.5.0-hotfix.1", "v1.5.0", False),
        ("1.5.0-1", "1.5.0-2", False),
        ("1.5.0-rc.1", "1.5.0-rc.2", False),
        ("1.5.0+build.1", "1.5.0", False),
        ("1.5.0", "latest", False),
    ],
)
def test_of_which_versions_it_is_certain_which_is_newer(one: str, other: str, expected: bool) -> None:
    assert comparable(one, other) is expected
    assert comparable(other, one) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("demo.v1.2.3", "1.2.3"),
        ("demo-1.2.3", "1.2.3"),
        ("demo-v1.2.3-rc.1+b", "1.2.3-rc.1+b"),
        ("demo-2.v1.2.3", "1.2.3"),
        ("demo.v1.2", ""),
        ("demo1.2.3", ""),
        ("other.v1.2.3", ""),
        ("demo", ""),
        ("", ""),
    ],
)
def test_the_version_in_the_name_of_a_csv(name: str, expected: str) -> None:
    assert csv_version(name, ["", "demo", "demo-2"]) == expected
