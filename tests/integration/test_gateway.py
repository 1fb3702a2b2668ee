"""The gateway client before the platform's stand-in: logins, expiry, TLS, clusters, and what each refusal becomes."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from aiohttp import web

from tests.cluster import Cluster, Kit
from tests.cluster.process import free_port
from tests.platform import Gateway as StandIn
from tests.platform import grant, install_crds
from violet_operator.clients.gateway import Gateway
from violet_operator.clients.gateway_http import GatewaySettings
from violet_operator.clients.kube import ARTIFACT_VERSIONS, ARTIFACTS, CONFIG_MAPS
from violet_operator.clients.kube_rights import lacking
from violet_operator.errors import OperatorError, Transient, Waiting

pytestmark = pytest.mark.integration

ADMIN, VIEWER, STRANGER = "admin@example.com", "viewer@example.com", "stranger@example.com"
PASSWORD = 'correct "horse" \\ bättery ${staple} 密码'


class Clock:
    """The time, which a test may move on."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture(scope="module")
def stand_in(kit: Kit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """A platform of one cluster, with an administrator and a user who may only look."""
    cluster = kit.cluster()
    install_crds(cluster.kubectl)
    grant(cluster, ADMIN)
    grant(cluster, VIEWER, "view")
    with StandIn(kit.clusters, tmp_path_factory.mktemp("gateway")) as stand_in:
        stand_in.login.users[ADMIN] = PASSWORD
        yield stand_in


@pytest.fixture
def clock() -> Clock:
    return Clock()


def with_token(stand_in: StandIn, user: str = ADMIN) -> GatewaySettings:
    token = stand_in.login.token(user)
    return GatewaySettings(stand_in.address, "alauda-auth", token=token, ca_bundle=stand_in.ca_file.read_text())


def with_password(stand_in: StandIn, user: str = ADMIN, password: str = PASSWORD) -> GatewaySettings:
    return replace(with_token(stand_in), token=None, username=user, password=password)


@asynccontextmanager
async def opened(settings: GatewaySettings, clock: Clock | None = None) -> AsyncIterator[Gateway]:
    gateway = Gateway(settings, clock or Clock())
    try:
        yield gateway
    finally:
        await gateway.close()


async def refusal(settings: GatewaySettings) -> OperatorError:
    async with opened(settings) as gateway:
        with pytest.raises(OperatorError) as caught:
            await gateway.clusters()
    return caught.value


async def test_token_reaches_the_clusters(stand_in: StandIn, namespace: str) -> None:
    async with opened(with_token(stand_in)) as gateway:
        assert await gateway.clusters() == ("global",)
        kube = gateway.cluster("global")
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "thing", "namespace": namespace}}
        await kube.apply(CONFIG_MAPS, body | {"data": {"a": "1"}})
        found = await kube.get(CONFIG_MAPS, namespace, "thing")
        assert found
        assert found["data"] == {"a": "1"}
        assert await kube.get(CONFIG_MAPS, namespace, "nothing") is None


async def test_password_logs_in_once_for_many_requests(stand_in: StandIn) -> None:
    before = stand_in.login.issued
    async with opened(with_password(stand_in)) as gateway:
        kube = gateway.cluster("global")
        await asyncio.gather(*(gateway.clusters() for _ in range(5)), *(kube.list(ARTIFACTS) for _ in range(5)))
    assert stand_in.login.issued == before + 1


async def test_token_is_renewed_before_it_ends(stand_in: StandIn, clock: Clock) -> None:
    before = stand_in.login.issued
    async with opened(with_password(stand_in), clock) as gateway:
        await gateway.clusters()
        clock.ahead = timedelta(seconds=3600 - 70)
        await gateway.clusters()
        assert stand_in.login.issued == before + 1
        clock.ahead = timedelta(seconds=3600 - 50)
        await asyncio.gather(*(gateway.clusters() for _ in range(5)))
    assert stand_in.login.issued == before + 2


async def test_token_that_ends_early_is_replaced_once_and_nobody_notices(stand_in: StandIn) -> None:
    before = stand_in.login.issued
    async with opened(with_password(stand_in)) as gateway:
        kube = gateway.cluster("global")
        await kube.list(ARTIFACTS)
        stand_in.login.revoke_all()
        await asyncio.gather(*(kube.list(ARTIFACTS) for _ in range(5)))
    assert stand_in.login.issued == before + 2


