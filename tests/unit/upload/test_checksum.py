"""Checksum files as people and tools write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from violet_operator.errors import Stalled
from violet_operator.upload.fetch import parse_checksum, side_files

A, B = "a1" * 32, "b2" * 32
KEY = "team/topolvm-v2.tgz"


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("a/p.tgz", ["a/p.tgz.sha256", "a/p.tgz.checksum", "a/p.sha256"]),
        ("p.tar.gz", ["p.tar.gz.sha256", "p.tar.gz.checksum", "p.sha256"]),
        ("p.tar", ["p.tar.sha256", "p.tar.checksum", "p.sha256"]),
        ("p.tar.zst", ["p.tar.zst.sha256", "p.tar.zst.checksum", "p.sha256"]),
        ("p-v1.2", ["p-v1.2.sha256", "p-v1.2.checksum"]),
    ],
)
def test_side_files(key: str, names: list[str]) -> None:
    assert side_files(key) == names


@pytest.mark.parametrize(
    "text",
    [
        A,
        f"{A}\n",
        f"  {A}  \n\n",
        f"{A}\r\n",
        f"\ufeff{A}\n",
        A.upper(),
        f"{A}  topolvm-v2.tgz\n",
        f"{A} *topolvm-v2.tgz\n",
        f"{A.upper()}  topolvm-v2.tgz\n",
        f"{A}\ttopolvm-v2.tgz\n",
        f"{A}  ./topolvm-v2.tgz\n",
        f"{A}  /build/out/topolvm-v2.tgz\n",
        f"SHA256 (topolvm-v2.tgz) = {A}\n",
        f"SHA256 (out/topolvm-v2.tgz) = {A}\n",
        f"{A}  its-name-at-the-vendor.tgz\n",
        f"SHA256 (its-name-at-the-vendor.tgz) = {A}\n",
        f"{B}  other.tgz\n{A}  topolvm-v2.tgz\n",
        f"{A} *topolvm-v2.tgz\n{B} *other.tgz\n",
        f"SHA256 (other.tgz) = {B}\nSHA256 (topolvm-v2.tgz) = {A}\n",
        f"{A}  topolvm-v2.tgz\n{A}  topolvm-v2.tgz\n",
        f"# sums of the release\n{A}  topolvm-v2.tgz\n",
        f"{'c' * 128}  topolvm-v2.tgz\n{A}  topolvm-v2.tgz\n",
        f"{A}  a.tgz\n{A}  b.tgz\n",
    ],
)
def test_the_sum_is_found(text: str) -> None:
    assert parse_checksum("p.sha256", text.encode(), KEY) == A


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no sha256 sum"),
        ("\n\n", "no sha256 sum"),
        ("<html>not found</html>", "no sha256 sum"),
        (A[:-1], "no sha256 sum"),
        (f"{A}a", "no sha256 sum"),
        (f"x{A}", "no sha256 sum"),
        ("d41d8cd98f00b204e9800998ecf8427e  topolvm-v2.tgz", "no sha256 sum"),
        (f"{'c' * 128}  topolvm-v2.tgz", "no sha256 sum"),
        (f"{A}\n{B}\n", "several"),
        (f"{A}  one.tgz\n{B}  two.tgz\n", "several"),
        (f"{A}  topolvm-v2.tgz\n{B}  topolvm-v2.tgz\n", "several"),
        (f"{A}  a/topolvm-v2.tgz\n{B}  b/topolvm-v2.tgz\n", "several"),
    ],
)
def test_what_holds_no_sum(text: str, said: str) -> None:
    with pytest.raises(Stalled) as caught:
        parse_checksum("p.sha256", text.encode(), KEY)
    assert caught.value.reason == "InvalidChecksumFile"
    assert said in caught.value.message
    assert "'p.sha256'" in caught.value.message


@given(st.binary(max_size=300))
def test_rubbish_is_refused(data: bytes) -> None:
    with pytest.raises(Stalled):
        parse_checksum("p.sha256", data, KEY)
