"""Images in a run's status, in its plan's identity, and in its backup."""

import pytest

from tests.unit.cleanup.images_world import image, index, repository
from violet_operator.api.cleanup_run import MOST_IMAGES, Images
from violet_operator.cleanup.images import report, saved
from violet_operator.cleanup.images.deletion import ImageStep
from violet_operator.cleanup.images.judge import judge
from violet_operator.cleanup.images.model import ImagePlan, Mentions
from violet_operator.cleanup.plan import plan_hash
from violet_operator.errors import Stalled
from violet_operator.package.references import Destination

A, B = image("a"), image("b")
TOP = index(A, B)


def plan(*kept: str) -> ImagePlan:
    it = repository("acp/demo", {"v1": TOP, "v2": image("c")}, A, B)
    mentions = Mentions(places={Destination("acp/demo", tag): "Pod web/a of region1" for tag in kept})
    return judge({Destination("acp/demo", "v1"), Destination("acp/demo", "v2")}, {"acp/demo": it}, mentions)


def test_a_status_tells_what_goes_and_why_the_rest_stays() -> None:
    told = report.planned(plan("v2"))
    Images.model_validate(told)
    assert (told["complete"], told["manifests"]) == (True, 3)
    assert [(each["image"], each["action"], each.get("outcome")) for each in told["items"]] == [
        ("acp/demo:v1", "Delete", "Planned"),
        ("acp/demo:v2", "Keep", None),
    ]
    assert told["items"][1]["message"] == "Pod web/a of region1 names it."


def test_what_is_not_known_is_told_in_place_of_a_plan() -> None:
    found = ImagePlan(unknown="region1 does not answer")
    told = report.planned(found)
    Images.model_validate(told)
    assert (told["complete"], told["message"], told["items"]) == (False, "region1 does not answer", [])
    assert report.said(found) == " Nothing of images is deleted: region1 does not answer"
    assert report.became(told, []) == report.said(found)


def test_what_became_of_each_image_is_told_by_its_own_manifest() -> None:
    found = plan("v2")
    lost = next(each for each in found.deletions if each.manifest == A)
    steps = [ImageStep(each, "Failed" if each is lost else "Deleted", "because") for each in found.deletions]
    told = report.acted(report.planned(found), steps)
    Images.model_validate(told)
    assert told["outcomes"] == {"deleted": 2, "failed": 1}
    assert told["items"][0]["outcome"] == "Deleted"
    assert report.became(told, steps) == " Of images 2 of 3 manifests deleted, 1 failed: because"


def test_more_images_than_a_status_holds() -> None:
    tags = {f"v{number}": image("a", note=str(number)) for number in range(MOST_IMAGES + 7)}
    it = repository("acp/demo", tags)
    told = report.planned(judge({Destination("acp/demo", tag) for tag in tags}, {"acp/demo": it}, Mentions()))
    Images.model_validate(told)
    assert (len(told["items"]), told["itemsLeftOut"], told["manifests"]) == (MOST_IMAGES, 7, MOST_IMAGES + 7)


def test_the_images_are_part_of_the_plans_identity() -> None:
    one, other = plan("v2").deletions, plan("v1").deletions
    hashes = {plan_hash("default", [], images) for images in ((), one, tuple(reversed(one)), other)}
    assert len(hashes) == 3


def test_a_backup_has_every_manifest_byte_for_byte() -> None:
    deletions = plan().deletions
    assert len(deletions) == 4
    assert saved.unpack(saved.pack(deletions)) == list(deletions)
    assert saved.pack([]) == []


def test_a_damaged_backup_is_none() -> None:
    part = saved.pack(plan().deletions)[0]
    with pytest.raises(ValueError, match=r"damaged|cut off"):
        saved.unpack([part[:-20]])


def test_what_is_too_large_to_be_saved_is_not_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("violet_operator.cleanup.backup._LARGEST", 10)
    with pytest.raises(Stalled, match="nothing is deleted"):
        saved.pack(plan().deletions)
