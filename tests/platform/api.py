"""A few Kubernetes calls for objects as plain dicts, by the names of the kinds in ``crds.py``."""

from pathlib import Path
from typing import Any

import requests
from kubernetes import config
from kubernetes.client import Configuration

from tests.platform.crds import KINDS

Object = dict[str, Any]

MADE_BY = {"made-by": "marketplace-stand-in"}
TIMEOUT = 30


class Api:
    """One cluster, with the rights of its kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        settings = Configuration()
        config.load_kube_config(str(kubeconfig), client_configuration=settings)  # type: ignore[no-untyped-call]
        self._host = settings.host
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = settings.ssl_ca_cert or settings.verify_ssl
        if settings.cert_file and settings.key_file:
            self._session.cert = settings.cert_file, settings.key_file
        if token := settings.get_api_key_with_prefix("BearerToken"):
            self._session.headers["Authorization"] = token

    def get_all(self, kind: str, namespace: str = "", selector: str = "") -> list[Object]:
        """All objects of a kind, in one namespace or in all."""
        response = self._call("GET", self._url(kind, namespace), params={"labelSelector": selector})
        return list(response["items"])

    def create(self, kind: str, body: Object) -> Object:
        """A new object."""
        return self._call("POST", self._url(kind, body["metadata"].get("namespace", "")), body)

    def merge(self, obj: Object, kind: str, change: Object, subresource: str = "") -> None:
        """Change an object where it differs from what is wanted; no difference, no write."""
        if not _covers(obj, change):
            self._call("PATCH", f"{self._object_url(kind, obj)}{subresource}", change)

    def delete(self, kind: str, obj: Object) -> None:
        """Delete this very object, not one of the same name that came after it."""
        options = {"preconditions": {"uid": obj["metadata"]["uid"]}}
        self._call("DELETE", self._object_url(kind, obj), options)

    def converge(self, kind: str, wanted: list[Object], namespace: str = "") -> None:
        """Make our objects of a kind (a view, all status) be exactly these; those that others made stay."""
        present = {_key(obj): obj for obj in self.get_all(kind, namespace)}
        for new in wanted:
            new["metadata"]["labels"] = new["metadata"].get("labels", {}) | MADE_BY
            old = present.pop(_key(new), None)
            if old is None:
                self.create(kind, new)
            elif not _covers(old["metadata"], new["metadata"]) or old.get("status") != new["status"]:
                self._call("PUT", self._object_url(kind, old), old | {"status": new["status"]} | _metadata(old, new))
        for obj in present.values():
            if MADE_BY.items() <= obj["metadata"].get("labels", {}).items():
                self.delete(kind, obj)

    def ensure_namespace(self, name: str) -> None:
        """Create a namespace unless it is there."""
        if self._session.get(f"{self._host}/api/v1/namespaces/{name}", timeout=TIMEOUT).status_code == 404:
            self._call("POST", f"{self._host}/api/v1/namespaces", {"metadata": {"name": name}})

    def _url(self, kind: str, namespace: str = "") -> str:
        known = KINDS[kind]
        scope = f"/namespaces/{namespace}" if namespace else ""
        return f"{self._host}/apis/{known.group}/{known.versions[0]}{scope}/{known.plural}"

    def _object_url(self, kind: str, obj: Object) -> str:
        return f"{self._url(kind, obj['metadata'].get('namespace', ''))}/{obj['metadata']['name']}"

    def _call(self, method: str, url: str, body: Object | None = None, **options: Any) -> Object:
        content_type = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = {"Content-Type": content_type}
        response = self._session.request(method, url, json=body, headers=headers, timeout=TIMEOUT, **options)
        if not response.ok:
            raise requests.HTTPError(f"{method} {url}: {response.status_code} {response.text}", response=response)
        return dict(response.json())


def body(kind: str, name: str, namespace: str = "", **fields: Any) -> Object:
    """An object of a kind; ``labels`` and ``annotations`` go into its metadata."""
    known = KINDS[kind]
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    # An empty map is not stored: asking for one would look like a change for ever.
    metadata |= {key: texts for key in ("labels", "annotations") if (texts := fields.pop(key, None))}
    return {"apiVersion": f"{known.group}/{known.versions[0]}", "kind": kind, "metadata": metadata} | fields


def _key(obj: Object) -> tuple[str, str]:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _metadata(old: Object, new: Object) -> Object:
    texts = ("labels", "annotations")
    merged = {key: old["metadata"].get(key, {}) | new["metadata"].get(key, {}) for key in texts}
    return {"metadata": old["metadata"] | merged}


def _covers(obj: Any, change: Any) -> bool:
    if isinstance(obj, dict) and isinstance(change, dict):
        return all(key in obj and _covers(obj[key], value) for key, value in change.items())
    return bool(obj == change)
