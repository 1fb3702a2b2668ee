"""The rights that inventories need: lists of what is installed, and ConfigMaps only where an administrator says so."""

import time

import pytest

from tests.cluster import Cluster
from tests.integration.test_rights import OPERATOR, may
from tests.program import install

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def installed(cluster: Cluster) -> Cluster:
    """The cluster with everything that is shipped."""
    install(cluster)
    return cluster


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("watch violet.alauda.io:packageinventories", True),
        ("patch violet.alauda.io:packageinventories/status team", True),
        ("list app.alauda.io:operatorviews", True),
        ("list app.alauda.io:modulepluginviews", True),
        ("list app.alauda.io:helmrequests", True),
        ("list cluster.alauda.io:moduleplugins", True),
        ("list operators.coreos.com:subscriptions", True),
        ("list operators.coreos.com:clusterserviceversions", True),
        ("list app.k8s.io:applications", True),
        ("patch violet.alauda.io:packageinventories team", False),
        ("create :configmaps team", False),
        ("patch :configmaps team", False),
        ("patch operators.coreos.com:subscriptions", False),
        ("patch app.k8s.io:applications", False),
    ],
)
def test_the_operator_may(installed: Cluster, question: str, answer: bool) -> None:
    assert may(installed, OPERATOR, question) is answer


def test_who_administers_a_namespace_lets_the_operator_write_there(installed: Cluster, namespace: str) -> None:
    installed.kubectl("-n", namespace, "create", "rolebinding", "boss", "--clusterrole=admin", "--user=boss")
    deadline = time.monotonic() + 30  # the controller manager fills the role, a moment after it is there
    while not may(installed, "boss", f"create rbac.authorization.k8s.io:rolebindings {namespace}"):
        assert time.monotonic() < deadline, "role admin never got its rights"
        time.sleep(0.5)
    grant = ("create", "rolebinding", "violet-inventory", "--clusterrole=violet-inventory")
    installed.kubectl("--as=boss", "-n", namespace, *grant, "--serviceaccount=violet-system:violet-operator")
    assert may(installed, OPERATOR, f"create :configmaps {namespace}")
    assert may(installed, OPERATOR, f"patch :configmaps {namespace}")
    assert not may(installed, OPERATOR, f"delete :configmaps {namespace}")
    assert not may(installed, OPERATOR, "create :configmaps default")
