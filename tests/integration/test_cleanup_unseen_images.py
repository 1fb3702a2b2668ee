"""Images that a registry has and does not list, or to which no tag leads: whoever names them is asked about them."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from tests.faults import FaultProxy
from tests.integration.demo_images import Place, two_versions
from tests.integration.registry_client import connect
from violet_operator.cleanup.images import references
from violet_operator.cleanup.images.mentions import Watch
from violet_operator.cleanup.images.model import Deletion, ImagePlan
from violet_operator.cleanup.images.plan import Planned, _judged
from violet_operator.cleanup.images.whereabouts import Where
from violet_operator.clients.registry import Registry
from violet_operator.errors import Waiting
from violet_operator.support.digests import Digest, sha256_digest

pytestmark = [pytest.mark.integration, pytest.mark.tools("distribution")]

INDEX = "application/vnd.oci.image.index.v1+json"

Judge = Callable[..., ImagePlan]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with two_versions(tmp_path) as found:
        yield found


@pytest.fixture
def judge(place: Place, monkeypatch: pytest.MonkeyPatch) -> Judge:
    """What may go of version v1, if uploads name this and no cluster anything."""

    def judge(document: object = None, client: Registry | None = None, planned: Planned | None = None) -> ImagePlan:
        async def uploads(_: object, __: object, watch: Watch) -> set[tuple[str, str]]:
            watch.look(document, "somebody")
            return set()

        monkeypatch.setattr(references, "search_uploads", uploads)
        registry = client or place.client
        where = Where(registry, frozenset({registry.address}), place.prefix, {}, cast("Any", None), ())
        return asyncio.run(_judged(place.candidates("v1"), [], where, planned))

    return judge


def going(plan: ImagePlan) -> set[str]:
    return {each.manifest.digest for each in plan.deletions}


def put_index(place: Place, name: str) -> tuple[Digest, Digest]:
    """An index without a tag, of the first platform of an image `v1`; and that child."""
    to = place.to(name, "v1")
    found = place.client.find(to.repository, "v1")
    assert found
    child = json.loads(found.raw)["manifests"][0]
    raw = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [child], "annotations": {"by": "hand"}})
    digest = sha256_digest(raw.encode())
    place.client.put_manifest(to.repository, digest, raw.encode(), INDEX)
    return digest, Digest(child["digest"])


@pytest.mark.parametrize(
    "name",
    [
        "mirror.example.com/foo/manager@DIGEST",
        "mirror.example.com/something/else@DIGEST",
        {"image": {"registry": "r.example.com/acp", "repository": "manager-of-it", "digest": "DIGEST"}},
        "image:\n  repository: elsewhere\n  digest: DIGEST\n",
    ],
    ids=str,
)
def test_an_index_without_a_tag_keeps_its_children_if_somebody_names_its_digest(
    place: Place, judge: Judge, name: object
) -> None:
    index, child = put_index(place, "manager")
    assert child in going(judge()), "nobody names it"
    plan = judge(json.loads(json.dumps(name).replace("DIGEST", index)))
    assert child not in going(plan)
    assert going(plan), "other images still go"


def without(place: Place, proxy: FaultProxy, name: str, *hidden: str) -> Registry:
    """The registry, which lists only part of the tags of a repository."""
    path = place.to(name, "").repository
    listed = [tag for tag in place.registry.tags(path) if tag not in hidden]
    body = json.dumps({"name": path, "tags": listed}).encode()
    proxy.answer(200, times=None, body=body, when=lambda request: f"{path}/tags/list" in request.path)
    return connect(proxy.address)


def test_the_tag_by_which_an_image_was_found_must_be_listed(place: Place, judge: Judge) -> None:
    with FaultProxy(place.registry.address) as proxy:
        client = without(place, proxy, "manager", "v1")
        with pytest.raises(Waiting, match=r"does not list tag .*manager:v1"):
            judge(client=client)
    assert going(judge())


def test_nor_may_a_repository_seem_empty(place: Place, judge: Judge) -> None:
    with FaultProxy(place.registry.address) as proxy:
        proxy.answer(404, times=None, when=lambda request: "manager/tags/list" in request.path)
        with pytest.raises(Waiting, match=r"does not list tag .*manager:v1"):
            judge(client=connect(proxy.address))


def test_a_tag_that_somebody_names_must_be_listed_if_it_is_there(place: Place, judge: Judge) -> None:
    manager = place.client.find(place.to("manager", "v1").repository, "v1")
    assert manager
    place.client.put_manifest(place.to("manager", "").repository, "stable", manager.raw, manager.media_type)
    names = {"image": f"{place.registry.address}/{place.to('manager', 'stable')}"}
    with FaultProxy(place.registry.address) as proxy:
        client = without(place, proxy, "manager", "stable")
        with pytest.raises(Waiting, match=r"does not list tag .*manager:stable"):
            judge(names, client)
        there = {each.manifest.digest for each in judge({"image": "acp/manager:never-there"}, client).deletions}
        assert there, "a tag that is not there hinders nobody"


def test_a_tag_that_comes_while_everybody_is_asked_is_no_fault(place: Place, judge: Judge) -> None:
    """It was not there when the registry was read; read once more, it counts."""
    to = place.to("manager", "late")
    manager = place.client.find(to.repository, "v1")
    assert manager
    with FaultProxy(place.registry.address) as proxy:
        body = json.dumps({"tags": ["v1", "v2"]}).encode()
        proxy.answer(200, times=1, body=body, when=lambda request: f"{to.repository}/tags/list" in request.path)
        place.client.put_manifest(to.repository, "late", manager.raw, manager.media_type)
        plan = judge({"image": str(to)}, connect(proxy.address))
    assert sha256_digest(manager.raw) not in going(plan)
    assert going(plan)


def test_a_tag_of_the_plan_that_is_there_and_not_listed_stops_it(place: Place, judge: Judge) -> None:
    planned = {(each.repository, each.manifest.digest): each for each in judge().deletions}
    assert all(isinstance(each, Deletion) for each in planned.values())
    with FaultProxy(place.registry.address) as proxy:
        client = without(place, proxy, "manager", "v1")
        with pytest.raises(Waiting, match="tag"):
            judge(client=client, planned=planned)
