"""Restore: what is made again, what is fine as it is, what is left alone, and what will not stay."""

from copy import deepcopy
from typing import Any

import pytest

from violet_operator.cleanup import backup
from violet_operator.cleanup.backup import Entry
from violet_operator.cleanup.putback import Owner, key_of, ordered, put_back
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
LIBRARY = {"apiVersion": "library.example.com/v1", "kind": "Library", "name": "a", "uid": "library-old"}
NOW = {key_of(OWNER): Owner("owner-new"), key_of(LIBRARY): Owner("library-new")}


def entry(**metadata: Any) -> Entry:
    body = deepcopy(SAVED)
    body["metadata"] |= metadata
    return backup.entry("c", "ArtifactVersion", ("OldVersion", "", 1), body)


def live(**changes: Any) -> Object:
    """The object as a restore makes it."""
    body = deepcopy(SAVED)
    body["metadata"] |= {"uid": "new", "resourceVersion": "99", "ownerReferences": [OWNER | {"uid": "owner-new"}]}
    body["metadata"] |= changes.pop("metadata", {})
    return body | changes


def test_what_is_gone_is_made_again_with_its_owner_as_it_is_now() -> None:
    found = put_back(entry(), None, NOW)
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
    made = put_back(entry(), None, NOW).body
    assert made is not None
    made["metadata"]["uid"] = "new"
    assert put_back(entry(), made, NOW).outcome == "Restored"


@pytest.mark.parametrize(
    ("there", "outcome", "said"),
    [
        (live(), "Restored", "as it was"),
        (live(status={"phase": "Pending"}), "Restored", "as it was"),
        (live(spec={"tag": "v2"}), "Skipped", "other content"),
        (live(metadata={"labels": {}}), "Skipped", "other labels"),
        (live(metadata={"labels": {"team": "blue", "since": "then"}}), "Restored", "as it was"),
        (live(metadata={"annotations": {"note": "1", "seen": "now"}}), "Restored", "as it was"),
        (live(metadata={"ownerReferences": []}), "Skipped", "other owners"),
        (live(metadata={"annotations": {"note": "2"}}), "Skipped", "other annotations"),
        (live(metadata={"deletionTimestamp": "now", "finalizers": ["x/y"]}), "Failed", "held by x/y"),
        (live(metadata={"ownerReferences": [OWNER]}), "Failed", "will be deleted with it"),
        (live(metadata={"uid": "old", "labels": {"since": "then"}}), "Restored", "as it was"),
    ],
)
def test_what_is_there(there: Object, outcome: str, said: str) -> None:
    found = put_back(entry(), there, NOW)
    assert (found.outcome, found.body) == (outcome, None)
    assert said in found.message


def test_without_its_owner_it_would_be_collected_at_once() -> None:
    found = put_back(entry(), None, {key_of(OWNER): Owner(None, "is not there")})
    assert (found.outcome, found.body) == ("Failed", None)
    assert "Artifact a owned it and is not there" in found.message


def test_under_an_owner_with_other_content_it_would_not_stay() -> None:
    other = {key_of(OWNER): Owner("owner-new", other=True)}
    found = put_back(entry(), None, other)
    assert (found.outcome, found.body) == ("Skipped", None)
    assert "Artifact a, which owned it, is there with other content" in found.message
    assert put_back(entry(), live(), other).outcome == "Restored"


def test_an_owner_of_another_kind_is_linked_again_if_it_is_there() -> None:
    both = entry(ownerReferences=[OWNER, LIBRARY])
    found = put_back(both, None, NOW)
    assert found.body is not None
    assert [each["uid"] for each in found.body["metadata"]["ownerReferences"]] == ["owner-new", "library-new"]
    made = found.body | {"metadata": found.body["metadata"] | {"uid": "new"}}
    assert put_back(both, made, NOW).outcome == "Restored"
    assert "other owners" in put_back(both, live(), NOW).message

    without = NOW | {key_of(LIBRARY): Owner(None, "is not there")}
    found = put_back(both, None, without)
    assert found.body is not None
    assert [each["uid"] for each in found.body["metadata"]["ownerReferences"]] == ["owner-new"]
    assert found.message == "It was put back, without its owner Library a, which is not there."
    assert put_back(both, live(), without).message == "It is there, without its owner Library a, which is not there."


def test_a_kind_of_the_same_name_in_another_group_is_another_owner() -> None:
    other = OWNER | {"apiVersion": "example.com/v1"}
    found = put_back(entry(ownerReferences=[other]), None, {key_of(other): Owner(None, "is not there")})
    assert found.outcome == "Create"


def test_owners_come_first() -> None:
    kinds = ["ModuleConfig", "ArtifactVersion", "ModulePlugin", "Artifact"]
    entries = [backup.entry("c", kind, ("", "", 1), deepcopy(SAVED)) for kind in kinds]
    order = [each.ref.kind for each in ordered(entries)]
    assert order.index("Artifact") < order.index("ArtifactVersion")
    assert order.index("ModulePlugin") < order.index("ModuleConfig")


def test_an_object_without_namespace_labels_or_owner_is_made_without() -> None:
    body = {"metadata": {"name": "rest", "uid": "old", "resourceVersion": "1"}, "spec": {"name": "rest"}}
    found = put_back(backup.entry("c", "ModulePlugin", ("NotInstalled", "", 1), body), None, NOW)
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
