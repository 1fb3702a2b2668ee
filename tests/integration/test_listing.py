"""Listing a prefix on a real S3 server: every key, page by page, or an error; never a part that looks like all."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import minio
import pytest

from tests.cluster import Storage
from tests.faults import FaultProxy, Request
from tests.integration.test_object_store import connect
from violet_operator.api.package_upload_set import PackageUploadSetSpec
from violet_operator.clients.object_store import ObjectStore
from violet_operator.errors import Cancelled, OperatorError, Stalled, Waiting
from violet_operator.support.cancel import CancelToken
from violet_operator.upload_set import listing
from violet_operator.upload_set.listing import Listing, Listings

pytestmark = pytest.mark.integration

COUNT = 1100
"""Keys, of which a server puts 1000 into one answer."""


@pytest.fixture
def prefix() -> str:
    return f"listing-{secrets.token_hex(4)}/"


@pytest.fixture(scope="module")
def many(storage: Storage) -> str:
    """A prefix with very many small objects."""
    prefix = f"many-{secrets.token_hex(4)}/"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: storage.put(f"{prefix}{number:05}.tgz", b""), range(COUNT)))
    return prefix


@pytest.fixture
def proxy(storage: Storage) -> Iterator[FaultProxy]:
    with FaultProxy(storage.endpoint.removeprefix("http://")) as proxy:
        yield proxy


def keys(store: ObjectStore, prefix: str) -> list[str]:
    return sorted(store.list(prefix, CancelToken()))


def is_next_page(request: Request) -> bool:
    return "continuation-token" in request.path


def test_every_page_is_read(storage: Storage, proxy: FaultProxy, many: str) -> None:
    store = connect(storage, many, endpoint=f"http://{proxy.address}")
    assert keys(store, many) == [f"{many}{number:05}.tgz" for number in range(COUNT)]
    assert len(proxy.requests) == 2


@pytest.mark.parametrize("fault", ["answers with an error", "is cut off", "is refused"])
def test_a_page_that_fails_fails_it_all(storage: Storage, proxy: FaultProxy, many: str, fault: str) -> None:
    if fault == "is cut off":
        proxy.cut(after=100, times=None, when=is_next_page)
    else:
        proxy.answer(500 if "error" in fault else 403, times=None, when=is_next_page)
    store = connect(storage, many, endpoint=f"http://{proxy.address}")
    with pytest.raises(OperatorError) as caught:
        keys(store, many)
    assert caught.value.reason == ("SourceForbidden" if fault == "is refused" else "SourceUnreachable")


def test_a_fault_of_a_moment_is_no_failure(storage: Storage, proxy: FaultProxy, many: str) -> None:
    proxy.answer(503, times=1, when=is_next_page)
    assert len(keys(connect(storage, many, endpoint=f"http://{proxy.address}"), many)) == COUNT


def test_a_listing_that_is_called_off_ends(storage: Storage, many: str) -> None:
    cancel = CancelToken()
    found = connect(storage, many).list(many, cancel)
    next(found)
    cancel.cancel()
    with pytest.raises(Cancelled):
        list(found)


def test_a_prefix_ends_at_its_slash(storage: Storage, prefix: str) -> None:
    names = ["a b+c.tgz", "ümläut-文件.tgz", "100%25.tgz", "a=b&c;d.tgz", "x~y*.tgz", "deep/er/p.tgz", "q?r#s.tgz"]
    for name in names:
        storage.put(prefix + name, b"x")
    storage.put(f"{prefix[:-1]}-other/z.tgz", b"x")
    assert keys(connect(storage, prefix), prefix) == sorted(prefix + name for name in names)
    assert keys(connect(storage, prefix), f"{prefix}deep/") == [f"{prefix}deep/er/p.tgz"]
    assert keys(connect(storage, prefix), f"{prefix}none/") == []
    assert set(keys(connect(storage, ""), "")) >= {prefix + names[0], f"{prefix[:-1]}-other/z.tgz"}


def test_a_name_that_cannot_be_worked_with_is_told(storage: Storage, prefix: str) -> None:
    address = storage.endpoint.removeprefix("http://")
    client = minio.Minio(
        address, access_key=storage.access_key, secret_key=storage.secret_key, region=storage.region, secure=False
    )
    client.put_object(storage.bucket, f"{prefix}a\nb.tgz", BytesIO(b"x"), 1)
    try:
        with pytest.raises(Waiting, match="Rename it") as caught:
            keys(connect(storage, prefix), prefix)
        assert caught.value.reason == "UnusableName"
    finally:
        client.remove_object(storage.bucket, f"{prefix}a\nb.tgz")


@pytest.mark.parametrize("odd", ["a//", "a/../b/", "./", "a\n/"])
def test_a_prefix_that_is_none(storage: Storage, odd: str) -> None:
    with pytest.raises(Stalled) as caught:
        keys(connect(storage, odd), odd)
    assert caught.value.reason == "InvalidSource"


def test_who_may_not_list_is_told_what_to_grant(storage: Storage, prefix: str) -> None:
    access_key, secret_key = storage.add_user_without_rights()
    store = connect(storage, prefix, credentials={"accesskey": access_key, "secretkey": secret_key})
    with pytest.raises(Waiting, match="s3:ListBucket") as caught:
        keys(store, prefix)
    assert caught.value.reason == "SourceForbidden"
    assert secret_key not in caught.value.message


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"credentials": {"accesskey": "violet", "secretkey": "wrong-secret"}}, "SourceUnauthorized"),
        ({"url": "s3://no-such-bucket/p/"}, "SourceNotFound"),
    ],
)
def test_a_storage_that_lets_nobody_in(storage: Storage, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(Waiting) as caught:
        keys(connect(storage, "p/", **changes), "p/")
    assert caught.value.reason == reason


class Anonymous:
    """A reader of a namespace without Secrets; the spec names the keys' Secret, which holds the storage's."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def get(self, *_: object) -> dict[str, Any]:
        import base64  # noqa: PLC0415

        keys = {"accesskey": self._storage.access_key, "secretkey": self._storage.secret_key}
        return {"data": {name: base64.b64encode(value.encode()).decode() for name, value in keys.items()}}


