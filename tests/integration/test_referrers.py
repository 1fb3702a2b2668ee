"""What is about an image is found from the image, on registries with the referrers API and on those without."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.cluster import Kit
from tests.cluster.olareg import Olareg
from tests.faults import FaultProxy
from tests.integration.registry_client import connect
from tests.unit.package.inputs import APP, about, bundle_layout, files_of, manifest
from tests.unit.package.source import Layout, gz, tar_of
from violet_operator.clients.referrers import is_listed, push_manifest, tag_to_write
from violet_operator.clients.registry import Registry as Client
from violet_operator.errors import OperatorError, Stalled, Transient
from violet_operator.package.archive import Archive
from violet_operator.package.model import Package
from violet_operator.package.references import Destination
from violet_operator.package.source import FileSource
from violet_operator.package.understand import understand
from violet_operator.support.cancel import CancelToken
from violet_operator.support.digests import sha256_digest
from violet_operator.support.meter import Meter
from violet_operator.upload.plan import Inventory, plan_push
from violet_operator.upload.push import Pusher
from violet_operator.upload.survey import tag_digest

pytestmark = [pytest.mark.integration, pytest.mark.tools("distribution", "olareg")]

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
EMPTY = "application/vnd.oci.empty.v1+json"


@pytest.fixture(scope="module")
def plain() -> Iterator[str]:
    """The address of a distribution registry, which has no referrers API."""
    with Kit(clusters=(), storage=None) as kit:
        yield kit.registry().address


@pytest.fixture(scope="module")
def listing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a registry with the referrers API."""
    with Olareg(tmp_path_factory.mktemp("olareg")) as registry:
        yield registry.address


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the same registry with that API switched off."""
    with Olareg(tmp_path_factory.mktemp("olareg-without"), referrers=False) as registry:
        yield registry.address


@pytest.fixture
def prefix() -> str:
    """A repository prefix of its own for each test."""
    return f"p{secrets.token_hex(4)}"


def get(address: str, path: str) -> requests.Response:
    return requests.get(
        f"http://{address}/v2/{path}", headers={"Accept": f"{INDEX}, {MANIFEST}, {DOCKER_LIST}"}, timeout=30
    )


def tags(address: str, repository: str) -> list[str]:
    response = get(address, f"{repository}/tags/list")
    return sorted(response.json()["tags"] or []) if response.ok else []


def signed() -> tuple[Layout, dict[str, Any], list[dict[str, Any]]]:
    """A package's layout whose application has a signature, which has one itself; the subject, and both."""
    layout = bundle_layout()
    app = layout.named[1]
    signature = about(layout, app)
    chained = about(layout, signature, b"about the signature")
    layout.named += [signature, chained]
    return layout, app, [signature, chained]


def opened(layout: Layout, directory: Path) -> tuple[Archive, Package]:
    path = directory / "demo.tgz"
    path.write_bytes(gz(tar_of(files_of(layout, "demo/images/") | {"demo/manifest.yaml": manifest()})))
    archive = Archive.scan(FileSource(path))
    return archive, understand(archive)


def push(client: Client, archive: Archive, package: Package, prefix: str) -> None:
    Pusher(client, archive, 3, CancelToken(), Meter()).run(plan_push(package.images, prefix, Inventory({})))


def test_a_registry_that_lists_referrers_gets_no_tag_for_them(listing: str, prefix: str, tmp_path: Path) -> None:
    layout, app, (signature, chained) = signed()
    client, repository = connect(listing), f"{prefix}/acp/demo"
    push(client, *opened(layout, tmp_path), prefix)
    for subject, wanted in ((app, signature), (signature, chained)):
        found = get(listing, f"{repository}/referrers/{subject['digest']}").json()["manifests"]
        assert [(item["digest"], item["artifactType"]) for item in found] == [(wanted["digest"], "application/x.sig")]
        assert client.referrers(repository, subject["digest"]) == {wanted["digest"]}
    assert tags(listing, repository) == ["v1.2.3"]


@pytest.mark.parametrize("kind", ["plain", "without"])
def test_on_others_a_tag_lists_them(kind: str, prefix: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    address = request.getfixturevalue(kind)
    layout, app, (signature, chained) = signed()
    client, repository = connect(address), f"{prefix}/acp/demo"
    push(client, *opened(layout, tmp_path), prefix)
    assert client.referrers(repository, app["digest"]) is None
    for subject, wanted in ((app, signature), (signature, chained)):
        response = get(address, f"{repository}/manifests/{subject['digest'].replace(':', '-')}")
        assert response.headers["Content-Type"] == INDEX
        entry = {key: wanted[key] for key in ("mediaType", "digest", "size")} | {"artifactType": "application/x.sig"}
        assert response.json() == {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
    first = get(address, f"{repository}/manifests/{app['digest'].replace(':', '-')}").content
    push(client, *opened(layout, tmp_path), prefix)
    assert get(address, f"{repository}/manifests/{app['digest'].replace(':', '-')}").content == first


def referrer(client: Client, repository: str, subject: str, content: bytes = b"{}", **more: Any) -> bytes:
    """A small artifact about a subject, whose config is in the repository."""
    client.upload(repository, sha256_digest(content), len(content), lambda _: iter([content]), cancel=CancelToken())
    config = {"mediaType": EMPTY, "digest": sha256_digest(content), "size": len(content)}
    about = {"mediaType": MANIFEST, "digest": subject, "size": 5}
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [], "subject": about}
    return json.dumps(document | more).encode()


def test_entries_of_others_stay(plain: str, prefix: str) -> None:
    client, subject = connect(plain), sha256_digest(prefix.encode())
    tag = subject.replace(":", "-")
    foreign = referrer(client, prefix, subject, note="another client's")
    client.put_manifest(prefix, sha256_digest(foreign), foreign, MANIFEST)
    entry = {"mediaType": MANIFEST, "digest": sha256_digest(foreign), "size": len(foreign), "annotations": {"a": "b"}}
    theirs = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry], "annotations": {"kept": "yes"}}
    client.put_manifest(prefix, tag, json.dumps(theirs).encode(), INDEX)

    ours = referrer(client, prefix, subject, annotations={"created": "today"})
    assert tag_to_write(client, prefix, ours) == tag
    push_manifest(client, prefix, ours, MANIFEST)
    now = get(plain, f"{prefix}/manifests/{tag}").json()
    own = {"mediaType": MANIFEST, "digest": sha256_digest(ours), "size": len(ours)}
    own |= {"artifactType": EMPTY, "annotations": {"created": "today"}}  # no type of its own: that of its config
    assert now == theirs | {"manifests": [entry, own]}


