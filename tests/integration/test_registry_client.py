"""The registry client before a real registry: streaming, resuming, and what each refusal becomes."""

import json
import secrets
from collections.abc import Iterator

import pytest
import requests

from tests.cluster import Registry
from tests.cluster.process import free_port
from tests.faults import FaultProxy
from tests.integration.registry_client import MIB, Blob, connect
from violet_operator.clients.registry import Registry as Client
from violet_operator.errors import Cancelled, OperatorError, Stalled, Transient, Waiting
from violet_operator.support.cancel import CancelToken
from violet_operator.support.digests import sha256_digest

pytestmark = pytest.mark.integration

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


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


def stored(registry: Registry, repository: str, digest: str) -> bytes | None:
    """A blob as another client sees it."""
    response = requests.get(f"{registry.url}/v2/{repository}/blobs/{digest}", timeout=30)
    return response.content if response.ok else None


def manifest_of(client: Client, repository: str) -> bytes:
    """A manifest in a form that no library writes, its blobs pushed."""
    config = Blob(20)
    config.upload(client, repository)
    named = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config.digest, "size": 20}
    document = {"layers": [], "config": named, "mediaType": MANIFEST, "schemaVersion": 2}
    return json.dumps(document, indent=5, separators=(" ,", " :")).encode() + b"\n\n"


@pytest.mark.parametrize("size", [0, 1, MIB - 1, 5 * MIB + 7])
def test_a_blob_arrives(client: Client, registry: Registry, proxy: FaultProxy, repository: str, size: int) -> None:
    blob = Blob(size)
    assert not client.has_blob(repository, blob.digest)
    blob.upload(client, repository)
    assert client.has_blob(repository, blob.digest)
    assert stored(registry, repository, blob.digest) == blob.data
    assert blob.told == size
    assert [request.method for request in proxy.requests] == ["HEAD", "POST", "PATCH", "PUT", "HEAD"]


def test_a_cut_upload_goes_on_where_the_registry_kept_it(
    client: Client, registry: Registry, proxy: FaultProxy, repository: str
) -> None:
    blob = Blob(20 * MIB)
    proxy.cut(after=12 * MIB, side="request", when=lambda request: request.method == "PATCH")
    blob.upload(client, repository)
    assert stored(registry, repository, blob.digest) == blob.data
    assert 0 < blob.starts[1] <= 12 * MIB
    assert blob.starts == sorted(blob.starts)  # it never starts over; a busy registry may say twice how far it is
    assert blob.told == 20 * MIB
    assert [request.method for request in proxy.requests].count("POST") == 1


def test_an_upload_is_cut_many_times_and_arrives(
    client: Client, registry: Registry, proxy: FaultProxy, repository: str
) -> None:
    blob = Blob(24 * MIB)
    proxy.cut(after=3 * MIB, side="request", times=7, when=lambda request: request.method == "PATCH")
    blob.upload(client, repository)
    assert stored(registry, repository, blob.digest) == blob.data
    assert blob.told == 24 * MIB
    assert len(blob.starts) >= 7  # more often than tries without progress are allowed


def test_an_upload_whose_session_is_gone_starts_over(
    client: Client, registry: Registry, proxy: FaultProxy, repository: str
) -> None:
    blob = Blob(6 * MIB)
    proxy.cut(after=4 * MIB, side="request", when=lambda request: request.method == "PATCH")
    proxy.answer(404, times=1, when=lambda request: request.method == "GET")
    blob.upload(client, repository)
    assert stored(registry, repository, blob.digest) == blob.data
    assert blob.starts == [0, 0]
    assert blob.told == 6 * MIB
    assert [request.method for request in proxy.requests].count("POST") == 2


@pytest.mark.parametrize("status", [404, 416, 429, 500, 502, 503])
def test_an_upload_that_the_registry_drops_is_begun_anew(
    client: Client, registry: Registry, proxy: FaultProxy, repository: str, status: int
) -> None:
    blob = Blob(MIB)
    proxy.answer(status, when=lambda request: request.method == "PATCH")
    blob.upload(client, repository)
    assert stored(registry, repository, blob.digest) == blob.data
    assert blob.told == MIB


