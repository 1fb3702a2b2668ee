"""Side files: how they may be called, what they may hold, and what is refused."""

import hashlib
from collections.abc import Mapping

import pytest

from violet_operator.errors import Stalled, Waiting
from violet_operator.settings import Settings
from violet_operator.verification.checks import Checks, weigh
from violet_operator.verification.evidence import Evidence, gather
from violet_operator.verification.examine import Findings
from violet_operator.verification.judge import judge
from violet_operator.verification.keys import key_set
from violet_operator.verification.rules import Policy, Rules, rules

CONTENT = b"the package"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
SHA512 = hashlib.sha512(CONTENT).hexdigest()
OTHER = hashlib.sha256(b"another").hexdigest()
PACKAGE = "some/folder/p.v1.tgz"
KEYS = key_set("Secret keys", {"a": b"not looked into here"})


def beside(files: Mapping[str, bytes | str], pin: str | None = None) -> Evidence:
    """Evidence from files by the end of their name; `.x` is beside the package, `x` its whole name."""
    content = {
        (f"{PACKAGE}{name}" if name.startswith(".") else f"some/folder/{name}"): data.encode()
        if isinstance(data, str)
        else data
        for name, data in files.items()
    }
    return gather(PACKAGE, pin, content.get)


def verdict(evidence: Evidence, policy: Policy = "Require") -> str:
    """The method by which the package is good."""
    return judge(weigh(evidence, Rules(policy)), SHA256, Findings(SHA512)).method


@pytest.mark.parametrize("name", [".sha256", ".checksum", "p.v1.sha256"])
@pytest.mark.parametrize(
    "text",
    [
        SHA256,
        SHA256.upper() + "\n",
        f"\ufeff{SHA256}\r\n",
        f"{SHA256}  p.v1.tgz\n",
        f"{SHA256} *p.v1.tgz\n",
        f"{SHA256}  /build/out/p.v1.tgz\n",
        f"{SHA256}  C:\\out\\p.v1.tgz\n",
        f"{SHA256}  ./renamed.tgz\n",
        f"SHA256 (p.v1.tgz) = {SHA256}\n",
        f"SHA256(out/p.v1.tgz)= {SHA256}\n",
        f"{OTHER}  q.tgz\n{SHA256}  out/p.v1.tgz\n",
        f"# sums\n\n{SHA256}  p.v1.tgz\n",
    ],
)
def test_sha256(name: str, text: str) -> None:
    assert verdict(beside({name: text})) == "Checksum"


@pytest.mark.parametrize("name", [".sha512", ".checksum", "p.v1.sha512"])
@pytest.mark.parametrize("text", [SHA512, f"{SHA512}  p.v1.tgz\n", f"SHA512 (p.v1.tgz) = {SHA512}"])
def test_sha512(name: str, text: str) -> None:
    evidence = beside({name: text})
    assert verdict(evidence) == "Checksum"
    assert weigh(evidence, Rules()).reading.sha512


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (".sha256", "", "holds nothing"),
        (".sha256", " \n", "holds nothing"),
        (".sha256", "<html>404</html>", "holds no sum"),
        (".sha256", SHA256[:-1], "a sum of 63 hex digits"),
        (".sha256", SHA256 + "0", "a sum of 65 hex digits"),
        (".sha256", SHA512, "128 hex digits, which is no sha256"),
        (".sha512", SHA256, "64 hex digits, which is no sha512"),
        (".checksum", hashlib.md5(CONTENT).hexdigest(), "a sum of 32 hex digits"),
        (".checksum", hashlib.sha1(CONTENT).hexdigest() + "  p.v1.tgz", "a sum of 40 hex digits"),
        (".sha256", f"{SHA256}  q.tgz\n{OTHER}  r.tgz\n", "several sums"),
        (".sha256", f"{SHA256}  p.v1.tgz\n{OTHER}  p.v1.tgz\n", "several sums"),
        (".sha256", b"\xff\xfe\x00\x01", "holds no sum"),
    ],
)
@pytest.mark.parametrize("policy", ["Require", "IfPresent", "Skip"])
def test_bad_checksum_file_fails_whatever_the_policy(name: str, text: bytes | str, said: str, policy: Policy) -> None:
    with pytest.raises(Stalled, match=said) as refused:
        verdict(beside({name: text}), policy)
    assert refused.value.reason == "InvalidChecksumFile"


@pytest.mark.parametrize("policy", ["Require", "IfPresent", "Skip"])
def test_wrong_sum_fails_whatever_the_policy(policy: Policy) -> None:
    for files in ({".sha256": OTHER}, {".sha512": OTHER * 2}, {".sha256": SHA256, ".sha512": OTHER * 2}):
        with pytest.raises(Stalled, match="It was altered or damaged") as refused:
            verdict(beside(files), policy)
        assert refused.value.reason == "ChecksumMismatch"