def test_a_list_that_lost_an_entry_is_noticed_and_mended(plain: str, prefix: str, tmp_path: Path) -> None:
    layout, app, (signature, _) = signed()
    archive, package = opened(layout, tmp_path)
    client, repository = connect(plain), f"{prefix}/acp/demo"
    push(client, archive, package, prefix)
    to, tag = Destination(repository, signature["digest"]), app["digest"].replace(":", "-")
    assert tag_digest(client, to) == signature["digest"]
    listed = sha256_digest(get(plain, f"{repository}/manifests/{tag}").content)
    requests.delete(f"http://{plain}/v2/{repository}/manifests/{listed}", timeout=30).raise_for_status()
    assert get(plain, f"{repository}/manifests/{signature['digest']}").ok
    assert tag_digest(client, to) is None
    push(client, archive, package, prefix)
    assert tag_digest(client, to) == signature["digest"]


@pytest.mark.parametrize("kind", ["image", "other index"])
def test_a_tag_that_holds_something_else_is_not_replaced(kind: str, plain: str, prefix: str) -> None:
    client, subject = connect(plain), sha256_digest(prefix.encode())
    tag = subject.replace(":", "-")
    raw = referrer(client, prefix, sha256_digest(b"another"))
    if kind == "other index":
        raw, media_type = (
            json.dumps({"schemaVersion": 2, "mediaType": DOCKER_LIST, "manifests": []}).encode(),
            DOCKER_LIST,
        )
    else:
        media_type = MANIFEST
    client.put_manifest(prefix, tag, raw, media_type)
    ours = referrer(client, prefix, subject)
    for call in (lambda: push_manifest(client, prefix, ours, MANIFEST), lambda: is_listed(client, prefix, ours)):
        with pytest.raises(Stalled, match="which is no image index") as caught:
            call()
        assert caught.value.reason == "TagExists"
        assert f"{prefix}:{tag}" in caught.value.message
    assert get(plain, f"{prefix}/manifests/{tag}").content == raw


def test_a_list_that_does_not_stay_is_not_taken_for_written(plain: str, prefix: str) -> None:
    with FaultProxy(plain) as proxy:
        client, subject = connect(proxy.address), sha256_digest(prefix.encode())
        ours = referrer(client, prefix, subject)
        proxy.answer(201, times=None, when=lambda request: request.method == "PUT" and "/sha256-" in request.path)
        with pytest.raises(Transient, match="another client may be writing it"):
            push_manifest(client, prefix, ours, MANIFEST)


@pytest.mark.parametrize(
    ("status", "body", "known"),
    [
        (404, b"", True),
        (403, b"", True),
        (405, b"", True),
        (200, b"<html>", True),
        (200, b"[]", True),
        (503, b"", False),
    ],
)
def test_answers_of_registries_without_the_api(status: int, body: bytes, known: bool, plain: str, prefix: str) -> None:
    with FaultProxy(plain) as proxy:
        client = connect(proxy.address)
        proxy.answer(status, times=None, body=body)
        if known:
            assert client.referrers(prefix, sha256_digest(b"")) is None
        else:
            with pytest.raises(OperatorError):
                client.referrers(prefix, sha256_digest(b""))


def test_a_list_of_nothing_may_be_null(plain: str, prefix: str) -> None:
    with FaultProxy(plain) as proxy:
        proxy.answer(200, body=b'{"manifests": null}')
        assert connect(proxy.address).referrers(prefix, sha256_digest(b"")) == set()


def test_pages_of_a_list_are_all_read_and_none_of_another_host(plain: str, prefix: str) -> None:
    with FaultProxy(plain) as proxy:
        client = connect(proxy.address)
        for name, link in (("a", "/v2/x/referrers/y?page=2"), ("b", "http://other.example.com/v2/x/referrers/y")):
            page = json.dumps({"manifests": [{"digest": name}]}).encode()
            proxy.answer(200, headers={"Link": f'<{link}>; rel="next"'}, body=page)
        assert client.referrers(prefix, sha256_digest(b"")) == {"a", "b"}


def test_a_packed_list_is_taken_apart(plain: str, listing: str, prefix: str, tmp_path: Path) -> None:
    """Else it would replace the entries of others, and be a tag that a registry with the API needs not have."""
    layout, app, (signature, _) = signed()
    layout.named = layout.named[:2]
    layout.name(layout.index(signature), f"{APP.rpartition(':')[0]}:{app['digest'].replace(':', '-')}")
    archive, package = opened(layout, tmp_path)
    assert [image.reference for image in package.images[2:]] == [f"{APP.rpartition(':')[0]}@{signature['digest']}"]
    for address, wanted in ((plain, [app["digest"].replace(":", "-"), "v1.2.3"]), (listing, ["v1.2.3"])):
        push(connect(address), archive, package, prefix)
        assert tags(address, f"{prefix}/acp/demo") == wanted
