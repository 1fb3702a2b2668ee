"""A plan's images as they are judged again; what the registry has is given, and nobody names any of it."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest

from tests.unit.cleanup.images_world import image, index, repository
from violet_operator.cleanup.images import plan, references
from violet_operator.cleanup.images.judge import judge
from violet_operator.cleanup.images.mentions import Watch
from violet_operator.cleanup.images.model import Deletion, ImagePlan, Mentions, Repository
from violet_operator.cleanup.images.whereabouts import Where
from violet_operator.errors import Waiting
from violet_operator.package.references import Destination

JsonObject = dict[str, Any]


def judged_again(monkeypatch: pytest.MonkeyPatch, planned: Iterable[Deletion], now: dict[str, Repository]) -> ImagePlan:
    """What of a plan may still go, if nobody names anything."""

    async def where(*_: object) -> Where:
        return Where(None, frozenset(), "", {}, None, ())  # type: ignore[arg-type]

    async def nothing(*_: object) -> list[object]:
        return []

    monkeypatch.setattr(plan, "whereabouts", where)
    monkeypatch.setattr(plan, "take_inventory", lambda *_: now)
    monkeypatch.setattr(plan, "there", lambda *_: set())
    monkeypatch.setattr(plan, "read_all", lambda *_: None)
    for name in ("offers", "charts", "search", "search_uploads", "check_charts"):
        monkeypatch.setattr(references, name, nothing)
    return asyncio.run(plan.again(planned, None, "ns", None))  # type: ignore[arg-type]


def places(it: ImagePlan) -> set[tuple[str, str]]:
    return {(each.repository, each.manifest.digest) for each in it.deletions}


def test_a_manifest_of_the_plan_stays_in_a_repository_where_it_was_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    shared, own = image("shared"), image("own")
    top = index(shared, own)
    one, other = repository("one", {"v1": shared}), repository("other", {"v1": top, "keep": shared}, own)
    candidates = {Destination("one", "v1"), Destination("other", "v1")}
    planned = judge(candidates, {"one": one, "other": other}, Mentions())
    assert ("one", shared.digest) in places(planned)
    assert ("other", shared.digest) not in places(planned)
    other = repository("other", {"v1": top}, shared, own)  # the tag that kept it is gone
    now = judged_again(monkeypatch, planned.deletions, {"one": one, "other": other})
    assert ("one", shared.digest) in places(now)
    assert places(now) <= places(planned)


def test_tags_that_are_not_listed_keep_all_while_their_manifest_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    doomed = image("doomed")
    now = judged_again(monkeypatch, [Deletion("one", doomed, ("v1",))], {"one": repository("one", {}, doomed)})
    assert not now.deletions
    assert "lists not all tags of repository one" in str(now.unknown)


def test_children_whose_index_is_gone_with_its_tag_go_too(monkeypatch: pytest.MonkeyPatch) -> None:
    child = image("child")
    planned = [Deletion("one", index(child), ("v1",)), Deletion("one", child)]
    now = judged_again(monkeypatch, planned, {"one": repository("one", {}, child)})
    assert places(now) == {("one", child.digest)}


def test_nothing_is_planned_where_no_tags_are_listed() -> None:
    doomed = image("doomed")
    with pytest.raises(Waiting, match="lists not all tags of repository one"):
        plan._check_tags({"one": repository("one", {}, doomed)}, (), None)
    plan._check_tags({"one": repository("one", {"v1": doomed}), "gone": repository("gone", {})}, (), None)


def test_too_many_digests_are_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "_MOST_LOOKUPS", 5)
    named = Mentions(digests={f"sha256:{number:064}": "somebody" for number in range(3)})
    two = {name: repository(name, {"v1": image(name)}) for name in ("one", "two")}
    assert len(plan._not_seen((), named, {"one": two["one"], "empty": repository("empty", {})})) == 3
    with pytest.raises(Waiting, match="3 digests are named, and each may be in each of 2"):
        plan._not_seen((), named, two)


def searched(monkeypatch: pytest.MonkeyPatch, upload: JsonObject) -> set[tuple[str, str]]:
    async def uploads(*_: object) -> AsyncIterator[JsonObject]:
        yield upload

    monkeypatch.setattr(references, "_uploads", uploads)
    return asyncio.run(references.search_uploads(None, (), Watch(["acp/new"])))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "generation"), [("s3://b/new-2.0.0.tgz", 2), ("s3://b/old-1.0.0.tgz", 1), ("", 2)], ids=str
)
def test_an_upload_is_unread_unless_its_very_address_was_read(
    monkeypatch: pytest.MonkeyPatch, url: str, generation: int
) -> None:
    upload = {
        "metadata": {"namespace": "p", "name": "u", "generation": 2},
        "spec": {"suspend": True, "source": {"url": "s3://b/old-1.0.0.tgz?versionId=1"}},
        "status": {"observedGeneration": generation, "package": {"name": "old"}, "source": {"url": url}},
    }
    with pytest.raises(Waiting, match="what PackageUpload p/u brings"):
        searched(monkeypatch, upload)
    searched(monkeypatch, upload | {"spec": upload["spec"] | {"mode": "Preview"}})


def test_an_upload_that_was_read_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    upload = {
        "metadata": {"namespace": "p", "name": "u", "generation": 2},
        "spec": {"source": {"url": "s3://b/old-1.0.0.tgz?versionId=1"}},
        "status": {
            "observedGeneration": 2,
            "package": {"name": "old", "chart": {"name": "old", "version": "1.0.0"}},
            "source": {"url": "s3://b/old-1.0.0.tgz"},
        },
    }
    assert searched(monkeypatch, upload) == {("old", "1.0.0")}
