"""The ways to get a Helm chart into a chart repository of a platform (`platform.md` 4).

Which one a platform has is not known of the platform as such: so its Platform says it (`spec.charts.backend`).
"""

from __future__ import annotations

from functools import partial
from typing import Protocol
from urllib.parse import quote

from violet_operator.clients.chart_server import ChartServer, ChartServerSettings
from violet_operator.clients.gateway import Login
from violet_operator.clients.kube import Kube
from violet_operator.errors import Stalled, Waiting
from violet_operator.package.archive import Archive, Member
from violet_operator.platform.kubeconfig import GLOBAL
from violet_operator.platform.resolve import Connection, read_ca_bundle, read_secret
from violet_operator.publication.chart import ChartEntry, find_chart, find_version
from violet_operator.upload.chart_images import oci_reference
from violet_operator.upload.context import Upload
from violet_operator.upload.publishers import chart_entry
from violet_operator.upload.threads import in_thread


class ChartBackend(Protocol):
    """One chart, for the chart repository of one platform."""

    async def find(self) -> str | None:
        """Digest of what is there under the chart's name and version: hex, or empty if it is not told; None: nothing.

        Raises:
            OperatorError: it cannot be asked.
        """
        ...

    async def put(self, archive: Archive, member: Member, *, force: bool) -> bool:
        """Upload it; False where the repository has the version already and keeps it.

        Raises:
            OperatorError: the package cannot be read, or the repository does not take it.
        """
        ...

    def obstacle(self, found: str | None) -> str:
        """Why what was found stays, as a clause that begins with "which"; empty if it can be deleted."""
        ...

    async def remove(self) -> bool:
        """Delete it; False where there is no way to, or nothing is left to do.

        Raises:
            OperatorError: the repository refuses, or cannot be asked.
        """
        ...


class CatalogApi:
    """The platform's own API, which always replaces. It only takes charts: what is there, the Chart object says."""

    def __init__(self, upload: Upload, server: ChartServer, kube: Kube, chart: ChartEntry, login: Login | None) -> None:
        self._upload = upload
        self._server = server
        self._kube = kube
        self._chart = chart
        self._login = login

    async def find(self) -> str | None:
        """As the Chart object lists it."""
        found = await find_chart(self._kube, self._chart)
        listed = found and find_version(found, self._chart)
        return str(listed.get("digest") or "") if listed else None

    async def put(self, archive: Archive, member: Member, *, force: bool) -> bool:  # noqa: ARG002 - it knows no other way
        """Upload it; with the platform's own login, once more where its token has come to its end."""
        path = f"/catalog/v1/chartrepos/{_quoted(self._chart.namespace, self._chart.repository)}/charts"
        if self._login is None:
            return await _send(self._upload, self._server, path, archive, member)
        token = await self._login.token()
        try:
            return await _send(self._upload, self._server.with_token(token), path, archive, member)
        except Waiting as error:
            if error.reason != "ChartsUnauthorized":
                raise
        await self._login.renew(token)
        renewed = self._server.with_token(await self._login.token())
        return await _send(self._upload, renewed, path, archive, member)

    def obstacle(self, found: str | None) -> str:  # noqa: ARG002 - it cannot delete any
        """It only takes charts."""
        return "which the catalog API has no documented way to delete"

    async def remove(self) -> bool:
        """No request for that is documented."""
        return False


class ChartMuseum:
    """The ChartMuseum behind a chart repository of type Local."""

    def __init__(self, upload: Upload, server: ChartServer, chart: ChartEntry) -> None:
        self._upload = upload
        self._server = server
        self._chart = chart
        self._path = f"/api/{_quoted(chart.repository)}/charts"
        self._version = f"{self._path}/{_quoted(chart.name, chart.version)}"

    async def find(self) -> str | None:
        """As ChartMuseum has it; asked for a version that it lacks, it answers with the closest one."""
        found = await in_thread(partial(self._server.find, self._version), self._upload)
        if found is None or found.get("version") != self._chart.version:
            return None
        return str(found.get("digest") or "")

    async def put(self, archive: Archive, member: Member, *, force: bool) -> bool:
        """Upload it."""
        path = f"{self._path}?force=true" if force else self._path
        return await _send(self._upload, self._server, path, archive, member)

    def obstacle(self, found: str | None) -> str:
        """Other content is somebody else's."""
        return "" if found in (None, self._chart.digest) else "which has other content by now"

    async def remove(self) -> bool:
        """Delete it, unless its content is another one by now."""
        if await self.find() != self._chart.digest:
            return False
        return await in_thread(partial(self._server.delete, self._version), self._upload)


