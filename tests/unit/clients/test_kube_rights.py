"""Which rules grant a right: RBAC's wildcards count, and a rule for single objects does not."""

from typing import Any

import pytest

from violet_operator.clients.kube import ARTIFACTS, SECRETS, Resource
from violet_operator.clients.kube_rights import grants

WHOLE = {"verbs": ["get", "patch"], "apiGroups": ["app.alauda.io"], "resources": ["artifacts", "charts"]}


@pytest.mark.parametrize(
    ("changes", "right", "granted"),
    [
        ({}, ("patch", ARTIFACTS), True),
        ({}, ("delete", ARTIFACTS), False),
        ({}, ("get", SECRETS), False),
        ({"verbs": ["*"]}, ("delete", ARTIFACTS), True),
        ({"resources": ["*"]}, ("get", ARTIFACTS), True),
        ({"apiGroups": ["*"]}, ("get", ARTIFACTS), True),
        ({"apiGroups": [""], "resources": ["secrets"]}, ("get", SECRETS), True),
        ({"apiGroups": ["other.example.com"]}, ("get", ARTIFACTS), False),
        ({"resources": ["artifacts/status"]}, ("get", ARTIFACTS), False),
        ({"resourceNames": ["one"]}, ("get", ARTIFACTS), False),
        ({"resourceNames": []}, ("get", ARTIFACTS), True),
        ({"resources": None}, ("get", ARTIFACTS), False),
    ],
)
def test_grants(changes: dict[str, Any], right: tuple[str, Resource], *, granted: bool) -> None:
    assert grants([WHOLE | changes], right) is granted
    assert not grants([], right)
