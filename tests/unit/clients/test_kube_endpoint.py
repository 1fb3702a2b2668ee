"""Client certificates of a kubeconfig, before a server that demands one."""

import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from tests.cluster.pki import Authority
from violet_operator.clients.kube import CONFIG_MAPS
from violet_operator.clients.kube_endpoint import KubeEndpoint, connect
from violet_operator.errors import OperatorError, Waiting


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "endpoint")


@pytest.fixture
async def server(authority: Authority) -> AsyncIterator[str]:
    """Answers with an empty list whoever shows a certificate of the authority."""

    async def answer(_: web.BaseRequest) -> web.Response:
        return web.json_response({"kind": "SecretList", "metadata": {}, "items": []})

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.ca_file))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(*authority.server("server"))
    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    yield f"https://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
def endpoint(authority: Authority, server: str) -> KubeEndpoint:
    certificate, key = authority.server("client")
    return KubeEndpoint(
        "global",
        server,
        certificate=certificate.read_text() + key.read_text(),
        ca_bundle=authority.ca_file.read_text(),
    )


async def listed(endpoint: KubeEndpoint) -> list[dict[str, object]]:
    kube = connect(endpoint)
    try:
        return await kube.list(CONFIG_MAPS, "default")
    finally:
        await kube.close()


async def test_client_certificate_opens(endpoint: KubeEndpoint) -> None:
    assert await listed(endpoint) == []


async def test_closed_client_serves_a_late_request(endpoint: KubeEndpoint) -> None:
    kube = connect(endpoint)
    for _ in range(2):
        assert await kube.list(CONFIG_MAPS, "default") == []
        await kube.close()


async def test_without_it_nothing_opens(endpoint: KubeEndpoint) -> None:
    with pytest.raises(OperatorError) as caught:
        await listed(replace(endpoint, certificate=None))
    assert caught.value.reason == "TargetUnreachable"


async def test_bundle_is_the_only_authority(endpoint: KubeEndpoint, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other", "other").ca_file.read_text()
    for bundle in (None, other):
        with pytest.raises(Waiting) as caught:
            await listed(replace(endpoint, ca_bundle=bundle))
        assert caught.value.reason == "UntrustedCertificate"
    assert await listed(replace(endpoint, ca_bundle=None, verify=False)) == []


async def test_name_in_the_certificate_may_be_another(endpoint: KubeEndpoint) -> None:
    assert await listed(replace(endpoint, server_name="localhost")) == []
    with pytest.raises(Waiting, match="not trusted"):
        await listed(replace(endpoint, server_name="elsewhere.example.com"))
