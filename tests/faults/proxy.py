"""A reverse proxy for plain HTTP that records everything and breaks things when told to.

It streams both ways and leaves requests as they are, the Host header above all: S3 signatures cover it.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Literal, Self

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from tests.faults.rules import Fault, Faults, Request, When

HOP_BY_HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect"}
AUTOMATIC = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
PIECE = 64 << 10
TICK = 0.05  # seconds a limited piece takes, and so how soon a new limit is felt


class CutError(Exception):
    """The connection is to be cut here."""


class FaultProxy:
    """``with FaultProxy("127.0.0.1:5000") as proxy:`` listens on ``proxy.address`` until the block ends."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.address = ""
        self._faults = Faults()
        self._requests: list[Request] = []
        self._rate: float | None = None
        self._free_at = 0.0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._start()).result(timeout=10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call(self._stop()).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    @property
    def requests(self) -> list[Request]:
        """Every request so far, in the order of arrival."""
        return list(self._requests)

    def limit(self, bytes_per_second: float | None) -> None:
        """Let all connections together, both ways, pass no more than this; None lifts it."""
        self._rate = bytes_per_second

    def cut(
        self,
        after: int = 0,
        times: int | None = 1,
        when: When = lambda _: True,
        side: Literal["request", "response"] = "response",
    ) -> None:
        """Close the connection once ``after`` bytes of the body on that side went through.

        A body that is not longer passes whole.
        """
        self._faults.add(Fault(f"cut-{side}", when, times, after=after))  # type: ignore[arg-type]

    def answer(
        self,
        status: int,
        times: int | None = 1,
        when: When = lambda _: True,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> None:
        """Answer like this instead of asking upstream."""
        self._faults.add(Fault("answer", when, times, status=status, headers=headers or {}, body=body))

    def delay(self, seconds: float, times: int | None = None, when: When = lambda _: True) -> None:
        """Wait before the request is passed on."""
        self._faults.add(Fault("delay", when, times, seconds=seconds))

    def clear(self) -> None:
        """Lift every fault and the limit; the record stays."""
        self._faults.clear()
        self._rate = None

    def _call(self, work: Any) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _start(self) -> None:
        self._session = aiohttp.ClientSession(
            auto_decompress=False,
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=AUTOMATIC,
            timeout=aiohttp.ClientTimeout(total=None),
        )
        server = web.Server(self._handle, auto_decompress=False, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.address = "{}:{}".format(*self._runner.addresses[0][:2])

    async def _stop(self) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _handle(self, incoming: web.BaseRequest) -> web.StreamResponse:
        record = Request(incoming.method, incoming.raw_path, incoming.headers.copy())
        self._requests.append(record)
        if fault := self._faults.take("delay", record):
            await asyncio.sleep(fault.seconds)
        if fault := self._faults.take("answer", record):
            record.status, record.bytes_out = fault.status, len(fault.body)
            return web.Response(status=fault.status, headers=fault.headers, body=fault.body)
        try:
            return await self._forward(incoming, record)
        except CutError:
            record.cut = True
        except aiohttp.ClientError as error:
            if not record.cut and record.status is None:
                record.status = 502
                return web.Response(status=502, text=f"{self.upstream} cannot be reached: {error!r}")
            record.cut = True
        if incoming.transport is not None:
            incoming.transport.close()
        return web.Response()  # goes nowhere: the connection is closed

    async def _forward(self, incoming: web.BaseRequest, record: Request) -> web.StreamResponse:
        url = URL(f"http://{self.upstream}{incoming.raw_path}", encoded=True)
        body = self._body(incoming, record) if incoming.body_exists else None
        headers = _end_to_end(incoming.headers)
        request = self._session.request(incoming.method, url, headers=headers, data=body, allow_redirects=False)
        async with request as answer:
            record.status = answer.status
            return await self._reply(incoming, record, answer)

    async def _body(self, incoming: web.BaseRequest, record: Request) -> AsyncIterator[bytes]:
        cut = self._faults.take("cut-request", record)
        try:
            async for piece in self._pieces(incoming.content, cut):
                record.bytes_in += len(piece)
                yield piece
        except CutError:
            record.cut = True
            raise

    async def _reply(
        self, incoming: web.BaseRequest, record: Request, answer: aiohttp.ClientResponse
    ) -> web.StreamResponse:
        headers = _end_to_end(answer.headers)
        if "Location" in headers:
            own, theirs = f"http://{self.address}/", f"http://{self.upstream}/"
            headers["Location"] = headers["Location"].replace(theirs, own, 1)
        reply = web.StreamResponse(status=answer.status, reason=answer.reason, headers=headers)
        cut = self._faults.take("cut-response", record)
        await reply.prepare(incoming)
        async for piece in self._pieces(answer.content, cut):
            record.bytes_out += len(piece)  # first: who has read them all must find them counted
            await reply.write(piece)
        await reply.write_eof()
        return reply

    async def _pieces(self, content: aiohttp.StreamReader, cut: Fault | None) -> AsyncIterator[bytes]:
        """The body at the allowed rate, up to the cut."""
        left = cut.after if cut else None
        while True:
            rate = self._rate
            size = PIECE if rate is None else max(1, min(PIECE, int(rate * TICK)))
            # One byte beyond the cut tells a body that ends there from one that goes on.
            piece = await content.read(size if left is None else min(size, left + 1))
            if not piece:
                return
            if left is not None and len(piece) > left:
                if left:
                    yield piece[:left]
                raise CutError
            left = left and left - len(piece)
            await self._wait_turn(len(piece), rate)
            yield piece

    async def _wait_turn(self, size: int, rate: float | None) -> None:
        if rate is None:
            return
        now = time.monotonic()
        self._free_at = max(now, self._free_at) + size / rate
        await asyncio.sleep(self._free_at - now)


def _end_to_end(headers: Mapping[str, str]) -> CIMultiDict[str]:
    return CIMultiDict((k, v) for k, v in headers.items() if k.lower() not in HOP_BY_HOP)
