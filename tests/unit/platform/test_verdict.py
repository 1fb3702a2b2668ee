"""Who may go on after a look at a Platform, and who is woken."""

import pytest

from violet_operator.errors import Waiting
from violet_operator.platform.verdict import Verdict

ONE, TWO = frozenset({"global"}), frozenset({"global", "region1"})
READY = Verdict("u", 1, ready=True, clusters=ONE)
BAD = Verdict("u", 1, ready=False, reason="Unauthorized", message="The token has expired.")


@pytest.mark.parametrize(
    ("earlier", "now", "opens"),
    [
        (None, READY, True),
        (BAD, READY, True),
        (READY, READY, False),
        (READY, Verdict("u", 2, ready=True, clusters=ONE), False),
        (READY, Verdict("u", 1, ready=True, clusters=TWO), True),
        (Verdict("u", 1, ready=True, clusters=TWO), READY, False),
        (READY, Verdict("other", 1, ready=True, clusters=ONE), True),
        (READY, BAD, False),
        (None, BAD, False),
    ],
)
def test_whoever_waits_is_woken_when_something_opens(earlier: Verdict | None, now: Verdict, opens: bool) -> None:
    assert now.opens(earlier) is opens


def test_only_a_ready_platform_lets_uploads_pass() -> None:
    READY.check("default")
    with pytest.raises(Waiting) as caught:
        BAD.check("default")
    assert caught.value.reason == "PlatformNotReady"
    assert "Platform default is not Ready: Unauthorized: The token has expired." in caught.value.message


def test_whoever_needs_no_registry_passes_with_a_cluster_that_works() -> None:
    no_registry = Verdict("u", 1, ready=False, reason="RegistryUnreachable", message="It is down.", clusters=ONE)
    no_registry.check("default", registry=False)
    for verdict, registry in ((no_registry, True), (BAD, False)):
        with pytest.raises(Waiting):
            verdict.check("default", registry=registry)
