"""A transfer that ends at once must not cut short the report that is just being written."""

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from violet_operator.api.package_upload import PackageUploadSpec
from violet_operator.settings import Settings
from violet_operator.upload.context import Upload
from violet_operator.upload.status import UploadStatus
from violet_operator.upload.transfer import reported


class SlowApi:
    """The two calls of a report, each of them slower than the transfer."""

    def __init__(self) -> None:
        self.events: list[str] = []

    async def write_status(self, *_: Any) -> None:
        await asyncio.sleep(0.02)

    async def event(self, *_: Any, reason: str, **__: Any) -> None:
        await asyncio.sleep(0.02)
        self.events.append(reason)


def verified_upload(api: SlowApi) -> Upload:
    """An upload whose package was just found good, which nobody knows yet."""
    body = {"kind": "PackageUpload", "metadata": {"name": "a", "namespace": "b", "uid": "c", "generation": 1}}
    env: Any = SimpleNamespace(settings=Settings(), kube=api, clock=lambda: datetime.now(UTC))
    status = UploadStatus(body, env.clock)
    status.done("Verified", "ChecksumMatches", "The package has the expected sha256.")
    spec = PackageUploadSpec.model_validate({"source": {"url": "s3://bucket/key.tgz"}})
    pacer: Any = None
    return Upload(body, spec, status, env, pacer)


async def test_events_survive_a_short_transfer() -> None:
    api = SlowApi()
    async with reported(verified_upload(api)):
        await asyncio.sleep(0.01)
    assert api.events == ["ChecksumMatches"]


async def test_events_survive_a_transfer_that_is_called_off() -> None:
    api = SlowApi()

    async def transfer() -> None:
        async with reported(verified_upload(api)):
            await asyncio.sleep(60)

    task = asyncio.create_task(transfer())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert api.events == ["ChecksumMatches"]
