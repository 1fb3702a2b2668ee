"""Of several failures, which the object is told, and in which words."""

import pytest

from violet_operator.errors import OperatorError, Stalled, Transient, Waiting
from violet_operator.upload.context import Failure
from violet_operator.upload.targets import overall

STALLED = Failure("Pushed", Stalled("TagExists", "the tag exists"), "Platform a")
WAITING = Failure("Published", Waiting("KindMissing", "no kind", after=7.0), "Cluster b of a")
TRANSIENT = Failure("Fetched", Transient("SourceUnreachable", "no answer"))


@pytest.mark.parametrize(
    ("failures", "targets", "reason", "message"),
    [
        ([STALLED], 1, "TagExists", "the tag exists"),
        ([STALLED], 2, "TagExists", "Platform a: the tag exists"),
        ([STALLED, WAITING], 2, "KindMissing", "Cluster b of a: no kind (and 1 more, see status.targets)"),
        ([WAITING, STALLED], 3, "KindMissing", "Cluster b of a: no kind (and 1 more, see status.targets)"),
        ([TRANSIENT, STALLED], 3, "SourceUnreachable", "no answer"),
    ],
)
def test_what_may_pass_comes_before_what_needs_the_user(
    failures: list[Failure], targets: int, reason: str, message: str
) -> None:
    found = overall(failures, targets)
    assert found
    assert (found.error.reason, found.error.message) == (reason, message)


def test_other_words_keep_the_rest() -> None:
    told = WAITING.error.told("other words")
    assert isinstance(told, Waiting)
    assert (told.reason, told.message, told.after, WAITING.error.message) == (
        "KindMissing", "other words", 7.0, "no kind",
    )  # fmt: skip
    assert isinstance(OperatorError("A", "b").told("c"), OperatorError)


def test_nothing_has_failed() -> None:
    assert overall([], 3) is None
