"""What may go when an upload is deleted: one thing that speaks for staying is enough, whatever else holds."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from violet_operator.errors import OperatorError, Stalled, Transient, Waiting
from violet_operator.upload.ledger import Ledger, Tag, Version
from violet_operator.upload.withdraw_judge import Claim, Fate, Sight, judge_tag, judge_version, not_deleted, references
from violet_operator.upload.withdraw_words import Outcome, TagOutcome, sentences

US = "ns/web"
TAG = Tag("p", "registry", "mirror", "acp/web", "v1", "sha256:1", pushed=True)
VERSION = Version("p", "global", "registry", "mirror", "bundle", "web", "1", "web.v1", csv="web.1", made=True)
CHART = replace(VERSION, type="chart", object="web.repo", repository="repo")
OTHER = Claim("PackageUpload ns/other", TAG.references, frozenset({VERSION.subject, CHART.subject}))
GONE = Waiting("PlatformNotFound", "gone")
LEFT = Stalled("UnknownCluster", "left")
DOWN = Transient("TargetUnavailable", "down")


def body(kind: str, made: bool = True, by: str = US) -> dict[str, Any]:
    marks = {"violet.alauda.io/made-by": "violet-operator"} if made else {}
    marks |= {"violet.alauda.io/package-upload": by} if by else {}
    return {"kind": kind, "metadata": {"name": "web", "uid": kind, "annotations": marks}}


LIVE, OWNER = body("ArtifactVersion"), body("Artifact", by="")


@pytest.mark.parametrize(
    ("version", "seen", "claims", "stays", "remove"),
    [
        (VERSION, Sight(live=LIVE, owner=OWNER), [], "", [LIVE, OWNER]),
        (VERSION, Sight(live=LIVE, owner=OWNER, others=frozenset("x")), [], "", [LIVE]),
        (VERSION, Sight(live=LIVE, owner=body("Artifact", made=False)), [], "", [LIVE]),
        (VERSION, Sight(owner=OWNER), [], "", [OWNER]),
        (VERSION, Sight(), [], "", []),
        (VERSION, Sight(("Subscription a/b",), LIVE, OWNER), [], "as Subscription a/b needs it", []),
        (VERSION, Sight(("CSV a/b",)), [], "as CSV a/b needs it", []),  # the object is gone, the operator is not
        (VERSION, Sight(live=LIVE, owner=OWNER), [OTHER], "as PackageUpload ns/other needs it", []),
        (VERSION, Sight(live=body("ArtifactVersion", made=False)), [], "which the operator did not make", []),
        (VERSION, Sight(live=body("ArtifactVersion", by="ns/x")), [], "which PackageUpload ns/x keeps", []),
        (replace(VERSION, made=False), Sight(live=LIVE), [], "which this upload does not publish", []),
        (replace(VERSION, made=False), Sight(owner=OWNER), [], "", []),
        (VERSION, GONE, [], "Platform p is gone, so everything stays there.", []),
        (VERSION, LEFT, [], "Cluster global is none of Platform p any more", []),
        (replace(VERSION, object="web.v2", version="2"), Sight(live=LIVE), [OTHER], "", [LIVE]),
        (replace(VERSION, cluster="edge"), Sight(live=LIVE), [OTHER], "", [LIVE]),
        (CHART, Sight(chart=True, obstacle="which has other content by now"), [], "other content", []),
        (replace(CHART, made=False), Sight(chart=True), [], "which was there before", []),
        (replace(CHART, made=False), Sight(obstacle="which none can"), [], "", []),
        (CHART, Sight(("HelmRequest a/b",), chart=True), [], "HelmRequest a/b", []),
        (CHART, Sight(chart=True), [OTHER], "PackageUpload ns/other", []),
        (replace(CHART, version="2"), Sight(chart=True), [OTHER], "", []),
    ],
)
def test_version(
    version: Version, seen: Sight | OperatorError, claims: list[Claim], stays: str, remove: list[dict[str, Any]]
) -> None:
    fate = judge_version(version, seen, US, TAG.references, claims)
    assert (fate.stays == "") is (stays == "")
    assert stays in fate.stays
    assert list(fate.remove) == remove
    assert fate.error is None
    assert fate.chart is (isinstance(seen, Sight) and seen.chart and not stays)


def test_cluster_of_the_same_name_that_pulls_from_elsewhere_is_another() -> None:
    fate = judge_version(VERSION, Sight(live=LIVE), US, frozenset({"elsewhere/acp/web:v1"}), [OTHER])
    assert fate.goes


def test_repository_that_lets_nobody_delete_keeps_its_chart() -> None:
    fate = not_deleted(CHART)
    assert fate.stays == "Kept on global: chart web 1 of repo, which its repository did not delete."
    assert judge_tag(TAG, "registry", [(CHART, fate)], []).stays


def test_what_cannot_be_seen_is_waited_for() -> None:
    assert judge_version(VERSION, DOWN, US, frozenset(), []) == Fate(error=DOWN)


FREE, KEPT, UNKNOWN = Fate(), Fate("Kept."), Fate(error=DOWN)
ELSEWHERE = replace(VERSION, platform="q", registry="other", pull_address="another")
VIP = replace(VERSION, platform="q", registry="10.0.0.1")


@pytest.mark.parametrize(
    ("tag", "registry", "published", "claims", "stays"),
    [
        (TAG, "registry", [], [], ""),
        (TAG, "registry", [(VERSION, FREE)], [], ""),
        (replace(TAG, pushed=False), "registry", [], [], "they were there before"),
        (replace(TAG, tag="sha256:1"), "registry", [], [], "a deletion by digest would take all tags along"),
        (TAG, "registry", [], [OTHER], "PackageUpload ns/other needs them"),
        (replace(TAG, pull_address="vip"), "registry", [], [OTHER], "PackageUpload ns/other needs them"),
        (replace(TAG, registry="vip"), "vip", [], [OTHER], "PackageUpload ns/other needs them"),
        (replace(TAG, tag="v2"), "registry", [], [OTHER], ""),
        (TAG, GONE, [], [], "Platform p is gone"),
        (TAG, "another", [], [], "Platform p names another registry now"),
        (TAG, "registry", [(VERSION, KEPT)], [], "what is kept may need them"),
        (TAG, "registry", [(VIP, KEPT)], [], "what is kept may need them"),
        (TAG, "registry", [(ELSEWHERE, KEPT), (ELSEWHERE, UNKNOWN)], [], ""),
        (TAG, "registry", [(VERSION, UNKNOWN), (VIP, KEPT)], [], "what is kept may need them"),
    ],
)
def test_tag(
    tag: Tag, registry: str | OperatorError, published: list[tuple[Version, Fate]], claims: list[Claim], stays: str
) -> None:
    assert judge_tag(tag, registry, published, claims) == Fate(stays)


@pytest.mark.parametrize("published", [[(VERSION, UNKNOWN)], [(VERSION, FREE), (VIP, UNKNOWN)]])
def test_tag_waits_for_every_cluster_that_pulls_it(published: list[tuple[Version, Fate]]) -> None:
    assert judge_tag(TAG, "registry", published, []) == Fate(error=DOWN)
    assert judge_tag(TAG, DOWN, [], []) == Fate(error=DOWN)


SIGHTS = st.one_of(
    st.sampled_from([GONE, LEFT, DOWN]),
    st.builds(
        Sight,
        users=st.sampled_from([(), ("Subscription a/b",)]),
        live=st.sampled_from([None, LIVE, body("ArtifactVersion", made=False), body("ArtifactVersion", by="ns/x")]),
        owner=st.sampled_from([None, OWNER, body("Artifact", made=False)]),
        others=st.sampled_from([frozenset(), frozenset("x")]),
    ),
)
CLAIMS = st.sampled_from([[], [OTHER], [replace(OTHER, references=frozenset())]])


@given(SIGHTS, CLAIMS, st.booleans())
def test_nothing_is_deleted_that_is_not_ours_and_free(
    seen: Sight | OperatorError, claims: list[Claim], made: bool
) -> None:
    """In other words than the judgement's own: everything that speaks for an object, for each that goes."""
    fate = judge_version(replace(VERSION, made=made), seen, US, TAG.references, claims)
    for removed in fate.remove:
        assert isinstance(seen, Sight)
        assert made
        assert not seen.users
        assert not any(claim.references for claim in claims)
        assert removed["metadata"]["annotations"]["violet.alauda.io/made-by"] == "violet-operator"
        if removed["kind"] == "Artifact":
            assert not seen.others
        else:
            assert removed["metadata"]["annotations"]["violet.alauda.io/package-upload"] == US
    if fate.goes:
        assert isinstance(seen, Sight)
        assert not seen.users
        assert seen.live in (None, LIVE)


