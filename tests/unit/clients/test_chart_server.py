"""What a chart server's answers mean: whether to try again, and what the user is told. Over real HTTP."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from tests.servers import HangUpServer
from violet_operator.clients.chart_server import ChartServer, ChartServerSettings
from violet_operator.errors import Cancelled, OperatorError, Stalled, Transient, Waiting
from violet_operator.support.cancel import CancelToken

JSON, HTML = "application/json", "text/html; charset=utf-8"


class Answers(HangUpServer):
    """Answers every request in the same way, and remembers them."""

    def __init__(self, status: int, body: bytes, kind: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.body, self.kind = status, body, kind
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Answers

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.server.seen.append((self.command, self.path, dict(self.headers), self.rfile.read(length)))
        self.send_response(self.server.status)
        self.send_header("Content-Type", self.server.kind)
        self.send_header("Location", "/login")
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    do_POST = do_DELETE = do_GET  # noqa: N815 - the library's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass


@pytest.fixture
def answers() -> Iterator[Callable[..., Answers]]:
    """Starts servers."""
    servers: list[Answers] = []

    def start(status: int, body: bytes = b"{}", kind: str = JSON) -> Answers:
        server = Answers(status, body, kind)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def client(server: Answers, **login: str) -> ChartServer:
    return ChartServer(ChartServerSettings(f"http://127.0.0.1:{server.server_port}/base", **login))


def upload(server: ChartServer, *pieces: bytes, cancel: CancelToken | None = None) -> bool:
    size = sum(map(len, pieces))
    return server.upload("/api/r/charts", size, lambda: iter(pieces), cancel=cancel or CancelToken())


@pytest.mark.parametrize(
    ("login", "header"),
    [
        ({"token": "t0"}, "Bearer t0"),
        ({"username": "u", "password": "p"}, "Basic dTpw"),
        ({}, None),
    ],
)
def test_sends_every_byte_and_the_login(
    answers: Callable[..., Answers], login: dict[str, str], header: str | None
) -> None:
    server = answers(201, b'{"saved": true}')
    assert upload(client(server, **login), b"abc", b"", b"defg") is True
    ((method, path, headers, body),) = server.seen
    assert (method, path, body) == ("POST", "/base/api/r/charts", b"abcdefg")
    assert headers.get("Authorization") == header


@pytest.mark.parametrize(
    ("status", "body", "kind", "error", "reason"),
    [
        (400, b'{"error": "no chart"}', JSON, Stalled, "ChartsRefused"),
        (401, b"", JSON, Waiting, "ChartsUnauthorized"),
        (403, b'{"message": "no"}', JSON, Waiting, "ChartsForbidden"),
        (404, b"", JSON, Waiting, "NoChartServer"),
        (405, b"", JSON, Waiting, "NoChartServer"),
        (302, b"", HTML, Waiting, "NoChartServer"),
        (200, b"<html>Log in</html>", HTML, Waiting, "NoChartServer"),
        (413, b"", HTML, Waiting, "ChartsRefuseSize"),
        (429, b"", JSON, Transient, "ChartsUnavailable"),
        (500, b"oops", "text/plain", Transient, "ChartsUnavailable"),
        (507, b"", JSON, Transient, "ChartsUnavailable"),
    ],
)
def test_refusals(
    answers: Callable[..., Answers], status: int, body: bytes, kind: str, error: type[OperatorError], reason: str
) -> None:
    with pytest.raises(error) as caught:
        upload(client(answers(status, body, kind), token="secret-token"), b"abc")
    assert caught.value.reason == reason
    assert "secret-token" not in caught.value.message
    assert "<html>" not in caught.value.message


def test_a_version_that_is_there_is_no_failure(answers: Callable[..., Answers]) -> None:
    assert upload(client(answers(409)), b"abc") is False


def test_looks(answers: Callable[..., Answers]) -> None:
    assert client(answers(200, b'{"digest": "00"}')).find("/x") == {"digest": "00"}
    assert client(answers(404)).find("/x") is None
    with pytest.raises(Waiting) as caught:
        client(answers(200, b"[]")).find("/x")
    assert caught.value.reason == "NoChartServer"


def test_what_was_not_there_is_not_said_to_be_deleted(answers: Callable[..., Answers]) -> None:
    assert client(answers(200)).delete("/x") is True
    assert client(answers(404)).delete("/x") is False  # gone, or the server deletes nothing
    with pytest.raises(Waiting):
        client(answers(403)).delete("/x")


def test_nobody_there() -> None:
    with pytest.raises(Transient) as caught:
        upload(ChartServer(ChartServerSettings("http://127.0.0.1:1")), b"abc")
    assert caught.value.reason == "ChartsUnreachable"


def test_the_source_failing_is_not_the_servers_fault(answers: Callable[..., Answers]) -> None:
    def broken() -> Iterator[bytes]:
        yield b"ab"
        raise Transient("SourceUnreachable", "gone")

    server = client(answers(201))
    with pytest.raises(Transient) as caught:
        server.upload("/x", 3, broken, cancel=CancelToken())
    assert caught.value.reason == "SourceUnreachable"


def test_called_off(answers: Callable[..., Answers]) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        upload(client(answers(201)), b"abc", cancel=cancel)


def test_a_bundle_that_is_none() -> None:
    with pytest.raises(Stalled, match="no PEM certificates"):
        ChartServer(ChartServerSettings("https://127.0.0.1:1", ca_bundle="junk")).find("/x")
