"""Threads that are called off: who called them off goes on only once they have ended."""

import asyncio
import threading

import pytest

from violet_operator.errors import Cancelled
from violet_operator.support.cancel import CancelToken
from violet_operator.support.threads import shielded


def test_the_result_comes_back() -> None:
    assert asyncio.run(shielded(lambda: 7, CancelToken())) == 7


def test_a_caller_that_is_called_off_however_often_waits_until_the_thread_has_ended() -> None:
    cancel, begun, ended = CancelToken(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        try:
            cancel.sleep(60)
        except Cancelled:
            threading.Event().wait(0.2)  # the request that was under way
            ended.set()
            raise

    async def called_off() -> None:
        task = asyncio.create_task(shielded(work, cancel))
        await asyncio.to_thread(begun.wait)
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended.is_set()

    asyncio.run(called_off())
