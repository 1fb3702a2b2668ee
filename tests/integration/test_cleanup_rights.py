"""The rights that cleanups need: to see what is used, and their own runs; nothing that a dry run does not do."""

import pytest

from tests.cluster import Cluster
from tests.integration.test_delivery import OPERATOR, may
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
        ("patch violet.alauda.io:cleanupruns team", False),
        ("delete violet.alauda.io:cleanuppolicies team", False),
        ("delete cluster.alauda.io:moduleconfigs", False),
        ("delete operators.coreos.com:subscriptions team", False),
    ],
)
def test_the_operator_may(installed: Cluster, question: str, answer: bool) -> None:
    assert may(installed, OPERATOR, question) is answer