async def test_given_token_that_is_revoked_is_unauthorized(stand_in: StandIn) -> None:
    async with opened(with_token(stand_in)) as gateway:
        stand_in.login.revoke_all()
        for request in (gateway.clusters(), gateway.cluster("global").list(ARTIFACTS)):
            with pytest.raises(Waiting) as caught:
                await request
            assert caught.value.reason == "Unauthorized"
            assert "Put a new one into the Secret" in caught.value.message


@pytest.mark.parametrize(
    ("user", "password"),
    [(ADMIN, "wrong-password"), ("somebody@ldap.example.com", PASSWORD)],
    ids=["wrong password", "external user"],
)
async def test_refused_password_is_told_once_and_not_tried_again(stand_in: StandIn, user: str, password: str) -> None:
    before, clock = stand_in.login.refused, Clock()
    async with opened(with_password(stand_in, user, password), clock) as gateway:
        for _ in range(3):
            with pytest.raises(Waiting) as caught:
                await gateway.clusters()
            assert caught.value.reason == "Unauthorized"
            assert "make an API token" in caught.value.message
            assert user in caught.value.message
            assert password not in caught.value.message
        assert stand_in.login.refused == before + 1  # platforms lock accounts
        clock.ahead = timedelta(minutes=31)
        with pytest.raises(Waiting):
            await gateway.clusters()
        assert stand_in.login.refused == before + 2


async def test_password_that_does_not_fit_the_key_is_told(stand_in: StandIn) -> None:
    error = await refusal(with_password(stand_in, password="x" * 300))
    assert error.reason == "Unauthorized"
    assert "too long" in error.message


async def test_unknown_client_is_told(stand_in: StandIn) -> None:
    error = await refusal(replace(with_password(stand_in), client_id="other"))
    assert "console-platform/api/v1/token/login answers 400" in error.message
    stand_in.login.clients.add("other")
    async with opened(replace(with_password(stand_in), client_id="other")) as gateway:
        assert await gateway.clusters() == ("global",)


async def test_account_without_any_cluster_is_no_administrator(stand_in: StandIn) -> None:
    error = await refusal(with_token(stand_in, STRANGER))
    assert error.reason == "NotPlatformAdmin"
    assert "platform-admin-system" in error.message


async def test_rights_are_those_of_the_user(stand_in: StandIn, namespace: str) -> None:
    async with opened(with_token(stand_in, VIEWER)) as gateway:
        kube = gateway.cluster("global")
        assert await gateway.clusters() == ("global",)
        assert await kube.list(CONFIG_MAPS, namespace)
        assert not await kube.allowed("create", ARTIFACTS, "cpaas-system")
        with pytest.raises(Waiting) as caught:
            await kube.create(CONFIG_MAPS, namespace, {"metadata": {"name": "thing"}})
        assert caught.value.reason == "TargetForbidden"


async def test_rights_of_an_administrator_are_one_question(stand_in: StandIn) -> None:
    rights = [(verb, kind) for kind in (ARTIFACTS, ARTIFACT_VERSIONS) for verb in ("get", "watch", "patch", "delete")]
    async with opened(with_token(stand_in)) as gateway:
        before = stand_in.count("/kubernetes/global/", ADMIN)
        assert await lacking(gateway.cluster("global"), "cpaas-system", rights) == []
        assert stand_in.count("/kubernetes/global/", ADMIN) == before + 1
    async with opened(with_token(stand_in, VIEWER)) as gateway:
        assert await lacking(gateway.cluster("global"), "cpaas-system", rights) == rights


@pytest.mark.parametrize("status", [403, 404])
async def test_cluster_without_reviews_does_not_tell(stand_in: StandIn, status: int) -> None:
    async def refuse(*_: object) -> web.Response:
        return web.json_response({"message": "no such thing"}, status=status)

    stand_in.routes["/kubernetes/mute"] = refuse
    async with opened(with_token(stand_in)) as gateway:
        assert await lacking(gateway.cluster("mute"), "cpaas-system", [("get", ARTIFACTS)]) is None


