"""How far a run is, by its status: nothing goes back, and numbers and items agree."""

from collections import Counter
from typing import Any

from tests.simulation.cleanup.acting import plan
from tests.unit.cleanup.platforms import platform
from violet_operator.cleanup.backup import Entry
from violet_operator.cleanup.decide import Step
from violet_operator.cleanup.progress import Progress
from violet_operator.cleanup.report import acted, updated

ENTRIES = plan(platform(), {"retention": {}}, {})
NONE = {"deleted": 0, "deleting": 0, "skipped": 0, "failed": 0}


def step(entry: Entry, outcome: Any) -> Step:
    return Step(entry, outcome, "Because", "of this", again=outcome in ("Failed", "Deleting"))


def steps(*outcomes: str) -> list[Step]:
    return [step(entry, outcome) for entry, outcome in zip(ENTRIES, outcomes, strict=False)]


def status(*outcomes: str) -> dict[str, Any]:
    """What a run has told at the end of a pass."""
    found = steps(*outcomes)
    return acted(found, []) | {"outcomes": Progress(len(ENTRIES), {}).count(found)}


def test_a_run_begins_with_nothing() -> None:
    planned = [each | {"outcome": "Planned"} for each in status(*["Deleted"] * 7)["items"]]
    assert Progress(7, {"items": planned}).count([]) == NONE


def test_the_next_pass_begins_where_the_last_has_ended() -> None:
    before = status("Deleted", "Deleted", "Deleted", "Failed", "Failed", "Skipped", "Deleting")
    assert before["outcomes"] == {"deleted": 3, "deleting": 1, "skipped": 1, "failed": 2}
    progress = Progress(7, before)
    assert progress.count([]) == before["outcomes"]
    assert progress.count(steps("Deleted", "Deleted", "Deleted", "Deleted")) == {
        "deleted": 4,
        "deleting": 1,
        "skipped": 1,
        "failed": 1,
    }


def test_what_was_gone_and_is_there_again_leaves_numbers_that_can_be_written() -> None:
    progress = Progress(1, status("Deleted") | {"outcomes": NONE | {"deleted": 1}})
    found = progress.count(progress.remembered(steps("Skipped")))
    assert found == {"deleted": 1, "deleting": 0, "skipped": 1, "failed": 0}


def test_what_was_gone_stays_gone_when_its_cluster_does_not_answer() -> None:
    before = status(*["Deleted"] * 3, *["Failed"] * 4)
    progress = Progress(7, before)
    now = progress.remembered(steps(*["Failed"] * 7))
    assert [each.outcome for each in now] == ["Deleted"] * 3 + ["Failed"] * 4
    assert all(each.again for each in now), "it is looked at once more"
    assert progress.count(now) == before["outcomes"]
    assert Counter(each["outcome"].lower() for each in acted(now, before["items"])["items"]) == Counter(
        {"deleted": 3, "failed": 4}
    )


def test_numbers_stay_though_the_items_do_not_have_room_for_all() -> None:
    progress = Progress(7, {"items": [], "outcomes": NONE | {"deleted": 5}})
    assert progress.count([])["deleted"] == 5
    assert progress.count(steps(*["Failed"] * 7)) == NONE | {"deleted": 5, "failed": 2}


def test_items_are_told_while_a_pass_goes_on() -> None:
    before = [each | {"outcome": "Planned"} for each in status(*["Deleted"] * 7)["items"]]
    now = updated(before, steps("Deleted", "Failed"))
    assert [each["outcome"] for each in now] == ["Deleted", "Failed", *["Planned"] * 5]
    assert now[1]["message"] == "of this"
    assert [each["uid"] for each in now] == [each["uid"] for each in before]
