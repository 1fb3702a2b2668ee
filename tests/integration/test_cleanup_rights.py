"""The rights that cleanups need: to see what is used, to delete what is not, to save it where somebody allows it."""

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
        ("watch violet.alauda.io:cleanuppolicies", True),
        ("watch violet.alauda.io:cleanupruns", True),
        ("patch violet.alauda.io:cleanupruns/status team", True),
        ("create violet.alauda.io:cleanupruns team", True),
        ("delete violet.alauda.io:cleanupruns team", True),
        ("patch violet.alauda.io:cleanuppolicies/status team", True),
        ("list app.alauda.io:operatorviews global", True),
        ("list cluster.alauda.io:moduleinfoes", True),
        ("get :pods team", False),
        ("delete :pods team", False),
        ("create batch:jobs team", False),
        ("patch violet.alauda.io:cleanupruns team", False),
        ("delete violet.alauda.io:cleanuppolicies team", False),
        ("delete app.alauda.io:artifacts cpaas-system", True),
        ("delete app.alauda.io:artifactversions cpaas-system", True),
        ("delete cluster.alauda.io:moduleplugins", True),
        ("delete cluster.alauda.io:moduleconfigs", True),
        ("create cluster.alauda.io:moduleconfigs", True),
        ("patch cluster.alauda.io:moduleconfigs", False),
        ("delete cluster.alauda.io:moduleinfoes", False),
        ("create :configmaps team", False),
        ("delete operators.coreos.com:subscriptions team", False),
    ],
)
def test_the_operator_may(installed: Cluster, question: str, answer: bool) -> None:
    assert may(installed, OPERATOR, question) is answer


def test_backups_are_written_where_somebody_allows_it_and_never_changed(installed: Cluster, namespace: str) -> None:
    grant = ("create", "rolebinding", "violet-cleanup", "--clusterrole=violet-cleanup")
    installed.kubectl("-n", namespace, *grant, "--serviceaccount=violet-system:violet-operator")
    assert may(installed, OPERATOR, f"create :configmaps {namespace}")
    assert not may(installed, OPERATOR, f"patch :configmaps {namespace}")
    assert not may(installed, OPERATOR, f"delete :configmaps {namespace}")
    assert not may(installed, OPERATOR, f"list :configmaps {namespace}")
    assert not may(installed, OPERATOR, "create :configmaps default")
