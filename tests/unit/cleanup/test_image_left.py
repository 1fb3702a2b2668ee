"""Which manifests a restore puts back: not those that the run has left alone, with all that belongs to them."""

from typing import Any

import pytest

from tests.unit.cleanup.images_world import image, index, repository
from violet_operator.cleanup.images import report
from violet_operator.cleanup.images.deletion import ImageStep
from violet_operator.cleanup.images.judge import judge
from violet_operator.cleanup.images.left import may_be_gone
from violet_operator.cleanup.images.model import ImagePlan, Mentions
from violet_operator.package.references import Destination

A, B, OTHER = image("a"), image("b"), image("other")
TOP = index(A, B)
ABOUT = image("about", subject=A)
SIGNATURE = image("signature")
SIGNED = f"{TOP.digest.replace(':', '-')}.sig"


def plan() -> ImagePlan:
    tags = {"v1": TOP, "v2": OTHER, SIGNED: SIGNATURE}
    it = repository("acp/demo", tags, A, B, ABOUT)
    found = judge({Destination("acp/demo", "v1"), Destination("acp/demo", "v2")}, {"acp/demo": it}, Mentions())
    assert len(found.deletions) == 6
    return found


def gone(skipped: set[str] | None, **facts: Any) -> set[str]:
    """What may be gone of the plan after a run that has left these alone; None: it was killed before."""
    found = plan()
    told = report.planned(found)
    if skipped is not None:
        steps = [
            ImageStep(each, "Skipped" if each.manifest.digest in skipped else "Deleted", "") for each in found.deletions
        ]
        told = report.acted(told, steps)
    return {str(each.manifest.digest) for each in may_be_gone(found.deletions, told | facts)}


WHOLE = {str(each.digest) for each in (TOP, A, B, ABOUT, SIGNATURE)}
EVERYTHING = WHOLE | {str(OTHER.digest)}


@pytest.mark.parametrize("skipped", [None, set()], ids=["killed", "nothing"])
def test_what_was_not_left_alone_may_be_gone(skipped: set[str] | None) -> None:
    assert gone(skipped) == EVERYTHING


def test_an_image_that_was_left_alone_keeps_what_it_consists_of_and_what_is_about_it() -> None:
    assert gone(WHOLE) == {OTHER.digest}
    assert gone({OTHER.digest}) == WHOLE


def test_of_a_run_that_has_left_all_alone_nothing_is_gone_even_if_its_status_does_not_name_them() -> None:
    assert gone(EVERYTHING, items=[]) == set()
    assert gone(WHOLE, items=[]) == EVERYTHING
