"""The network and the servers fail while a transfer runs; what is there already is used, and the end is the same."""

import secrets
from collections.abc import Iterator

import pytest

from tests.cluster import Kit, KubectlError
from tests.faults import FaultProxy, Request
from tests.harness import Site, condition, installation, is_ready, platform, to_platform
from tests.observe import is_blob_data, transferred, until
from tests.packages import Built, Bundle, Image

pytestmark = pytest.mark.e2e

SLOW = 4 << 20  # bytes per second


@pytest.fixture(scope="module")
def site(kit: Kit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One installation for all of them."""
    with installation(kit, tmp_path_factory.mktemp("outages"), "--progress-interval", "1") as site:
        yield site


@pytest.fixture
def name(site: Site) -> Iterator[str]:
    """A name that no other test uses, for the upload, its package and its images."""
    yield f"pkg-{secrets.token_hex(4)}"
    site.delete("packageuploads", "--all")


@pytest.fixture
def to_registry(site: Site, name: str) -> Iterator[FaultProxy]:
    """A way to the registry that can be broken: the Platform of the test's own name takes it."""
    with FaultProxy(site.registry.address) as proxy:
        pull = {"anonymous": True, "plainHTTP": True, "pullAddress": site.registry.address}
        site.apply(platform(name, proxy.address, **pull))
        yield proxy
        site.delete("packageuploads", "--all")
        site.delete("platforms", name)


@pytest.fixture
def to_storage(site: Site) -> Iterator[FaultProxy]:
    """A way to the object storage that can be broken."""
    with FaultProxy(site.storage.endpoint.removeprefix("http://")) as proxy:
        yield proxy


def package(name: str, layer_size: int = 4 << 20, **fields: object) -> Bundle:
    """A package with five layers, 20 MB together."""
    image = Image(f"{name}-app", platforms=("linux/amd64",), layers=5, layer_size=layer_size)
    return Bundle(**{"name": name, "related": (image,), **fields})  # type: ignore[arg-type]


def reads_package(name: str, record: Request) -> bool:
    """Whether a request reads the package, not its checksum file."""
    return record.method == "GET" and record.path.partition("?")[0].endswith(f"{name}.tgz")


def of_the_package(name: str, proxy: FaultProxy) -> list[Request]:
    """The requests that read the package."""
    return [record for record in proxy.requests if reads_package(name, record)]


def through(proxy: FaultProxy) -> dict[str, str]:
    """`spec.source` by way of a proxy."""
    return {"endpoint": f"http://{proxy.address}"}


def assert_complete(site: Site, built: Built) -> None:
    """Every image is in the registry under its tag."""
    for image in built.images:
        repository, _, tag = image.ref.partition("/")[2].rpartition(":")
        assert site.registry.manifest(repository, tag) == image.manifests[image.digest]


def test_reading_resumes_where_it_broke(site: Site, to_storage: FaultProxy, name: str) -> None:
    built = site.put_package(name, package(name, layer_size=8 << 20))
    cut = 16 << 20
    to_storage.cut(after=cut, when=lambda record: reads_package(name, record))
    site.apply(site.package_upload(name, source=through(to_storage)))
    status = site.wait(name, is_ready, 90)["status"]
    assert status["source"]["sha256"] == built.sha256
    assert_complete(site, built)
    first, second = of_the_package(name, to_storage)[:2]
    assert first.cut
    start = int(second.headers["Range"].removeprefix("bytes=").partition("-")[0])
    assert cut - (4 << 20) <= start <= cut  # a few pieces were on their way
    assert all(record.headers["If-Match"] == status["source"]["etag"] for record in (first, second))
    assert site.events(name)[0]["type"] != "Warning"


def test_many_cuts_do_not_restart_the_reading(site: Site, to_storage: FaultProxy, name: str) -> None:
    built = site.put_package(name, package(name))
    to_storage.cut(after=3 << 20, times=5, when=lambda record: reads_package(name, record))
    site.apply(site.package_upload(name, source=through(to_storage)))
    site.wait(name, is_ready, 120)
    reads = of_the_package(name, to_storage)
    assert all(record.cut and record.bytes_out == 3 << 20 for record in reads[:5])
    # Six reads for one pass: each cut costs no more than what was on its way.
    assert built.size <= sum(record.bytes_out for record in reads[:6]) < built.size + 5 * (2 << 20)
    assert_complete(site, built)


def test_replaced_source_starts_over_with_the_new_one(site: Site, to_storage: FaultProxy, name: str) -> None:
    old = site.put_package(name, package(name))
    to_storage.limit(SLOW)
    to_storage.cut(
        after=16 << 20, when=lambda record: reads_package(name, record)
    )  # else the server goes on to the end
    site.apply(site.package_upload(name, source=through(to_storage)))
    until(lambda: any(record.bytes_out > (1 << 20) for record in of_the_package(name, to_storage)))
    new = site.put_package(name, package(name, version="2.0.0", tag="v2.0.0", seed=7))
    to_storage.limit(None)
    body = site.wait(name, lambda body: is_ready(body) and body["status"]["source"]["sha256"] == new.sha256, 120)
    assert body["status"]["package"]["version"] == "2.0.0"
    assert_complete(site, new)
    first, second = of_the_package(name, to_storage)[:2]
    assert first.cut
    assert second.status == 412  # Precondition Failed: the ETag is another one
    assert old.sha256 != new.sha256
    assert site.registry.tags(f"acp/{name}-bundle") == ["v2.0.0"]


def test_source_replaced_between_reading_and_pushing(
    site: Site, to_storage: FaultProxy, to_registry: FaultProxy, name: str
) -> None:
    """Nothing of a mixture becomes visible: the first content's layers are read under its ETag or not at all."""
    site.put_package(name, package(name))
    to_registry.limit(1 << 20)
    site.apply(site.package_upload(name, source=through(to_storage), targets=to_platform(name)))
    until(lambda: any(is_blob_data(record) and record.bytes_in for record in to_registry.requests))
    new = site.put_package(name, package(name, version="2.0.0", tag="v2.0.0", seed=7))
    to_storage.cut(times=None, when=lambda record: record.headers.get("If-Match") is not None)
    until(lambda: len(of_the_package(name, to_storage)) >= 3)
    to_storage.clear()
    to_registry.limit(None)
    site.wait(name, lambda body: is_ready(body) and body["status"]["source"]["sha256"] == new.sha256, 120)
    assert_complete(site, new)


def test_broken_upload_goes_on(site: Site, to_registry: FaultProxy, name: str) -> None:
    built = site.put_package(name, package(name, layer_size=8 << 20))
    to_registry.cut(after=5 << 20, times=3, when=is_blob_data, side="request")
    site.apply(site.package_upload(name, targets=to_platform(name)))
    status = site.wait(name, is_ready, 90)["status"]
    assert sum(record.cut for record in to_registry.requests if is_blob_data(record)) == 3
    moved, size = transferred(to_registry.requests), 5 * (8 << 20)
    assert size <= moved.sent <= size + 3 * (8 << 20) + (1 << 20)  # at worst each broken blob once more
    assert len(moved.uploaded) == len(set(moved.uploaded))
    assert_complete(site, built)
    assert status["progress"]["percent"] == 100


@pytest.mark.parametrize("status", [404, 416])
def test_upload_session_that_is_gone_is_no_refusal(site: Site, to_registry: FaultProxy, name: str, status: int) -> None:
    """A registry that restarted between the last byte and the digest answers so."""
    built = site.put_package(name, package(name, layer_size=1 << 20))
    to_registry.answer(status, times=2, when=lambda record: record.method == "PUT" and "digest=" in record.path)
    site.apply(site.package_upload(name, targets=to_platform(name)))
    site.wait(name, is_ready, 90)
    assert_complete(site, built)
    assert {each["type"] for each in site.events(name)} == {"Normal"}


def test_busy_registry_is_asked_again(site: Site, to_registry: FaultProxy, name: str) -> None:
    built = site.put_package(name, package(name, layer_size=512 << 10))
    to_registry.answer(503, times=3, when=lambda record: record.method == "POST")
    to_registry.answer(429, times=2, when=lambda record: record.method == "PUT", headers={"Retry-After": "1"})
    to_registry.answer(500, times=2, when=lambda record: record.method == "HEAD")
    site.apply(site.package_upload(name, targets=to_platform(name)))
    site.wait(name, is_ready, 90)
    assert {record.status for record in to_registry.requests} >= {429, 500, 503}
    assert_complete(site, built)
    assert {each["type"] for each in site.events(name)} == {"Normal"}  # nobody needs to know


def test_registry_restarts_in_the_middle(site: Site, to_registry: FaultProxy, name: str) -> None:
    built = site.put_package(name, package(name))
    to_registry.limit(SLOW)
    site.apply(site.package_upload(name, targets=to_platform(name)))
    until(lambda: len(transferred(to_registry.requests).uploaded) >= 2)
    site.registry.stop()
    done = set(transferred(to_registry.requests).uploaded)
    site.registry.start()
    to_registry.limit(None)
    site.wait(name, is_ready, 120)
    assert_complete(site, built)
    everything = transferred(to_registry.requests).uploaded
    assert all(everything.count(blob) == 1 for blob in done), "a blob that was there was sent again"


def serves(site: Site) -> bool:
    """Whether the API server knows our kinds again: for a second after its start it does not."""
    try:
        return bool(site.all("packageuploads"))
    except KubectlError:
        return False


def test_api_server_restarts_in_the_middle(site: Site, to_registry: FaultProxy, name: str) -> None:
    built = site.put_package(name, package(name))
    to_registry.limit(SLOW / 8)
    site.apply(site.package_upload(name, targets=to_platform(name)))
    until(lambda: condition(site.upload(name), "Reconciling")["reason"] == "Pushing")
    site.cluster.apiserver.stop()
    try:
        sent = transferred(to_registry.requests).sent
        until(lambda: transferred(to_registry.requests).sent > sent + (1 << 20))  # the transfer needs no API server
    finally:
        site.cluster.start_apiserver()
    to_registry.limit(None)
    until(lambda: serves(site), 30, every=0.5)
    site.wait(name, is_ready, 120)
    assert_complete(site, built)
    moved = transferred(to_registry.requests)
    assert len(moved.uploaded) == len(set(moved.uploaded))
    assert "Traceback" not in site.operator.log
    # The operator still sees what people do.
    site.put_package(f"{name}-later")
    site.apply(site.package_upload(f"{name}-later"))
    site.wait(f"{name}-later", is_ready, 60)
