"""The rights that the base gives are the least that work: a real API server is asked, for operator and people."""

import json

import pytest

from tests.cluster import Cluster
from tests.integration.base import apply_base
from tests.observe import until

pytestmark = pytest.mark.integration

OPERATOR = "system:serviceaccount:violet-system:violet-operator"


@pytest.fixture(scope="module")
def installed(cluster: Cluster) -> Cluster:
    """The cluster with the kustomize base applied for real."""
    return apply_base(cluster)


def may(cluster: Cluster, user: str, question: str) -> bool:
    """Ask the API server whether a user may do something: `VERB GROUP:RESOURCE[/SUBRESOURCE] [NAMESPACE]`.

    Not by `kubectl auth can-i`: that drops the group of a resource whose CRD is not installed.
    """
    verb, what, namespace = (*question.split(), "")[:3]
    group, _, resource = what.partition(":")
    resource, _, subresource = resource.partition("/")
    attributes = {"verb": verb, "group": group, "resource": resource, "subresource": subresource}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": user, "resourceAttributes": attributes | {"namespace": namespace}},
    }
    return json.loads(cluster.kubectl("create", "-o", "json", "-f", "-", stdin=json.dumps(review)))["status"]["allowed"]


@pytest.mark.parametrize(
    "question",
    [
        "watch violet.alauda.io:packageuploads",
        "watch violet.alauda.io:packageuploadsets",
        "watch violet.alauda.io:platforms",
        "create violet.alauda.io:packageuploads team",
        "patch violet.alauda.io:packageuploads team",
        "delete violet.alauda.io:packageuploads team",
        "patch violet.alauda.io:packageuploads/status team",
        "patch violet.alauda.io:packageuploadsets/status team",
        "patch violet.alauda.io:platforms/status team",
        "create :events team",
        "get :secrets team",
        "get :configmaps team",
        "patch app.alauda.io:artifacts cpaas-system",
        "create app.alauda.io:artifactversions cpaas-system",
        "list product.alauda.io:productbases",
        "list app.alauda.io:artifactversions cpaas-system",
        "delete app.alauda.io:artifacts cpaas-system",
        "delete app.alauda.io:artifactversions cpaas-system",
    ],
)
def test_operator_may(installed: Cluster, question: str) -> None:
    assert may(installed, OPERATOR, question)


@pytest.mark.parametrize(
    "question",
    [
        "list :secrets team",
        "patch :events team",
        "update violet.alauda.io:packageuploads/status team",
        "watch :secrets",
        "list :configmaps team",
        "create :secrets violet-system",
        "update violet.alauda.io:packageuploads team",
        "deletecollection violet.alauda.io:packageuploads team",
        "create violet.alauda.io:packageuploadsets team",
        "patch violet.alauda.io:packageuploadsets team",
        "delete violet.alauda.io:packageuploadsets team",
        "patch violet.alauda.io:platforms team",
        "deletecollection app.alauda.io:artifacts cpaas-system",
        "deletecollection app.alauda.io:artifactversions cpaas-system",
        "patch app.alauda.io:artifactversions/status cpaas-system",
        "patch operators.coreos.com:catalogsources cpaas-system",
        "get coordination.k8s.io:leases kube-system",
        "list :namespaces",
        "list :pods",
        "create batch:jobs violet-system",
        "patch apiextensions.k8s.io:customresourcedefinitions",
        "create rbac.authorization.k8s.io:clusterrolebindings",
        "impersonate :users",
    ],
)
def test_operator_may_not(installed: Cluster, question: str) -> None:
    assert not may(installed, OPERATOR, question)


@pytest.fixture
def people(installed: Cluster, namespace: str) -> str:
    """A namespace in which the users `editor` and `viewer` have the roles that Kubernetes itself brings."""
    for user, role in (("editor", "edit"), ("viewer", "view")):
        installed.kubectl("-n", namespace, "create", "rolebinding", user, f"--clusterrole={role}", f"--user={user}")
    return namespace


def test_people_get_their_rights_by_aggregation(installed: Cluster, people: str) -> None:
    # the controller manager adds the rules, a moment after the roles are there
    until(lambda: may(installed, "editor", f"create violet.alauda.io:packageuploads {people}"), 30)
    assert may(installed, "viewer", f"watch violet.alauda.io:packageuploads {people}")
    assert may(installed, "editor", f"watch violet.alauda.io:platforms {people}")
    assert may(installed, "editor", f"delete violet.alauda.io:packageuploadsets {people}")
    assert may(installed, "viewer", f"watch violet.alauda.io:packageuploadsets/status {people}")
    assert not may(installed, "viewer", f"create violet.alauda.io:packageuploads {people}")
    assert not may(installed, "editor", f"patch violet.alauda.io:packageuploads/status {people}")
