"""Images are deleted and put back in the registry that the plan is about, and in no other."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.unit.cleanup.images_world import image, repository
from violet_operator.cleanup.backup import Index
from violet_operator.cleanup.images import phase, plan, references
from violet_operator.cleanup.images.judge import judge
from violet_operator.cleanup.images.model import ImagePlan, Mentions
from violet_operator.cleanup.images.offers import Offer
from violet_operator.cleanup.images.whereabouts import Where
from violet_operator.cleanup.vault import Backup
from violet_operator.package.references import Destination
from violet_operator.platform.pushes import Pushes

IT = repository("acp/demo", {"v1": image("a")})
PLAN = judge({Destination("acp/demo", "v1")}, {"acp/demo": IT}, Mentions())


@pytest.mark.parametrize("back", [False, True], ids=["delete", "restore"])
def test_a_platform_that_has_another_registry_by_now_is_left_alone(monkeypatch: pytest.MonkeyPatch, back: bool) -> None:
    async def again(*_: object) -> ImagePlan:
        return PLAN

    async def enter(*_: object, **__: object) -> dict[str, Any]:
        return {}

    monkeypatch.setattr(phase, "again", again)
    registry = SimpleNamespace(address="new.example.com")  # whoever asks it fails
    record = SimpleNamespace(where=("ns", ""), metadata={"namespace": "ns", "name": "r"}, facts={}, tells_all=False)
    backup = Backup(Index("u", "default", {}, "0" * 64, 1, 1, {}, "old.example.com"), [], list(PLAN.deletions))
    connection = SimpleNamespace(registry=registry, name="default", clusters={})
    given = cast("tuple[Any, Any, Any]", (record, backup, connection))
    env = cast("Any", SimpleNamespace(pushes=Pushes(), enter=enter))
    steps = asyncio.run(phase.put_back(*given) if back else phase.delete(*given, env, gone=True))
    assert [each.outcome for each in steps] == ["Failed"]
    assert (
        "The plan is about registry old.example.com, and Platform default has new.example.com now" in steps[0].message
    )


@pytest.mark.parametrize(("registry", "looks"), [("r.example.com", True), ("pull.example.com", True), ("x", False)])
def test_what_another_registry_has_is_no_candidate(monkeypatch: pytest.MonkeyPatch, registry: str, looks: bool) -> None:
    offer = Offer("ArtifactVersion demo of global", "u", registry, (Destination("acp/demo-bundle", "v1"),))
    asked: list[Offer] = []

    async def where(*_: object) -> Where:
        names = frozenset({"r.example.com", "pull.example.com"})
        return Where(None, names, "", {}, None, ())  # type: ignore[arg-type]

    async def offers(*_: object) -> list[Offer]:
        return [offer]

    async def judged(*_: object) -> ImagePlan:
        return PLAN

    def candidates(_: object, leaving: list[Offer]) -> set[Destination]:
        asked.extend(leaving)
        return set()

    monkeypatch.setattr(plan, "whereabouts", where)
    monkeypatch.setattr(references, "offers", offers)
    monkeypatch.setattr(plan, "_candidates", candidates)
    monkeypatch.setattr(plan, "_judged", judged)
    found = asyncio.run(plan.plan({"u"}, None, "ns", None))  # type: ignore[arg-type]
    assert (found is PLAN, asked == [offer]) == (looks, looks)
