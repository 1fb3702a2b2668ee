"""Brings images from a package into a registry, as another client than the operator would."""

import json
import tarfile

import requests

from tests.cluster import Registry
from tests.packages import Built


def push(built: Built, registry: Registry, through: str = "") -> None:
    """Upload every image of a package under its own repository path, the tag last; ``through`` is a proxy."""
    with requests.Session() as session, tarfile.open(built.path) as tar:
        session.trust_env = False
        session.verify = str(registry.ca_file) if registry.ca_file else True
        if registry.username and registry.password:
            session.auth = (registry.username, registry.password)
        members = {member.name.rpartition("/")[2]: member for member in tar}
        for image in built.images:
            repository, _, tag = image.ref.partition("/")[2].rpartition(":")
            base = f"{through or registry.url}/v2/{repository}"
            for digest in image.blobs:
                content = tar.extractfile(members[digest.partition(":")[2]])
                place = session.post(f"{base}/blobs/uploads/")
                place.raise_for_status()
                session.put(place.headers["Location"], params={"digest": digest}, data=content).raise_for_status()
            for digest, content in image.manifests.items():
                _put_manifest(session, f"{base}/manifests/{digest}", content)
            _put_manifest(session, f"{base}/manifests/{tag}", image.manifests[image.digest])


def _put_manifest(session: requests.Session, url: str, content: bytes) -> None:
    kind = json.loads(content)["mediaType"]
    session.put(url, data=content, headers={"Content-Type": kind}).raise_for_status()
