"""Manifests as a run's backup has them: byte for byte, with their tags. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence

from violet_operator.cleanup import backup
from violet_operator.cleanup.images.model import Deletion, manifest_of
from violet_operator.clients.registry_reader import Found
from violet_operator.errors import Stalled
from violet_operator.support.digests import parse_digest


def pack(deletions: Sequence[Deletion]) -> list[bytes]:
    """Parts with these manifests.

    Raises:
        Stalled: one is too large to be saved.
    """
    lines = [(each, _line(each)) for each in deletions]
    if large := next((each for each, line in lines if not backup.fits(line)), None):
        said = f"The manifest {large.repository}@{large.manifest.digest} is too large for a ConfigMap"
        raise Stalled("BackupTooLarge", f"{said}, so it cannot be saved, and nothing is deleted. Use images: Retain.")
    return backup.pack(line for _, line in lines)


def unpack(parts: Iterable[bytes]) -> list[Deletion]:
    """The manifests of all parts.

    Raises:
        ValueError: that is no backup.
        OperatorError: a manifest is none.
    """
    return [_deletion(line) for part in parts for line in backup.unfold(part).splitlines()]


def _line(each: Deletion) -> bytes:
    document = {
        "repository": each.repository,
        "digest": each.manifest.digest,
        "mediaType": each.manifest.media_type,
        "tags": each.tags,
        "manifest": base64.b64encode(each.manifest.raw).decode(),
    }
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()


def _deletion(line: bytes) -> Deletion:
    document = json.loads(line)
    raw = base64.b64decode(document["manifest"], validate=True)
    manifest = manifest_of(Found(raw, document["mediaType"]), f"{document['repository']}@{document['digest']}")
    if manifest.digest != parse_digest(document["digest"]):
        raise ValueError(f"the manifest of {document['repository']} has another digest")
    return Deletion(str(document["repository"]), manifest, tuple(map(str, document["tags"])))
