"""What changes while an upload lives: the keys that are trusted, and the package itself between two reads."""

import json
from pathlib import Path

import pytest

from tests.cluster import Kit
from tests.faults import FaultProxy, Request
from tests.harness import SYSTEM, Object, Reached, Site, condition, has_failed, is_ready, secret
from tests.packages import Bundle, Image, SigningKey
from tests.signed import gpg_upload, registry_writes, signed

pytestmark = pytest.mark.e2e

MIB = 1 << 20


def test_key_rotation(site: Site, proxy: FaultProxy, vendor: SigningKey, stranger: SigningKey, name: str) -> None:
    signed(site, vendor, name)
    site.apply(secret(name, old=vendor.public_key), gpg_upload(site, name, {"kind": "Secret", "name": name}))
    first = site.wait(name, is_ready)["status"]["verification"]
    pushed = len(registry_writes(proxy, name))

    site.apply(secret(name, old=vendor.public_key, new=stranger.public_key))  # a key more: verified anew, and good

    def anew(body: Object) -> bool:
        return is_ready(body) and body["status"]["verification"]["trust"] != first["trust"]

    wait_for_look(site, name, anew)

    site.cluster.kubectl("delete", "secret", name, "-n", site.namespace)
    site.apply(secret(name, new=stranger.public_key))  # the signer's key removed: not verified any more
    body = wait_for_look(site, name, has_failed("UnknownKey"))
    assert condition(body, "Verified")["status"] == "False"
    assert condition(body, "Stalled")["status"] == "True"
    assert body["status"]["verification"]["method"] == "None"
    assert name in site.all("artifacts", SYSTEM)  # what is published stays; nothing is repaired
    assert len(registry_writes(proxy, name)) == pushed

    site.apply(secret(name, old=vendor.public_key, new=stranger.public_key))
    wait_for_look(site, name, is_ready)
    assert len(registry_writes(proxy, name)) == pushed


def wait_for_look(site: Site, name: str, reached: Reached) -> Object:
    """Ask for a look and wait; a Secret may be some seconds old at the first one."""
    for _ in range(10):
        site.reconcile(name)
        try:
            return site.wait(name, reached, 6)
        except AssertionError:
            continue
    return site.wait(name, reached, 1)


def test_package_replaced_while_it_is_read(site: Site, kit: Kit, vendor: SigningKey, name: str) -> None:
    """The first pass meets another object at its next request, and starts over with that one."""
    layers = Image(f"{name}-app", platforms=("linux/amd64",), layers=2, layer_size=16 * MIB)
    first = signed(site, vendor, name, Bundle(name=name, related=(layers,), seed=1)).sha256

    def whole(request: Request) -> bool:
        return request.method == "GET" and request.path.partition("?")[0].endswith(f"{name}.tgz")

    with FaultProxy(kit.storage.endpoint.removeprefix("http://")) as storage:
        storage.limit(4 * MIB)
        storage.cut(after=8 * MIB, when=whole)
        body = gpg_upload(site, name)
        body["spec"]["source"]["endpoint"] = f"http://{storage.address}"
        site.apply(body)
        site.wait(name, lambda body: body.get("status", {}).get("progress", {}).get("bytesDone", 0) > 0)
        second = signed(site, vendor, name, Bundle(name=name, related=(layers,), seed=2)).sha256
        storage.limit(None)
        done = site.wait(name, is_ready, 120)
    assert second != first
    assert done["status"]["source"]["sha256"] == done["status"]["verification"]["sha256"] == second
    log = [line for line in site.operator.log.splitlines() if name in line]
    assert any("SourceChanged" in line for line in log), "\n".join(log)


def test_package_replaced_between_the_passes(site: Site, proxy: FaultProxy, vendor: SigningKey, name: str) -> None:
    """Verified, then replaced before a blob is read again: nothing of the new content goes out unverified."""
    layers = Image(f"{name}-app", platforms=("linux/amd64",), layers=2, layer_size=16 * MIB)
    signed(site, vendor, name, Bundle(name=name, related=(layers,), seed=1))
    proxy.delay(8, when=lambda request: request.method == "POST" and name in request.path)
    try:
        site.apply(gpg_upload(site, name))
        site.wait(name, lambda body: condition(body, "Verified")["status"] == "True")
        second = signed(site, vendor, name, Bundle(name=name, related=(layers,), seed=2))
        site.storage.put(f"{name}.tgz.sig", Path(f"{second.path}.sig"))
        site.wait(name, lambda body: "SourceChanged" in json.dumps(body.get("status", {})), 60)
    finally:
        proxy.clear()
    done = site.wait(name, is_ready, 120)["status"]
    assert done["source"]["sha256"] == done["verification"]["sha256"] == second.sha256
    bundle = next(image for image in second.images if image.ref.endswith("-bundle:v1.0.0"))
    assert site.registry.manifest(f"acp/{name}-bundle", "v1.0.0") == bundle.manifests[bundle.digest]
