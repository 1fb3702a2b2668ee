"""The platform's gateway: its clusters behind one address, its list of clusters, and its login.

`with Gateway(kit.clusters, directory) as gateway:` serves `gateway.address` over TLS with the gateway's own CA.
It is a reverse proxy to real API servers: a request goes on as the gateway's administrator who impersonates the user
of the token, so that the clusters' own RBAC decides. Further routes of the platform (charts, say) go into `routes`.
"""

import asyncio
import json
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import yaml
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from tests.cluster import Cluster
from tests.cluster.pki import Authority
from tests.cluster.process import free_port
from tests.faults.proxy import HOP_BY_HOP
from tests.platform.login import Login

Route = Callable[[web.BaseRequest, str], Awaitable[web.StreamResponse]]
"""Answers a request of a user."""

Before = Callable[[str, str], Awaitable[None]]
"""Is told of a request by its method and path."""

GROUP = "platform-users"


class Gateway:
    """One platform. What tests change at run time: `login` (users, tokens), `down`, `lost` and `hidden` (clusters:
    502, 404, not listed), `before` (is awaited with each request before it is answered), `stop` and `start`, and which
    cluster answers in whose name (`stand_in`).
    """

    def __init__(self, clusters: Sequence[Cluster], directory: Path, host: str = "127.0.0.1") -> None:
        authority = Authority(directory / "gateway-ca", "gateway")
        self.ca_file = authority.ca_file
        self._certificate = authority.server("gateway")
        self._host, self._port = host, free_port()
        self.address = f"https://{f'[{host}]' if ':' in host else host}:{self._port}"
        self.login = Login()
        self.routes: dict[str, Route] = {"/auth/v1/clusters": self._list_clusters}
        self.down: set[str] = set()
        self.lost: set[str] = set()
        self.hidden: set[str] = set()
        self.before: Before = _at_once
        self.requests: list[tuple[str, str]] = []
        self._clusters = {cluster.name: _Upstream(cluster) for cluster in clusters}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="gateway", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    def start(self) -> None:
        """Listen; always on the same port."""
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(timeout=10)

    def stop(self) -> None:
        """Close the port and every connection."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(timeout=10)

    def stand_in(self, name: str, cluster: Cluster) -> None:
        """Have another cluster answer from now on to a name."""
        self._clusters[name] = _Upstream(cluster)

    def count(self, path: str, user: str) -> int:
        """How many requests a user has made so far to paths that begin like this."""
        return sum(1 for found, by in self.requests if by == user and found.startswith(path))

    async def _start(self) -> None:
        timeout = aiohttp.ClientTimeout(total=None)
        self._session = aiohttp.ClientSession(
            auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar(), timeout=timeout
        )
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*self._certificate)
        # a watch whose client has gone ends: it would last for minutes, and to the end of this loop and beyond
        server = web.Server(self._handle, access_log=None, handler_cancellation=True)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port, ssl_context=context).start()

    async def _stop(self) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        user = self.login.user(request.headers.get("Authorization", ""))
        self.requests.append((request.path, user or ""))
        await self.before(request.method, request.path)
        if step := self.login.steps.get((request.method, request.path)):
            return await step(request, self.address)
        if user is None:
            return web.json_response({"kind": "Status", "code": 401, "message": "Unauthorized"}, status=401)
        for prefix, route in self.routes.items():
            if request.path == prefix or request.path.startswith(f"{prefix}/"):
                return await route(request, user)
        _, _, name, *_ = [*request.path.split("/"), "", ""]
        if not request.path.startswith("/kubernetes/") or name not in self._clusters.keys() - self.lost:
            return web.Response(status=404, text="no such page")
        if name in self.down:
            return web.Response(status=502, text=f"cluster {name} cannot be reached")
        return await self._forward(request, self._clusters[name], user)

    async def _list_clusters(self, request: web.BaseRequest, user: str) -> web.StreamResponse:
        """The clusters where a user may do anything at all; as everywhere here, their own RBAC is asked."""
        names = [
            name
            for name, upstream in self._clusters.items()
            if name not in self.hidden and (name in self.down or await self._sees(upstream, user))
        ]
        kind = {"apiVersion": "clusterregistry.k8s.io/v1alpha1"}
        items = [kind | {"kind": "Cluster", "metadata": {"name": name}, "spec": {}} for name in names]
        return web.json_response(kind | {"kind": "ClusterList", "metadata": {}, "items": items})

    async def _sees(self, upstream: "_Upstream", user: str) -> bool:
        asked = {"resourceAttributes": {"verb": "list", "resource": "namespaces"}}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": asked}
        url = f"{upstream.server}/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        headers = upstream.headers(user)
        async with self._session.post(url, json=review, headers=headers, ssl=upstream.tls) as answer:
            return bool((await answer.json())["status"]["allowed"])

    async def _forward(self, request: web.BaseRequest, upstream: "_Upstream", user: str) -> web.StreamResponse:
        """Pass a request on and the answer back, each as it comes: a watch stays open."""
        path = request.raw_path.split("/", 3)[3]
        headers = CIMultiDict((key, value) for key, value in request.headers.items() if _passes(key))
        headers.update(upstream.headers(user))
        body = _pieces(request.content) if request.body_exists else None
        url = URL(f"{upstream.server}/{path}", encoded=True)
        try:
            async with self._session.request(
                request.method, url, headers=headers, data=body, ssl=upstream.tls, allow_redirects=False
            ) as answer:
                end_to_end = [(key, value) for key, value in answer.headers.items() if key.lower() not in HOP_BY_HOP]
                reply = web.StreamResponse(status=answer.status, reason=answer.reason, headers=CIMultiDict(end_to_end))
                await reply.prepare(request)
                async for piece in _pieces(answer.content):
                    await reply.write(piece)
                await reply.write_eof()
                return reply
        except aiohttp.ClientError as error:
            return web.Response(status=502, text=f"the cluster cannot be reached: {type(error).__name__}")


class _Upstream:
    """An API server, with the administrator's token."""

    def __init__(self, cluster: Cluster) -> None:
        config: dict[str, Any] = yaml.safe_load(cluster.kubeconfig.read_text())
        self.server = cluster.server
        self.tls = ssl.create_default_context(cafile=str(cluster.ca_file))
        self._token = config["users"][0]["user"]["token"]

    def headers(self, user: str) -> dict[str, str]:
        """As the administrator who acts for a user."""
        return {"Authorization": f"Bearer {self._token}", "Impersonate-User": user, "Impersonate-Group": GROUP}


def grant(cluster: Cluster, user: str, role: str = "cluster-admin") -> None:
    """Give a user of the platform a role on a cluster, as the platform's own roles do."""
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"platform-{user.replace('@', '-')}-{role}"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
    }
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(binding))


async def _at_once(_: str, __: str) -> None:
    """Nothing happens before a request is answered."""


def _passes(header: str) -> bool:
    """Whether a client's header goes on: who it is, is the gateway's to say."""
    name = header.lower()
    return (
        name not in HOP_BY_HOP
        and name not in ("host", "authorization", "cookie")
        and not name.startswith("impersonate-")
    )


async def _pieces(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    async for piece in content.iter_any():
        yield piece
