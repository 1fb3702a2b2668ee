"""Names of uploads: valid, stable, and never one for two packages."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from violet_operator.upload_set.names import label_value, upload_name

SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
LABEL_VALUE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")

owners = st.from_regex(SUBDOMAIN, fullmatch=True).filter(lambda name: len(name) <= 253)
packages = st.one_of(
    st.text(max_size=1024),
    st.text(alphabet="aA.-_/+0", max_size=12).map(lambda text: f"{text}.tgz"),
    st.from_regex(r"[a-c]{1,3}(-[0-9a-f]{10})?\.(tgz|tar)", fullmatch=True),
).filter(lambda text: text.isprintable())

# a promise: an upload that got another name would be a second upload of the same package
KNOWN = {
    "opensearch-operator.v3.14.2.tgz": "vendor-opensearch-operator.v3.14.2",
    "a.tgz": "vendor-a",
    "a.tar.gz": "vendor-a.tar.gz-8df3b31cd2",
    "operators/a.tgz": "vendor-operators-a-9029bd7223",
    "A.tgz": "vendor-a-6ead8053db",
    "a_b.tgz": "vendor-a-b-face165455",
    "a+b.tgz": "vendor-a-b-ed23fc17df",
    "a..b.tgz": "vendor-a.b-88a2385630",
    "文件.tgz": "vendor-30382700d6",
    "a-0123456789.tgz": "vendor-a-0123456789-7dfdcf6225",
    "x" * 92 + ".tgz": "vendor-" + "x" * 92,
    "x" * 93 + ".tgz": "vendor-" + "x" * 93,
    "x" * 94 + ".tgz": "vendor-" + "x" * 82 + "-960d95deda",
}


@pytest.mark.parametrize("package", KNOWN)
def test_a_name_is_what_it_always_was(package: str) -> None:
    assert upload_name("vendor", package) == KNOWN[package]


@given(owners, packages)
def test_a_name_is_valid(owner: str, package: str) -> None:
    name = upload_name(owner, package)
    assert SUBDOMAIN.fullmatch(name), name
    assert len(name) <= 100


@given(owners, packages, packages)
def test_two_packages_never_share_a_name(owner: str, one: str, other: str) -> None:
    assume(one != other)
    assert upload_name(owner, one) != upload_name(owner, other)


@given(owners, owners)
def test_the_name_of_a_set_is_a_label(one: str, other: str) -> None:
    assert LABEL_VALUE.fullmatch(label_value(one))
    assert len(label_value(one)) <= 63
    assert (label_value(one) == label_value(other)) == (one == other)