class Oci:
    """The image registry: there the chart is one of the package's images, and pushed with them."""

    def __init__(self, upload: Upload, chart: ChartEntry, platform: str) -> None:
        self._facts = upload.status.facts
        self._chart = chart
        self._platform = platform

    async def find(self) -> str | None:
        """Whether it was pushed; whether it is still there was seen with the other images."""
        ours = oci_reference(self._chart.repository, self._chart.name, self._chart.version)
        images = [item for item in self._facts.get("images", []) if item.get("platform") == self._platform]
        pushed = any(item["source"] in (ours, self._facts["package"].get("artifact")) for item in images)
        return "" if pushed else None

    async def put(self, archive: Archive, member: Member, *, force: bool) -> bool:  # noqa: ARG002 - done already
        """Nothing is left to do."""
        return True

    def obstacle(self, found: str | None) -> str:  # noqa: ARG002 - judged with the tags
        """Its tag goes with those of the other images."""
        return ""

    async def remove(self) -> bool:
        """Its tag goes with those of the other images."""
        return False


async def chart_backend(upload: Upload, connection: Connection, chart: ChartEntry | None = None) -> ChartBackend:
    """What the Platform says, with credentials from its own namespace; for the package's chart, if no other is given.

    Raises:
        OperatorError: a Secret or ConfigMap is missing, or there is no address to upload to.
    """
    chart = chart or chart_entry(upload, connection)
    if connection.charts.backend == "oci":
        return Oci(upload, chart, connection.name)
    spec, gateway = connection.charts, connection.gateway
    if spec.backend == "catalogApi" and spec.address is None and gateway is not None:
        way = gateway.settings
        server = ChartServer(ChartServerSettings(way.address, ca_bundle=way.ca_bundle, verify=way.verify))
        return CatalogApi(upload, server, connection.cluster(GLOBAL), chart, gateway.login)
    server = ChartServer(await _settings(upload, connection))
    if connection.charts.backend == "chartmuseum":
        return ChartMuseum(upload, server, chart)
    return CatalogApi(upload, server, connection.cluster(GLOBAL), chart, None)


async def _settings(upload: Upload, connection: Connection) -> ChartServerSettings:
    spec, owner = connection.charts, f"Platform {connection.name}"
    if spec.address is None:
        raise Stalled(
            "ChartAddressMissing",
            f"{owner} does not say where its catalog API is, which Helm charts are uploaded to. Give "
            "spec.charts.address (https://HOST of the platform) and spec.charts.credentialsSecretRef with a token; or "
            "choose spec.charts.backend chartmuseum or oci.",
        )
    secret, bundle = {}, None
    if spec.credentials_secret_ref:
        name = spec.credentials_secret_ref.name
        secret = await read_secret(upload.env, upload.namespace, name, owner)
        if "token" not in secret and not {"username", "password"} <= secret.keys():
            raise Waiting(
                "InvalidCredentials", f"Secret {name!r} needs the key token, or username and password ({owner})."
            )
    if spec.ca_bundle_ref:
        bundle = await read_ca_bundle(upload.env, upload.namespace, spec.ca_bundle_ref, owner)
    return ChartServerSettings(
        address=spec.address.rstrip("/"),
        token=secret.get("token"),
        username=None if "token" in secret else secret.get("username"),
        password=secret.get("password"),
        ca_bundle=bundle,
    )


async def _send(upload: Upload, server: ChartServer, path: str, archive: Archive, member: Member) -> bool:
    send = partial(server.upload, path, member.size, lambda: archive.open(member), cancel=upload.cancel)
    return await in_thread(send, upload)


def _quoted(*parts: str) -> str:
    return "/".join(quote(part, safe="") for part in parts)
