"""Private keys where public ones belong are refused in whatever form, and words about them are not."""

from collections.abc import Callable

import pytest

from tests.unit.verification.vendors import Vendors, dearmor, problem
from violet_operator.verification.keys import key_set
from violet_operator.verification.packets import key_packets


def test_private_key_is_refused_and_not_shown(vendors: Vendors) -> None:
    private = vendors.good.private_key
    found = problem(key_set("Secret keys", {"a": private.encode()}))
    assert "private key" in found.message
    assert private[100:130] not in found.message


Disguise = Callable[[bytes], bytes]

DISGUISES: dict[str, Disguise] = {
    "as it is": lambda armored: armored,
    "without its end": lambda armored: armored.rpartition(b"-----END")[0],
    "indented": lambda armored: b"\n".join(b"  " + line for line in armored.splitlines()),
    "binary": dearmor,
    "as public": lambda armored: armored.replace(b"PRIVATE", b"PUBLIC"),
}


@pytest.mark.parametrize("disguise", DISGUISES.values(), ids=DISGUISES)
def test_private_key_behind_a_public_one(vendors: Vendors, disguise: Disguise) -> None:
    private = disguise(vendors.good.private_key.encode())
    for public in (vendors.stranger.public_key.encode(), dearmor(vendors.stranger.public_key.encode())):
        problem(key_set("Secret keys", {"a": public + private}))


@pytest.mark.parametrize("words", ["This is not a PRIVATE KEY.", "PRIVATE KEYS: ask the vendor", "BEGIN PRIVATE KEY"])
def test_words_about_private_keys_beside_a_public_one_are_no_key(vendors: Vendors, words: str) -> None:
    public = vendors.good.public_key.encode()
    for data in (words.encode() + b"\n" + public, public + b"\n" + words.encode() + b"\n"):
        assert key_packets(data) == dearmor(public)


@pytest.mark.parametrize("kind", ["", "RSA ", "EC ", "ENCRYPTED ", "OPENSSH "])
@pytest.mark.parametrize("mark", ["-----BEGIN {}PRIVATE KEY-----", "---- BEGIN SSH2 {}PRIVATE KEY ----"])
def test_private_keys_of_other_kinds_beside_a_public_one(vendors: Vendors, mark: str, kind: str) -> None:
    found = vendors.good.public_key + "\n" + mark.format(kind) + "\nc2VjcmV0\n"
    assert "private key" in problem(key_set("Secret keys", {"a": found.encode()})).message


def test_private_key_alone_is_named_as_such(vendors: Vendors) -> None:
    for disguise in DISGUISES.values():
        private = disguise(vendors.good.private_key.encode())
        assert "private key" in problem(key_set("Secret keys", {"a": private})).message
