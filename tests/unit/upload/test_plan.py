"""The push plan: where images go, and that exactly what is missing is sent, in an order a registry takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.upload.images import digest, image
from violet_operator.errors import Stalled
from violet_operator.package.model import Image
from violet_operator.package.references import Destination, destination
from violet_operator.upload.plan import Inventory, plan_hash, plan_push, wanted_blobs


@pytest.mark.parametrize(
    ("reference", "prefix", "repository", "tag"),
    [
        ("registry.example.com/acp/thing:v1", "", "acp/thing", "v1"),
        ("registry.example.com/acp/thing:v1", "mirror", "mirror/acp/thing", "v1"),
        ("registry.example.com/acp/thing:v1", "a/b", "a/b/acp/thing", "v1"),
        ("registry.example.com:5000/acp/thing:v1", "", "acp/thing", "v1"),
        ("10.0.0.1:5000/thing:v1", "", "thing", "v1"),
        ("localhost/thing:v1", "", "thing", "v1"),
        ("localhost:5000/acp/thing:v1", "", "acp/thing", "v1"),
        ("acp/thing:v1", "", "acp/thing", "v1"),
        ("thing:v1", "", "thing", "v1"),
        ("localhost:v1", "", "localhost", "v1"),
        ("library/localhost/thing:v1", "", "library/localhost/thing", "v1"),
        ("host.io/thing:V1.0_rc-2", "", "thing", "V1.0_rc-2"),
        ("host.io/acp/a.b/c_d/e__f/g-h:v1", "", "acp/a.b/c_d/e__f/g-h", "v1"),
        (f"host.io/thing:v1@{digest('x')}", "", "thing", "v1"),
        (f"host.io/thing@{digest('x')}", "pre", "pre/thing", digest("x")),
    ],
)
def test_destination(reference: str, prefix: str, repository: str, tag: str) -> None:
    assert destination(reference, prefix) == Destination(repository, tag)


@pytest.mark.parametrize(
    "reference",
    [
        "",
        ":v1",
        "thing",
        "thing:",
        "host.io/thing",
        "host.io:5000/thing",
        "host.io/",
        "host.io/:v1",
        "host.io/thing@sha256:abc",
        f"host.io/thing@{digest('x')}/../x",
        "host.io/../other:v1",
        "host.io/a/../../other:v1",
        "host.io/./a:v1",
        "host.io/a//b:v1",
        "host.io/a/b/:v1",
        "host.io//a:v1",
        "host.io/a b:v1",
        "host.io/A/b:v1",
        "host.io/a?x=1:v1",
        "host.io/a#b:v1",
        "host.io/a%2fb:v1",
        "host.io/a:v1/../../b",
        "host.io/a:..",
        "host.io/a:v 1",
        "host.io/a:v1?x",
        f"host.io/a:{'v' * 129}",
        "https://host.io/a:v1",
        "host.io/a:v1\n",
    ],
)
def test_what_is_no_reference_to_push_under(reference: str) -> None:
    with pytest.raises(Stalled) as caught:
        destination(reference, "prefix")
    assert caught.value.reason == "InvalidPackage"
    assert repr(reference) in caught.value.message


def packages() -> st.SearchStrategy[tuple[Image, ...]]:
    """Packages of images that share blobs and repositories."""
    one = st.tuples(
        st.sampled_from(["a", "b", "c/d"]),
        st.integers(0, 2),
        st.lists(st.integers(0, 7), max_size=5),
        st.integers(0, 2),
    )
    return st.lists(one, min_size=1, max_size=6, unique_by=lambda item: item[:2]).map(
        lambda items: tuple(image(f"h.io/{name}:v{tag}", tuple(blobs), n) for name, tag, blobs, n in items)
    )


def inventories(images: tuple[Image, ...], draw: st.DrawFn) -> Inventory:
    """What a registry may have: any tags, right and wrong, and any of the blobs asked for."""
    tags = {
        destination(each.reference, "p"): draw(st.sampled_from([None, each.digest, digest("foreign")]))
        for each in images
    }
    asked = sorted((repository, item.digest) for repository, item in wanted_blobs(images, "p", tags))
    return Inventory(tags, frozenset(draw(st.sets(st.sampled_from(asked))) if asked else ()))


@st.composite
def situations(draw: st.DrawFn) -> tuple[tuple[Image, ...], Inventory]:
    images = draw(packages())
    return images, inventories(images, draw)


Situation = tuple[tuple[Image, ...], Inventory]


@given(situations())
def test_every_wanted_blob_arrives_exactly_once(situation: Situation) -> None:
    images, inventory = situation
    plan = plan_push(images, "p", inventory)
    uploaded = [(push.repository, push.blob.digest) for push in plan.uploads]
    mounted = [(push.repository, push.blob.digest) for push in plan.mounts]
    wanted = {(repository, item.digest) for repository, item in wanted_blobs(images, "p", inventory.tags)}
    assert sorted([*uploaded, *mounted]) == sorted(wanted - inventory.blobs)
    assert plan.present == len(wanted & inventory.blobs)
    bytes_sent = [push.blob.digest for push in plan.uploads]
    assert len(bytes_sent) == len(set(bytes_sent))  # no byte crosses the wire twice
    assert not set(bytes_sent) & {found for _, found in inventory.blobs}
    assert plan.bytes == sum(push.blob.size for push in plan.uploads)


@given(situations())
def test_mounts_come_from_where_the_blob_is(situation: Situation) -> None:
    images, inventory = situation
    plan = plan_push(images, "p", inventory)
    there = inventory.blobs | {(push.repository, push.blob.digest) for push in plan.uploads}
    assert all(push.mount_from is None for push in plan.uploads)
    for push in plan.mounts:
        assert (push.mount_from, push.blob.digest) in there
        assert push.mount_from != push.repository


@given(situations())
def test_a_registry_takes_the_plan_in_its_order(situation: Situation) -> None:
    images, inventory = situation
    plan = plan_push(images, "p", inventory)
    due = {
        destination(each.reference, "p"): each
        for each in images
        if inventory.tags[destination(each.reference, "p")] != each.digest
    }
    assert {to: top.digest for to, top in plan.tags} == {to: each.digest for to, each in due.items()}
    assert len(plan.tags) == len(due)
    order = [(repository, manifest.digest) for repository, manifest in plan.manifests]
    assert len(order) == len(set(order))
    for to, each in due.items():
        places = [order.index((to.repository, manifest.digest)) for manifest in each.manifests]
        assert places == sorted(places)  # children before their index
    if (main := destination(images[0].reference, "p")) in due:
        assert plan.tags[-1][0] == main
    assert plan.empty == (not due)
    assert set(plan.overwrites) == {to for to in due if inventory.tags[to] is not None}


@given(situations())
def test_uploads_follow_the_package(situation: Situation) -> None:
    images, inventory = situation
    offsets = [push.blob.member.offset for push in plan_push(images, "p", inventory).uploads]
    assert offsets == sorted(offsets)


@given(packages())
def test_nothing_is_done_where_all_tags_match(images: tuple[Image, ...]) -> None:
    tags = {destination(each.reference, ""): each.digest for each in images}
    plan = plan_push(images, "", Inventory(dict(tags)))
    assert plan.empty
    assert (plan.uploads, plan.mounts, plan.manifests, plan.bytes, plan.present) == ((), (), (), 0, 0)
    assert wanted_blobs(images, "", dict(tags)) == set()


def test_two_images_that_want_the_same_tag_are_refused() -> None:
    images = (image("one.io/a:v1", (1,)), image("two.io/a:v1", (2,)))
    with pytest.raises(Stalled) as caught:
        plan_push(images, "", Inventory({}))
    assert caught.value.reason == "InvalidPackage"
    assert "a:v1" in caught.value.message


def test_the_same_image_under_two_registries_is_one() -> None:
    one = image("one.io/a:v1", (1,))
    two = Image("two.io/a:v1", one.digest, one.manifests, one.blobs, (), {})
    plan = plan_push((one, two), "", Inventory({}))
    assert len(plan.tags) == 1
    assert len(plan.uploads) == 1


def test_the_hash_is_what_is_written_not_what_is_there() -> None:
    images = (image("h.io/a:v1", (1, 2)), image("h.io/b:v1", (2,)))
    empty = plan_push(images, "", Inventory({}))
    half = plan_push(images, "", Inventory({}, frozenset({("a", images[0].blobs[0].digest)})))
    other = plan_push((image("h.io/a:v1", (3,)), images[1]), "", Inventory({}))
    assert plan_hash({"p": empty}, []) == plan_hash({"p": half}, [])
    different = [plan_hash({"p": plan_push(images, "p", Inventory({}))}, []), plan_hash({"p": other}, [])]
    different += [plan_hash({"q": empty}, []), plan_hash({"p": empty}, [{"kind": "Artifact"}])]
    assert len({plan_hash({"p": empty}, []), *different}) == 5