def test_side_files_that_contradict_each_other() -> None:
    with pytest.raises(Stalled, match="contradict each other") as refused:
        beside({".sha256": SHA256, ".checksum": OTHER})
    assert refused.value.reason == "InvalidChecksumFile"
    assert verdict(beside({".sha256": SHA256, ".checksum": SHA256, "p.v1.sha512": SHA512})) == "Checksum"


@pytest.mark.parametrize("policy", ["Require", "IfPresent", "Skip"])
def test_pin_wins_over_checksum_files(policy: Policy) -> None:
    assert verdict(beside({".sha256": OTHER, ".checksum": "<html>"}, pin=SHA256), policy) == "Pin"
    with pytest.raises(Stalled, match=r"spec\.source\.sha256 says"):
        verdict(beside({".sha256": SHA256}, pin=OTHER), policy)


def test_a_signature_that_was_not_looked_at_is_a_defect() -> None:
    """Whatever else goes wrong: no verdict without one finding for each signature."""
    signed = weigh(beside({".sig": b"\x88\x01a"}), Rules("Require", KEYS, signature=True))
    for never_reached in (signed, Checks(beside({}), Rules("Require", KEYS, signature=True))):
        with pytest.raises(AssertionError):
            judge(never_reached, SHA256, Findings())


def test_nothing_there() -> None:
    assert verdict(beside({}), "IfPresent") == "None"
    assert verdict(beside({}), "Skip") == "None"
    with pytest.raises(Waiting) as waiting:
        verdict(beside({}))
    assert waiting.value.reason == "ChecksumMissing"
    assert "some/folder/p.v1.tgz.sha256, " in waiting.value.message


def test_identity_changes_with_everything_that_may_change_the_verdict() -> None:
    signature = {".sig": b"\x88\x01a"}
    every = [
        Checks(beside({}), Rules()),
        Checks(beside({}, pin=SHA256), Rules()),
        Checks(beside({".sha256": SHA256}), Rules()),
        Checks(beside({".sha256": OTHER}), Rules()),
        Checks(beside({".sha256": OTHER}), Rules("IfPresent")),
        Checks(beside(signature), Rules("Require", KEYS)),
        Checks(beside({".sig": b"\x88\x01b"}), Rules("Require", KEYS)),
        Checks(beside(signature), Rules("Require", key_set("Secret keys", {"a": b"others"}))),
        Checks(beside(signature), Rules("Require", KEYS, (frozenset({"A"}),))),
        Checks(beside(signature), Rules("Require", KEYS, signature=True)),
    ]
    assert len({each.identity for each in every}) == len(every)
    assert Checks(beside(signature), Rules("Require", KEYS)).identity == every[5].identity


def test_what_the_operator_demands_of_everyone() -> None:
    strict = Settings(minimum_policy="IfPresent")
    with pytest.raises(Stalled, match="at least IfPresent") as refused:
        rules("Skip", None, (), strict)
    assert refused.value.reason == "PolicyForbidden"
    assert rules("IfPresent", None, (), strict).policy == "IfPresent"
    with pytest.raises(Stalled, match="at least Require"):
        rules("IfPresent", KEYS, (), Settings(minimum_policy="Require"))
    for demanding in (Settings(require_gpg=True), Settings(gpg_fingerprints=("A" * 40,))):
        with pytest.raises(Stalled, match="demands a GPG signature"):
            rules("Require", None, (), demanding)
        assert rules("IfPresent", KEYS, (), demanding).signature
    assert not rules("IfPresent", KEYS, (), Settings()).signature


def test_a_verdict_counts_while_what_it_was_made_by_stays() -> None:
    now = rules("Require", KEYS, ("B" * 40,), Settings())
    good = {"method": "GPG", "sha256": SHA256, "verifiedAt": "2026-01-01T00:00:00Z", "trust": now.trust}
    assert now.accept(good, None)
    assert now.accept(good, SHA256)
    assert not now.accept(good, OTHER)
    assert not now.accept(good | {"method": "Checksum"}, None)
    assert not now.accept({key: value for key, value in good.items() if key != "verifiedAt"}, None)
    assert not rules("Require", KEYS, (), Settings()).accept(good, None)
    assert not rules("Require", None, (), Settings()).accept(good, None)
    assert not now.accept({}, None)
    none = {"method": "None", "sha256": SHA256, "verifiedAt": "2026-01-01T00:00:00Z"}
    assert rules("IfPresent", None, (), Settings()).accept(none, None)
    assert not rules("Require", None, (), Settings()).accept(none, None)
