"""An approval that does not fit any more: both hashes, and what differs."""

from typing import Any

import pytest

from tests.simulation.cleanup.world import World
from tests.unit.cleanup.platforms import REGION, platform
from violet_operator.cleanup import approval, planning
from violet_operator.cleanup.images.model import ImagePlan
from violet_operator.cleanup.judge import Verdict
from violet_operator.cleanup.report import results
from violet_operator.cleanup.state import Ref
from violet_operator.errors import OperatorError, Stalled, Waiting


def verdict(name: str, action: str = "Delete", reason: str = "NotInstalled", content: str = "as it was") -> Verdict:
    ref = Ref("Artifact", "c", "s", name, f"uid-{name}")
    return Verdict(ref, action, reason, "", content=content)  # type: ignore[arg-type]


def item(name: str, action: str = "Delete") -> dict[str, str]:
    known = {"kind": "Artifact", "name": name, "cluster": "c", "uid": f"uid-{name}", "action": action}
    return known | {"reason": "NotInstalled", "content": "as it was"}


def changed(before: list[dict[str, str]], *now: Verdict, outage: str | None = None, **status: Any) -> OperatorError:
    return approval.changed("a" * 64, "b" * 64, {"items": before, **status}, now, outage)


def broken() -> World:
    """A platform of which something cannot be read."""
    world = platform()
    world.broken.add((REGION, "Subscription"))
    return world


def test_what_differs_is_named() -> None:
    before = [item("stays"), item("gone"), item("kept", "Keep"), item("edited"), item("judged")]
    now = [verdict("stays"), verdict("new"), verdict("kept", "Keep")]
    now += [verdict("edited", content="another"), verdict("judged", reason="OldVersion")]
    error = changed(before, *now)
    assert isinstance(error, Stalled)
    assert error.reason == "PlanChanged"
    assert "a" * 64 in error.message
    assert "b" * 64 in error.message
    assert (
        "New in it: Artifact new (c). No longer in it: Artifact gone (c). Changed since: Artifact edited (c). "
        "For another reason: Artifact judged (c). Start another run"
    ) in error.message


def test_many_differences_are_counted() -> None:
    error = changed([item("x")], *(verdict(f"n{number}") for number in range(9)))
    assert "Artifact n4 (c) and 4 more." in error.message


def test_what_did_not_fit_into_the_items_is_not_called_new() -> None:
    error = changed([item("gone")], verdict("left-out"), itemsLeftOut=1)
    assert "New in it" not in error.message
    assert "No longer in it: Artifact gone (c)." in error.message


def test_a_hash_of_another_run_leads_to_the_items() -> None:
    assert "See status.items" in changed([], verdict("new")).message


@pytest.mark.parametrize(
    ("world", "images", "said"),
    [
        (platform(), ImagePlan(), None),
        (platform(), ImagePlan(unknown="the registry does not answer"), "the registry does not answer"),
        (broken(), ImagePlan(), f"cluster {REGION}: Subscription of {REGION} answers 503."),
    ],
)
def test_whatever_could_not_be_read_is_an_outage(world: World, images: ImagePlan, said: str | None) -> None:
    assert planning._outage(results("default", world.state(), []), images) == said


def test_what_may_be_an_outage_is_waited_for_and_named() -> None:
    error = changed([item("unread")], outage="cluster region1: 502")
    assert isinstance(error, Waiting)
    assert error.reason == "PlanChanged"
    assert "No longer in it: Artifact unread (c)." in error.message
    assert error.message.endswith("cluster region1: 502")