def spec(storage: Storage, prefix: str, **more: Any) -> PackageUploadSetSpec:
    source = {"url": storage.url(prefix), "endpoint": storage.endpoint, "credentialsSecretRef": {"name": "keys"}}
    return PackageUploadSetSpec.model_validate({"source": source} | more)


async def test_far_too_many_packages_are_a_mistake(
    storage: Storage, many: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await listing.look(spec(storage, many), Anonymous(storage), "ns", "PackageUploadSet a")
    assert len(found.packages) == COUNT
    monkeypatch.setattr(listing, "_MOST", COUNT - 1)
    with pytest.raises(Stalled) as caught:
        await listing.look(spec(storage, many), Anonymous(storage), "ns", "PackageUploadSet a")
    assert caught.value.reason == "TooManyPackages"
    few = await listing.look(spec(storage, many, exclude=["*1.tgz"]), Anonymous(storage), "ns", "PackageUploadSet a")
    assert len(few.packages) == COUNT - COUNT // 10


def test_the_last_listing_of_each_generation_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_KEPT", 2)
    kept, first, second = Listings(), Listing(("a",), 0.0), Listing(("b",), 1.0)
    kept.put("u", 1, first)
    assert kept.find("u", 1) is first
    kept.put("u", 2, second)
    assert (kept.find("u", 1), kept.find("u", 2)) == (None, second)
    kept.put("v", 1, first)
    kept.put("u", 2, first)
    kept.put("w", 1, first)
    assert [kept.find(uid, number) is None for uid, number in (("u", 2), ("v", 1), ("w", 1))] == [False, True, False]
