"""Ways in to a registry: passwords, tokens, TLS; and that credentials go nowhere else."""

import secrets
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import Kit, Registry
from tests.cluster.pki import Authority
from tests.cluster.process import answers
from tests.faults import FaultProxy
from tests.integration.registry_client import MIB, Blob, connect
from tests.tokens import TokenServer
from violet_operator.clients.registry import Registry as Client
from violet_operator.errors import OperatorError, Stalled, Transient, Waiting
from violet_operator.support.digests import Digest

pytestmark = pytest.mark.integration

PASSWORD = "a-password-that-nobody-may-see"
BROKEN = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


@pytest.fixture
def repository() -> str:
    return f"test/{secrets.token_hex(4)}"


@pytest.fixture
def proxy(registry: Registry) -> Iterator[FaultProxy]:
    with FaultProxy(registry.address) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: FaultProxy) -> Client:
    return connect(proxy.address)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same number of tries, sooner."""
    for module in ("registry", "registry_http"):
        monkeypatch.setattr(f"violet_operator.clients.{module}.backoff", lambda *_, **__: 0.01)


class TestPassword:
    @pytest.fixture
    def guarded(self, kit: Kit) -> Registry:
        return kit.registry(htpasswd=True)

    def login(self, guarded: Registry) -> Client:
        return connect(guarded.address, username=guarded.username, password=guarded.password)

    def test_it_opens(self, guarded: Registry, repository: str) -> None:
        client = self.login(guarded)
        client.ping()
        blob = Blob(2 * MIB)
        blob.upload(client, repository)
        assert client.has_blob(repository, blob.digest)

    def test_the_first_requests_of_many_threads_all_get_in(self, guarded: Registry, repository: str) -> None:
        for _ in range(5):
            client, barrier = self.login(guarded), threading.Barrier(8)

            def look(number: int, client: Client = client, barrier: threading.Barrier = barrier) -> Digest | None:
                barrier.wait(timeout=30)
                return client.manifest_digest(repository, f"v{number}")

            with ThreadPoolExecutor(8) as pool:
                assert list(pool.map(look, range(8))) == [None] * 8

    @pytest.mark.parametrize("settings", [{}, {"username": "violet", "password": PASSWORD}, {"username": "nobody"}])
    def test_wrong_or_none(self, guarded: Registry, settings: dict[str, str], repository: str) -> None:
        client = connect(guarded.address, **settings)
        for _ in range(2):
            with pytest.raises(Waiting) as caught:
                client.manifest_digest(repository, "v1")
            assert caught.value.reason == "RegistryUnauthorized"
            assert PASSWORD not in caught.value.message

    def test_credentials_stay_with_their_host(self, guarded: Registry, repository: str) -> None:
        with FaultProxy(guarded.address) as front, FaultProxy(guarded.address) as foreign:
            place = {"Location": f"http://{foreign.address}/v2/{repository}/blobs/uploads/1?_state=x"}
            client = connect(front.address, username=guarded.username, password=guarded.password)
            client.ping()
            front.answer(202, times=None, headers=place, when=lambda request: request.method == "POST")
            with pytest.raises(OperatorError):
                Blob(1000).upload(client, repository)
            assert foreign.requests
            assert not [request for request in foreign.requests if "Authorization" in request.headers]
            assert any("Authorization" in request.headers for request in front.requests)


class TokenRegistry(Registry):
    """A registry that sends its clients to a token server, as Harbor and GitLab do."""

    def __init__(self, kit: Kit, directory: Path, tokens: TokenServer) -> None:
        self._tokens = tokens
        authority = Authority(directory / "unused", "registry")
        super().__init__(directory / "registry", kit.programs, authority, tls=False, htpasswd=False)

    def start(self) -> None:
        self.process.start(lambda: answers(f"{self.url}/v2/", accept=(401,)))

    def _config(self, certificate: tuple[Path, Path] | None) -> dict[str, Any]:
        return super()._config(certificate) | {"auth": self._tokens.config}


@pytest.fixture(scope="module")
def token_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenServer]:
    with TokenServer(tmp_path_factory.mktemp("tokens"), "someone", PASSWORD) as tokens:
        yield tokens


@pytest.fixture(scope="module")
def token_registry(kit: Kit, token_server: TokenServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    registry = TokenRegistry(kit, tmp_path_factory.mktemp("guarded"), token_server)
    registry.start()
    yield registry
    registry.stop()


class TestTokens:
    @pytest.fixture
    def guarded(self, token_registry: Registry) -> Registry:
        return token_registry

    @pytest.fixture
    def tokens(self, token_server: TokenServer) -> TokenServer:
        token_server.lifetime, token_server.dead, token_server.status = 300, False, 200
        token_server.asked.clear()
        return token_server

    def login(self, guarded: Registry, password: str = PASSWORD) -> Client:
        return connect(guarded.address, username="someone", password=password)

    def test_one_token_per_repository(self, guarded: Registry, tokens: TokenServer, repository: str) -> None:
        client = self.login(guarded)
        for name in (f"{repository}/a", f"{repository}/b"):
            for _ in range(2):
                blob = Blob(1000)
                blob.upload(client, name)
                assert client.has_blob(name, blob.digest)
        assert tokens.asked == [[f"repository:{repository}/{name}:pull,push"] for name in "ab"]

    def test_a_mount_asks_for_both_repositories(self, guarded: Registry, tokens: TokenServer, repository: str) -> None:
        client, blob = self.login(guarded), Blob(1000)
        blob.upload(client, f"{repository}/a")
        assert client.mount(f"{repository}/b", blob.digest, f"{repository}/a")
        assert [f"repository:{repository}/b:pull,push", f"repository:{repository}/a:pull"] in tokens.asked

    def test_the_first_requests_of_many_threads_all_get_in(
        self, guarded: Registry, tokens: TokenServer, repository: str
    ) -> None:
        client, barrier = self.login(guarded), threading.Barrier(8)

        def look(number: int) -> Digest | None:
            barrier.wait(timeout=30)
            return client.manifest_digest(repository, f"v{number}")

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(look, range(8))) == [None] * 8
        assert len(tokens.asked) == 1

    def test_a_token_near_its_end_is_renewed(self, guarded: Registry, tokens: TokenServer, repository: str) -> None:
        tokens.lifetime = 5  # less than the spare time
        client = self.login(guarded)
        for _ in range(3):
            assert client.manifest_digest(repository, "v1") is None
        assert len(tokens.asked) == 3

    def test_a_token_that_dies_early_is_renewed(self, guarded: Registry, tokens: TokenServer, repository: str) -> None:
        tokens.dead = True
        client = self.login(guarded)
        with pytest.raises(Waiting) as caught:
            client.manifest_digest(repository, "v1")
        assert caught.value.reason == "RegistryUnauthorized"
        tokens.dead = False
        assert client.manifest_digest(repository, "v1") is None

    def test_a_token_that_dies_during_an_upload_is_renewed(
        self, guarded: Registry, tokens: TokenServer, repository: str
    ) -> None:
        with FaultProxy(guarded.address) as proxy:
            client, blob = connect(proxy.address, username="someone", password=PASSWORD), Blob(3 * MIB)
            challenge = {"WWW-Authenticate": f'Bearer realm="{tokens.realm}",service="violet test registry"'}
            client.has_blob(repository, blob.digest)
            proxy.answer(401, headers=challenge, when=lambda request: request.method == "PATCH")
            blob.upload(client, repository)
            assert client.has_blob(repository, blob.digest)
        assert len(tokens.asked) == 2
        assert blob.told == 3 * MIB

    @pytest.mark.parametrize(
        ("status", "kind", "reason"),
        [
            (401, Waiting, "RegistryUnauthorized"),
            (403, Waiting, "RegistryUnauthorized"),
            (500, Transient, "RegistryUnreachable"),
        ],
    )
    def test_a_token_server_that_refuses_or_fails(
        self, guarded: Registry, tokens: TokenServer, repository: str, status: int, kind: Any, reason: str
    ) -> None:
        tokens.status = status
        with pytest.raises(kind) as caught:
            self.login(guarded).manifest_digest(repository, "v1")
        assert caught.value.reason == reason
        tokens.status = 200
        with pytest.raises(Waiting) as caught:
            self.login(guarded, "wrong").manifest_digest(repository, "v1")
        assert caught.value.reason == "RegistryUnauthorized"

    @pytest.mark.parametrize(
        "challenge", ["", "Bearer", 'Bearer realm="file:///etc/passwd"', "Negotiate", 'Bearer realm="']
    )
    def test_challenges_of_any_shape(self, client: Client, proxy: FaultProxy, challenge: str, repository: str) -> None:
        proxy.answer(401, times=None, headers={"WWW-Authenticate": challenge})
        with pytest.raises(OperatorError) as caught:
            client.manifest_digest(repository, "v1")
        assert caught.value.reason == "RegistryUnauthorized"

    def test_a_password_is_not_sent_in_clear_to_another_host(self, proxy: FaultProxy, repository: str) -> None:
        with FaultProxy(proxy.address) as foreign:
            client = connect(proxy.address, username="someone", password=PASSWORD)
            realm = f"http://{foreign.address.replace('127.0.0.1', 'localhost')}/token"
            proxy.answer(401, times=None, headers={"WWW-Authenticate": f'Bearer realm="{realm}",service="x"'})
            with pytest.raises(OperatorError):
                client.manifest_digest(repository, "v1")
            assert foreign.requests
            assert not [request for request in foreign.requests if "Authorization" in request.headers]


class TestTLS:
    @pytest.fixture
    def guarded(self, kit: Kit) -> Registry:
        return kit.registry(tls=True)

    def test_with_its_authority(self, guarded: Registry, repository: str) -> None:
        assert guarded.ca_file
        client = connect(guarded.address, plain_http=False, ca_bundle=guarded.ca_file.read_text())
        blob = Blob(2 * MIB)
        blob.upload(client, repository)
        assert client.has_blob(repository, blob.digest)

    def test_without_its_authority(self, guarded: Registry) -> None:
        with pytest.raises(Waiting, match="caBundleRef") as caught:
            connect(guarded.address, plain_http=False).ping()
        assert caught.value.reason == "RegistryUntrusted"

    def test_a_name_that_the_certificate_does_not_have(self, guarded: Registry) -> None:
        assert guarded.ca_file
        address = guarded.address.replace("127.0.0.1", "127.1")  # the same host to connect to
        with pytest.raises(Waiting) as caught:
            connect(address, plain_http=False, ca_bundle=guarded.ca_file.read_text()).ping()
        assert caught.value.reason == "RegistryUntrusted"

    def test_plain_http_to_a_tls_registry(self, guarded: Registry) -> None:
        with pytest.raises(Waiting, match="plainHTTP") as caught:
            connect(guarded.address, plain_http=True).ping()
        assert caught.value.reason == "RegistryUntrusted"

    def test_tls_to_a_plain_registry(self, registry: Registry) -> None:
        with pytest.raises(Waiting, match="plainHTTP: true") as caught:
            connect(registry.address, plain_http=False).ping()
        assert caught.value.reason == "RegistryUntrusted"

    @pytest.mark.parametrize(
        "bundle", ["no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
    )
    def test_a_bundle_that_is_none(self, guarded: Registry, bundle: str) -> None:
        with pytest.raises(Stalled) as caught:
            connect(guarded.address, plain_http=False, ca_bundle=bundle)
        assert caught.value.reason == "InvalidCABundle"
