"""What people do while a transfer runs: kill, stop, delete, change, suspend, and upload something else besides."""

import secrets
import time
from collections.abc import Iterator

import pytest

from tests.cluster import Kit
from tests.faults import FaultProxy
from tests.harness import SYSTEM, Site, condition, has_failed, installation, is_ready, platform, to_platform
from tests.observe import transferred, until
from tests.packages import Built, Bundle, Image

pytestmark = pytest.mark.e2e

SLOW = 3 << 20  # bytes per second
SOON = 15.0  # seconds: what "at once" may take on a busy machine; the transfers below need twice that
BIG = 2 << 30


@pytest.fixture(scope="module")
def site(kit: Kit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One installation for all of them."""
    with installation(kit, tmp_path_factory.mktemp("interruptions"), "--progress-interval", "1") as site:
        yield site


@pytest.fixture
def name(site: Site) -> Iterator[str]:
    """A name that no other test uses, for the upload, its package and its images."""
    yield f"pkg-{secrets.token_hex(4)}"
    site.delete("packageuploads", "--all")


@pytest.fixture
def slow(site: Site, name: str) -> Iterator[FaultProxy]:
    """A slow way to the registry: the Platform of the test's own name takes it."""
    with FaultProxy(site.registry.address) as proxy:
        proxy.limit(SLOW)
        pull = {"anonymous": True, "plainHTTP": True, "pullAddress": site.registry.address}
        site.apply(platform(name, proxy.address, **pull))
        yield proxy
        site.delete("packageuploads", "--all")
        site.delete("platforms", name)


def layers(name: str, count: int = 32, size: int = 3 << 20) -> Bundle:
    """A package of 96 MB in many blobs: half a minute at the slow rate."""
    return Bundle(name=name, related=(Image(f"{name}-app", platforms=("linux/amd64",), layers=count, layer_size=size),))


def begin(site: Site, name: str, slow: FaultProxy, spec: Bundle | None = None) -> Built:
    """Start a transfer and return while it is under way, some blobs being there already."""
    built = site.put_package(name, spec or layers(name))
    site.apply(site.package_upload(name, targets=to_platform(name)))
    until(lambda: len(transferred(slow.requests).uploaded) >= 4)
    assert condition(site.upload(name), "Reconciling")["reason"] == "Pushing"
    return built


def assert_silent_soon(slow: FaultProxy, began: float) -> None:
    """The transfer ends within `SOON` of `began`: no byte and no request for three seconds from then on."""
    last, since = (-1, -1), 0.0
    while time.monotonic() < began + SOON + 4:
        now = (len(slow.requests), transferred(slow.requests).sent)
        if now != last:
            last, since = now, time.monotonic()
        elif time.monotonic() > since + 3:
            assert since - began < SOON
            return
        time.sleep(0.1)
    raise AssertionError(f"the transfer still goes on after {time.monotonic() - began:.0f} s")


def needed(built: Built) -> set[tuple[str, str]]:
    """(repository, digest) of every blob of a package."""
    repositories = {image.ref: image.ref.partition("/")[2].rpartition(":")[0] for image in built.images}
    return {(repositories[image.ref], digest) for image in built.images for digest in image.blobs}


def assert_nothing_visible(site: Site, name: str) -> None:
    """No tag and no object on the platform."""
    assert not site.registry.tags(f"acp/{name}-app")
    assert not site.registry.tags(f"acp/{name}-bundle")
    assert not {name, f"{name}.v1.0.0"} & set(site.artifacts())


def test_killed_operator_goes_on(site: Site, slow: FaultProxy, name: str) -> None:
    built = begin(site, name, slow)
    site.operator.kill()
    time.sleep(0.5)  # what the proxy still had in hand
    before = transferred(slow.requests)
    assert before.uploaded
    assert not site.registry.tags(f"acp/{name}-bundle")
    slow.limit(None)
    site.operator.start()
    site.wait(name, is_ready, 90)
    everything = transferred(slow.requests).uploaded
    assert set(everything) == needed(built)
    assert len(everything) == len(set(everything)), "a blob that was there was sent again"
    progress = site.upload(name)["status"]["progress"]
    assert (progress["percent"], progress["blobsDone"]) == (100, progress["blobsTotal"])


def test_operator_ends_soon_when_asked(site: Site, slow: FaultProxy, name: str) -> None:
    begin(site, name, slow)
    code = site.operator.stop()
    site.operator.start()
    assert code == 0  # it was not killed
    assert "Stopping: calling off 1 runs" in site.operator.log  # at once, not after kopf's own grace
    assert "Traceback" not in site.operator.log
    slow.limit(None)
    site.wait(name, is_ready, 90)


def test_deleted_upload_stops(site: Site, slow: FaultProxy, name: str) -> None:
    begin(site, name, slow)
    started = time.monotonic()
    site.delete("packageupload", name)
    assert time.monotonic() - started < SOON  # no finalizer holds it
    assert_silent_soon(slow, started)
    assert_nothing_visible(site, name)


def test_suspended_upload_stops_and_goes_on(site: Site, slow: FaultProxy, name: str) -> None:
    built = begin(site, name, slow)
    started = time.monotonic()
    site.apply(site.package_upload(name, targets=to_platform(name), suspend=True))
    assert_silent_soon(slow, started)
    site.wait(name, has_failed("Suspended"), SOON)
    assert_nothing_visible(site, name)
    slow.limit(None)
    site.apply(site.package_upload(name, targets=to_platform(name)))
    site.wait(name, is_ready, 90)
    everything = transferred(slow.requests).uploaded
    assert len(everything) == len(set(everything))
    assert set(everything) == needed(built)


def test_new_spec_replaces_the_transfer(site: Site, slow: FaultProxy, name: str) -> None:
    old = begin(site, name, slow)
    new = site.put_package(f"{name}-new", Bundle(name=f"{name}-new", version="9.9.9"))
    started = time.monotonic()
    site.apply(site.package_upload(name, f"{name}-new.tgz", targets=to_platform(name)))
    status = site.wait(name, is_ready, 30)["status"]
    assert_silent_soon(slow, started)
    assert_nothing_visible(site, name)
    assert status["package"]["version"] == "9.9.9"
    assert status["source"]["sha256"] == new.sha256 != old.sha256
    assert [each["source"] for each in status["images"]] == [new.artifact]
    assert needed(old) - set(transferred(slow.requests).uploaded), "the old transfer was already done"


def test_small_package_is_not_held_up_by_a_big_one(site: Site, slow: FaultProxy, name: str) -> None:
    alone = seconds_until_ready(site, f"{name}-first")
    site.put_package(name, layers(name, count=4, size=BIG // 4))
    slow.limit(30 << 20)
    site.apply(site.package_upload(name, targets=to_platform(name)))
    took = {}
    for step in ("Fetching", "Pushing"):
        site.wait(name, lambda body, step=step: condition(body, "Reconciling")["reason"] == step, 240)  # type: ignore[misc]
        took[step] = seconds_until_ready(site, f"{name}-{step.lower()}")
        assert condition(site.upload(name), "Reconciling")["reason"] == step, "the big one was too fast"
    assert max(took.values()) < alone + SOON, f"alone {alone:.1f} s, beside the big one {took}"
    print(f"small package: alone {alone:.1f} s, beside 2 GB {took}")
    started = time.monotonic()
    site.delete("packageupload", name)
    assert_silent_soon(slow, started)
    assert_nothing_visible(site, name)
    assert f"{name}-fetching" in site.all("artifacts", SYSTEM)


def seconds_until_ready(site: Site, name: str) -> float:
    """How long an upload of a few MB takes."""
    site.put_package(name, layers(name, count=2))
    started = time.monotonic()
    site.apply(site.package_upload(name))
    site.wait(name, is_ready, 60)
    return time.monotonic() - started
