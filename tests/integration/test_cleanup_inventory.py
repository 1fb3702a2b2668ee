"""What is read of a registry before images go: all of it, or an error."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults import FaultProxy
from tests.integration.demo_images import Place, two_versions
from tests.integration.registry_client import connect
from violet_operator.cleanup.images.contents import files_of
from violet_operator.cleanup.images.inventory import take_inventory
from violet_operator.cleanup.images.model import manifest_of
from violet_operator.errors import OperatorError, Waiting
from violet_operator.support.digests import Digest, sha256_digest

pytestmark = [pytest.mark.integration, pytest.mark.tools("distribution", "olareg")]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with two_versions(tmp_path) as found:
        yield found


def test_a_tag_that_cannot_be_read_makes_everything_unknown(place: Place) -> None:
    with FaultProxy(place.registry.address) as proxy:
        client = connect(proxy.address)
        proxy.answer(404, times=None, when=lambda request: request.path.endswith("/manifests/v2"))
        with pytest.raises(Waiting, match=r"demo-bundle:v2 is listed and cannot be read"):
            take_inventory(client, place.candidates("v1"))
        proxy.clear()
        proxy.answer(500, times=None, when=lambda request: "tags/list" in request.path)
        with pytest.raises(OperatorError, match="a list of the tags"):
            take_inventory(client, place.candidates("v1"))


def test_tags_are_read_to_the_last_page(place: Place) -> None:
    with FaultProxy(place.registry.address) as proxy:
        pages: list[dict[str, Any]] = [{"tags": ["a", "b"]}, {"tags": ["c"]}]
        link = 'https://elsewhere.example.com/v2/x/tags/list?n=2&last=b>; rel="next"'
        proxy.answer(200, headers={"Link": f"<{link}"}, body=json.dumps(pages[0]).encode())
        proxy.answer(200, body=json.dumps(pages[1]).encode())
        assert connect(proxy.address).tags("x") == ["a", "b", "c"]
    assert place.client.tags("nothing/here") == []


def test_a_manifest_with_another_digest_makes_everything_unknown(place: Place) -> None:
    """As from a damaged store, or a proxy that answers with something else."""
    to = place.to("manager", "v1")
    top = place.client.find(to.repository, "v1")
    assert top
    child = manifest_of(top, "v1").children[0]
    other = place.client.find(to.repository, "v2")
    assert other
    with FaultProxy(place.registry.address) as proxy:
        wrong = {"Content-Type": other.media_type}
        asked = f"/manifests/{child}"
        proxy.answer(200, times=None, headers=wrong, body=other.raw, when=lambda request: request.path.endswith(asked))
        with pytest.raises(Waiting, match=f"manager@{child} has another digest: the registry is damaged"):
            take_inventory(connect(proxy.address), place.candidates("v1"))


def test_a_damaged_blob_is_no_content(place: Place) -> None:
    to = place.to("demo-bundle", "v1")
    wrong = Digest(sha256_digest(b"other"))
    with FaultProxy(place.registry.address) as proxy:
        proxy.answer(200, body=b"another", when=lambda request: "/blobs/" in request.path)
        with pytest.raises(Waiting, match="other bytes"):
            files_of(connect(proxy.address), to)
    with pytest.raises(OperatorError):
        place.client.small_blob(to.repository, wrong, 5)
