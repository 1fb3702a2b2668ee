"""The fault proxy before a tiny aiohttp upstream, asked with clients of another family."""

import asyncio
import http.client
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import requests
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.faults import FaultProxy

BIG = bytes(range(256)) * 4096  # 1 MiB


async def upstream_handler(request: web.Request) -> web.StreamResponse:
    """Serve what the tests below ask for; everything else is an echo."""
    own = "{}:{}".format(*request.get_extra_info("sockname"))
    location = {"/relative": "/else?x=%2F", "/absolute": f"http://{own}/big?y"}
    if request.path in location:
        return web.Response(status=307, headers={"Location": location[request.path]})
    if request.path == "/big":
        return web.Response(body=BIG)
    if request.path == "/headers":
        return web.json_response([[k, v] for k, v in request.headers.items()])
    if request.path == "/stream":
        stream = web.StreamResponse()
        await stream.prepare(request)
        await stream.write(b"a" * 10)
        await stream.write(b"b" * 10)
        return stream
    headers = {"X-Raw": request.raw_path, "Content-Encoding": "aws-chunked"}
    return web.Response(body=await request.read(), headers=headers)


@pytest.fixture
async def proxy() -> AsyncIterator[FaultProxy]:
    """A proxy before the tiny upstream."""
    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{path:.*}", upstream_handler)
    async with TestServer(app) as server:
        with FaultProxy(f"{server.host}:{server.port}") as running:
            yield running


async def ask(proxy: FaultProxy, method: str, path: str, **options: Any) -> requests.Response:
    """One request through the proxy."""
    options = {"timeout": 20, "allow_redirects": False} | options
    return await asyncio.to_thread(requests.request, method, f"http://{proxy.address}{path}", **options)


async def test_passes_bodies_and_paths_unchanged(proxy: FaultProxy) -> None:
    path = "/v2/a%2Fb/uploads?digest=sha256%3Aabc&_state=%3D"
    answer = await ask(proxy, "PUT", path, data=BIG)
    assert answer.content == BIG
    assert answer.headers["X-Raw"] == path
    assert answer.headers["Content-Encoding"] == "aws-chunked"
    record = proxy.requests[0]
    assert (record.method, record.path, record.status) == ("PUT", path, 200)
    assert (record.bytes_in, record.bytes_out, record.cut) == (len(BIG), len(BIG), False)


async def test_passes_chunked_bodies_both_ways(proxy: FaultProxy) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"one"
        yield b"two"

    assert (await ask(proxy, "POST", "/echo", data=chunks())).content == b"onetwo"
    answer = await ask(proxy, "GET", "/stream")
    assert answer.content == b"a" * 10 + b"b" * 10
    assert answer.headers["Transfer-Encoding"] == "chunked"


async def test_passes_headers_as_sent(proxy: FaultProxy) -> None:
    sent = {"Host": "bucket.s3.example.com", "Range": "bytes=0-1", "Authorization": "x", "User-Agent": "me"}
    received = (await ask(proxy, "GET", "/headers", headers=sent)).json()
    kept = [[k, v] for k, v in received if k in sent]
    assert sorted(kept) == sorted([k, v] for k, v in sent.items())
    assert not [k for k, _ in received if k == "Content-Type"]
    assert "Authorization" not in repr(proxy.requests[0])


async def test_head_keeps_the_length(proxy: FaultProxy) -> None:
    answer = await ask(proxy, "HEAD", "/big")
    assert (answer.headers["Content-Length"], answer.content) == (str(len(BIG)), b"")


async def test_location_leads_back_to_the_proxy(proxy: FaultProxy) -> None:
    assert (await ask(proxy, "GET", "/relative")).headers["Location"] == "/else?x=%2F"
    assert (await ask(proxy, "GET", "/absolute")).headers["Location"] == f"http://{proxy.address}/big?y"


async def test_answer_replaces_upstream_for_some(proxy: FaultProxy) -> None:
    headers = {"Retry-After": "7"}
    proxy.answer(429, times=2, when=lambda r: r.method == "PUT", headers=headers, body=b"slow down")
    assert (await ask(proxy, "GET", "/big")).status_code == 200
    for _ in range(2):
        answer = await ask(proxy, "PUT", "/echo", data=b"x")
        assert (answer.status_code, answer.headers["Retry-After"], answer.text) == (429, "7", "slow down")
    assert (await ask(proxy, "PUT", "/echo", data=b"x")).status_code == 200
    assert [r.status for r in proxy.requests] == [200, 429, 429, 200]


async def test_cut_response_after_exactly_so_many_bytes(proxy: FaultProxy) -> None:
    def partial() -> bytes:
        connection = http.client.HTTPConnection(proxy.address, timeout=20)
        connection.request("GET", "/big")
        try:
            connection.getresponse().read()
        except http.client.IncompleteRead as error:
            return error.partial
        finally:
            connection.close()
        return BIG

    proxy.cut(after=100_000, times=2, when=lambda r: r.path == "/big")
    parts = [await asyncio.to_thread(partial) for _ in range(3)]
    assert parts == [BIG[:100_000], BIG[:100_000], BIG]
    assert [(r.cut, r.bytes_out) for r in proxy.requests] == [
        (True, 100_000),
        (True, 100_000),
        (False, len(BIG)),
    ]


async def test_cut_request_after_exactly_so_many_bytes(proxy: FaultProxy) -> None:
    proxy.cut(after=100_000, side="request")
    with pytest.raises(requests.ConnectionError):
        await ask(proxy, "PUT", "/echo", data=BIG)
    assert (proxy.requests[0].cut, proxy.requests[0].bytes_in) == (True, 100_000)
    assert (await ask(proxy, "PUT", "/echo", data=BIG)).content == BIG


async def test_cut_at_the_very_end_lets_the_body_pass(proxy: FaultProxy) -> None:
    proxy.cut(after=len(BIG))
    assert (await ask(proxy, "GET", "/big")).content == BIG
    assert not proxy.requests[0].cut


async def test_limit_slows_down_and_can_be_changed_meanwhile(proxy: FaultProxy) -> None:
    seconds = await timed(lambda: ask(proxy, "GET", "/big"))
    assert seconds < 5
    proxy.limit(1 << 20)
    assert 0.8 < await timed(lambda: ask(proxy, "GET", "/big")) < 20
    proxy.limit(10_000)  # 105 s if nothing changed it
    slow = asyncio.create_task(timed(lambda: ask(proxy, "PUT", "/echo", data=BIG)))
    await asyncio.sleep(0.5)
    assert not slow.done()
    proxy.limit(None)
    assert await slow < 5


async def test_delay_and_clear(proxy: FaultProxy) -> None:
    proxy.delay(0.4, times=1)
    proxy.answer(503, times=None)
    assert await timed(lambda: ask(proxy, "GET", "/big")) >= 0.4
    proxy.clear()
    assert (await ask(proxy, "GET", "/big")).status_code == 200


async def test_upstream_that_is_away_is_502() -> None:
    with FaultProxy("127.0.0.1:1") as proxy:
        answer = await ask(proxy, "GET", "/")
    assert answer.status_code == 502
    assert "127.0.0.1:1 cannot be reached" in answer.text


async def timed(call: Callable[[], Any]) -> float:
    """Seconds that a call took."""
    start = time.monotonic()
    await call()
    return time.monotonic() - start
