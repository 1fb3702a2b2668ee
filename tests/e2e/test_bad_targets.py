"""Registries that refuse a sound package, and a cluster that cannot take it: a reason, advice, and no trace."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import Cluster, Kit, KubectlError
from tests.cluster.process import free_port
from tests.faults import FaultProxy, Request
from tests.harness import (
    OPEN,
    SYSTEM,
    Object,
    Site,
    condition,
    ensure_namespace,
    has_failed,
    installation,
    is_ready,
    operator_alone,
    platform,
    secret,
    small,
    to_platform,
)
from tests.integration.images import push
from tests.observe import until
from tests.packages import build
from tests.platform import Bundles, Marketplace, install_crds
from tests.program import ACCOUNT, NAMESPACE, install
from tests.verdicts import Court, Verdict, check, check_only_read, described, waiting

pytestmark = pytest.mark.e2e

WRONG_PASSWORD = "not-the-registry-password"
RETRY_LATER = {"Retry-After": "60"}


def _opens_upload(request: Request) -> bool:
    return request.method == "POST"


def _sends_bytes(request: Request) -> bool:
    return request.method == "PATCH"


@dataclass(frozen=True)
class Refusal:
    """How a registry that is otherwise sound answers some requests, and what must be said of it."""

    status: int
    verdict: Verdict
    when: Any = _opens_upload
    headers: Any = None


REFUSALS = {
    "registry-403": Refusal(403, waiting("RegistryForbidden", "Grant the user push on that repository", "Pushed")),
    "registry-404": Refusal(404, Verdict("RegistryRefused", "in Harbor the project must exist", "Pushed")),
    "registry-413": Refusal(
        413, waiting("RegistryRefusesSize", "raise that limit (nginx: client_max_body_size 0)", "Pushed"), _sends_bytes
    ),
    "registry-429": Refusal(429, waiting("RegistryUnavailable", "429. Look at its log", "Pushed"), headers=RETRY_LATER),
    "registry-500": Refusal(500, waiting("RegistryUnavailable", "500. Look at its log", "Pushed")),
}

PLATFORMS = {
    "registry-wrong-password": (
        "RegistryUnauthorized",
        "Correct the Secret that the Platform's spec.registry.credentialsSecretRef",
    ),
    "registry-unreachable": ("RegistryUnreachable", "Check spec.registry.address of the Platform"),
    "registry-unknown-ca": ("RegistryUntrusted", "Platform's spec.registry.caBundleRef"),
    "registry-plain-http": ("RegistryUntrusted", "set spec.registry.plainHTTP: true on the Platform"),
    "registry-secret-missing": ("SecretNotFound", "Create it"),
    "registry-secret-empty": ("InvalidCredentials", "it needs username and password"),
}
"""What the Platform itself says: an upload waits for it, and passes on its words."""

TAG_EXISTS = Verdict("TagExists", "Set spec.overwrite: IfDifferent to replace it, or remove the tag", "Pushed")

VERDICTS = {
    **{name: refusal.verdict for name, refusal in REFUSALS.items()},
    **{name: waiting("PlatformNotReady", advice, "") for name, (_, advice) in PLATFORMS.items()},
    "tag-exists": TAG_EXISTS,
}


@dataclass(frozen=True)
class Outcome:
    """What all cases together have led to."""

    site: Site
    uploads: dict[str, Object]
    events: dict[str, str]
    court: Court
    recorder: FaultProxy
    password: str


@pytest.fixture(scope="module")
def outcome(kit: Kit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    """One sound package, sent at once to every bad registry."""
    directory = tmp_path_factory.mktemp("bad-targets")
    with ExitStack() as stack:
        site = stack.enter_context(installation(kit, directory, "--log-level", "debug"))
        recorder = stack.enter_context(FaultProxy(site.registry.address))
        closed, secured = kit.registry(htpasswd=True), kit.registry(tls=True)
        site.put_package("refused")
        push(build(small("refused-tag", version="0.9.0"), directory / "other.tgz"), site.registry)
        site.put_package("refused-tag")
        site.apply(
            secret("wrong", username=str(closed.username), password=WRONG_PASSWORD),
            secret("empty", user="nobody"),
            platform("recorded", recorder.address, **OPEN),
            platform("registry-wrong-password", closed.address, credentialsSecretRef={"name": "wrong"}, plainHTTP=True),
            platform("registry-unreachable", f"127.0.0.1:{free_port()}"),
            platform("registry-unknown-ca", secured.address, anonymous=True),
            platform("registry-plain-http", site.registry.address, anonymous=True),
            platform("registry-secret-missing", closed.address, credentialsSecretRef={"name": "no-such-secret"}),
            platform("registry-secret-empty", closed.address, credentialsSecretRef={"name": "empty"}),
            *(platform(name, _refusing(stack, site, refusal)) for name, refusal in REFUSALS.items()),
        )
        court = Court(site, site.registry, closed, secured)
        names = [*REFUSALS, *PLATFORMS]
        site.apply(
            *(site.package_upload(name, "refused.tgz", targets=to_platform(name)) for name in names),
            site.package_upload("tag-exists", "refused-tag.tgz", targets=to_platform("recorded")),
        )
        uploads = site.wait_all(list(VERDICTS), has_failed(), seconds=180)
        yield Outcome(site, uploads, described(site, list(VERDICTS)), court, recorder, str(closed.password))


def _refusing(stack: ExitStack, site: Site, refusal: Refusal) -> str:
    proxy = stack.enter_context(FaultProxy(site.registry.address))
    proxy.answer(refusal.status, times=None, when=refusal.when, headers=refusal.headers)
    return proxy.address


@pytest.mark.parametrize("name", VERDICTS)
def test_bad_registry_is_named_with_advice(outcome: Outcome, name: str) -> None:
    check(outcome.uploads[name], VERDICTS[name])


@pytest.mark.parametrize("name", VERDICTS)
def test_describe_shows_why(outcome: Outcome, name: str) -> None:
    lines = [line.split() for line in outcome.events[name].splitlines()]
    assert ["Warning", VERDICTS[name].reason] in [line[:2] for line in lines], outcome.events[name]


@pytest.mark.parametrize("name", PLATFORMS)
def test_platform_says_the_same(outcome: Outcome, name: str) -> None:
    reason, advice = PLATFORMS[name]
    found = outcome.site.wait(name, has_failed(reason), kind="platforms")
    assert advice in condition(found, "Ready")["message"]
    assert f"is not Ready: {reason}: " in condition(outcome.uploads[name], "Ready")["message"]
    assert condition(found, "Reconciling")["status"] == "True"


def test_nothing_is_visible(outcome: Outcome) -> None:
    check_only_read(outcome.recorder)
    outcome.court.check_nothing_visible()


def test_no_secret_is_shown(outcome: Outcome) -> None:
    outcome.court.check_no_secret(outcome.password, WRONG_PASSWORD, outcome.site.storage.secret_key)


def _take_rights(cluster: Cluster) -> None:
    """Leave the operator's ClusterRole without what it needs to publish."""
    role = json.loads(cluster.kubectl("get", "clusterrole", ACCOUNT, "-o", "json"))
    role["rules"] = [rule for rule in role["rules"] if rule["apiGroups"] != ["app.alauda.io"]]
    cluster.kubectl("replace", "-f", "-", stdin=json.dumps(role))
    question = ("auth", "can-i", "create", "artifacts.app.alauda.io", "-n", SYSTEM)
    until(lambda: "no" in _answer(cluster, *question, f"--as=system:serviceaccount:{NAMESPACE}:{ACCOUNT}"))


