"""Images in a run that is called off, as by its deletion or by `spec.restore`: the thread must not delete on."""

import asyncio
import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.unit.cleanup.images_world import image, repository
from violet_operator.cleanup.backup import Index
from violet_operator.cleanup.images import phase
from violet_operator.cleanup.images.judge import judge
from violet_operator.cleanup.images.model import ImagePlan, Mentions
from violet_operator.cleanup.vault import Backup
from violet_operator.package.references import Destination
from violet_operator.platform.pushes import Pushes
from violet_operator.support.digests import Digest

IT = repository("acp/demo", {f"v{number}": image(str(number)) for number in range(10)})
PLAN = judge({Destination("acp/demo", tag) for tag in IT.tags}, {"acp/demo": IT}, Mentions())


class SlowRegistry:
    """Has all of the plan; a deletion, or a look while things are put back, takes until it is let go."""

    address = "registry.example.com"

    def __init__(self) -> None:
        self.asked: list[Digest] = []
        self.begun, self.go_on = threading.Event(), threading.Event()

    def tags(self, _: str) -> list[str]:
        return sorted(IT.tags.keys() - {tag for tag, digest in IT.tags.items() if digest in self.asked})

    def manifest_digest(self, _: str, reference: str) -> Digest:
        if reference in IT.tags:
            return IT.tags[reference]
        self._wait(Digest(reference))
        return Digest(reference)

    def delete_manifest(self, _: str, digest: Digest) -> None:
        self._wait(digest)

    def _wait(self, digest: Digest) -> None:
        self.asked.append(digest)
        self.begun.set()
        self.go_on.wait(60)


@pytest.mark.parametrize("back", [False, True], ids=["delete", "restore"])
def test_a_run_that_is_called_off_waits_for_the_request_under_way_and_sends_no_other(
    monkeypatch: pytest.MonkeyPatch, back: bool
) -> None:
    async def again(*_: object) -> ImagePlan:
        return PLAN

    async def enter(*_: object, **__: object) -> dict[str, Any]:
        return {}

    monkeypatch.setattr(phase, "again", again)
    registry = SlowRegistry()
    metadata = {"namespace": "ns", "name": "r"}
    record = SimpleNamespace(where=("ns", "called-off"), metadata=metadata, facts={}, tells_all=False)
    backup = Backup(Index("u", "default", {}, "0" * 64, 1, 1, {}, registry.address), [], list(PLAN.deletions))
    connection = SimpleNamespace(registry=registry, name="default", clusters={})
    given = cast("tuple[Any, Any, Any]", (record, backup, connection))
    env = cast("Any", SimpleNamespace(pushes=Pushes(), enter=enter))

    async def called_off() -> None:
        task = asyncio.create_task(phase.put_back(*given) if back else phase.delete(*given, env, gone=True))
        await asyncio.to_thread(registry.begun.wait, 60)
        task.cancel()
        await asyncio.sleep(0.1)
        assert not task.done(), "a request is under way"
        registry.go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(registry.asked) == 1

    asyncio.run(called_off())
