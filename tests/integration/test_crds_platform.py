"""Each rule of the Platform CRD on a real API server: what keeps it is accepted, what breaks it is refused."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster import Cluster
from tests.integration.admission import (
    Admission,
    Case,
    Object,
    ca_bundle_cases,
    condition_cases,
    name_cases,
    rules,
    schema,
)
from tests.integration.complete import KUBECONFIG, PLATFORM
from tests.program import install

pytestmark = pytest.mark.integration

LOGIN = {"credentialsSecretRef": {"name": "acp-admin"}}
ONLY_WITH_LOGIN = ("address", "credentialsSecretRef", "clientID", "caBundleRef", "insecureSkipTLSVerify")
NO_LOGIN = dict.fromkeys(ONLY_WITH_LOGIN)
IN_CLUSTER = {**NO_LOGIN, "inCluster": {}}
HOST = "must be HOST[:PORT], without https:// and path"

ONE_WAY = "give exactly one of inCluster, address and kubeconfigSecretRef"

SPEC = [
    Case("spec", "required", {}, None),
    Case("spec", ONE_WAY, IN_CLUSTER, {"inCluster": {}}),
    Case(
        "spec",
        "credentialsSecretRef goes with address: a Secret with the key token, or username and password",
        LOGIN,
        {**IN_CLUSTER, **LOGIN},
    ),
    Case(
        "spec",
        "clientID goes with address: the operator logs in nowhere else",
        {**IN_CLUSTER, "clientID": "alauda-auth"},
        {**IN_CLUSTER, "clientID": "other"},
    ),
    Case(
        "spec",
        "caBundleRef and insecureSkipTLSVerify go with address",
        IN_CLUSTER,
        {**IN_CLUSTER, "insecureSkipTLSVerify": True},
    ),
    Case(
        "spec",
        "caBundleRef and insecureSkipTLSVerify exclude each other",
        {"caBundleRef": None, "insecureSkipTLSVerify": True},
        {"insecureSkipTLSVerify": True},
    ),
    Case("spec.address", "minLength", "https://a", "https://"),
    Case("spec.address", "maxLength", "https://" + "a" * 504, "https://" + "a" * 505),
    Case(
        "spec.address",
        "must be https://HOST[:PORT], an IPv6 address in brackets",
        "https://acp.example.com:8443/",
        "https://acp.example.com/console",
    ),
    *name_cases("spec.credentialsSecretRef.name"),
    Case("spec.clientID", "minLength", "a", ""),
    Case("spec.clientID", "maxLength", "a" * 128, "a" * 129),
    *ca_bundle_cases("spec.caBundleRef"),
]
REGISTRY = [
    Case(
        "spec.registry",
        "an explicit address demands credentialsSecretRef, or anonymous: true",
        {"credentialsSecretRef": None, "anonymous": True},
        {"credentialsSecretRef": None},
    ),
    Case(
        "spec.registry",
        "credentialsSecretRef and anonymous exclude each other",
        {"credentialsSecretRef": None, "anonymous": True},
        {"anonymous": True},
    ),
    Case(
        "spec.registry",
        "plainHTTP uses no certificates: remove caBundleRef",
        {"plainHTTP": True, "caBundleRef": None},
        {"plainHTTP": True},
    ),
    Case("spec.registry.address", HOST, "registry:5000", "https://registry:5000"),
    Case("spec.registry.address", "minLength", "a", ""),
    Case("spec.registry.address", "maxLength", "a" * 512, "a" * 513),
    *name_cases("spec.registry.credentialsSecretRef.name"),
    *ca_bundle_cases("spec.registry.caBundleRef"),
    Case(
        "spec.registry.repositoryPrefix",
        "must be lower-case path components of a repository name, without a slash at the ends",
        "acp/my_packages.v2",
        "/acp",
    ),
    Case("spec.registry.repositoryPrefix", "minLength", "a", ""),
    Case("spec.registry.repositoryPrefix", "maxLength", "a" * 128, "a" * 129),
    Case("spec.registry.pullAddress", HOST, "registry.internal", "registry.internal/acp"),
    Case("spec.registry.pullAddress", "minLength", "a", ""),
    Case("spec.registry.pullAddress", "maxLength", "a" * 512, "a" * 513),
    Case("spec.registry.imagePullSecrets", "maxItems", [f"s{n}" for n in range(16)], [f"s{n}" for n in range(17)]),
    Case("spec.registry.imagePullSecrets", "set", ["a", "b"], ["a", "a"]),
    *name_cases("spec.registry.imagePullSecrets[]", required=False),
]
BARE: Object = {"address": None, "credentialsSecretRef": None, "caBundleRef": None}
MUSEUM = "http://museum:8080"
CHARTS = [
    Case("spec.charts.backend", "enum", "chartmuseum", "gitRepository"),
    Case(
        "spec.charts",
        "backend chartmuseum demands an address",
        {**BARE, "backend": "chartmuseum", "address": MUSEUM},
        {**BARE, "backend": "chartmuseum"},
    ),
    Case(
        "spec.charts",
        "backend oci goes to the image registry: remove address",
        {**BARE, "backend": "oci"},
        {**BARE, "backend": "oci", "address": MUSEUM},
    ),
    Case(
        "spec.charts",
        "with backend catalogApi, address and credentialsSecretRef go together",
        BARE,
        {"credentialsSecretRef": None},
    ),
    Case(
        "spec.charts",
        "credentialsSecretRef goes with address",
        {**BARE, "backend": "oci"},
        {**BARE, "backend": "oci", "credentialsSecretRef": {"name": "museum"}},
    ),
    Case(
        "spec.charts",
        "caBundleRef goes with an address of https://",
        {"address": "http://acp.example.com", "caBundleRef": None},
        {"address": "http://acp.example.com"},
    ),
    Case(
        "spec.charts.address",
        "must be http(s)://HOST[:PORT][/PATH], without user name or password",
        "https://[2001:db8::1]:8443/museum/",
        "https://user:password@museum",
    ),
    Case("spec.charts.address", "minLength", "https://a", "http://"),
    Case("spec.charts.address", "maxLength", "https://" + "a" * 504, "https://" + "a" * 505),
    *name_cases("spec.charts.credentialsSecretRef.name"),
    *ca_bundle_cases("spec.charts.caBundleRef"),
]
STATUS = [
    *condition_cases(),
    Case(
        "status.clusters",
        "map",
        [{"name": "global", "ready": True}, {"name": "region1", "ready": False}],
        [{"name": "global", "ready": True}] * 2,
    ),
    Case("status.clusters[].name", "required", "global", None),
    Case("status.clusters[].name", "minLength", "a", ""),
    Case("status.clusters[].name", "maxLength", "a" * 63, "a" * 64),
    Case("status.clusters[].name", "pattern", "region-1", "Region"),
    Case("status.clusters[].ready", "required", False, None),
    Case("status.registry.address", "required", "registry:5000", None),
    Case("status.registry.pullAddress", "required", "registry:5000", None),
    Case("status.registry.origin", "required", "Spec", None),
    Case("status.registry.origin", "enum", "Discovered", "Guessed"),
    Case("status.registry.capabilities[]", "enum", "Referrers", "Telepathy"),
]
BY_KUBECONFIG = name_cases("spec.kubeconfigSecretRef.name")
"""Cases of a Platform without an address."""
CASES = SPEC + REGISTRY + CHARTS + STATUS

ADDRESSES = {
    "a DNS name": ("acp.example.com", True),
    "a DNS name with a port": ("acp.example.com:8443", True),
    "a name without a dot": ("acp", True),
    "an IPv4 address": ("192.0.2.1", True),
    "an IPv4 address with a port": ("192.0.2.1:443", True),
    "an IPv6 address in brackets": ("[2001:db8::1]", True),
    "an IPv6 address in brackets with a port": ("[2001:db8::1]:8443", True),
    "an IPv4 address mapped to IPv6": ("[::ffff:192.0.2.1]:443", True),
    "an IPv6 address without brackets": ("2001:db8::1", False),
    "an IPv6 address whose bracket is not closed": ("[2001:db8::1", False),
    "a port that is no number": ("acp.example.com:https", False),
    "a port of six digits": ("acp.example.com:100000", False),
    "an empty port": ("acp.example.com:", False),
    "user name and password": ("admin:secret@acp.example.com", False),
    "a query": ("acp.example.com?a=b", False),
    "a hyphen in front": ("-acp.example.com", False),
    "a space": ("acp example.com", False),
}


@pytest.fixture(scope="module")
def platforms(cluster: Cluster) -> Iterator[Admission]:
    """The API server with a complete Platform in it."""
    install(cluster)
    with Admission(cluster, "platforms", PLATFORM) as admission:
        yield admission


@pytest.fixture(scope="module")
def by_kubeconfig(platforms: Admission, cluster: Cluster) -> Iterator[Admission]:
    """The API server with a Platform that has a kubeconfig."""
    with Admission(cluster, "platforms", KUBECONFIG) as admission:
        yield admission


def test_every_rule_of_the_crd_has_a_case() -> None:
    assert {(case.path, case.rule) for case in CASES + BY_KUBECONFIG} == {
        (rule.path, rule.name) for rule in rules(schema("platforms"))
    }


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_keeps_the_rule_is_accepted(platforms: Admission, case: Case) -> None:
    platforms.accepts(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_breaks_the_rule_is_refused_with_its_message(platforms: Admission, case: Case) -> None:
    platforms.rejects(case)


@pytest.mark.parametrize("case", BY_KUBECONFIG, ids=str)
def test_kubeconfig_that_keeps_the_rule_is_accepted(by_kubeconfig: Admission, case: Case) -> None:
    by_kubeconfig.accepts(case)


@pytest.mark.parametrize("case", BY_KUBECONFIG, ids=str)
def test_kubeconfig_that_breaks_the_rule_is_refused(by_kubeconfig: Admission, case: Case) -> None:
    by_kubeconfig.rejects(case)


@pytest.mark.parametrize("path", ["spec.address", "spec.registry.address", "spec.registry.pullAddress"])
@pytest.mark.parametrize("text", ADDRESSES)
def test_an_address_is(platforms: Admission, path: str, text: str) -> None:
    host, good = ADDRESSES[text]
    answer = platforms.judge(path, f"https://{host}" if path == "spec.address" else host)
    assert answer["kind"] == ("Platform" if good else "Status"), answer
    assert good or f"{path}: Invalid value" in answer["message"]


def test_defaults_are_the_documented_ones(platforms: Admission) -> None:
    assert platforms.create({"inCluster": {}})["spec"] == {
        "inCluster": {},
        "clientID": "alauda-auth",
        "insecureSkipTLSVerify": False,
    }
    given = {**LOGIN, "address": "https://acp.example.com", "caBundleRef": {"name": "ca"}, "registry": {}}
    assert platforms.create(given)["spec"] == {
        **given,
        "clientID": "alauda-auth",
        "insecureSkipTLSVerify": False,
        "caBundleRef": {"kind": "ConfigMap", "name": "ca", "key": "ca.crt"},
        "registry": {"anonymous": False, "plainHTTP": False},
    }


def test_credentials_are_demanded_beside_an_address(platforms: Admission) -> None:
    answer = platforms.create({"address": "https://acp.example.com"})
    assert "credentialsSecretRef goes with address" in answer["message"]


@pytest.mark.parametrize(
    "ways",
    [
        {},
        {**LOGIN, "address": "https://a.b", "kubeconfigSecretRef": {"name": "a"}},
        {"inCluster": {}, **KUBECONFIG["spec"]},
    ],
    ids=["none", "address and kubeconfig", "in cluster and kubeconfig"],
)
def test_other_than_one_way_in_is_refused(platforms: Admission, ways: dict[str, Any]) -> None:
    assert ONE_WAY in platforms.create(ways)["message"]


@pytest.mark.parametrize("field", [LOGIN, {"clientID": "other"}, {"caBundleRef": {"name": "a"}}])
def test_a_kubeconfig_brings_its_own_login(platforms: Admission, field: dict[str, Any]) -> None:
    assert "with address" in platforms.create({**KUBECONFIG["spec"], **field})["message"]


def test_a_login_without_an_address_is_refused_by_each_rule_that_forbids_it(platforms: Admission) -> None:
    answer = platforms.create({"inCluster": {}, "caBundleRef": {"name": "ca"}})
    assert "caBundleRef and insecureSkipTLSVerify go with address" in answer["message"]
