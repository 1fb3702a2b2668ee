"""What a Set has to do, from packages and uploads; and that it has nothing to do once it is done."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.upload_set.bodies import URL, Object, as_stored, upload_set
from violet_operator.upload_set.children import HASH_ANNOTATION, SET_LABEL, Plan, plan, wanted
from violet_operator.upload_set.names import upload_name


def applied(result: Plan, uploads: list[Object]) -> list[Object]:
    """The uploads of the namespace after everything was applied, gone ones pruned."""
    there = {each["metadata"]["name"]: each for each in uploads}
    for body in result.apply.values():
        there[body["metadata"]["name"]] = as_stored(body)
    for each in result.gone:
        del there[each["metadata"]["name"]]
    return list(there.values())


def settled(result: Plan) -> bool:
    return not result.apply and not result.gone


def test_a_new_package_gets_an_upload() -> None:
    body = upload_set(
        template={"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}, "spec": {"mode": "Upload"}}
    )
    result = plan(body, ["a.tgz"], [])
    (made,) = result.apply.values()
    assert made["spec"] == {"mode": "Upload", "source": {"url": f"{URL}a.tgz", "endpoint": "http://storage"}}
    assert (made["metadata"]["name"], made["metadata"]["namespace"]) == ("vendor-a", "ns")
    assert made["metadata"]["labels"] == {"a": "b", SET_LABEL: "vendor"}
    assert made["metadata"]["annotations"]["c"] == "d"
    (owner,) = made["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("PackageUploadSet", "set-uid", True)
    assert "blockOwnerDeletion" not in owner  # would need a right on finalizers
    assert "uid" not in made["metadata"]
    assert result.names == {"a.tgz": "vendor-a"}


def test_what_is_done_is_not_done_again() -> None:
    body = upload_set()
    uploads = applied(plan(body, ["a.tgz", "b.tgz"], []), [])
    again = plan(body, ["a.tgz", "b.tgz"], uploads)
    assert settled(again)
    assert set(again.uploads) == {"a.tgz", "b.tgz"}


def change(upload: Object, path: str, value: Any) -> None:
    *parents, last = path.split(" ")
    for parent in parents:
        upload = upload.setdefault(parent, {})
    if value is None:
        del upload[last]
    else:
        upload[last] = value


@pytest.mark.parametrize(
    ("path", "value", "ours"),
    [
        ("spec mode", "Preview", True),
        ("spec source url", f"{URL}other.tgz", True),
        ("spec source endpoint", None, True),
        ("spec source", {}, True),
        (f"metadata labels {SET_LABEL}", None, True),
        ("metadata labels", {}, True),
        (f"metadata annotations {HASH_ANNOTATION}", "other", True),
        ("metadata annotations", {}, True),
        ("spec imagePlatforms", ["linux/amd64"], False),
        ("spec source region", "here", False),
        ("metadata labels mine", "yes", False),
        ("metadata annotations mine", "yes", False),
        ("status", {"found": 1}, False),
    ],
)
def test_what_is_ours_is_put_back_and_what_is_not_stays(path: str, value: Any, ours: bool) -> None:
    body = upload_set()
    (upload,) = applied(plan(body, ["a.tgz"], []), [])
    change(upload, path, value)
    result = plan(body, ["a.tgz"], [upload])
    assert bool(result.apply) == ours
    if ours:
        assert result.apply["a.tgz"]["metadata"]["uid"] == "uid"  # of this very object, not of one made meanwhile


@pytest.mark.parametrize(
    "changes",
    [
        {"template": {"spec": {"mode": "Preview"}}},
        {"template": {"spec": {}}},
        {"template": {"spec": {"mode": "Upload"}, "metadata": {"labels": {"a": "b"}}}},
        {"source": {"url": URL}},
    ],
)
def test_a_new_template_is_rolled_out(changes: Object) -> None:
    uploads = applied(plan(upload_set(), ["a.tgz"], []), [])
    body = upload_set(**changes)
    result = plan(body, ["a.tgz"], uploads)
    assert set(result.apply) == {"a.tgz"}
    assert settled(plan(body, ["a.tgz"], applied(result, uploads)))


@pytest.mark.parametrize(
    "owners",
    [
        [],
        [{"apiVersion": "violet.alauda.io/v1alpha1", "kind": "PackageUploadSet", "name": "vendor", "uid": "old"}],
        [{"apiVersion": "apps/v1", "kind": "PackageUploadSet", "name": "vendor", "uid": "set-uid"}],
        [{"apiVersion": "violet.alauda.io/v1alpha1", "kind": "Other", "name": "vendor", "uid": "set-uid"}],
    ],
)
def test_what_belongs_to_somebody_else_is_left_alone(owners: list[Object]) -> None:
    body = upload_set()
    theirs = as_stored(wanted(body, "vendor-a", f"{URL}a.tgz"))
    theirs["metadata"]["ownerReferences"] = [owner | {"controller": True} for owner in owners]
    result = plan(body, ["a.tgz", "b.tgz"], [theirs])
    assert set(result.apply) == {"b.tgz"}
    assert result.failures["a.tgz"].reason == "NameTaken"
    assert plan(body, ["b.tgz"], [theirs]).gone == []


def test_an_owner_that_is_no_controller_owns_nothing() -> None:
    body = upload_set()
    upload = as_stored(wanted(body, "vendor-a", f"{URL}a.tgz"))
    upload["metadata"]["ownerReferences"][0]["controller"] = False
    result = plan(body, ["a.tgz"], [upload])
    assert (settled(result), set(result.failures)) == (True, {"a.tgz"})


def test_one_that_is_being_deleted_is_waited_for() -> None:
    body = upload_set()
    (upload,) = applied(plan(body, ["a.tgz"], []), [])
    upload["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:05Z"
    upload["spec"]["mode"] = "Preview"
    assert settled(plan(body, ["a.tgz"], [upload]))


def test_a_package_that_no_url_can_name_fails_alone() -> None:
    result = plan(upload_set(), ["a#b.tgz", "c.tgz"], [])
    assert set(result.apply) == {"c.tgz"}
    assert result.failures["a#b.tgz"].reason == "UnusableName"


def named(name: str) -> Object:
    body = upload_set()
    return body | {"metadata": body["metadata"] | {"name": name, "uid": f"uid-of-{name}"}}


def test_who_comes_second_takes_another_name_and_keeps_it() -> None:
    first, second = named("vendor"), named("vendor-acp")
    theirs = applied(plan(first, ["acp-topolvm.tgz"], []), [])
    assert [each["metadata"]["name"] for each in theirs] == ["vendor-acp-topolvm"]
    result = plan(second, ["topolvm.tgz"], theirs)
    assert (result.names, result.failures) == ({"topolvm.tgz": "vendor-acp-topolvm-04c2682bc2"}, {})
    both = applied(result, theirs)
    assert settled(plan(first, ["acp-topolvm.tgz"], both))
    assert settled(plan(second, ["topolvm.tgz"], both))
    ours = [each for each in both if each not in theirs]
    assert settled(plan(second, ["topolvm.tgz"], ours))  # the other Set is deleted: no second upload of ours


meeting = st.sets(st.sampled_from(["a.tgz", "a-b.tgz", "a-b-c.tgz", "b.tgz", "b-c.tgz", "c.tgz", "B.tgz"]))


@given(st.lists(st.tuples(st.sampled_from(["v", "v-a", "v-a-b"]), meeting), max_size=6))
def test_sets_that_meet_share_no_upload_and_leave_each_other_alone(runs: list[tuple[str, set[str]]]) -> None:
    uploads: list[Object] = []
    wanted_by: dict[str, set[str]] = {}
    for name, packages in runs:
        result = plan(named(name), sorted(packages), uploads)
        assert not result.failures
        uploads = applied(result, uploads)
        wanted_by[name] = packages
    for name, packages in wanted_by.items():
        again = plan(named(name), sorted(packages), uploads)
        assert settled(again)
        assert set(again.uploads) == packages


names = st.sets(st.sampled_from(["a.tgz", "b.tgz", "B.tgz", "c/a.tgz", "x#y.tgz", "d.tar"]))


@given(names, names)
def test_one_round_is_enough(before: set[str], after: set[str]) -> None:
    body = upload_set()
    uploads = applied(plan(body, sorted(before), []), [])
    result = plan(body, sorted(after), copy.deepcopy(uploads))
    usable = {package for package in after if "#" not in package}
    assert {each["metadata"]["name"] for each in result.gone} == {
        upload_name("vendor", package) for package in before - after if "#" not in package
    }
    there = applied(result, uploads)
    assert {each["metadata"]["name"] for each in there} == {upload_name("vendor", package) for package in usable}
    assert settled(plan(body, sorted(after), there))
