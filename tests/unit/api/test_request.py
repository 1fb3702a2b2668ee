"""Whether somebody asks for a look now, and was answered."""

from typing import Any

import pytest

from violet_operator.api.request import is_unanswered, requested_at

ASKED = {"annotations": {"violet.alauda.io/reconcile-requested-at": "now"}}


@pytest.mark.parametrize(
    ("metadata", "status", "value", "unanswered"),
    [
        ({}, {}, None, False),
        ({"annotations": None}, {}, None, False),
        ({"annotations": {"other": "now"}}, {"lastHandledReconcileAt": "now"}, None, False),
        (ASKED, {}, "now", True),
        (ASKED, {"lastHandledReconcileAt": "before"}, "now", True),
        (ASKED, {"lastHandledReconcileAt": "now"}, "now", False),
    ],
)
def test_request(metadata: dict[str, Any], status: dict[str, Any], value: str | None, *, unanswered: bool) -> None:
    assert requested_at(metadata) == value
    assert is_unanswered(metadata, status) is unanswered
