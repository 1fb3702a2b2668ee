"""Restore: what is made again, what is fine as it is, what is left alone, and what will not stay."""

from copy import deepcopy
from typing import Any

import pytest

from violet_operator.cleanup import backup
from violet_operator.cleanup.backup import Entry
from violet_operator.cleanup.putback import ordered, put_back
from violet_operator.cleanup.restoring import deleted

Object = dict[str, Any]
OWNER = {
    "apiVersion": "app.alauda.io/v1alpha1",
    "kind": "Artifact",
    "name": "a",
    "uid": "owner-old",
    "controller": True,
}
SAVED: Object = {
    "apiVersion": "app.alauda.io/v1alpha1",
    "kind": "ArtifactVersion",
    "metadata": {
        "name": "a.v1",
        "namespace": "s",
        "uid": "old",
        "resourceVersion": "7",
        "generation": 3,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "finalizers": ["x/y"],
        "labels": {"team": "blue"},
        "annotations": {"note": "1"},
        "ownerReferences": [OWNER],
    },
    "spec": {"tag": "v1", "present": True},
    "status": {"phase": "Present"},
}
UIDS = {("Artifact", "a"): "owner-new"}


def entry(**metadata: Any) -> Entry:
    body = deepcopy(SAVED)
    body["metadata"] |= metadata
    return backup.entry("c", "ArtifactVersion", ("OldVersion", "", 1), body)


def find(kind: str, name: str) -> str | None:
    return UIDS.get((kind, name))


def live(**changes: Any) -> Object:
    """The object as a restore makes it."""
    body = deepcopy(SAVED)
    body["metadata"] |= {"uid": "new", "resourceVersion": "99", "ownerReferences": [OWNER | {"uid": "owner-new"}]}
    body["metadata"] |= changes.pop("metadata", {})
    return body | changes


def test_what_is_gone_is_made_again_with_its_owner_as_it_is_now() -> None:
    found = put_back(entry(), None, find)
    assert found.outcome == "Create"
    assert found.body == {
        "apiVersion": "app.alauda.io/v1alpha1",
        "kind": "ArtifactVersion",
        "metadata": {
            "name": "a.v1",
            "namespace": "s",
            "labels": {"team": "blue"},
            "annotations": {"note": "1"},
            "ownerReferences": [OWNER | {"uid": "owner-new"}],
        },
        "spec": {"tag": "v1", "present": True},
    }


def test_what_was_made_again_is_fine() -> None:
    made = put_back(entry(), None, find).body
    assert made is not None
    made["metadata"]["uid"] = "new"
    assert put_back(entry(), made, find).outcome == "Restored"


@pytest.mark.parametrize(
    ("there", "outcome", "said"),
    [
        (live(), "Restored", "as it was"),
        (live(status={"phase": "Pending"}), "Restored", "as it was"),
        (live(spec={"tag": "v2"}), "Skipped", "other content"),
        (live(metadata={"labels": {}}), "Skipped", "other labels"),
        (live(metadata={"annotations": {"note": "2"}}), "Skipped", "other annotations"),
        (live(metadata={"deletionTimestamp": "now", "finalizers": ["x/y"]}), "Failed", "held by x/y"),
        (live(metadata={"ownerReferences": [OWNER]}), "Failed", "will be deleted with it"),
        (live(metadata={"uid": "old", "labels": {"since": "then"}}), "Restored", "as it was"),
    ],
)
def test_what_is_there(there: Object, outcome: str, said: str) -> None:
    found = put_back(entry(), there, find)
    assert (found.outcome, found.body) == (outcome, None)
    assert said in found.message


def test_without_its_owner_it_would_be_collected_at_once() -> None:
    found = put_back(entry(), None, lambda *_: None)
    assert (found.outcome, found.body) == ("Failed", None)
    assert "Artifact a" in found.message


def test_owners_of_other_kinds_are_left_out() -> None:
    found = put_back(entry(ownerReferences=[OWNER | {"kind": "Something"}]), None, find)
    assert found.body is not None
    assert "ownerReferences" not in found.body["metadata"]


def test_owners_come_first() -> None:
    kinds = ["ModuleConfig", "ArtifactVersion", "ModulePlugin", "Artifact"]
    entries = [backup.entry("c", kind, ("", "", 1), deepcopy(SAVED)) for kind in kinds]
    order = [each.ref.kind for each in ordered(entries)]
    assert order.index("Artifact") < order.index("ArtifactVersion")
    assert order.index("ModulePlugin") < order.index("ModuleConfig")


def test_an_object_without_namespace_labels_or_owner_is_made_without() -> None:
    body = {"metadata": {"name": "rest", "uid": "old", "resourceVersion": "1"}, "spec": {"name": "rest"}}
    found = put_back(backup.entry("c", "ModulePlugin", ("NotInstalled", "", 1), body), None, find)
    assert found.body is not None
    assert found.body["metadata"] == {"name": "rest"}


@pytest.mark.parametrize(
    ("item", "comes_back"),
    [
        ({"outcome": "Skipped", "reason": "ObjectChanged"}, False),  # the run left it alone
        ({"outcome": "Skipped", "reason": "OldVersion"}, True),  # restore did, the last time
        ({"outcome": "Failed", "reason": "TargetUnavailable"}, True),  # the answer may have got lost
        ({"outcome": "Deleted", "reason": "OldVersion"}, True),
        ({"outcome": "Planned", "reason": "OldVersion"}, True),  # killed before it could say more
    ],
)
def test_what_the_run_left_alone_is_not_its_to_put_back(item: Object, comes_back: bool) -> None:
    assert deleted([entry()], [item | {"uid": "old"}]) == ([entry()] if comes_back else [])
    assert deleted([entry()], [item | {"uid": "another"}]) == [entry()]