async def test_list_of_rules_that_fails_decides_nothing(stand_in: StandIn) -> None:
    async def refuse(*_: object) -> web.Response:
        return web.json_response({"message": "not now"}, status=500)

    stand_in.routes["/kubernetes/global/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"] = refuse
    try:
        async with opened(with_token(stand_in, VIEWER)) as gateway:
            asked = [("create", ARTIFACTS), ("list", CONFIG_MAPS)]
            assert await lacking(gateway.cluster("global"), "cpaas-system", asked) == asked[:1]
    finally:
        del stand_in.routes["/kubernetes/global/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"]


async def test_cluster_that_refuses_a_good_token_costs_no_login(stand_in: StandIn) -> None:
    async def refuse(*_: object) -> web.Response:
        return web.json_response({"message": "who are you?"}, status=401)

    before = stand_in.login.issued
    stand_in.routes["/kubernetes/odd"] = refuse
    async with opened(with_password(stand_in)) as gateway:
        for _ in range(3):
            with pytest.raises(Waiting) as caught:
                await gateway.cluster("odd").list(ARTIFACTS)
            assert caught.value.reason == "TargetUnauthorized"
    assert stand_in.login.issued == before + 1


async def test_certificate_must_be_trusted(stand_in: StandIn) -> None:
    for settings in (with_token(stand_in), with_password(stand_in)):
        error = await refusal(replace(settings, ca_bundle=None))
        assert error.reason == "UntrustedCertificate"
        assert "caBundleRef" in error.message
        async with opened(replace(settings, ca_bundle=None, verify=False)) as gateway:
            assert await gateway.clusters() == ("global",)


async def test_bundle_must_hold_certificates(stand_in: StandIn) -> None:
    with pytest.raises(Waiting) as caught:
        Gateway(replace(with_token(stand_in), ca_bundle="no PEM"), Clock())
    assert caught.value.reason == "InvalidCABundle"


async def test_nobody_at_the_address(stand_in: StandIn) -> None:
    for settings in (with_token(stand_in), with_password(stand_in)):
        error = await refusal(replace(settings, address=f"https://127.0.0.1:{free_port()}"))
        assert isinstance(error, Transient)
        assert error.reason == "Unreachable"


async def test_something_else_at_the_address(stand_in: StandIn, cluster: Cluster) -> None:
    bundle = cluster.ca_file.read_text()
    for settings, reason in ((with_token(stand_in), "Unauthorized"), (with_password(stand_in), "NotAPlatform")):
        error = await refusal(replace(settings, address=cluster.server, ca_bundle=bundle))
        assert error.reason == reason, error.message


async def test_ipv6(kit: Kit, tmp_path: Path) -> None:
    with StandIn(kit.clusters, tmp_path, host="::1") as stand_in:
        grant(kit.cluster(), ADMIN)
        stand_in.login.users[ADMIN] = PASSWORD
        assert "[::1]" in stand_in.address
        for settings in (with_token(stand_in), with_password(stand_in)):
            async with opened(settings) as gateway:
                assert await gateway.clusters() == ("global",)


async def test_closed_gateway_serves_a_late_request(stand_in: StandIn) -> None:
    async with opened(with_token(stand_in)) as gateway:
        kube = gateway.cluster("global")
        await gateway.close()
        assert isinstance(await kube.list(ARTIFACTS), list)


def test_watch_passes_as_it_comes(stand_in: StandIn, namespace: str, cluster: Cluster) -> None:
    """The stand-in itself: a watch must not wait for its end."""
    url = f"{stand_in.address}/kubernetes/global/api/v1/namespaces/{namespace}/configmaps?watch=true&timeoutSeconds=60"
    headers = {"Authorization": f"Bearer {stand_in.login.token(ADMIN)}"}
    with requests.get(url, headers=headers, stream=True, timeout=60, verify=str(stand_in.ca_file)) as answer:
        lines = answer.iter_lines()
        assert b"kube-root-ca.crt" in next(lines)
        cluster.kubectl("create", "configmap", "late", "-n", namespace)
        assert b'"late"' in next(lines)
