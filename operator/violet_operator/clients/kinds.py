"""Which kinds a cluster serves, and in which version: asked at run time, where the platform's versions are not known.

A kind counts as missing only when the API server itself says so. Behind a gateway a 404 may mean that the cluster is
gone, and what an aggregated API does not answer is not known.
"""

from __future__ import annotations

import re

from violet_operator.clients.kube import Kube, Resource
from violet_operator.clients.kube_errors import NotFoundError, require
from violet_operator.clients.kube_transport import JsonObject
from violet_operator.errors import OperatorError, Transient

_VERSION = re.compile(r"([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?v[0-9][a-z0-9]*")
"""An apiVersion: what an object says of its owner must not lead to another path."""


async def named(kube: Kube, api_version: str, kind: str) -> tuple[Resource, bool] | None:
    """A kind by its name, and whether its objects lie in namespaces; None: the cluster does not serve it.

    Raises:
        OperatorError: that cannot be told.
    """
    if not _VERSION.fullmatch(api_version):
        return None
    path, what = f"/{'apis' if '/' in api_version else 'api'}/{api_version}", f"asking for the kinds of {api_version}"
    try:
        found = await kube.read(path, what)
    except NotFoundError:
        return None
    require(found, "APIResourceList", kube.name, what)
    for each in found.get("resources") or ():
        if each["kind"] == kind and "/" not in each["name"]:  # not a subresource
            return Resource(api_version, str(each["name"])), bool(each["namespaced"])
    return None


class Kinds:
    """The kinds of one cluster, `kube`, each asked for once."""

    def __init__(self, kube: Kube, groups: dict[str, list[str]]) -> None:
        """`groups` has the versions of each API group, as `GROUP/VERSION`, the preferred one first."""
        self.kube = kube
        self._groups = groups
        self._known: dict[str, frozenset[str] | OperatorError] = {}

    @classmethod
    async def of(cls, kube: Kube) -> Kinds:
        """Ask a cluster for its API groups.

        Raises:
            OperatorError: it does not answer, or what answers is no API server.
        """
        try:
            found = await kube.read("/apis", "asking for its API groups")
        except NotFoundError:
            found = {}
        if found.get("kind") != "APIGroupList" or not found.get("groups"):
            raise Transient(
                "TargetUnavailable",
                f"Cluster {kube.name}: what answers there is no Kubernetes API. Check its address.",
            )
        groups: dict[str, list[str]] = {}
        for group in found["groups"]:
            versions = [str(version["groupVersion"]) for version in group["versions"]]
            preferred = str((group.get("preferredVersion") or {}).get("groupVersion"))
            groups[str(group["name"])] = sorted(versions, key=preferred.__ne__)
        return cls(kube, groups)

    async def find(self, group: str, plural: str) -> Resource | None:
        """A kind in the first version that serves it, or None where the cluster has no such kind.

        Raises:
            OperatorError: a version does not answer that may have it.
        """
        unknown: OperatorError | None = None
        for version in self._groups.get(group, ()):
            served = await self._served(version)
            if isinstance(served, OperatorError):
                unknown = served
            elif plural in served:
                return Resource(version, plural)
        if unknown:
            raise unknown
        return None

    async def all(
        self,
        group: str,
        plural: str,
        namespace: str | None = None,
        *,
        labels: str | None = None,
        fields: str | None = None,
    ) -> list[JsonObject] | None:
        """Every object of a kind, in a namespace or everywhere, or None where the cluster has no such kind.

        Raises:
            OperatorError: it cannot be read.
        """
        resource = await self.find(group, plural)
        if resource is None:
            return None
        return await self.kube.list(resource, namespace, labels=labels, fields=fields)

    async def _served(self, version: str) -> frozenset[str] | OperatorError:
        if version not in self._known:
            try:
                what = f"asking for the kinds of {version}"
                found = await self.kube.read(f"/apis/{version}", what)
                require(found, "APIResourceList", self.kube.name, what)
                self._known[version] = frozenset(str(item["name"]) for item in found.get("resources") or ())
            except OperatorError as error:
                self._known[version] = error
        return self._known[version]
