"""Ways in to platforms: what is kept, what is replaced, and who waits for whom. No platform is there."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import cast

import pytest

from tests.cluster.process import free_port
from violet_operator.clients.gateway import Gateway
from violet_operator.clients.gateway_http import GatewaySettings
from violet_operator.clients.kube import Kube
from violet_operator.clients.kube_endpoint import KubeEndpoint
from violet_operator.errors import Transient, Waiting
from violet_operator.platform.access import InCluster
from violet_operator.platform.discovery import Discovered
from violet_operator.platform.verdict import Verdict
from violet_operator.runtime import ways
from violet_operator.runtime.ways import Ways

KEY = ("ns", "default")
READY = Verdict("u", 1, ready=True, clusters=frozenset({"global"}))
BAD = Verdict("u", 1, ready=False, reason="Unauthorized", message="The token has expired.")
HERE = (KubeEndpoint("global", "https://127.0.0.1:1"),)
THERE = (KubeEndpoint("global", "https://127.0.0.1:2"), KubeEndpoint("region1", "https://127.0.0.1:3"))


@pytest.fixture
async def opened(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ways]:
    monkeypatch.setattr(ways, "_FIRST_VERDICT", 0.1)
    opened = Ways(cast("Kube", "own"), lambda: datetime.now(UTC))
    yield opened
    await opened.close()


def nowhere() -> GatewaySettings:
    return GatewaySettings(f"https://127.0.0.1:{free_port()}", "alauda-auth", token="abc")


async def test_in_cluster_is_the_operators_own(opened: Ways) -> None:
    assert (await opened.open(KEY, InCluster(), anew=False)).clusters == {"global": "own"}


async def test_same_access_keeps_the_same_clients(opened: Ways) -> None:
    first = await opened.open(KEY, HERE, anew=False)
    assert await opened.open(KEY, HERE, anew=False) is first
    assert await opened.open(KEY, HERE, anew=True) is not first
    assert list((await opened.open(KEY, THERE, anew=False)).clusters) == ["global", "region1"]


async def test_what_is_in_use_stays_until_the_new_way_is_open(opened: Ways) -> None:
    used = await opened.open(KEY, HERE, anew=False)
    used.discovered = Discovered("r", "r")
    with pytest.raises(Transient):
        await opened.open(KEY, nowhere(), anew=False)
    assert opened.get(KEY) is used
    assert await opened.open(KEY, HERE, anew=False) is used
    assert (await opened.open(KEY, THERE, anew=False)).discovered == Discovered("r", "r")


async def test_a_way_tried_in_vain_is_tried_again_not_made_anew(opened: Ways) -> None:
    access = nowhere()
    for _ in range(2):
        with pytest.raises(Transient):
            await opened.open(KEY, access, anew=False)
    first = opened._tried[KEY]
    with pytest.raises(Transient):
        await opened.open(KEY, access, anew=False)
    assert opened._tried[KEY] is first
    with pytest.raises(Transient):
        await opened.open(KEY, access, anew=True)
    assert opened._tried[KEY] is not first


async def test_replaced_clients_do_not_pile_up(opened: Ways) -> None:
    for _ in range(20):
        await opened.open(KEY, HERE, anew=True)
    assert len(opened._retired) <= ways._RETIRED + 1


class SlowGateway:
    """Lists its clusters once it is let go."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()

    async def clusters(self) -> tuple[str, ...]:
        await self.go_on.wait()
        return ("global",)

    def cluster(self, name: str) -> Kube:
        return cast("Kube", name)

    async def close(self) -> None:
        pass


async def test_a_way_that_is_in_use_is_never_retired(opened: Ways, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cleanup lists the clusters while the Platform is entered anew."""
    gateways = [SlowGateway(), SlowGateway()]
    fresh = iter([ways.Way(HERE, gateway=cast("Gateway", each)) for each in gateways])
    monkeypatch.setattr(opened, "_fresh", lambda _: next(fresh))
    gateways[0].go_on.set()
    await opened.open(KEY, HERE, anew=False)
    gateways[0].go_on.clear()
    listed = asyncio.create_task(opened.open(KEY, HERE, anew=False))
    await asyncio.sleep(0)
    entered = asyncio.create_task(opened.open(KEY, HERE, anew=True))
    await asyncio.sleep(0)
    for gateway in gateways:
        gateway.go_on.set()
    await listed
    assert opened.get(KEY) is await entered
    assert opened.get(KEY) not in opened._retired


async def test_nobody_passes_before_the_verdict(opened: Ways) -> None:
    with pytest.raises(Waiting, match="still being tried") as caught:
        await opened.check(KEY, "u", 1)
    assert caught.value.reason == "PlatformNotReady"


async def test_whoever_comes_early_waits_for_the_verdict(opened: Ways, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways, "_FIRST_VERDICT", 60)
    waiting = [asyncio.create_task(opened.check(KEY, "u", 1)) for _ in range(3)]
    await asyncio.sleep(0)
    await opened.judge(KEY, READY)
    await asyncio.gather(*waiting)


@pytest.mark.parametrize(("uid", "generation"), [("other", 1), ("u", 2)])
async def test_verdict_on_another_object_or_an_older_spec_does_not_count(
    opened: Ways, uid: str, generation: int
) -> None:
    await opened.judge(KEY, READY)
    with pytest.raises(Waiting, match="still being tried"):
        await opened.check(KEY, uid, generation)


async def test_bad_verdict_is_passed_on(opened: Ways) -> None:
    await opened.judge(KEY, BAD)
    with pytest.raises(Waiting, match="The token has expired"):
        await opened.check(KEY, "u", 1)


async def test_who_is_woken(opened: Ways) -> None:
    await opened.open(KEY, HERE, anew=False)
    assert not await opened.judge(KEY, BAD)
    assert await opened.judge(KEY, READY)
    assert not await opened.judge(KEY, READY)
    await opened.open(KEY, HERE, anew=True)
    assert await opened.judge(KEY, READY), "whoever failed with the old login tries the new one"
    assert not await opened.judge(KEY, READY)


async def test_what_is_gone_is_forgotten(opened: Ways) -> None:
    await opened.open(KEY, HERE, anew=False)
    await opened.judge(KEY, READY)
    opened.forget(KEY)
    with pytest.raises(Waiting, match="not been tried yet"):
        opened.get(KEY)
    with pytest.raises(Waiting):
        await opened.check(KEY, "u", 1)
