"""What counts as a package, which are wanted, and what their URLs are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.upload_set.bodies import URL
from violet_operator.clients.bucket import StorageSettings
from violet_operator.upload_set.selection import package_url, select

KEYS = [
    "vendor/a.tgz",
    "vendor/a.tgz.sha256",
    "vendor/a.tgz.sig",
    "vendor/a.sig",
    "vendor/b.tar.gz",
    "vendor/c.tar.zst",
    "vendor/d.tar",
    "vendor/old/a.tgz",
    "vendor/old/older/b-rc1.tgz",
    "vendor/README.md",
    "vendor/tgz",
    "vendor",
    "vendors/x.tgz",
]
ALL = ["a.tgz", "b.tar.gz", "c.tar.zst", "d.tar", "old/a.tgz", "old/older/b-rc1.tgz"]


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        (None, None, ALL),
        (None, [], ALL),
        ([], None, ALL),
        (["a.tgz"], None, ["a.tgz"]),
        (["*a.tgz"], None, ["a.tgz", "old/a.tgz"]),
        (["?.t*"], None, ALL[:4]),
        (["[ab].*"], None, ["a.tgz", "b.tar.gz"]),
        (["[!ab].*"], None, ["c.tar.zst", "d.tar"]),
        (["A.tgz"], None, []),
        (["old/*"], None, ALL[4:]),
        (None, ["*/*"], ALL[:4]),
        (["*.tgz"], ["*-rc*"], ["a.tgz", "old/a.tgz"]),
        (["a.tgz", "d.tar"], ["a.*"], ["d.tar"]),
        (["[a.tgz"], None, []),
    ],
)
def test_packages_are_selected(include: list[str] | None, exclude: list[str] | None, expected: list[str]) -> None:
    assert list(select(KEYS, "vendor/", include, exclude)) == expected


def test_a_whole_bucket_has_the_empty_prefix() -> None:
    assert list(select(["a.tgz", "b/c.tgz"], "", None, None)) == ["a.tgz", "b/c.tgz"]


globs = st.lists(st.text(min_size=1), min_size=1, max_size=3)


@given(st.lists(st.text().map(lambda text: f"p/{text}.tgz")), globs, globs)
def test_exclude_wins_and_nothing_is_invented(keys: list[str], include: list[str], exclude: list[str]) -> None:
    everything, excluded = list(select(keys, "p/", None, None)), set(select(keys, "p/", exclude, None))
    assert everything == [key.removeprefix("p/") for key in keys]
    assert list(select(keys, "p/", None, exclude)) == [name for name in everything if name not in excluded]
    found = set(select(keys, "p/", include, exclude))
    assert found == set(select(keys, "p/", include, None)) - excluded


@pytest.mark.parametrize("name", ["a.tgz", "a b+c.tgz", "ümläut-文件.tgz", "100%25.tgz", "a=b&c;d.tgz", "x/y@z.tgz"])
def test_a_url_names_the_object(name: str) -> None:
    assert package_url(URL, name) == URL + name


@pytest.mark.parametrize("name", ["a?b.tgz", "a#b.tgz", "a\nb.tgz", "a\tb.tgz", "a\x00.tgz", "a\u2028b.tgz"])
def test_what_no_url_can_say_has_none(name: str) -> None:
    assert package_url(URL, name) is None


@given(st.text())
def test_whatever_has_a_url_is_found_by_it(name: str) -> None:
    url = package_url("s3://packages/", f"{name}.tgz")
    assert url is None or StorageSettings(url).key == f"{name}.tgz"