def _answer(cluster: Cluster, *question: str) -> str:
    try:
        return cluster.kubectl(*question)
    except KubectlError:
        return "no"


def _platform_kinds(cluster: Cluster) -> None:
    install_crds(cluster.kubectl)


def _system_namespace(cluster: Cluster) -> None:
    ensure_namespace(cluster, SYSTEM)


STAGES = (
    (waiting("PlatformNotReady", "Give it that right (see the chart's ClusterRole)", ""), install),
    (waiting("KindMissing", "marketplace is not installed there. Install it", "Published"), _platform_kinds),
    (waiting("NamespaceMissing", "Create the namespace", "Published"), _system_namespace),
)
"""What a cluster lacks, as the user reads it, and the mend; the last state of all is a platform."""


def test_cluster_that_cannot_take_the_package_gets_nothing_and_nothing_is_pushed(tmp_path: Path) -> None:
    with Kit() as kit, operator_alone(kit, tmp_path) as site, FaultProxy(site.registry.address) as recorder:
        court = Court(site)
        _take_rights(site.cluster)
        site.apply(platform("default", recorder.address, pullAddress=site.registry.address, **OPEN))
        site.put_package("stranded")
        site.apply(site.package_upload("stranded"))
        for verdict, mend in STAGES:
            check(site.wait("stranded", has_failed(verdict.reason), seconds=120), verdict)
            check_only_read(recorder)
            court.check_nothing_visible()
            mend(site.cluster)
            site.reconcile("stranded")
        with Marketplace({"global": site.cluster.kubeconfig}, Bundles(plain=True)):
            site.wait("stranded", is_ready)
        assert site.artifacts() == ["stranded", "stranded.v1.0.0"]
