"""An independent reader of packages (tarfile, json, hashlib) to judge the package builder by."""

import hashlib
import json
import tarfile
from pathlib import Path

from tests.packages import Bundle, Image

SPEC = Bundle(
    name="topolvm-operator",
    version="2.3.0",
    display_name="NativeStor",
    tag="v2.3.0",
    related=(
        Image("topolvm", "v3.11.0", layer_size=10_000),
        Image("sidecar", "v1.2.0", platforms=("linux/amd64",), layer_size=10_000),
    ),
    seed=1,
)
Files = dict[str, bytes]


def read(path: Path) -> Files:
    """Every regular member by name."""
    with tarfile.open(path) as tar:
        return {m.name: tar.extractfile(m).read() for m in tar if m.isreg()}  # type: ignore[union-attr]


def blob(files: Files, digest: str, top: str = SPEC.name) -> bytes:
    """A blob, its bytes checked against its name."""
    content = files[f"{top}/images/blobs/sha256/{digest.removeprefix('sha256:')}"]
    assert f"sha256:{hashlib.sha256(content).hexdigest()}" == digest
    return content


def walk(files: Files) -> dict[str, list[str]]:
    """Every reference in the index, with all digests below it that are really there."""
    found: dict[str, list[str]] = {}
    for entry in json.loads(files[f"{SPEC.name}/images/index.json"])["manifests"]:
        queue, seen = [entry], []
        while queue:
            descriptor = queue.pop()
            content = blob(files, descriptor["digest"])
            assert len(content) == descriptor["size"]
            seen.append(descriptor["digest"])
            if "manifest" in descriptor["mediaType"] or "index" in descriptor["mediaType"]:
                document = json.loads(content)
                assert document["mediaType"] == descriptor["mediaType"]
                queue += document.get("manifests", []) + document.get("layers", [])
                queue += [document["config"]] if "config" in document else []
        found[entry["annotations"]["org.opencontainers.image.ref.name"]] = seen
    return found
