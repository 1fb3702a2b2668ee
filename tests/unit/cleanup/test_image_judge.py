"""Which manifests go: cases by hand, and random registries in which nothing that stays may lose anything."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.cleanup.images_world import IMAGE, blob, image, index, made, reach, repository
from violet_operator.cleanup.images.judge import judge
from violet_operator.cleanup.images.model import ImagePlan, Manifest, Mentions, Repository
from violet_operator.package.references import Destination
from violet_operator.support.digests import Digest

A, B = image("base", "a"), image("base", "b")


def decide(it: Repository, *candidates: str, mentions: Mentions | None = None) -> ImagePlan:
    places = {Destination(it.name, each) for each in candidates}
    return judge(places, {it.name: it}, mentions or Mentions())


def gone(plan: ImagePlan) -> list[Digest]:
    return [each.manifest.digest for each in plan.deletions]


def reasons(plan: ImagePlan) -> dict[str, str]:
    return {each.image.tag: f"{each.action} {each.reason}" for each in plan.verdicts}


def tag_of(manifest: Manifest, suffix: str = "") -> str:
    return manifest.digest.replace(":", "-") + suffix


def test_an_image_that_nothing_names_goes_with_its_tag() -> None:
    plan = decide(repository("acp/demo", {"v1": A, "v2": B}), "v1")
    assert reasons(plan) == {"v1": "Delete Unreferenced"}
    assert [(each.manifest.digest, each.tags) for each in plan.deletions] == [(A.digest, ("v1",))]


def test_what_is_not_there_is_no_candidate() -> None:
    plan = decide(repository("acp/demo", {"v2": B}), "v1", A.digest)
    assert (plan.verdicts, plan.deletions, plan.bytes) == ((), (), 0)


@pytest.mark.parametrize(
    "mentions",
    [
        Mentions(places={Destination("acp/demo", "v1"): "Pod web/a of region1"}),
        Mentions(places={Destination("acp/demo", A.digest): "Pod web/a of region1"}),
        Mentions(digests={A.digest: "Pod web/a of region1"}),
        Mentions(repositories={"acp/demo": "Pod web/a of region1"}),
    ],
)
def test_an_image_that_is_named_stays(mentions: Mentions) -> None:
    plan = decide(repository("acp/demo", {"v1": A}), "v1", mentions=mentions)
    assert not plan.deletions
    assert reasons(plan) == {"v1": "Keep ImageInUse"}
    assert "Pod web/a of region1 names" in plan.verdicts[0].message


def test_who_names_another_repository_keeps_nothing_here() -> None:
    mentions = Mentions(places={Destination("acp/other", "v1"): "a"}, repositories={"acp/other": "a"})
    assert gone(decide(repository("acp/demo", {"v1": A}), "v1", mentions=mentions)) == [A.digest]


def test_another_tag_on_the_same_manifest_keeps_it() -> None:
    plan = decide(repository("acp/demo", {"v1": A, "stable": A}), "v1")
    assert not plan.deletions
    assert plan.verdicts[0].message == "Tag stable of acp/demo needs it, and stays."
    assert gone(decide(repository("acp/demo", {"v1": A, "stable": A}), "v1", "stable")) == [A.digest]


def test_an_index_goes_before_its_children_and_leaves_those_that_another_one_has() -> None:
    shared, own = image("shared"), image("own")
    old, new = index(shared, own), index(shared, image("new"))
    it = repository("acp/demo", {"v1": old, "v2": new}, shared, own, image("new"))
    plan = decide(it, "v1")
    assert gone(plan) == [old.digest, own.digest]
    assert reasons(plan) == {"v1": "Delete Unreferenced"}


def test_a_child_that_is_named_by_its_digest_stays_alone() -> None:
    top = index(A, B)
    it = repository("acp/demo", {"v1": top}, A, B)
    assert gone(decide(it, "v1", mentions=Mentions(digests={B.digest: "x"}))) == [top.digest, A.digest]


def test_what_is_about_an_image_goes_and_stays_with_it() -> None:
    signature, attestation, listed = image("s"), image("t", subject=A), index(image("t", subject=A))
    tags = {"v1": A, tag_of(A, ".sig"): signature, tag_of(A): listed}
    it = repository("acp/demo", tags, attestation)
    assert set(gone(decide(it, "v1"))) == {A.digest, signature.digest, listed.digest, attestation.digest}
    assert gone(decide(it, "v1", mentions=Mentions(digests={A.digest: "x"}))) == []


def test_who_names_a_signature_keeps_what_it_is_about() -> None:
    attestation = image("t", subject=A)
    it = repository("acp/demo", {"v1": A}, attestation)
    assert gone(decide(it, "v1", mentions=Mentions(digests={attestation.digest: "x"}))) == []


@pytest.mark.parametrize("there", [True, False])
def test_what_a_tag_says_about_an_image_that_does_not_go_stays(there: bool) -> None:
    it = repository("acp/demo", {"v1": A, tag_of(B, ".sig"): A}, *([B] if there else []))
    plan = decide(it, "v1")
    assert not plan.deletions
    assert plan.verdicts[0].message == f"Tag {tag_of(B, '.sig')} of acp/demo needs it, and stays."


def test_what_was_planned_with_an_image_goes_although_that_is_gone_by_now() -> None:
    signature = image("s")
    it = repository("acp/demo", {tag_of(A, ".sig"): signature})
    assert gone(decide(it, tag_of(A, ".sig"), signature.digest)) == [signature.digest]


def test_the_estimate_counts_no_blob_that_something_kept_has() -> None:
    other = repository("acp/other", {"v9": image("base", "z")})
    it = repository("acp/demo", {"v1": A, "v2": image("a2")})
    plan = judge({Destination("acp/demo", "v1")}, {"acp/demo": it, "acp/other": other}, Mentions())
    assert plan.bytes == len(A.raw) + blob("a")["size"] + blob("cbasea")["size"]


def test_blobs_that_the_registry_does_not_store_free_nothing() -> None:
    foreign = blob("foreign") | {"urls": ["https://example.com/layer"]}
    found = made({"config": blob("c"), "layers": [blob("own"), foreign]}, IMAGE)
    assert found.blobs == {blob("c")["digest"]: 100, blob("own")["digest"]: 300}


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Repository, set[str], Mentions]:
    """A repository with shared children, referrers and cosign's tags; candidates; and who names what."""
    manifests = [image(f"l{n % 3}", note=str(n)) for n in range(draw(st.integers(1, 4)))]
    for number in range(draw(st.integers(0, 6))):
        subject = draw(st.one_of(st.none(), st.sampled_from(manifests)))
        if draw(st.booleans()):
            manifests.append(index(*draw(st.lists(st.sampled_from(manifests), max_size=3)), subject=subject))
        else:
            manifests.append(image("x", subject=subject, note=f"n{number}"))
    attached = [tag_of(each, suffix) for each in manifests for suffix in ("", ".sig", ".att")]
    names = st.one_of(st.sampled_from(["v1", "v2", "v3", "latest"]), st.sampled_from(attached))
    tags = draw(st.dictionaries(names, st.sampled_from(manifests), max_size=7))
    it = repository("acp/demo", tags, *manifests)
    references = st.sampled_from([*it.tags, *it.manifests])
    candidates = draw(st.sets(references, max_size=5))
    named = draw(st.sets(references, max_size=2))
    return it, set(candidates), Mentions(places={Destination("acp/demo", each): "x" for each in named})


