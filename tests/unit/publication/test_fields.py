"""Whose a field is, from what server-side apply notes: who is overruled, what is removed, which name is settled."""

from typing import Any

import pytest

from violet_operator.publication.apply import agreed
from violet_operator.publication.fields import is_as_wanted, is_claimed

OURS = {"f:spec": {"f:place": {}, "f:secrets": {}}, "f:metadata": {"f:labels": {".": {}, "f:a": {}}}}
WANTED = {"metadata": {"labels": {"a": "1"}}, "spec": {"place": "here", "secrets": ["x"]}}


def entry(manager: str, fields: dict[str, Any], **other: str) -> dict[str, Any]:
    """An entry of managedFields."""
    return {"manager": manager, "operation": "Apply", "fieldsV1": fields} | other


def live(*entries: dict[str, Any], labels: Any = None, **spec: Any) -> dict[str, Any]:
    """An object as we want it, but for this."""
    metadata = {"labels": {"a": "1"} | (labels or {}), "managedFields": list(entries)}
    return {"metadata": metadata, "spec": WANTED["spec"] | spec}


MINE = entry("violet-operator", OURS)
MORE = entry("violet-operator", {"f:spec": {"f:old": {}}})


@pytest.mark.parametrize(
    ("found", "yes"),
    [
        (live(MINE), True),
        (live(), True),
        (live(MINE, labels={"team": "blue"}), True),
        (live(MINE, old="theirs"), True),
        (live(MINE, place="there"), False),
        (live(MINE, secrets=["x", "y"]), False),
        (live(MORE, old="ours"), False),
        (live(MORE | {"subresource": "status"}, old="no"), True),
        (live(MORE | {"operation": "Update"}, old="no"), True),
    ],
)
def test_what_we_own_and_want_no_more_is_not_as_wanted(found: dict[str, Any], yes: bool) -> None:
    assert is_as_wanted(found, WANTED) is yes


PLACE, LABEL = {"f:spec": {"f:place": {}}}, {"f:metadata": {"f:labels": {"f:a": {}}}}


@pytest.mark.parametrize(
    ("found", "yes"),
    [
        (live(entry("argocd", PLACE), place="there"), True),
        (live(entry("argocd", LABEL), labels={"a": "2"}), True),
        (live(entry("argocd", PLACE)), False),  # he wants the same
        (live(entry("argocd", LABEL), place="there"), False),  # what differs is nobody's
        (live(entry("argocd", {"f:metadata": {"f:labels": {"f:b": {}}}}), labels={"b": "2"}, place="there"), False),
        (live(entry("argocd", {"f:status": {"f:place": {}}}, subresource="status"), place="there"), False),
        (live(entry("kubectl-edit", PLACE, operation="Update"), place="there"), False),
        (live(MINE, place="there"), False),
    ],
)
def test_only_who_applies_a_field_otherwise_is_not_overruled(found: dict[str, Any], yes: bool) -> None:
    assert is_claimed(found, WANTED) is yes


def test_owner_of_another_is_no_claim() -> None:
    theirs = {"f:metadata": {"f:ownerReferences": {'k:{"uid":"2"}': {}}}}
    found = {"metadata": {"ownerReferences": [{"uid": "2"}], "managedFields": [entry("argocd", theirs)]}}
    assert not is_claimed(found, {"metadata": {"ownerReferences": [{"uid": "1"}]}})


NAME = {"f:spec": {"f:displayName": {}}}


@pytest.mark.parametrize(
    ("entries", "name"),
    [
        ([entry("violet-operator", NAME)], "Theirs"),  # an earlier version's
        ([MINE, entry("kubectl-edit", NAME, operation="Update")], "Ours"),
        ([MINE, entry("argocd", NAME)], "Theirs"),
        ([entry("violet", NAME, operation="Update")], "Theirs"),  # made before us
    ],
)
def test_name_for_people_is_settled_by_whoever_was_first_and_not_by_hand(
    entries: list[dict[str, Any]], name: str
) -> None:
    found = live(*entries, displayName="Theirs")
    wanted = {"metadata": {}, "spec": {"displayName": "Ours"}}
    assert agreed(found, wanted)["spec"]["displayName"] == name
