"""What the platform says of its registry, in every combination that is known of it."""

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from violet_operator.errors import Waiting
from violet_operator.platform.discovery import Discovered, Words, judge, product_base

ADMIN = {"username": base64.b64encode(b"admin").decode(), "password": base64.b64encode(b"word").decode()}
OTHER = {"username": "other", "password": base64.b64encode(b"else").decode()}


def base(**registry: Any) -> dict[str, Any]:
    return {"platformURL": "https://acp.example.com:8443", "registry": {"address": "10.0.0.1:11443", **registry}}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (Words(base(), None, ADMIN), Discovered("10.0.0.1:11443", "10.0.0.1:11443", "admin", "word")),
        (
            Words(base(), {"registryAddress": "10.0.0.2:11443"}, ADMIN),
            Discovered("10.0.0.1:11443", "10.0.0.2:11443", "admin", "word"),
        ),
        (
            Words(base(preferPlatformURL=True), {"platformURL": "https://a.example.com", "registryAddress": "b"}, None),
            Discovered("10.0.0.1:11443", "a.example.com"),
        ),
        (Words(base(preferPlatformURL=True)), Discovered("10.0.0.1:11443", "acp.example.com:8443")),
        (Words(None, {"registryAddress": "b:60080"}, ADMIN), Discovered("b:60080", "b:60080", "admin", "word")),
        (Words(base(**OTHER), None, ADMIN), Discovered("10.0.0.1:11443", "10.0.0.1:11443", "admin", "word")),
        (Words(base(**OTHER)), Discovered("10.0.0.1:11443", "10.0.0.1:11443", "other", "else")),
        (
            Words(base(external=True, **OTHER), None, ADMIN),
            Discovered("10.0.0.1:11443", "10.0.0.1:11443", "other", "else"),
        ),
        (Words(base(external=True), None, ADMIN), Discovered("10.0.0.1:11443", "10.0.0.1:11443")),
        (Words(base(), None, {"username": ADMIN["username"]}), Discovered("10.0.0.1:11443", "10.0.0.1:11443")),
        (Words(base(address="https://r.example.com/v2/")), Discovered("r.example.com", "r.example.com")),
        (Words(base(address="[2001:db8::1]:11443")), Discovered("[2001:db8::1]:11443", "[2001:db8::1]:11443")),
        (
            Words(base(address="2001:db8::1"), {"registryAddress": "https://2001:db8::2/"}),
            Discovered("[2001:db8::1]", "[2001:db8::2]"),
        ),
    ],
)
def test_registry(words: Words, found: Discovered) -> None:
    assert judge(words, "default") == found


@pytest.mark.parametrize(
    "words",
    [
        Words(),
        Words({}, {}),
        Words(base(address="")),
        Words(base(address="not a host")),
        Words(base(address="fe80::1%eth0")),
        Words({"registry": "r"}),
    ],
)
def test_platform_that_names_none(words: Words) -> None:
    with pytest.raises(Waiting) as caught:
        judge(words, "default")
    assert caught.value.reason == "RegistryNotDiscovered"
    assert "Give spec.registry.address" in caught.value.message


def test_which_product_base_counts() -> None:
    def named(name: str) -> dict[str, Any]:
        return {"metadata": {"name": name}, "spec": {"version": name}}

    assert product_base([]) is None
    assert product_base([named("z"), named("a")]) == {"version": "a"}
    assert product_base([named("a"), named("base")]) == {"version": "base"}
    assert product_base([{"metadata": {"name": "base"}}]) == {}


def test_password_is_in_no_text() -> None:
    assert "word" not in repr(Discovered("a", "a", "admin", "word"))
    assert ADMIN["password"] not in repr(Words(admin=ADMIN))


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["address", "external", "username", "password"]), st.text() | st.integers()))
def test_any_words_are_a_registry_or_none(registry: dict[str, Any]) -> None:
    try:
        found = judge(Words({"registry": registry}, {"registryAddress": registry.get("address")}), "default")
    except Waiting:
        return
    assert found.address
    assert "@" not in found.address