@given(worlds())
def test_nothing_that_stays_loses_anything(world: tuple[Repository, set[str], Mentions]) -> None:
    it, candidates, mentions = world
    plan = decide(it, *candidates, mentions=mentions)
    deleted = set(gone(plan))
    assert len(deleted) == len(plan.deletions)
    for needed in (*staying(it, candidates, deleted), *named(it, mentions)):
        assert not reach(it, [needed]) & deleted
    for manifest in it.manifests.values():
        assert manifest.digest in deleted or not set(manifest.children) & deleted, "an index that stays is not whole"
    order = gone(plan)
    for number, digest in enumerate(order):
        assert not set(it.manifests[digest].children) & set(order[:number]), "a child before its index"
    for each in plan.deletions:
        assert set(each.tags) == {tag for tag, digest in it.tags.items() if digest == each.manifest.digest}


@given(worlds())
def test_every_candidate_that_is_there_has_a_verdict_that_is_kept(world: tuple[Repository, set[str], Mentions]) -> None:
    it, candidates, mentions = world
    plan = decide(it, *candidates, mentions=mentions)
    assert {each.image.tag for each in plan.verdicts} == {each for each in candidates if tops(it, [each])}
    for each in plan.verdicts:
        assert (each.action == "Delete") == (each.digest in gone(plan))


@given(worlds())
def test_what_may_go_goes(world: tuple[Repository, set[str], Mentions]) -> None:
    it, _, _ = world
    assert set(gone(decide(it, *it.tags, *it.manifests))) == it.manifests.keys()


def tops(it: Repository, references: set[str] | list[str]) -> list[Digest]:
    found = [it.tags.get(each, Digest(each)) for each in references]
    return [each for each in found if each in it.manifests]


def named(it: Repository, mentions: Mentions) -> list[Digest]:
    return tops(it, [place.tag for place in mentions.places])


def staying(it: Repository, candidates: set[str], deleted: set[Digest]) -> Iterator[Digest]:
    """What each tag points at that is no candidate, unless it says something about an image that goes."""
    for tag, digest in it.tags.items():
        subject = f"sha256:{tag.removeprefix('sha256-')[:64]}"
        if tag not in candidates and subject not in deleted:
            yield digest
