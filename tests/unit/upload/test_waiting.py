"""The deadline for a cluster: it counts by the clock, and over runs that are called off or meet a fault."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from violet_operator.errors import Transient, Waiting
from violet_operator.publication.publisher import Standing
from violet_operator.upload import publish
from violet_operator.upload.status import UploadStatus

DEADLINE = 100.0
PLACE: Any = SimpleNamespace(key=("default", "global"))


class Clock:
    """The time, which stands still unless somebody lets it pass."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Let it pass."""
        self.now += timedelta(seconds=seconds)


@dataclass
class Cluster:
    """One that never installs anything, and needs its time for each answer."""

    clock: Clock
    slow: float = 0.0
    looks: int = 0
    fails_at: int = 0
    pieces: tuple[()] = ()
    answer: Standing = field(default_factory=lambda: Standing(False, "Pending", advice="Look"))

    async def prepare(self, _: object) -> None:
        """It has what is referred to."""

    async def standing(self, *_: object) -> Standing:
        """What it says."""
        self.looks += 1
        await self.clock.sleep(self.slow)
        if self.looks == self.fails_at:
            raise Transient("TargetUnavailable", "an answer of 500")
        return self.answer


@pytest.fixture(autouse=True)
def unwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    """No API to write a status to."""

    async def write(*_: object) -> bool:
        return True

    monkeypatch.setattr(publish, "write", write)


def begin(clock: Clock, last: dict[str, Any] | None = None, generation: int = 1) -> Any:
    """A run that starts from the status of the last one."""
    status = UploadStatus({"metadata": {"generation": generation}, "status": last or {}}, clock)
    env = SimpleNamespace(clock=clock, settings=SimpleNamespace(publish_deadline=DEADLINE))
    return SimpleNamespace(status=status, env=env, pacer=clock)


def wait(upload: Any, cluster: Cluster) -> None:
    """Wait for the cluster, in vain."""
    kube: Any = None
    at_first = Standing(False, "Pending", advice="Look")
    asyncio.run(publish._wait(upload, PLACE, kube, cluster, at_first))


def called_off(clock: Clock, cluster: Cluster) -> dict[str, Any]:
    """The status of a run that was called off after 60 seconds of waiting."""
    upload, begun = begin(clock), clock.now

    async def sleep(seconds: float) -> None:
        if clock.now - begun > timedelta(seconds=60):
            raise asyncio.CancelledError
        await Clock.sleep(clock, seconds)

    upload.pacer = SimpleNamespace(sleep=sleep)
    with pytest.raises(asyncio.CancelledError):
        wait(upload, cluster)
    return dict(upload.status.to_api())


def gives_up_after(upload: Any, cluster: Cluster) -> float:
    """Seconds until the deadline has passed for a run."""
    begun = cluster.clock.now
    with pytest.raises(Waiting) as caught:
        wait(upload, cluster)
    assert caught.value.reason == "NotInstallable"
    return (cluster.clock.now - begun).total_seconds()


def test_what_the_looks_take_counts() -> None:
    cluster = Cluster(clock := Clock(), slow=30)
    assert DEADLINE < gives_up_after(begin(clock), cluster) < DEADLINE + 40


def test_a_run_that_was_called_off_counts() -> None:
    cluster = Cluster(clock := Clock())
    status = called_off(clock, cluster)
    assert gives_up_after(begin(clock, status), cluster) < DEADLINE - 50


def test_a_request_that_fails_does_not_start_the_waiting_anew() -> None:
    cluster = Cluster(clock := Clock(), fails_at=16)
    upload, begun = begin(clock), clock.now
    with pytest.raises(Transient) as caught:
        wait(upload, cluster)
    passed = (clock.now - begun).total_seconds()
    assert 50 < passed < DEADLINE
    upload.status.target_failed(*PLACE.key, caught.value)
    upload.status.failed("Published", caught.value)
    assert gives_up_after(begin(clock, upload.status.to_api()), cluster) < DEADLINE - passed + 10


def test_after_the_deadline_and_for_another_spec_it_starts_anew() -> None:
    cluster = Cluster(clock := Clock())
    status = called_off(clock, cluster)
    assert gives_up_after(begin(clock, status, generation=2), cluster) >= DEADLINE
    upload = begin(clock, status)
    gives_up_after(upload, cluster)
    late = Waiting("NotInstallable", "late")
    upload.status.target_failed(*PLACE.key, late)
    upload.status.failed("Published", late)
    assert gives_up_after(begin(clock, upload.status.to_api()), cluster) >= DEADLINE


def test_a_rejection_that_stands_is_told_before_the_deadline() -> None:
    rejected = Standing(False, "Failed", rejected=True, advice="Look")
    cluster = Cluster(clock := Clock(), slow=20, answer=rejected)
    with pytest.raises(Waiting) as caught:
        wait(begin(clock), cluster)
    assert caught.value.reason == "PlatformRejected"
