"""Label selectors mean what they mean everywhere in Kubernetes."""

from typing import Any

import pytest

from violet_operator.api.cleanup import Selector
from violet_operator.cleanup.protections import selects

LABELS = {"team": "a", "tier": ""}
EXISTS, MISSING = {"key": "tier", "operator": "Exists"}, {"key": "other", "operator": "Exists"}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({"matchLabels": {"team": "a"}}, True),
        ({"matchLabels": {"team": "b"}}, False),
        ({"matchLabels": {"other": "a"}}, False),
        ({"matchLabels": {"team": "a", "tier": ""}}, True),
        ({"matchLabels": {"team": "a", "tier": "x"}}, False),
        ({"matchExpressions": [EXISTS]}, True),
        ({"matchExpressions": [MISSING]}, False),
        ({"matchExpressions": [EXISTS, MISSING]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, False),
        ({"matchExpressions": [{"key": "other", "operator": "DoesNotExist"}]}, True),
        ({"matchExpressions": [{"key": "team", "operator": "In", "values": ["a", "b"]}]}, True),
        ({"matchExpressions": [{"key": "team", "operator": "In", "values": ["b"]}]}, False),
        ({"matchExpressions": [{"key": "other", "operator": "In", "values": ["a"]}]}, False),
        ({"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["b"]}]}, True),
        ({"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["a"]}]}, False),
        ({"matchExpressions": [{"key": "other", "operator": "NotIn", "values": ["a"]}]}, True),
        ({"matchLabels": {"team": "a"}, "matchExpressions": [MISSING]}, False),
        ({"matchLabels": {"team": "b"}, "matchExpressions": [EXISTS]}, False),
    ],
)
def test_a_selector_selects(selector: dict[str, Any], expected: bool) -> None:
    assert selects(Selector.model_validate(selector), LABELS) is expected
