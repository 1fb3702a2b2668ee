"""Requests to one Kubernetes API server and their answers as JSON, over the official client.

The generic entry of `kubernetes.aio` is used, not its typed classes: importing those costs 80 MB of memory.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, Self

import aiohttp
import yaml
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.client.rest import RESTResponse
from kubernetes.aio.config import incluster_config, kube_config
from kubernetes.aio.config.config_exception import ConfigException

from violet_operator.clients.kube_errors import explain, no_answer
from violet_operator.errors import Stalled, Transient

JsonObject = dict[str, Any]

_TIMEOUT = 30
"""Seconds for one request: an API server that needs longer is retried."""

_FAILURE = 300
"""HTTP statuses from here on are no success."""


class Transport:
    """One API server."""

    def __init__(self, client: ApiClient, name: str, prefix: str = "") -> None:
        """`prefix` is put before every path: several clusters may lie behind one address."""
        self._client = client
        self._prefix = prefix
        self.name = name

    @classmethod
    async def connect(cls, kubeconfig: Path | None, name: str = "this cluster") -> Self:
        """A client from a kubeconfig, or from the pod's ServiceAccount.

        Raises:
            Stalled: there is neither.
        """
        configuration = Configuration()
        try:
            if kubeconfig:
                await kube_config.load_kube_config(  # type: ignore[no-untyped-call]
                    config_file=str(kubeconfig), client_configuration=configuration, persist_config=False
                )
            else:
                incluster_config.load_incluster_config(  # type: ignore[no-untyped-call]
                    client_configuration=configuration
                )
        except (
            ConfigException,
            OSError,
            yaml.YAMLError,
            TypeError,
            AttributeError,
        ) as error:  # the loader trusts files
            raise Stalled(
                "NoCluster", f"No way to a Kubernetes API: {error}. Run in a pod, or give --kubeconfig."
            ) from None
        return cls(ApiClient(configuration), name)

    async def close(self) -> None:
        """Close the connections; a request that still comes opens new ones."""
        await self._client.close()  # type: ignore[no-untyped-call]
        self._client.rest_client.pool_manager = None

    async def stream(
        self, path: str, what: str, *, query: dict[str, str], accept: str, seconds: float
    ) -> AsyncGenerator[bytes]:
        """The lines of an answer as they come, for `seconds` at most.

        Raises:
            OperatorError: as `list`.
        """
        with self._explained(what):
            response = await self._open("GET", path, query=query, accept=accept, seconds=seconds)
            try:
                if response.status >= _FAILURE:
                    await self._refuse(what, response)
                rest = b""
                async for piece in response.response.content.iter_any():
                    *lines, rest = (rest + piece).split(b"\n")
                    for line in lines:
                        yield line
            finally:
                response.response.close()

    async def call(
        self,
        method: str,
        path: str,
        what: str,
        *,
        query: dict[str, str] | None = None,
        body: JsonObject | Sequence[JsonObject] | None = None,
        content: str = "application/json",
        accept: str = "application/json",
    ) -> JsonObject:
        """One request and its answer.

        Args:
            method: of HTTP.
            path: of the URL.
            what: what it does, for messages: "reading secrets x".
            query: parameters.
            body: a document, or the operations of a JSON patch.
            content: media type of the body.
            accept: media type of the answer.

        Raises:
            NotFoundError: there is no such object or kind.
            OperatorError: the API refuses, or does not answer.
        """
        with self._explained(what):
            response = await self._open(method, path, query=query, body=body, content=content, accept=accept)
            if response.status >= _FAILURE:  # the generic entry does not raise by itself
                await self._refuse(what, response)
            data: bytes = await response.read()  # type: ignore[no-untyped-call]
        try:
            document = json.loads(data)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise Transient(
                "TargetUnavailable",
                f"Cluster {self.name}: {what} brings no JSON: something else answers in its place. Check its address.",
            )
        return document

    async def _open(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: JsonObject | Sequence[JsonObject] | None = None,
        content: str = "application/json",
        accept: str = "application/json",
        seconds: float = _TIMEOUT,
    ) -> RESTResponse:
        serialized = await self._client.param_serialize(
            method,
            self._prefix + path,
            query_params=list((query or {}).items()),
            header_params={"Accept": accept, "Content-Type": content},
            body=body,
            auth_settings=["BearerToken"],
        )
        return await self._client.call_api(*serialized, _request_timeout=seconds)

    async def _refuse(self, what: str, response: RESTResponse) -> NoReturn:
        data: bytes = await response.read()  # type: ignore[no-untyped-call]
        raise explain(self.name, what, response.status, data.decode("utf-8", "replace"))

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        """Foreign exceptions become ours."""
        try:
            yield
        except ApiException as error:
            raise explain(self.name, what, error.status, str(error.body or error.reason or "")) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise no_answer(self.name, error) from None