def test_an_upload_that_never_works_ends(client: Client, proxy: FaultProxy, repository: str) -> None:
    proxy.cut(after=0, side="request", times=None, when=lambda request: request.method == "PATCH")
    blob = Blob(MIB)
    with pytest.raises(Transient) as caught:
        blob.upload(client, repository)
    assert caught.value.reason == "RegistryUnreachable"
    assert len(blob.starts) == 5


def test_bytes_that_do_not_match_their_digest_are_refused(client: Client, registry: Registry, repository: str) -> None:
    blob = Blob(MIB)
    blob.digest = sha256_digest(b"something else")
    with pytest.raises(Stalled) as caught:
        blob.upload(client, repository)
    assert caught.value.reason == "RegistryRefused"
    assert stored(registry, repository, blob.digest) is None


def test_a_failing_source_is_told_as_it_is(client: Client, repository: str) -> None:
    class Broken(Blob):
        def read_from(self, offset: int) -> Iterator[memoryview]:
            yield memoryview(self.data)[:MIB]
            raise Transient("SourceUnreachable", "the storage is gone")

    with pytest.raises(Transient, match="the storage is gone"):
        Broken(3 * MIB).upload(client, repository)


def test_an_upload_is_called_off_in_the_middle(client: Client, registry: Registry, repository: str) -> None:
    cancel = CancelToken()

    class Slow(Blob):
        def read_from(self, offset: int) -> Iterator[memoryview]:
            for number, piece in enumerate(super().read_from(offset)):
                if number == 2:
                    cancel.cancel()
                cancel.check()
                yield piece

    blob = Slow(8 * MIB)
    with pytest.raises(Cancelled):
        blob.upload(client, repository, cancel)
    assert stored(registry, repository, blob.digest) is None


def test_a_blob_is_mounted_without_moving(
    client: Client, registry: Registry, proxy: FaultProxy, repository: str
) -> None:
    blob = Blob(MIB)
    blob.upload(client, f"{repository}/first")
    before = sum(request.bytes_in for request in proxy.requests)
    assert client.mount(f"{repository}/second", blob.digest, f"{repository}/first")
    assert stored(registry, f"{repository}/second", blob.digest) == blob.data
    assert sum(request.bytes_in for request in proxy.requests) == before
    assert not client.mount(f"{repository}/third", sha256_digest(b"nowhere"), f"{repository}/first")
    assert not client.mount(f"{repository}/third", blob.digest, f"{repository}/nowhere")


def test_a_manifest_is_stored_byte_for_byte(client: Client, registry: Registry, repository: str) -> None:
    raw = manifest_of(client, repository)
    assert client.manifest_digest(repository, "v1") is None
    client.put_manifest(repository, sha256_digest(raw), raw, MANIFEST)
    client.put_manifest(repository, "v1", raw, MANIFEST)
    assert client.manifest_digest(repository, "v1") == sha256_digest(raw)
    assert registry.manifest(repository, "v1") == raw
    assert registry.tags(repository) == ["v1"]


def test_a_manifest_whose_blobs_are_missing_is_refused(client: Client, registry: Registry, repository: str) -> None:
    raw = manifest_of(client, f"{repository}/elsewhere")
    with pytest.raises(Stalled) as caught:
        client.put_manifest(repository, "v1", raw, MANIFEST)
    assert caught.value.reason == "RegistryRefused"
    assert registry.tags(repository) == []


def test_a_digest_is_found_though_the_header_is_missing(client: Client, proxy: FaultProxy, repository: str) -> None:
    raw = manifest_of(client, repository)
    client.put_manifest(repository, "v1", raw, MANIFEST)
    proxy.answer(200, when=lambda request: request.method == "HEAD")
    assert client.manifest_digest(repository, "v1") == sha256_digest(raw)


