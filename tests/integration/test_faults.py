"""The fault proxy before the real servers: signatures, uploads and redirects must survive it."""

import os
from pathlib import Path

import obstore
import pytest
from obstore.store import S3Store

from tests.cluster import Registry, Storage
from tests.faults import FaultProxy
from tests.integration.images import push
from tests.packages import Bundle, Image, build

pytestmark = pytest.mark.integration


def test_object_storage_accepts_signatures_through_the_proxy(storage: Storage) -> None:
    content = os.urandom(12 << 20)
    with FaultProxy(storage.endpoint.removeprefix("http://")) as proxy:
        store = S3Store(
            storage.bucket,
            endpoint=f"http://{proxy.address}",
            region=storage.region,
            access_key_id=storage.access_key,
            secret_access_key=storage.secret_key,
            virtual_hosted_style_request=False,
            client_options={"allow_http": True},
        )
        obstore.put(store, "through proxy/a+b.bin", content)
        assert obstore.get(store, "through proxy/a+b.bin").bytes() == content
        assert obstore.get_range(store, "through proxy/a+b.bin", start=5, end=9) == content[5:9]
        methods = [request.method for request in proxy.requests]
        assert {request.status for request in proxy.requests} <= {200, 206}
        proxy.cut(after=1 << 20, when=lambda request: request.method == "GET")
        assert obstore.get(store, "through proxy/a+b.bin").bytes() == content  # obstore resumes by itself
    assert methods.count("PUT") >= 2
    assert [r.bytes_out for r in proxy.requests if r.cut] == [1 << 20]


def test_registry_is_pushed_to_through_the_proxy(registry: Registry, tmp_path: Path) -> None:
    spec = Bundle(name="proxied", related=(Image("proxied"),))
    built = build(spec, tmp_path / "proxied.tgz")
    with FaultProxy(registry.address) as proxy:
        push(built, registry, f"http://{proxy.address}")
        assert {request.status for request in proxy.requests} == {201, 202}
        assert sum(request.bytes_in for request in proxy.requests) > 4 << 20
    for image in built.images:
        repository, _, tag = image.ref.partition("/")[2].rpartition(":")
        assert registry.manifest(repository, tag) == image.manifests[image.digest]
