"""Objects that uploads refer to are read once for many uploads, and again soon."""

import asyncio
import base64
from typing import Any, cast

import pytest

from violet_operator.clients.kube import CONFIG_MAPS, SECRETS, Kube, Resource
from violet_operator.errors import Transient
from violet_operator.platform.verdict import Verdict
from violet_operator.runtime import environment
from violet_operator.runtime.environment import Environment
from violet_operator.settings import Settings


class Reader:
    """What is in the cluster; counts how often it is asked."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[Resource, str | None, str]] = []
        self.fails = False

    async def get(self, resource: Resource, namespace: str | None, name: str) -> dict[str, Any] | None:
        self.asked.append((resource, namespace, name))
        if self.fails:
            raise Transient("TargetUnreachable", "gone")
        return self.objects.get(name)


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
def env(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> Environment:
    monkeypatch.setattr(environment, "_FRESH", 0.2)
    return Environment(Settings(), cast("Kube", reader))


async def test_a_thousand_uploads_read_once(env: Environment, reader: Reader) -> None:
    reader.objects["keys"] = {"data": {"a": "1"}}
    for _ in range(1000):
        assert await env.get(SECRETS, "ns", "keys") == {"data": {"a": "1"}}
    assert len(reader.asked) <= 3  # the machine may be slow


async def test_what_is_mended_counts_soon(env: Environment, reader: Reader) -> None:
    assert await env.get(SECRETS, "ns", "keys") is None
    reader.objects["keys"] = {"data": {}}
    await asyncio.sleep(0.25)
    assert await env.get(SECRETS, "ns", "keys") == {"data": {}}


async def test_what_is_mended_counts_at_once_when_it_is_asked_for(env: Environment, reader: Reader) -> None:
    for namespace in ("ns", "other"):
        assert await env.get(SECRETS, namespace, "keys") is None
    reader.objects["keys"] = {"data": {}}
    env.forget("ns")
    assert await env.get(SECRETS, "ns", "keys") == {"data": {}}
    assert await env.get(SECRETS, "other", "keys") is None


async def test_objects_are_told_apart(env: Environment, reader: Reader) -> None:
    for resource, namespace, name in [(SECRETS, "a", "x"), (SECRETS, "b", "x"), (CONFIG_MAPS, "a", "x")]:
        await env.get(resource, namespace, name)
    assert len(reader.asked) == 3


async def test_a_failure_is_not_remembered(env: Environment, reader: Reader) -> None:
    reader.fails = True
    with pytest.raises(Transient):
        await env.get(SECRETS, "ns", "keys")
    reader.fails = False
    assert await env.get(SECRETS, "ns", "keys") is None


async def test_secrets_do_not_stay_in_memory(env: Environment, reader: Reader) -> None:
    await env.get(SECRETS, "ns", "old")
    await asyncio.sleep(0.25)
    await env.get(SECRETS, "ns", "new")
    assert [name for _, _, name in env._objects] == ["new"]


async def test_clients_of_replaced_logins_are_let_go(env: Environment, reader: Reader) -> None:
    spec = {"inCluster": {}, "registry": {"address": "r.example.com", "credentialsSecretRef": {"name": "login"}}}
    reader.objects["default"] = {"metadata": {}, "spec": spec}
    await env.enter("ns", "default", anew=False)
    seen = []
    for number in range(40):
        reader.objects["login"] = {"data": {"username": "dQ==", "password": base64.b64encode(b"%d" % number).decode()}}
        env.forget("ns")
        seen.append((await env.open("ns", "default")).registry)
    assert len({id(registry) for registry in seen}) == 40
    assert (await env.open("ns", "default")).registry is seen[-1]
    assert len(env._registries) == environment._REGISTRIES


async def test_platform_that_seems_shut_is_looked_at_soon_but_not_all_the_time(env: Environment) -> None:
    looks: list[tuple[tuple[str, str], float]] = []
    env.look_at = lambda key, within: looks.append((key, within))
    env.suspect("ns", "default")
    await env.judge("ns", "default", Verdict("u", 1, ready=True))
    env.suspect("ns", "default")
    env.suspect("ns", "other")
    env.leave("ns", "default")
    env.suspect("ns", "default")
    (first, just_looked, other, anew) = looks
    assert first == anew == (("ns", "default"), environment._SOON)
    assert other == (("ns", "other"), environment._SOON)
    assert just_looked[1] > environment._PAUSE / 2  # the machine may be slow
