"""A defect of the operator is told on the object, like any other failure."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from violet_operator.clients.kube import Resource
from violet_operator.platform.pushes import Pushes
from violet_operator.settings import Settings
from violet_operator.upload.reconcile import reconcile
from violet_operator.upload.shelf import PackageShelf

BODY = {
    "kind": "PackageUpload",
    "metadata": {"name": "x", "namespace": "team", "uid": "1", "generation": 3},
    "spec": {"source": {"url": "s3://packages/x.tgz"}},
}


class Api:
    """Holds one object and takes its status."""

    def __init__(self) -> None:
        self.status: dict[str, Any] = {}

    async def get(self, resource: Resource, namespace: str, name: str) -> dict[str, Any]:
        return BODY

    async def write_status(self, resource: Resource, about: dict[str, Any], status: dict[str, Any]) -> None:
        self.status = status

    async def event(self, about: dict[str, Any], **_: Any) -> None:
        pass


class Broken:
    """An environment with a defect where the flow opens its connections."""

    settings = Settings()
    clock: Callable[[], datetime] = staticmethod(lambda: datetime(2026, 1, 1, tzinfo=UTC))

    def __init__(self) -> None:
        self.kube = Api()
        self.packages = PackageShelf()
        self.pushes = Pushes()

    async def connect(self, namespace: str, platform: str) -> None:
        raise KeyError("secret-token-in-a-message")


class Pacer:
    """Waits for nothing."""

    async def sleep(self, seconds: float) -> None:
        pass

    @asynccontextmanager
    async def transfer(self, size: int) -> AsyncIterator[None]:
        yield


async def test_a_defect_is_told_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    env = Broken()
    answer = await reconcile("team", "x", env, Pacer())  # type: ignore[arg-type]

    assert answer.failed
    ready = next(each for each in env.kube.status["conditions"] if each["type"] == "Ready")
    assert (ready["status"], ready["reason"], ready["observedGeneration"]) == ("False", "InternalError", 3)
    assert "KeyError" in ready["message"]
    assert "secret-token" not in ready["message"]
    assert "defect in the operator" in caplog.text
