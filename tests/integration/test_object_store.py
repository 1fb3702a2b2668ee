"""The object storage client before a real S3 server: resuming, pinning, and what each refusal becomes."""

import os
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.cluster import Storage
from tests.cluster.process import free_port
from tests.faults import FaultProxy
from violet_operator.clients import bucket, object_store
from violet_operator.clients.bucket import StorageSettings
from violet_operator.clients.object_store import ObjectInfo, ObjectStore
from violet_operator.errors import Cancelled, OperatorError, Stalled, Transient, Waiting
from violet_operator.support.cancel import CancelToken

pytestmark = pytest.mark.integration

MIB = 1 << 20


@pytest.fixture
def proxy(storage: Storage) -> Iterator[FaultProxy]:
    with FaultProxy(storage.endpoint.removeprefix("http://")) as proxy:
        yield proxy


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same number of tries, sooner."""
    monkeypatch.setattr(object_store, "backoff", lambda *_, **__: 0.01)


@pytest.fixture
def key() -> str:
    return f"test/{secrets.token_hex(4)}.tgz"


def connect(storage: Storage, key: str, **changes: Any) -> ObjectStore:
    keys = {"accesskey": storage.access_key, "secretkey": storage.secret_key}
    settings = {"endpoint": storage.endpoint, "region": storage.region, "credentials": keys}
    return ObjectStore(StorageSettings(**({"url": storage.url(key)} | settings | changes)))


def through(proxy: FaultProxy, storage: Storage, key: str, content: bytes) -> tuple[ObjectStore, ObjectInfo]:
    """The client of an object behind the proxy, and what it says of it."""
    storage.put(key, content)
    store = connect(storage, key, endpoint=f"http://{proxy.address}")
    return store, store.head(key)


def content_from(store: ObjectStore, info: ObjectInfo, offset: int = 0) -> bytes:
    return b"".join(store.open(info, CancelToken()).read_from(offset))


def is_get(request: Any) -> bool:
    return bool(request.method == "GET")


@pytest.mark.parametrize("size", [0, 1, MIB, 5 * MIB + 3])
def test_an_object_is_read_from_any_offset(storage: Storage, key: str, size: int) -> None:
    content = os.urandom(size)
    storage.put(key, content)
    store = connect(storage, key)
    info = store.head(key)
    assert (info.key, info.size) == (key, size)
    assert info.etag
    for offset in {0, size // 3, max(size - 1, 0), size}:
        assert content_from(store, info, offset) == content[offset:]


@pytest.mark.parametrize("name", ["a b+c.tgz", "ümläut-文件.tgz", "100%25.tgz", "a=b&c;d.tgz", "deep/er/p.tgz"])
def test_keys_of_any_kind(storage: Storage, name: str) -> None:
    key = f"names/{name}"
    storage.put(key, b"content")
    store = connect(storage, key)
    assert StorageSettings(storage.url(key)).key == key
    assert content_from(store, store.head(key)) == b"content"
    assert store.read_small(key, 100) == b"content"


def test_a_read_that_is_cut_many_times_goes_on_by_range(storage: Storage, proxy: FaultProxy, key: str) -> None:
    content = os.urandom(40 * MIB)
    store, info = through(proxy, storage, key, content)
    proxy.cut(after=3 * MIB, times=10, when=is_get)
    assert content_from(store, info) == content
    gets = [request for request in proxy.requests if is_get(request)]
    assert sum(request.cut for request in gets) == 10
    assert all(request.headers["If-Match"] == info.etag for request in gets)
    assert all("Range" in request.headers for request in gets[1:])
    assert sum(request.bytes_out for request in gets) < len(content) + 11 * 2 * MIB  # nothing is read twice but pieces


def test_a_read_that_never_works_ends(storage: Storage, proxy: FaultProxy, key: str) -> None:
    store, info = through(proxy, storage, key, os.urandom(2 * MIB))
    proxy.cut(after=1000, times=None, when=is_get)
    with pytest.raises(Transient) as caught:
        content_from(store, info)
    assert caught.value.reason == "SourceUnreachable"


def test_a_read_goes_on_after_the_storage_was_restarted(storage: Storage, proxy: FaultProxy, key: str) -> None:
    content = os.urandom(8 * MIB)
    store, info = through(proxy, storage, key, content)
    pieces = store.open(info, CancelToken()).read_from(0)
    got = [bytes(next(pieces))]
    proxy.cut(after=0, when=is_get)
    proxy.answer(503, times=2, when=is_get)
    got += [bytes(piece) for piece in pieces]
    assert b"".join(got) == content


@pytest.mark.parametrize("same_size", [True, False])
def test_an_object_that_is_replaced_while_it_is_read(
    storage: Storage, proxy: FaultProxy, key: str, same_size: bool
) -> None:
    store, info = through(proxy, storage, key, os.urandom(8 * MIB))
    proxy.cut(after=2 * MIB, when=is_get)
    reading = store.open(info, CancelToken()).read_from(0)
    next(reading)
    storage.put(key, os.urandom(8 * MIB if same_size else 3 * MIB))
    with pytest.raises(Transient) as caught:
        list(reading)
    assert caught.value.reason == "SourceChanged"


def test_an_object_that_is_deleted_before_it_is_read(storage: Storage, key: str) -> None:
    storage.put(key, b"content")
    store = connect(storage, key)
    info = store.head(key)
    storage.delete(key)
    with pytest.raises(Waiting) as caught:
        content_from(store, info)
    assert caught.value.reason == "SourceNotFound"


def test_a_storage_that_hangs_is_given_up(
    storage: Storage, proxy: FaultProxy, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket, "_SILENCE", 0.3)
    bucket._client.cache_clear()
    monkeypatch.setattr(object_store, "_RESUMES", 1)
    store, info = through(proxy, storage, key, os.urandom(2 * MIB))
    proxy.delay(60, when=is_get)
    start = time.monotonic()
    with pytest.raises(Transient) as caught:
        content_from(store, info)
    assert caught.value.reason == "SourceUnreachable"
    assert time.monotonic() - start < 40


def test_a_read_that_stalls_in_the_middle_goes_on(
    storage: Storage, proxy: FaultProxy, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket, "_SILENCE", 1.0)
    bucket._client.cache_clear()
    content = os.urandom(8 * MIB)
    store, info = through(proxy, storage, key, content)
    proxy.delay(30, times=1, when=is_get)
    assert content_from(store, info) == content


def test_a_read_is_called_off(storage: Storage, key: str) -> None:
    storage.put(key, os.urandom(8 * MIB))
    store, cancel = connect(storage, key), CancelToken()
    reading = store.open(store.head(key), cancel).read_from(0)
    next(reading)
    cancel.cancel()
    with pytest.raises(Cancelled):
        list(reading)


def test_small_objects(storage: Storage, key: str) -> None:
    store = connect(storage, key)
    assert store.read_small(f"{key}.sha256", 1000) is None
    storage.put(f"{key}.sha256", b"abc")
    assert store.read_small(f"{key}.sha256", 1000) == b"abc"
    storage.put(f"{key}.sha256", bytes(1001))
    with pytest.raises(Stalled) as caught:
        store.read_small(f"{key}.sha256", 1000)
    assert caught.value.reason == "InvalidSideFile"


class TestRefusals:
    @pytest.fixture
    def calls(self, key: str) -> list[Callable[[ObjectStore], object]]:
        """Every way to ask for an object that is there."""
        info = ObjectInfo(key, 7, None, None)
        return [lambda s: s.head(key), lambda s: s.read_small(key, 9), lambda s: content_from(s, info)]

    def check(self, store: ObjectStore, calls: Any, reason: str, *hidden: str) -> None:
        for call in calls:
            with pytest.raises(Waiting if reason != "SourceUnreachable" else Transient) as caught:
                call(store)
            assert caught.value.reason == reason
            assert not [secret for secret in hidden if secret in caught.value.message]

    def test_wrong_secret(self, storage: Storage, key: str, calls: Any) -> None:
        storage.put(key, b"content")
        store = connect(storage, key, credentials={"accesskey": storage.access_key, "secretkey": "hidden-secret-key"})
        self.check(store, calls, "SourceUnauthorized", "hidden-secret-key", storage.secret_key)

    def test_unknown_key(self, storage: Storage, key: str, calls: Any) -> None:
        storage.put(key, b"content")
        store = connect(storage, key, credentials={"accesskey": "nobody", "secretkey": "hidden-secret-key"})
        self.check(store, calls, "SourceUnauthorized", "hidden-secret-key")

    def test_forbidden(self, storage: Storage, key: str, calls: Any) -> None:
        storage.put(key, b"content")
        access, secret = storage.add_user_without_rights()
        store = connect(storage, key, credentials={"accesskey": access, "secretkey": secret})
        self.check(store, calls, "SourceForbidden", secret)

    def test_no_such_bucket(self, storage: Storage, key: str) -> None:
        store = connect(storage, key, url=f"s3://no-such-bucket/{key}")
        with pytest.raises(Waiting, match="no such bucket") as caught:
            store.head(key)
        assert caught.value.reason == "SourceNotFound"

    def test_no_such_object(self, storage: Storage, key: str) -> None:
        with pytest.raises(Waiting, match="no such object") as caught:
            connect(storage, key).head(key)
        assert caught.value.reason == "SourceNotFound"
        assert storage.url(key) in caught.value.message

    def test_nobody_there(self, storage: Storage, key: str, monkeypatch: pytest.MonkeyPatch, calls: Any) -> None:
        monkeypatch.setattr(object_store, "_RESUMES", 1)
        store = connect(storage, key, endpoint=f"http://127.0.0.1:{free_port()}")
        self.check(store, calls, "SourceUnreachable", storage.secret_key)

    @pytest.mark.parametrize("status", [500, 503])
    def test_a_storage_that_fails(
        self, storage: Storage, proxy: FaultProxy, key: str, status: int, monkeypatch: pytest.MonkeyPatch, calls: Any
    ) -> None:
        monkeypatch.setattr(object_store, "_RESUMES", 1)
        proxy.answer(status, times=None)
        store = connect(storage, key, endpoint=f"http://{proxy.address}")
        self.check(store, calls, "SourceUnreachable", storage.secret_key, storage.access_key)

    @pytest.mark.parametrize(
        ("credentials", "named"),
        [
            ({}, "accesskey and secretkey"),
            ({"accesskey": "a"}, "secretkey"),
            ({"secretkey": "hidden"}, "accesskey"),
            ({"accesskey": "", "secretkey": "hidden"}, "accesskey"),
            ({"accessKey": "a", "secretKey": "hidden"}, "accesskey and secretkey"),
        ],
    )
    def test_a_secret_without_its_keys(self, storage: Storage, credentials: dict[str, str], named: str) -> None:
        with pytest.raises(Waiting, match=named) as caught:
            connect(storage, "key", credentials=credentials)
        assert caught.value.reason == "InvalidCredentials"
        assert "hidden" not in caught.value.message

    def test_a_trailing_newline_in_a_secret_does_no_harm(self, storage: Storage, key: str) -> None:
        storage.put(key, b"content")
        keys = {"accesskey": f"{storage.access_key}\n", "secretkey": f"{storage.secret_key}\n"}
        assert connect(storage, key, credentials=keys).head(key).size == 7

    @pytest.mark.parametrize(
        "bundle", ["no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
    )
    def test_a_bundle_that_is_none(self, storage: Storage, bundle: str) -> None:
        with pytest.raises(Stalled) as caught:
            connect(storage, "key", ca_bundle=bundle)
        assert caught.value.reason == "InvalidCABundle"

    @pytest.mark.parametrize(
        "changes",
        [
            {"endpoint": "http://"},
            {"endpoint": "http://["},
            {"endpoint": "not an address"},
            {"endpoint": "http://host:port"},
            {"endpoint": "http://host:99999"},
            {"endpoint": "ftp://host"},
            {"region": "a\nb"},
            {"region": "a b"},
        ],
    )
    def test_an_address_that_is_none(self, storage: Storage, changes: dict[str, str]) -> None:
        with pytest.raises(Stalled) as caught:
            connect(storage, "key", **changes)
        assert caught.value.reason == "InvalidSource"

    @pytest.mark.parametrize("name", ["my bucket", "b[", "b%zz", "bücket", "b:x", "..", "b\\c", "a" * 300])
    def test_buckets_of_odd_names(self, storage: Storage, name: str) -> None:
        with pytest.raises(OperatorError):
            connect(storage, "key", url=f"s3://{name}/key").head("key")

    @pytest.mark.parametrize("secret", ["with\nnewline", "with\0nul", "ümläut"])
    def test_keys_of_odd_characters(self, storage: Storage, secret: str) -> None:
        with pytest.raises(OperatorError) as caught:
            connect(storage, "key", credentials={"accesskey": secret, "secretkey": secret}).head("key")
        assert secret not in caught.value.message
