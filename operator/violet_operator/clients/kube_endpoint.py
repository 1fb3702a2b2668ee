"""A client of one cluster from what a kubeconfig says of it, without a file: the pod may have no disk to write to."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field

from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration

from violet_operator.clients.gateway_http import tls
from violet_operator.clients.kube import Kube
from violet_operator.errors import Waiting


@dataclass(frozen=True, slots=True)
class KubeEndpoint:
    """A cluster and a way in.

    Attributes:
        name: name of the cluster.
        server: URL of its API server.
        token: bearer token, or None.
        certificate: PEM of client certificate and key, or None.
        ca_bundle: PEM of the only authorities to trust; None: the system's.
        server_name: name in the server's certificate, where it is not that of the URL.
        proxy: URL of an HTTP proxy, or None.
        verify: whether the server's certificate is checked.
    """

    name: str
    server: str
    token: str | None = field(default=None, repr=False)
    certificate: str | None = field(default=None, repr=False)
    ca_bundle: str | None = field(default=None, repr=False)
    server_name: str | None = None
    proxy: str | None = field(default=None, repr=False)
    verify: bool = True


def connect(endpoint: KubeEndpoint) -> Kube:
    """A client of the cluster.

    Raises:
        Waiting: its certificates are none.
    """
    context = tls(endpoint.ca_bundle, verify=endpoint.verify, whose=f"cluster {endpoint.name}", system=False)
    if endpoint.certificate:
        _present(context, endpoint.certificate, endpoint.name)
    configuration = Configuration(host=endpoint.server)
    configuration.tls_server_name = endpoint.server_name
    configuration.proxy = endpoint.proxy
    if endpoint.token:
        configuration.api_key = {"BearerToken": f"Bearer {endpoint.token}"}
    client = ApiClient(configuration)
    client.rest_client.ssl_context = context
    return Kube(client, endpoint.name)


def _present(context: ssl.SSLContext, certificate: str, name: str) -> None:
    """Show a client certificate. The ssl module reads files only, so it is given one that lies in memory."""
    descriptor = os.memfd_create("client-certificate")
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(certificate.encode())
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    except (ssl.SSLError, OSError):
        raise Waiting(
            "InvalidKubeconfig", f"The client certificate for cluster {name} is none, or its key does not belong to it."
        ) from None
    finally:
        os.close(descriptor)
