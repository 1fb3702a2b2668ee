"""What a run says in its status: within its bounds, the important first, and nothing that is unknown left untold."""

import json
from dataclasses import replace
from typing import Any

from tests.simulation.cleanup.world import GLOBAL, World
from tests.unit.cleanup.platforms import GARBAGE, NOW, REGION, judged, platform
from violet_operator.api.cleanup import Cleanup
from violet_operator.api.cleanup_run import MOST_ITEMS, CleanupRunStatus
from violet_operator.cleanup.images.model import ImagePlan, ImageVerdict
from violet_operator.cleanup.images.report import planned
from violet_operator.cleanup.judge import Verdict, judge
from violet_operator.cleanup.report import bounded, results
from violet_operator.cleanup.state import Ref, State
from violet_operator.package.references import Destination


def test_a_status_tells_what_goes_and_what_is_worth_telling() -> None:
    world = platform()
    verdicts = list(judged(world).values())
    told = results("default", world.state(), verdicts)
    CleanupRunStatus.model_validate(told)
    by_action = {action: [each for each in told["items"] if each["action"] == action] for action in ("Delete", "Keep")}
    assert {f"{each['kind']} {each['name']}" for each in by_action["Delete"]} == set(GARBAGE)
    assert {each["reason"] for each in by_action["Keep"]} == {"NewerThanInstalled", "Offered"}
    assert told["items"][: len(GARBAGE)] == by_action["Delete"]
    assert told["plan"]["judged"] == len(verdicts) == told["plan"]["deletions"] + told["plan"]["kept"]
    assert "itemsLeftOut" not in told
    assert told["clusters"] == [{"name": GLOBAL, "complete": True}, {"name": REGION, "complete": True}]


def test_ten_thousand_versions_fit() -> None:
    world = World(REGION)
    for number in range(100):
        world.artifact(REGION, f"op{number}", *(f"{version}.0.0" for version in range(100)))
        world.view(REGION, f"op{number}", "Absent")
    state = world.state()
    verdicts = judge(state, Cleanup(), NOW, {})
    told = results("default", state, verdicts)
    assert told["plan"]["deletions"] == 10_100
    assert len(told["items"]) == MOST_ITEMS
    assert told["itemsLeftOut"] == 10_100 - MOST_ITEMS
    assert len(str(told)) < 1_000_000
    CleanupRunStatus.model_validate(told)


def test_what_could_not_be_read_is_told_where_it_belongs() -> None:
    world = platform()
    world.broken |= {(REGION, "Subscription"), (GLOBAL, "OperatorView"), ("", "PackageUpload")}
    state = replace(world.state(), unreachable={"far": "down. " * 1000})
    told = {each["name"]: each for each in results("default", state, [])["clusters"]}
    assert [told[name]["complete"] for name in ("far", GLOBAL, REGION)] == [False, False, False]
    assert "Subscription" in told[REGION]["message"]
    assert "OperatorView" in told[GLOBAL]["message"]
    assert "PackageUpload" in told[GLOBAL]["message"]
    assert len(told["far"]["message"]) <= 2048


def test_a_status_always_fits_into_an_object() -> None:
    """Every part as large as it may be."""
    verdicts = [
        Verdict(
            Ref("ArtifactVersion", f"c{n % 50}", "s", f"{'n' * 240}{n:05}", f"uid-{n}"), "Delete", "Old", "x" * 500, 1
        )
        for n in range(3000)
    ]
    state = State((), unreachable={f"cluster-{n}": "ä" * 2000 for n in range(512)})
    images = [
        ImageVerdict(Destination("r/" * 50, f"v{n}"), "sha256:" + "0" * 64, "Keep", "ImageInUse", "z" * 500)
        for n in range(2000)
    ]
    facts = results("default", state, verdicts) | {"images": planned(ImagePlan(tuple(images)))}
    told = bounded(facts)
    assert size(facts) > 1_500_000
    assert size(told) < 1_000_000
    CleanupRunStatus.model_validate(told)
    assert told["items"]
    assert len(told["items"]) + told["itemsLeftOut"] == len(verdicts)
    assert told["images"]["items"]
    assert len(told["images"]["items"]) + told["images"]["itemsLeftOut"] == len(images)
    assert {each["complete"] for each in told["clusters"]} == {False}
    assert len(told["clusters"]) == 512
    assert told["summary"].endswith("more lines")
    assert bounded(told) == told


def size(status: dict[str, Any]) -> int:
    """Bytes, as etcd stores it."""
    return len(json.dumps(status, ensure_ascii=False).encode())


def test_a_status_that_fits_stays_as_it_is() -> None:
    world = platform()
    told = results("default", world.state(), list(judged(world).values()))
    assert bounded(told) == told
