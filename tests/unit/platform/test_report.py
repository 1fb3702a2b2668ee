"""A status and the events that go with it are one: a run that is called off between the two loses none."""

import asyncio
import gc
from datetime import UTC, datetime
from typing import Any

import pytest

from violet_operator.api.conditions import Event
from violet_operator.clients.kube import PACKAGE_UPLOADS
from violet_operator.errors import OperatorError, Transient
from violet_operator.platform import report as reporting
from violet_operator.platform.report import finished, report

BODY = {"kind": "PackageUpload", "metadata": {"name": "a", "namespace": "b", "uid": "c"}}
NEWS = [Event(True, "Conflict", "Somebody else's."), Event(False, "Repaired", "Put right.")]


class Api:
    """The two calls of a report, each of them some milliseconds long; `fails` are calls that do not work."""

    def __init__(self, *fails: str, seconds: float = 0.02) -> None:
        self.kube: Any = self
        self.fails, self.seconds = fails, seconds
        self.done: list[str] = []

    def clock(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    async def _call(self, what: str) -> None:
        await asyncio.sleep(self.seconds)
        if what in self.fails:
            raise Transient("ClusterUnavailable", "It does not answer.")
        self.done.append(what)

    async def write_status(self, *_: Any) -> None:
        await self._call("status")

    async def event(self, *_: Any, reason: str, **__: Any) -> None:
        await self._call(reason)


@pytest.mark.parametrize("called_off_after", [0.01, 0.03, 0.05])
async def test_a_report_is_told_whole(called_off_after: float) -> None:
    api = Api()
    run = asyncio.create_task(report(api, PACKAGE_UPLOADS, BODY, {}, NEWS))
    await asyncio.sleep(called_off_after)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert api.done == ["status", "Conflict", "Repaired"]


async def test_a_run_that_is_called_off_again_does_not_leave_its_report_behind() -> None:
    api = Api()
    run = asyncio.create_task(report(api, PACKAGE_UPLOADS, BODY, {}, NEWS))
    for _ in range(3):
        await asyncio.sleep(0.01)
        run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert api.done == ["status", "Conflict", "Repaired"]


async def test_what_is_not_written_is_not_told() -> None:
    api = Api("status")
    with pytest.raises(OperatorError):
        await report(api, PACKAGE_UPLOADS, BODY, {}, NEWS)
    assert api.done == []


async def test_a_lost_event_stops_nothing() -> None:
    api = Api("Conflict")
    await report(api, PACKAGE_UPLOADS, BODY, {}, NEWS)
    assert api.done == ["status", "Repaired"]


async def test_an_api_that_hangs_holds_no_run_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "_PATIENCE", 0.01)
    api = Api(seconds=3600)
    run = asyncio.create_task(report(api, PACKAGE_UPLOADS, BODY, {}, NEWS))
    await asyncio.sleep(0)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(run, 60)
    assert api.done == []


async def test_a_failure_after_a_call_off_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    run = asyncio.create_task(report(Api("status"), PACKAGE_UPLOADS, BODY, {}, NEWS))
    await asyncio.sleep(0.01)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    del run
    gc.collect()
    assert caplog.records == []


async def test_work_gives_what_it_gives() -> None:
    assert await finished(asyncio.sleep(0, result="done")) == "done"
