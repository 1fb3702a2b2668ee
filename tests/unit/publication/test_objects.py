"""What counts as published already, and as installable."""

from typing import Any

import pytest

from violet_operator.publication.bundle import is_present
from violet_operator.publication.fields import includes


@pytest.mark.parametrize(
    ("live", "wanted", "yes"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ({"a": {"b": {"c": 1}, "x": 1}}, {"a": {"b": {"c": 1}}}, True),
        ({"a": {"b": {"c": 2}}}, {"a": {"b": {"c": 1}}}, False),
        ({"a": [1, 2]}, {"a": [1, 2]}, True),
        ({"a": [1, 2]}, {"a": [1]}, False),
        ({"a": [1]}, {"a": [1, 2]}, False),
        ({"ownerReferences": [{"uid": "2"}, {"uid": "1", "more": 1}]}, {"ownerReferences": [{"uid": "1"}]}, True),
        ({"ownerReferences": [{"uid": "2"}]}, {"ownerReferences": [{"uid": "1"}]}, False),
        ({}, {"ownerReferences": [{"uid": "1"}]}, False),
        ({"a": "1"}, {"a": 1}, False),
        ({"a": []}, {"a": {}}, False),
        ({"a": {}}, {"a": []}, False),
        (None, {}, False),
        ({}, {}, True),
    ],
)
def test_includes(live: Any, wanted: Any, yes: bool) -> None:
    assert includes(live, wanted) is yes


@pytest.mark.parametrize(
    ("status", "yes"),
    [
        ({"phase": "Present", "reason": "Success"}, True),
        ({"phase": "present", "reason": "Success"}, True),
        ({"phase": "Present", "reason": "Pending"}, False),
        ({"phase": "Present"}, False),
        ({"phase": "Failed", "reason": "Success"}, False),
        ({"phase": None}, False),
        ({}, False),
        (None, False),
    ],
)
def test_is_present(status: Any, yes: bool) -> None:
    assert is_present({"status": status}) is yes
    assert not is_present({})