def test_a_registry_that_rewrites_manifests_is_noticed(client: Client, proxy: FaultProxy, repository: str) -> None:
    raw = manifest_of(client, repository)
    other = {"Docker-Content-Digest": sha256_digest(b"rewritten")}
    proxy.answer(201, headers=other, when=lambda request: request.method == "PUT")
    with pytest.raises(Stalled, match="rewrites manifests"):
        client.put_manifest(repository, "v1", raw, MANIFEST)


@pytest.mark.parametrize(
    ("status", "kind", "reason", "tries"),
    [
        (401, Waiting, "RegistryUnauthorized", 1),
        (403, Waiting, "RegistryForbidden", 1),
        (413, Waiting, "RegistryRefusesSize", 1),
        (400, Stalled, "RegistryRefused", 1),
        (405, Stalled, "RegistryRefused", 1),
        (429, Transient, "RegistryUnavailable", 5),
        (500, Transient, "RegistryUnavailable", 5),
        (503, Transient, "RegistryUnavailable", 5),
    ],
)
def test_refusals(
    client: Client, proxy: FaultProxy, repository: str, status: int, kind: type[OperatorError], reason: str, tries: int
) -> None:
    proxy.answer(status, times=None)
    for call in (
        lambda: client.manifest_digest(repository, "v1"),
        lambda: client.has_blob(repository, sha256_digest(b"")),
        lambda: client.put_manifest(repository, "v1", b"{}", MANIFEST),
        lambda: Blob(1).upload(client, repository),
        client.ping,
    ):
        before = len(proxy.requests)
        with pytest.raises(kind) as caught:
            call()
        assert caught.value.reason == reason
        assert proxy.address in caught.value.message
        assert len(proxy.requests) - before == tries


def test_what_the_registry_says_is_in_the_message(client: Client, proxy: FaultProxy, repository: str) -> None:
    body = json.dumps({"errors": [{"code": "DENIED", "message": "project is read-only"}]}).encode()
    proxy.answer(412, times=None, body=body)
    with pytest.raises(Waiting, match="DENIED: project is read-only") as caught:
        client.ping()
    assert caught.value.reason == "RegistryForbidden"


@pytest.mark.parametrize("body", [b"<html>" + b"x" * 100_000, b"\xff\xfe", b"[]", b'{"errors": 7}', b'{"errors": [7]}'])
def test_error_bodies_of_any_shape(client: Client, proxy: FaultProxy, body: bytes) -> None:
    proxy.answer(400, body=body)
    with pytest.raises(Stalled) as caught:
        client.ping()
    assert len(caught.value.message) < 600


def test_a_short_wait_that_the_registry_asks_for_is_kept(client: Client, proxy: FaultProxy, repository: str) -> None:
    proxy.answer(429, headers={"Retry-After": "1"})
    assert client.manifest_digest(repository, "v1") is None
    assert len(proxy.requests) == 2


def test_a_long_wait_is_left_to_the_next_reconcile(client: Client, proxy: FaultProxy, repository: str) -> None:
    proxy.answer(429, times=None, headers={"Retry-After": "120"})
    with pytest.raises(Transient) as caught:
        client.manifest_digest(repository, "v1")
    assert caught.value.after == 120
    assert len(proxy.requests) == 1


def test_a_cut_answer_is_tried_again(client: Client, proxy: FaultProxy, repository: str) -> None:
    raw = manifest_of(client, repository)
    proxy.cut(after=10, side="request", when=lambda request: request.method == "PUT")
    client.put_manifest(repository, "v1", raw, MANIFEST)
    assert client.manifest_digest(repository, "v1") == sha256_digest(raw)


def test_nobody_there(repository: str) -> None:
    with pytest.raises(Transient) as caught:
        connect(f"127.0.0.1:{free_port()}").ping()
    assert caught.value.reason == "RegistryUnreachable"
