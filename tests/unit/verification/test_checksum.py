"""Checksum files as people and tools write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from violet_operator.errors import Stalled
from violet_operator.verification.evidence import checksum_names, parse_sums, signature_names

A, B = "a1" * 32, "b2" * 32
KEY = "team/topolvm-v2.tgz"


@pytest.mark.parametrize(
    ("key", "stem"),
    [("a/p.tgz", "a/p"), ("p.tar.gz", "p"), ("p.tar", "p"), ("p.tar.zst", "p"), ("p-v1.2", None)],
)
def test_names_of_side_files(key: str, stem: str | None) -> None:
    beside = [f"{key}.sha256", f"{key}.sha512", f"{key}.checksum"]
    assert checksum_names(key) == beside + ([f"{stem}.sha256", f"{stem}.sha512"] if stem else [])
    assert signature_names(key) == [f"{key}.sig", f"{key}.asc"] + ([f"{stem}.sig"] if stem else [])


@pytest.mark.parametrize(
    "text",
    [
        A,
        f"MD5 (topolvm-v2.tgz) = {'d' * 32}\nSHA256 (topolvm-v2.tgz) = {A}\n",
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
        f"SHA2-256(topolvm-v2.tgz)= {A}\n",
        f"\\{A}  C:\\\\out\\\\topolvm-v2.tgz\n",
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
    assert [item.value for item in parse_sums("p.sha256", text.encode(), KEY)] == [A]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "nothing"),
        ("\n\n", "nothing"),
        ("<html>not found</html>", "no sum"),
        (A[:-1], "63 hex digits"),
        (f"{A}a", "65 hex digits"),
        (f"x{A}", "no sum"),
        ("d41d8cd98f00b204e9800998ecf8427e  topolvm-v2.tgz", "hex digits, which is no sha256"),
        (f"{'c' * 128}  topolvm-v2.tgz", "hex digits, which is no sha256"),
        (f"{A}  topolvm-v2.tgz\n<html>404</html>\n", "no sum in line 2"),
        ("# nothing but a comment", "no sum"),
        (f"SHA512 (topolvm-v2.tgz) = {A}\n", "64 hex digits in line 1, which is no sha512"),
        (f"SHA2-256(topolvm-v2.tgz)= {'c' * 128}\n", "128 hex digits in line 1, which is no sha256"),
        (f"{A}\n{B}\n", "several"),
        (f"{A}  one.tgz\n{B}  two.tgz\n", "several"),
        (f"{A}  topolvm-v2.tgz\n{B}  topolvm-v2.tgz\n", "several"),
        (f"{A}  a/topolvm-v2.tgz\n{B}  b/topolvm-v2.tgz\n", "several"),
    ],
)
def test_what_holds_no_sum(text: str, said: str) -> None:
    with pytest.raises(Stalled) as caught:
        parse_sums("p.sha256", text.encode(), KEY)
    assert caught.value.reason == "InvalidChecksumFile"
    assert said in caught.value.message
    assert "'p.sha256'" in caught.value.message


def test_the_name_of_another_file_is_kept() -> None:
    (sum_of_other,) = parse_sums("p.sha256", f"{A}  out/old.tgz\n".encode(), KEY)
    (sum_of_ours,) = parse_sums("p.sha256", f"{B}  old.tgz\n{A}  out/topolvm-v2.tgz\n".encode(), KEY)
    assert (sum_of_other.of, sum_of_ours.of) == ("old.tgz", "")


@given(st.binary(max_size=300))
def test_rubbish_is_refused(data: bytes) -> None:
    with pytest.raises(Stalled):
        parse_sums("p.sha256", data, KEY)
