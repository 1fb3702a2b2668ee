"""A Kubernetes API as JSON objects: get, list, server-side apply, status and events, over the official client.

Every answer that is not a success becomes one of our errors; a missing object is None.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from kubernetes.aio.client.api_client import ApiClient

from violet_operator.api import FIELD_MANAGER
from violet_operator.clients.kube_errors import NotFoundError, missing, missing_kind, require
from violet_operator.clients.kube_events import event_about
from violet_operator.clients.kube_transport import JsonObject, Transport
from violet_operator.errors import OperatorError, Transient, Waiting


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind as the API serves it."""

    api_version: str
    plural: str

    @property
    def group(self) -> str:
        """Its API group; empty for the core's."""
        return self.api_version.rpartition("/")[0]

    def path(self, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
        """The URL path of a collection, an object or its subresource."""
        prefix = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        parts = [prefix, *(["namespaces", namespace] if namespace else []), self.plural]
        parts += [part for part in (name, subresource) if part]
        return "/".join([parts[0], *(quote(part, safe="") for part in parts[1:])])


NAMESPACES = Resource("v1", "namespaces")
SECRETS = Resource("v1", "secrets")
CONFIG_MAPS = Resource("v1", "configmaps")
EVENTS = Resource("v1", "events")
PACKAGE_INVENTORIES = Resource("violet.alauda.io/v1alpha1", "packageinventories")
PACKAGE_UPLOADS = Resource("violet.alauda.io/v1alpha1", "packageuploads")
PRODUCT_BASES = Resource("product.alauda.io/v1alpha1", "productbases")
PACKAGE_UPLOAD_SETS = Resource("violet.alauda.io/v1alpha1", "packageuploadsets")
PLATFORMS = Resource("violet.alauda.io/v1alpha1", "platforms")
ARTIFACTS = Resource("app.alauda.io/v1alpha1", "artifacts")
CLEANUP_POLICIES = Resource("violet.alauda.io/v1alpha1", "cleanuppolicies")
CLEANUP_RUNS = Resource("violet.alauda.io/v1alpha1", "cleanupruns")
ARTIFACT_VERSIONS = Resource("app.alauda.io/v1alpha1", "artifactversions")
CATALOG_SOURCES = Resource("operators.coreos.com/v1alpha1", "catalogsources")
SUBSCRIPTIONS = Resource("operators.coreos.com/v1alpha1", "subscriptions")
INSTALL_PLANS = Resource("operators.coreos.com/v1alpha1", "installplans")
CSVS = Resource("operators.coreos.com/v1alpha1", "clusterserviceversions")
ORIGINAL_CSVS = "!olm.copiedFrom"
"""Label selector: OLM copies the version of a global operator into every namespace; the original is enough."""

PACKAGE_MANIFESTS = Resource("packages.operators.coreos.com/v1", "packagemanifests")
MODULE_PLUGINS = Resource("cluster.alauda.io/v1alpha1", "moduleplugins")
MODULE_CONFIGS = Resource("cluster.alauda.io/v1alpha1", "moduleconfigs")
MODULE_INFOS = Resource("cluster.alauda.io/v1alpha1", "moduleinfoes")
CHART_REPOS = Resource("app.alauda.io/v1beta1", "chartrepos")
CHARTS = Resource("app.alauda.io/v1beta1", "charts")
HELM_REQUESTS = Resource("app.alauda.io/v1", "helmrequests")
ACCESS_REVIEWS = Resource("authorization.k8s.io/v1", "selfsubjectaccessreviews")
RULES_REVIEWS = Resource("authorization.k8s.io/v1", "selfsubjectrulesreviews")

METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
"""Media type of a listing of which only the metadata counts; whoever does not know it answers with all."""

_FRESH = 30.0
"""Seconds for which the kinds of an API group are not asked for again: whoever waits for one looks every few."""


class Kube(Transport):
    """One API server.

    Attributes:
        uid: identity of the cluster, which two ways to it share; None where it was not asked for or is not told.
    """

    uid: str | None = None

    def __init__(self, client: ApiClient, name: str, prefix: str = "") -> None:
        """`prefix` is put before every path: several clusters may lie behind one address."""
        super().__init__(client, name, prefix)
        self._served: dict[str, tuple[float, frozenset[str]]] = {}

    async def identify(self) -> None:
        """Find out which cluster this is. Not every account may know; then two ways to one count as two clusters."""
        with suppress(OperatorError):
            self.uid = await self.identity()

    async def identity(self) -> str:
        """The identity of the cluster that answers now: the uid of kube-system (OpenTelemetry `k8s.cluster.uid`).

        Raises:
            OperatorError: it is not told.
        """
        found = await self.get(NAMESPACES, None, "kube-system")
        if found is None:
            raise Waiting("ClusterUnknown", f"Cluster {self.name} shows no namespace kube-system.")
        uid = (found.get("metadata") or {}).get("uid")
        if not isinstance(uid, str):
            raise Transient("TargetUnavailable", f"Cluster {self.name}: what answers there is no Kubernetes API.")
        return uid

    async def get(self, resource: Resource, namespace: str | None, name: str) -> JsonObject | None:
        """An object, or None where it (or its kind) does not exist."""
        try:
            return await self.call("GET", resource.path(namespace, name), f"reading {resource.plural} {name}")
        except NotFoundError:
            return None

    async def serves(self, resource: Resource) -> bool:
        """Whether the cluster knows a kind at all; a new one is noticed within half a minute.

        Raises:
            Transient: the API does not answer as it should.
        """
        asked_at, known = self._served.get(resource.api_version, (float("-inf"), frozenset()))
        if time.monotonic() - asked_at > _FRESH:
            path = f"/apis/{resource.api_version}" if "/" in resource.api_version else f"/api/{resource.api_version}"
            try:
                found = await self.call("GET", path, f"asking for {resource.plural}")
                require(found, "APIResourceList", self.name, f"asking for {resource.plural}")
            except NotFoundError:
                found = {}
            known = frozenset(item["name"] for item in found.get("resources") or [])
            self._served[resource.api_version] = time.monotonic(), known
        return resource.plural in known

    async def read(self, path: str, what: str) -> JsonObject:
        """The document at a path of the API, such as one of its discovery.

        Raises:
            OperatorError: there is none, or the API does not answer as it should.
        """
        return await self.call("GET", path, what)

    async def pages(
        self, resource: Resource, namespace: str | None = None, *, accept: str = "application/json", **query: str
    ) -> AsyncGenerator[list[JsonObject]]:
        """Every object of a kind, page by page; `query` are limit, labelSelector and fieldSelector.

        With `accept` the media type of the answer, as `METADATA`.

        Raises:
            OperatorError: as `list`.
        """
        token = None
        while token != "":
            wanted = {"limit": "500"} | query | ({"continue": token} if token else {})
            try:
                what = f"listing {resource.plural}"
                page = await self.call("GET", resource.path(namespace), what, query=wanted, accept=accept)
            except NotFoundError:
                raise missing_kind(self.name, resource.plural, resource.api_version) from None
            require(page, "List", self.name, f"listing {resource.plural}")
            yield page.get("items") or []
            token = page["metadata"].get("continue") or ""

    async def list(
        self, resource: Resource, namespace: str | None = None, *, labels: str | None = None, fields: str | None = None
    ) -> list[JsonObject]:
        """Every object of a kind, in a namespace or everywhere, that a label and a field selector let through.

        Raises:
            Waiting: the kind does not exist there, or we may not list it.
            Transient: the API does not answer as it should.
        """
        query = {key: value for key, value in (("labelSelector", labels), ("fieldSelector", fields)) if value}
        return [item async for page in self.pages(resource, namespace, **query) for item in page]

    async def apply(
        self, resource: Resource, body: JsonObject, *, force: bool = False, dry_run: bool = False
    ) -> JsonObject:
        """Server-side apply under our field manager.

        Args:
            resource: the kind.
            body: apiVersion, kind, metadata.name and the fields we own.
            force: take over fields that other managers own; right where they claim nothing.
            dry_run: have the API judge it, right to the end, and store nothing.

        Raises:
            Stalled: another manager owns one of the fields, or the API refuses the object.
            Waiting: the kind does not exist there, a policy objects, or we have no right.
            Transient: it is not the object any more that has `metadata.uid`, or the API does not answer as it should.
        """
        metadata = body["metadata"]
        what = f"applying {body['kind']} {metadata['name']}"
        query = {"fieldManager": FIELD_MANAGER, "force": "true" if force else "false"}
        if dry_run:
            query["dryRun"] = "All"
        path = resource.path(metadata.get("namespace"), metadata["name"])
        try:
            return await self.call("PATCH", path, what, query=query, body=body, content="application/apply-patch+yaml")
        except NotFoundError as error:
            raise missing(error, self.name, resource.plural, resource.api_version) from None

    async def write_status(self, resource: Resource, about: JsonObject, status: JsonObject) -> JsonObject:
        """Replace the status of an object of ours, if it is still the object that it was judged from.

        Not by server-side apply: for a status that ignores metadata.uid, so that a new object of the same name would
        get the old one's status.

        Raises:
            OperatorError: the object is another one now or gone, or the API does not let us write.
        """
        metadata = about["metadata"]
        patch = [
            {"op": "test", "path": "/metadata/uid", "value": metadata["uid"]},
            {"op": "add", "path": "/status", "value": status},
        ]
        path = resource.path(metadata["namespace"], metadata["name"], "status")
        what, query = f"writing the status of {metadata['name']}", {"fieldManager": FIELD_MANAGER}
        return await self.call("PATCH", path, what, query=query, body=patch, content="application/json-patch+json")

    async def delete(self, resource: Resource, body: JsonObject, *, orphan: bool = False) -> tuple[str, ...] | None:
        """Delete an object as it was read: one that is another now, or has changed, stays.

        With `orphan`, what belongs to it stays, ownerless; else it is collected.
        Returns the finalizers that hold it; none: it is gone. None: whatever answered does not know it, which of a
        gateway may mean that the cluster is not there just now.

        Raises:
            Transient: it has changed (`ObjectChanged`), or the API does not answer as it should.
            Waiting: we may not.
        """
        metadata = body["metadata"]
        options: JsonObject = {"preconditions": {key: metadata[key] for key in ("uid", "resourceVersion")}}
        if orphan:
            options["propagationPolicy"] = "Orphan"
        path = resource.path(metadata.get("namespace"), metadata["name"])
        what = f"deleting {resource.plural} {metadata['name']}"
        try:
            left = await self.call("DELETE", path, what, body=options)
        except NotFoundError:
            return None
        return tuple(map(str, (left.get("metadata") or {}).get("finalizers") or ()))

    async def set_finalizers(self, resource: Resource, body: JsonObject, finalizers: Sequence[str]) -> None:
        """Replace the finalizers of an object as it was read.

        Raises:
            Transient: it has changed (`ObjectChanged`), or the API does not answer as it should.
            Waiting: we may not.
        """
        metadata = body["metadata"]
        kept = {key: metadata[key] for key in ("uid", "resourceVersion")}
        path = resource.path(metadata["namespace"], metadata["name"])
        patch = {"metadata": kept | {"finalizers": list(finalizers)}}
        query, content = {"fieldManager": FIELD_MANAGER}, "application/merge-patch+json"
        with suppress(NotFoundError):
            await self.call("PATCH", path, f"marking {metadata['name']}", query=query, body=patch, content=content)

    async def create(self, resource: Resource, namespace: str | None, body: JsonObject) -> JsonObject:
        """Create an object (an event, an access review).

        Raises:
            Stalled: there is one of that name (`Conflict`), or the API refuses it.
            Waiting: the kind or the namespace does not exist there, or we may not.
            Transient: the API does not answer as it should.
        """
        try:
            return await self.call("POST", resource.path(namespace), f"creating {resource.plural}", body=body)
        except NotFoundError as error:
            raise missing(error, self.name, resource.plural, resource.api_version) from None

    async def allowed(self, verb: str, resource: Resource, namespace: str | None) -> bool:
        """Whether we may do something (SelfSubjectAccessReview)."""
        attributes = {"verb": verb, "group": resource.group, "resource": resource.plural, "namespace": namespace or ""}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        answer = await self.create(ACCESS_REVIEWS, None, review)
        return bool((answer.get("status") or {}).get("allowed"))

    async def event(self, about: JsonObject, *, warning: bool, reason: str, message: str, now: datetime) -> None:
        """Record an event about an object; like every event it may get lost, and that stops nothing."""
        body = event_about(about, warning=warning, reason=reason, message=message, now=now)
        await self.create(EVENTS, about["metadata"]["namespace"], body)
