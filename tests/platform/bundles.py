"""What the platform reads from the registry: whether a tag is there, and the CSV inside a bundle image."""

import io
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import yaml

MANIFESTS = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in (
        "oci.image.index.v1",
        "oci.image.manifest.v1",
        "docker.distribution.manifest.list.v2",
        "docker.distribution.manifest.v2",
    )
)
GOOD_FOR, BAD_FOR = 30.0, 1.0  # seconds until the registry is asked again


class BundleError(Exception):
    """The registry does not hold what was asked for; the message goes into the status."""


UNREADABLE = (BundleError, requests.RequestException, KeyError, tarfile.TarError, yaml.YAMLError)


@dataclass(frozen=True)
class Bundle:
    """What the marketplace needs to know of a bundle."""

    package: str
    csv: str
    version: str
    display_name: str
    channels: tuple[str, ...]
    default_channel: str


class Bundles:
    """Reads bundles and remembers them for a while: a thousand versions are looked at twice a second."""

    def __init__(
        self, *, plain: bool = False, username: str = "", password: str = "", ca_file: Path | None = None
    ) -> None:
        self._scheme = "http" if plain else "https"
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.auth = (username, password) if username else None
        self._session.verify = str(ca_file) if ca_file else True
        self._known: dict[tuple[str, str, str, str], tuple[float, Bundle | BundleError]] = {}

    def find(self, registry: str, repository: str, tag: str, kind: str = "bundle") -> Bundle:
        """The bundle with this tag; for another kind of artifact only its name and tag."""
        key = (registry, repository, tag, kind)
        until, found = self._known.get(key, (0.0, BundleError("")))
        if time.monotonic() >= until:
            try:
                found = self._read(f"{self._scheme}://{registry}/v2/{repository}", tag, kind)
            except UNREADABLE as error:
                found = BundleError(f"{registry}/{repository}:{tag}: {error}")
            lifetime = BAD_FOR if isinstance(found, BundleError) else GOOD_FOR
            self._known[key] = (time.monotonic() + lifetime, found)
        if isinstance(found, BundleError):
            raise found
        return found

    def _read(self, url: str, tag: str, kind: str) -> Bundle:
        self._get(f"{url}/manifests/{tag}", method="HEAD")
        if kind != "bundle":
            return Bundle(url.rpartition("/")[2], tag, tag, "", (), "")
        manifest = self._get(f"{url}/manifests/{tag}").json()
        if "manifests" in manifest:
            manifest = self._get(f"{url}/manifests/{manifest['manifests'][0]['digest']}").json()
        files: dict[str, Any] = {}
        for layer in manifest["layers"]:
            files |= _yaml_files(self._get(f"{url}/blobs/{layer['digest']}").content)
        csv = next((f for f in files.values() if f.get("kind") == "ClusterServiceVersion"), None)
        annotations = files.get("metadata/annotations.yaml", {}).get("annotations", {})
        if csv is None or not annotations:
            raise BundleError("not a bundle image: no ClusterServiceVersion or no metadata/annotations.yaml in it")
        prefix = "operators.operatorframework.io.bundle"
        return Bundle(
            package=annotations[f"{prefix}.package.v1"],
            csv=csv["metadata"]["name"],
            version=str(csv["spec"]["version"]),
            display_name=csv["spec"].get("displayName", ""),
            channels=tuple(annotations[f"{prefix}.channels.v1"].split(",")),
            default_channel=annotations.get(f"{prefix}.channel.default.v1", ""),
        )

    def _get(self, url: str, method: str = "GET") -> requests.Response:
        response = self._session.request(method, url, headers={"Accept": MANIFESTS}, timeout=30)
        if not response.ok:
            raise BundleError(f"the registry answered {response.status_code} {response.reason}")
        return response


def _yaml_files(layer: bytes) -> dict[str, Any]:
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        names = [m for m in tar if m.isreg() and m.name.startswith(("manifests/", "metadata/"))]
        return {m.name: yaml.safe_load(stream) for m in names if (stream := tar.extractfile(m))}
