"""Digests: only what the OCI specification calls a sha256 digest passes."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from violet_operator.support.digests import parse_digest, sha256_digest

GOOD = "sha256:" + "0123456789abcdef" * 4


def test_a_digest_passes_unchanged() -> None:
    assert parse_digest(GOOD) == GOOD


@pytest.mark.parametrize(
    "text",
    [
        "",
        GOOD[:-1],
        GOOD + "0",
        GOOD + "\n",
        " " + GOOD,
        GOOD.upper(),
        GOOD.replace("a", "A"),
        GOOD.replace("f", "g"),
        GOOD.removeprefix("sha256:"),
        GOOD.replace("sha256", "sha512"),
        GOOD[:-1] + "\u0660",
        "sha256:../../etc/passwd",
        None,
        256,
        [GOOD],
        GOOD.encode(),
    ],
)
def test_anything_else_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="not a sha256 digest"):
        parse_digest(text)


def test_what_is_refused_is_quoted_in_part_only() -> None:
    with pytest.raises(ValueError, match="not a sha256 digest") as refused:
        parse_digest("x" * 10_000)
    assert len(str(refused.value)) < 120


@given(st.binary())
def test_the_digest_of_bytes(data: bytes) -> None:
    assert sha256_digest(data) == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert parse_digest(sha256_digest(data)) == sha256_digest(data)
