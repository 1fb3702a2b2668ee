"""Images that go, on a real registry: what stays is whole after its garbage collection, and what went can come back."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from tests.cluster import Registry
from tests.cluster.olareg import Olareg
from tests.cluster.pki import Authority
from tests.cluster.toolchain import ensure
from tests.faults import FaultProxy
from tests.integration.demo_images import Place, attach, push_both, push_chart, two_versions
from tests.integration.registry_client import connect
from tests.packages.oci import tar_gz
from violet_operator.cleanup.images.deletion import ImageStep, restore
from violet_operator.cleanup.images.inventory import take_inventory
from violet_operator.cleanup.images.judge import judge
from violet_operator.cleanup.images.mentions import Watch
from violet_operator.cleanup.images.model import ImagePlan, Mentions
from violet_operator.cleanup.images.offers import Offer
from violet_operator.cleanup.images.plan import read_all
from violet_operator.cleanup.images.whereabouts import Where
from violet_operator.errors import Cancelled, Waiting
from violet_operator.package.references import Destination
from violet_operator.support.cancel import CancelToken

pytestmark = [pytest.mark.integration, pytest.mark.tools("distribution", "olareg")]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with two_versions(tmp_path) as found:
        yield found


def mentions(place: Place, *offers: Offer) -> Mentions:
    """What these offers name of the images of this place."""
    watch = Watch(f"{place.prefix}/acp/{name}" for name in ("demo-bundle", "manager", "proxy"))
    where = Where(place.client, frozenset({place.client.address}), place.prefix, {}, cast("Any", None), ())
    read_all(where, offers, watch)
    return watch.found


def offer(*places: Destination, registry: str = "") -> Offer:
    return Offer("ArtifactVersion demo of region1", "u", registry, places)


def test_what_stays_needs_what_its_bundle_names(place: Place) -> None:
    found = mentions(place, offer(place.to("demo-bundle", "v1"), registry="another-name.example.com"))
    assert set(found.places) == {place.to("demo-bundle", "v1"), place.to("manager", "v1"), place.to("proxy", "v1")}
    plan = place.plan("v1", "v2", mentions=found)
    assert {each.image.tag for each in plan.verdicts if each.action == "Delete"} == {"v2"}


def test_a_chart_needs_whatever_it_names_and_so_do_the_charts_in_it(place: Place) -> None:
    inner, _ = tar_gz({"proxy/values.yaml": b"image: {repository: acp/proxy, tag: v1}"})
    chart = place.to("chart-web", "v1.0.0")
    push_chart(place, chart, {"web/values.yaml": b"image: x.example.com/acp/manager:v1", "web/charts/proxy.tgz": inner})
    found = mentions(place, offer(Destination("acp/chart-web", "v1.0.0"), chart))
    assert set(found.places) == {place.to("manager", "v1")}
    assert set(found.repositories) == {f"{place.prefix}/acp/proxy"}
    plan = place.plan("v1", mentions=found)
    assert {each.image for each in plan.verdicts if each.action == "Delete"} == {place.to("demo-bundle", "v1")}


def test_what_stays_and_cannot_be_read_is_an_error(place: Place) -> None:
    with pytest.raises(Waiting, match=r"demo of region1 refers to .*demo-bundle:v9 \(far.example.com\)"):
        mentions(place, offer(place.to("demo-bundle", "v9"), registry="far.example.com"))
    broken = place.to("chart-web", "v2.0.0")
    push_chart(place, broken, {"web/charts/broken.tgz": b"no archive"})
    with pytest.raises(Waiting, match=r"chart-web:v2\.0\.0 cannot be read"):
        mentions(place, offer(broken))


def outcomes(steps: list[ImageStep]) -> set[str]:
    return {each.outcome for each in steps}


def test_a_version_goes_and_what_stays_can_be_pulled_after_garbage_collection(place: Place) -> None:
    manager = place.to("manager", "v1")
    digest = place.client.manifest_digest(manager.repository, "v1")
    assert digest
    attach(place, manager, digest.replace(":", "-") + ".sig")
    before = place.registry.stored()
    plan = place.plan("v1")
    assert {
        str(each.image).removeprefix(f"{place.prefix}/acp/") for each in plan.verdicts if each.action == "Delete"
    } == {
        "demo-bundle:v1",
        "manager:v1",
        "proxy:v1",
    }
    assert len(plan.deletions) == 1 + 3 + 3 + 1  # bundle, two indexes with two children each, a signature
    assert outcomes(place.delete(plan)) == {"Deleted"}
    assert place.registry.stored() == before, "blobs are the registry's affair"
    for name in ("demo-bundle", "manager", "proxy"):
        assert place.registry.tags(f"{place.prefix}/acp/{name}") == ["v2"]

    place.registry.collect_garbage()
    after = place.registry.stored()
    assert sum(before.values()) - sum(after.values()) == plan.bytes > 0
    for name in ("demo-bundle", "manager", "proxy"):
        assert place.is_whole(place.to(name, "v2"))
        assert not place.is_whole(place.to(name, "v1"))


def test_what_went_comes_back_until_its_blobs_are_collected(place: Place) -> None:
    plan = place.plan("v1")
    wanted = {to: place.client.get_manifest(to.repository, to.tag) for to in place.candidates("v1")}
    place.delete(plan)
    assert outcomes(place.restore(plan)) == {"Restored"}
    assert outcomes(place.restore(plan)) == {"Restored"}, "a second time changes nothing"
    for to, raw in wanted.items():
        assert place.client.get_manifest(to.repository, to.tag) == raw
        assert place.is_whole(to)

    place.delete(place.plan("v1"))
    place.registry.collect_garbage()
    steps = place.restore(plan)
    assert outcomes(steps) == {"Failed"}
    images = [each for each in steps if not each.deletion.manifest.children]
    assert all("collected" in each.message and "upload the package again" in each.message for each in images)
    assert place.is_whole(place.to("manager", "v2"))


def test_a_registry_that_lists_referrers_and_collects_by_itself(tmp_path: Path) -> None:
    """A second opinion on what deleting a manifest does, and on the order of deletions."""
    with Olareg(tmp_path / "olareg") as registry:
        place = Place(cast("Any", registry), connect(registry.address), "p")
        push_both(place, tmp_path)
        plan = place.plan("v1")
        assert len(plan.deletions) == 1 + 3 + 3
        assert outcomes(place.delete(plan)) == {"Deleted"}
        for name in ("demo-bundle", "manager", "proxy"):
            assert place.client.tags(f"p/acp/{name}") == ["v2"]
            assert place.is_whole(place.to(name, "v2"))
        assert outcomes(place.restore(plan)) == {"Restored"}
        assert all(place.is_whole(place.to(name, "v1")) for name in ("demo-bundle", "manager", "proxy"))


def test_a_tag_that_has_another_image_now_is_not_taken_back(place: Place) -> None:
    plan = place.plan("v1")
    place.delete(plan)
    to, other = place.to("proxy", "v1"), place.client.find(place.to("proxy", "v2").repository, "v2")
    assert other
    place.client.put_manifest(to.repository, to.tag, other.raw, other.media_type)
    left = [each.message for each in place.restore(plan) if "Left as they are" in each.message]
    assert left == ["It is there. Left as they are, with another image: v1."]
    assert place.client.get_manifest(to.repository, to.tag) == other.raw


def test_work_that_is_called_off_deletes_and_restores_no_more(place: Place) -> None:
    plan, cancel = place.plan("v1"), CancelToken()
    with pytest.raises(Cancelled):  # after the first
        place.delete(plan, deleted=cancel.cancel, cancel=cancel)
    found = [place.client.find(each.repository, each.manifest.digest) for each in plan.deletions]
    assert found.count(None) == 1
    with pytest.raises(Cancelled):
        restore(plan.deletions, place.client, cancel)
    assert [place.client.find(each.repository, each.manifest.digest) for each in plan.deletions] == found


def test_nothing_goes_of_what_is_not_known(place: Place) -> None:
    plan = place.plan("v1")
    steps = place.delete(plan, now=ImagePlan(unknown="region1 does not answer"))
    assert outcomes(steps) == {"Failed"}
    assert all("region1 does not answer" in each.message and each.again for each in steps)
    assert place.is_whole(place.to("manager", "v1"))


def test_a_registry_that_deletes_nothing_is_told_of_once(place: Place, tmp_path: Path) -> None:
    plan = place.plan("v1")
    authority = Authority(tmp_path / "ca", "registry")
    registry = Registry(tmp_path / "registry", ensure("distribution"), authority, deletes=False)
    registry.start()
    try:
        with FaultProxy(registry.address) as proxy:
            client = connect(proxy.address)
            steps = place.delete(replace(plan, tags={name: {} for name in plan.tags}), client)
            assert [each.method for each in proxy.requests].count("DELETE") == 1
    finally:
        registry.stop()
    assert outcomes(steps) == {"Failed"}
    assert not any(each.again for each in steps)
    assert "storage.delete.enabled" in steps[0].message


@pytest.mark.parametrize(
    ("status", "said", "again"),
    [
        (401, "Grant the user", False),
        (403, "Grant the user", False),
        (405, "storage.delete.enabled", False),
        (429, "429", True),
        (503, "503", True),
    ],
)
def test_a_registry_that_refuses_is_not_asked_again(place: Place, status: int, said: str, again: bool) -> None:
    plan = place.plan("v1")
    with FaultProxy(place.registry.address) as proxy:
        proxy.answer(status, times=None, headers={"Retry-After": "60"}, when=lambda request: request.method == "DELETE")
        steps = place.delete(plan, connect(proxy.address))
        assert [each.method for each in proxy.requests].count("DELETE") == 1
    assert outcomes(steps) == {"Failed"}
    assert all(said in each.message and each.again is again for each in steps)
    assert place.is_whole(place.to("manager", "v1"))


def test_what_is_gone_is_deleted(place: Place) -> None:
    """An operator that was killed in the middle does it again."""
    plan = place.plan("v1")
    for each in plan.deletions[:3]:
        assert place.client.delete_manifest(each.repository, each.manifest.digest)
        assert not place.client.delete_manifest(each.repository, each.manifest.digest)
    found = {Destination(each.repository, each.manifest.digest) for each in plan.deletions}
    found |= {Destination(each.repository, tag) for each in plan.deletions for tag in each.tags}
    now = judge(found, take_inventory(place.client, found), Mentions())
    assert len(now.deletions) == len(plan.deletions) - 3
    assert outcomes(place.delete(plan, now=now)) == {"Deleted"}
    assert place.registry.tags(f"{place.prefix}/acp/manager") == ["v2"]
