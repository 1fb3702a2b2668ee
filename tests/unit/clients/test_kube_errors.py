"""What an answer of the Kubernetes API means, from the words of real ones: who must act, and what he reads."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from violet_operator.clients.kube_errors import NoRightError, explain, no_answer
from violet_operator.errors import OperatorError, Stalled, Transient, Waiting

RBAC = (
    'packageuploads.violet.alauda.io "x" is forbidden: User "system:serviceaccount:a:b" cannot patch resource '
    '"packageuploads/status" in API group "violet.alauda.io" in the namespace "ns"'
)
ANONYMOUS = 'forbidden: User "system:anonymous" cannot get path "/apis"'
POLICY = (
    "packageuploads.violet.alauda.io \"x\" is forbidden: ValidatingAdmissionPolicy 'frozen' with binding 'frozen' "
    "denied request: not now"
)
WEBHOOK = 'admission webhook "validation.gatekeeper.sh" denied the request: [owners] you must have an owner.'
LISTS = 'admission webhook "v.kyverno.svc-fail" denied the request: \n\npolicy X:\n  rule: cannot get resource "y"'
QUOTA = 'artifacts "x" is forbidden: exceeded quota: none, requested: count/artifacts=1, used: 0, limited: 0'
TERMINATING = (
    'packageuploads "x" is forbidden: unable to create new content in namespace ns because it is being terminated'
)
LOST_RACE = (
    'Operation cannot be fulfilled on packageuploads.violet.alauda.io "x": the object has been modified; please apply '
    "your changes to the latest version and try again"
)
OWNED = 'Apply failed with 1 conflict: conflict with "other" using v1: .data.a'
EXISTS = 'cleanupruns.violet.alauda.io "x" already exists'
AWAY = 'Internal error occurred: failed calling webhook "a.example.com": connection refused'


def answer(message: str, reason: str = "", **details: Any) -> str:
    return json.dumps({"kind": "Status", "message": message, "reason": reason, "details": details})


CASES: list[tuple[int, str, type[OperatorError], str, str]] = [
    (403, answer(RBAC, "Forbidden"), NoRightError, "TargetForbidden", "(see the chart's ClusterRole)"),
    (403, answer(ANONYMOUS, "Forbidden"), NoRightError, "TargetForbidden", "(see the chart's ClusterRole)"),
    (403, answer(QUOTA, "Forbidden"), Waiting, "TargetForbidden", "Raise that quota"),
    (403, answer(TERMINATING, "Forbidden"), Waiting, "TargetForbidden", "Wait until the namespace is gone"),
    (403, "<html>Forbidden</html>", Waiting, "TargetForbidden", "Ask whoever runs the cluster"),
    (403, answer(POLICY, "Forbidden"), Waiting, "TargetRefused", "Change that policy, or what it objects to"),
    (422, answer(POLICY, "Invalid"), Waiting, "TargetRefused", "Change that policy, or what it objects to"),
    (403, answer(WEBHOOK, "Forbidden"), Waiting, "TargetRefused", "Change that policy, or what it objects to"),
    (400, answer(LISTS), Waiting, "TargetRefused", "Change that policy, or what it objects to"),
    (500, answer(WEBHOOK, "InternalError"), Waiting, "TargetRefused", "Change that policy, or what it objects to"),
    (500, answer(AWAY, "InternalError"), Transient, "TargetUnavailable", "the webhook that it names"),
    (503, "no healthy upstream", Transient, "TargetUnavailable", "Look at the API server"),
    (409, answer(LOST_RACE, "Conflict", name="x"), Transient, "ObjectChanged", "It is tried again"),
    (
        409,
        answer(OWNED, "Conflict", causes=[{"reason": "FieldManagerConflict", "field": ".data.a"}]),
        Stalled,
        "Conflict",
        "give them up there",
    ),
    (409, answer(EXISTS, "AlreadyExists", name="x"), Stalled, "Conflict", "Delete that object"),
    (401, answer("Unauthorized", "Unauthorized"), Waiting, "TargetUnauthorized", "Correct the login"),
    (400, answer("the name is not valid.", "BadRequest"), Stalled, "TargetRefused", "Change what it objects to"),
    (422, answer("spec.tag: Invalid value", "Invalid"), Stalled, "TargetRefused", "Change what it objects to"),
]


@pytest.mark.parametrize(("status", "text", "kind", "reason", "advice"), CASES)
def test_refusal_says_whose_affair_it_is_and_what_to_do(
    status: int, text: str, kind: type[OperatorError], reason: str, advice: str
) -> None:
    error = explain("region1", "applying X x", status, text)
    assert (type(error), error.reason) == (kind, reason)
    assert error.message.startswith("Cluster region1: applying X x ")
    assert advice in error.message
    assert ".." not in error.message
    assert error.message.endswith((".", ")"))


def test_no_answer_says_what_to_do() -> None:
    error = no_answer("region1", TimeoutError())
    assert isinstance(error, Transient)
    assert error.message == (
        "The API of region1 does not answer (TimeoutError). Check that it runs, its address, DNS, firewalls and "
        "proxies."
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.text(), lambda each: st.lists(each) | st.dictionaries(st.text(), each)
)


@given(
    st.sampled_from([400, 401, 403, 404, 409, 422, 429, 500]),
    st.text() | st.dictionaries(st.sampled_from(["message", "reason", "details"]), JSON).map(json.dumps),
)
def test_any_answer_is_an_error_of_ours(status: int, text: str) -> None:
    assert explain("c", "reading x", status, text).reason
