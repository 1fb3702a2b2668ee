"""Whose clusters may need an image: those of every Platform that has the registry, or may have it."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from violet_operator.cleanup.images import references
from violet_operator.cleanup.images.whereabouts import registry_names, whereabouts
from violet_operator.clients.kube import Kube
from violet_operator.errors import Waiting

JsonObject = dict[str, Any]

OURS = "r.example.com"


def platform(
    name: str, spec: JsonObject | None = None, status: JsonObject | None = None, observed: int = 2
) -> JsonObject:
    told = {"observedGeneration": observed, "registry": status} if status else {}
    metadata = {"namespace": "ns", "name": name, "generation": 2}
    return {"metadata": metadata, "spec": {"registry": spec} if spec else {}} | ({"status": told} if told else {})


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (platform("a", {"address": "a"}), {"a"}),
        (platform("a", {"address": "a", "pullAddress": "b"}), {"a", "b"}),
        (platform("a", {"address": "a"}, {"address": "c", "pullAddress": "d"}, observed=1), {"a", "c", "d"}),
        (platform("a", None, {"address": "a", "pullAddress": "b"}), {"a", "b"}),
        (platform("a", {"pullAddress": "c"}, {"address": "a", "pullAddress": "c"}), {"a", "c"}),
    ],
)
def test_a_registry_has_the_names_of_spec_and_status(body: JsonObject, names: set[str]) -> None:
    assert registry_names(body) == names


@pytest.mark.parametrize(
    "body",
    [
        platform("other"),
        platform("other", {"plainHTTP": True}),
        platform("other", {"pullAddress": "elsewhere"}),
        platform("other", None, {"origin": "Discovered"}),
        platform("other", None, {"address": "elsewhere"}, observed=1),
    ],
)
def test_a_registry_that_was_not_discovered_may_be_any(body: JsonObject) -> None:
    with pytest.raises(Waiting, match="not known which registry Platform ns/other has"):
        registry_names(body)


async def asked(clusters: dict[str, Kube]) -> dict[str, Kube]:
    return clusters


async def shown(_: dict[str, Kube]) -> None:
    """The platform speaks of no other cluster."""


def found(
    monkeypatch: pytest.MonkeyPatch, ways: dict[str, dict[str, str] | Exception], *others: JsonObject
) -> set[str]:
    """The clusters that are asked, if these are the ways in to each Platform; `site` is the run's own."""

    async def enter(_: str, name: str, *, anew: bool) -> dict[str, str]:
        assert not anew
        clusters = ways[name]
        if isinstance(clusters, Exception):
            raise clusters
        return clusters

    async def listed(*_: object) -> list[JsonObject]:
        return [platform("site", {"address": OURS}), *others]

    monkeypatch.setattr(references, "ask", asked)
    monkeypatch.setattr(references, "check_clusters", shown)
    kube = SimpleNamespace(list=listed)
    env = SimpleNamespace(enter=enter, kube=kube, settings=SimpleNamespace(namespaces=()))
    registry = SimpleNamespace(address=OURS)
    stale = {"global": "as of the last look"}
    connection = SimpleNamespace(registry=registry, pull_address=OURS, name="site", prefix="", clusters=stale)
    return {str(each) for each in asyncio.run(whereabouts(*cast("Any", (connection, "ns", env)))).clusters}


def test_the_clusters_of_all_platforms_with_the_registry_are_listed_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = "one client"
    ways: dict[str, dict[str, str] | Exception] = {
        "site": {"global": shared, "joined": "another"},
        "same": {"global": shared, "far": "a third"},
        "elsewhere": RuntimeError("nobody goes there"),
    }
    others = platform("same", None, {"address": "x", "pullAddress": OURS}), platform("elsewhere", {"address": "e"})
    assert found(monkeypatch, ways, *others) == {"global", "joined", "far of Platform ns/same"}


@pytest.mark.parametrize("lost", ["site", "same"])
def test_clusters_that_cannot_be_listed_may_need_anything(monkeypatch: pytest.MonkeyPatch, lost: str) -> None:
    ways: dict[str, dict[str, str] | Exception] = {"site": {}, "same": {}} | {
        lost: Waiting("Unreachable", "It is off.")
    }
    with pytest.raises(Waiting, match=f"clusters of Platform ns/{lost} cannot be listed.*It is off") as failed:
        found(monkeypatch, ways, platform("same", {"address": OURS}))
    assert failed.value.reason == "ImagesUnknown"


def test_nothing_is_known_while_a_platform_may_have_the_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Waiting, match="Platform ns/new"):
        found(monkeypatch, {"site": {}}, platform("new"))