@given(
    st.lists(st.tuples(st.sampled_from([VERSION, VIP, ELSEWHERE]), st.sampled_from([FREE, KEPT, UNKNOWN]))),
    CLAIMS,
    st.booleans(),
    st.sampled_from(["registry", "another", GONE, DOWN]),
)
def test_no_tag_goes_that_anything_may_need(
    published: list[tuple[Version, Fate]], claims: list[Claim], pushed: bool, registry: str | OperatorError
) -> None:
    fate = judge_tag(replace(TAG, pushed=pushed), registry, published, claims)
    needed = any(fate is not FREE for version, fate in published if version is not ELSEWHERE)
    claimed = any(claim.references for claim in claims)
    assert fate.goes is (pushed and registry == "registry" and not needed and not claimed)


def test_claim_of_another_upload() -> None:
    images = [{"destination": "old/acp/web:v1"}]
    ledger = Ledger((TAG,), (VERSION, replace(VERSION, cluster="edge", made=False), replace(CHART, made=False)))
    status = {"images": images, "published": ledger.to_api()}
    claim = Claim.of({"metadata": {"namespace": "ns", "name": "x"}, "status": status})
    assert claim.upload == "PackageUpload ns/x"
    assert claim.references == {"old/acp/web:v1", *TAG.references}
    assert claim.subjects == {VERSION.subject, CHART.subject}
    assert Claim.of({"metadata": {"namespace": "ns", "name": "x"}}).references == frozenset()
    mine = references([TAG, replace(TAG, platform="q", tag="v9")], [images[0] | {"platform": "p"}], "p")
    assert mine == {"old/acp/web:v1", *TAG.references}


def test_what_is_said() -> None:
    objects = [Outcome(VERSION, FREE, ["Artifact web"]), Outcome(ELSEWHERE, KEPT), Outcome(CHART, FREE)]
    tags = [TagOutcome(replace(TAG, tag=f"v{number}"), FREE) for number in range(12)]
    tags.append(TagOutcome(replace(TAG, tag="old"), Fate("they were there before")))
    assert sentences(objects, tags, finished=True) == (
        "Deleted on global: Artifact web. Deleted on global: nothing, web.repo was gone. Kept. "
        "Deleted tags in registry: "
        f"{', '.join(f'acp/web:v{number}' for number in range(10))} and 2 more. "
        "Tags stay in registry, as they were there before: acp/web:old."
    )
    assert sentences(objects, tags[12:], finished=False) == "Deleted on global: Artifact web."
    assert sentences([Outcome(VERSION, UNKNOWN)], [], finished=False) == ""
    assert sentences([], [], finished=True) == "Nothing of it was published."
