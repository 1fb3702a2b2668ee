"""What a run deletes, as it is saved before the first deletion: the backup is the plan that is acted on. Pure.

Parts hold the objects; their names say what is in them, so that writing one again changes nothing. The index names the
parts and is written last: with it the plan stands, and before it nothing is deleted.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from violet_operator.api import FIELD_MANAGER, POLICY_LABEL, RUN_LABEL
from violet_operator.cleanup.history import fitting, label_of
from violet_operator.cleanup.parse import READERS
from violet_operator.cleanup.state import Ref
from violet_operator.clients.kube import ARTIFACT_VERSIONS, ARTIFACTS, MODULE_CONFIGS, MODULE_PLUGINS, Resource
from violet_operator.errors import Stalled
from violet_operator.publication.apply import MANAGER
from violet_operator.publication.fields import is_ours

JsonObject = dict[str, Any]

RESOURCES: Mapping[str, Resource] = {
    "Artifact": ARTIFACTS,
    "ModulePlugin": MODULE_PLUGINS,
    "ArtifactVersion": ARTIFACT_VERSIONS,
    "ModuleConfig": MODULE_CONFIGS,
}
"""All that may be deleted and put back; owners first."""
OWNERS = ("Artifact", "ModulePlugin")

_FULL = 400_000
"""Bytes from which a part is full: with the largest object behind them it is still below the 1 MiB of a ConfigMap."""
_LARGEST = 500_000
"""Bytes of a single object, compressed: more cannot be saved, and is not deleted."""
_BOMB = 64 << 20
"""Bytes that a part may unfold to; it is full at half of that, and no line may have more."""
_KEY = "objects.jsonl.gz"
_INDEX = "index.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """One deletion of a plan, and the object as it was read for it.

    Attributes:
        cluster: where it is.
        reason: why it goes.
        message: why, for people.
        observed: in how many runs in a row it was a candidate.
        applied: whether it was published by server-side apply under our name.
        body: the object, without its managedFields.
    """

    cluster: str
    reason: str
    message: str
    observed: int
    applied: bool
    body: JsonObject

    @property
    def ref(self) -> Ref:
        """Which object it is."""
        metadata = self.body["metadata"]
        where = (self.body["kind"], self.cluster, metadata.get("namespace"))
        return Ref(*where, metadata["name"], metadata["uid"])

    @property
    def content(self) -> str:
        """Digest of what it was, as the plan knows it."""
        return READERS[self.body["kind"]](self.cluster, self.body).meta.content

    @property
    def resource(self) -> Resource:
        """Its kind, as the API serves it."""
        return RESOURCES[self.body["kind"]]


@dataclass(frozen=True, slots=True)
class Index:
    """What a backup consists of.

    Attributes:
        run: uid of the run that it is of.
        platform: name of the Platform.
        clusters: identity of each of its clusters that the plan is about, by name.
        hash: of the plan.
        objects: how many there are.
        size: bytes of all parts.
        parts: digest of each part with objects, by its name.
        registry: address of the registry whose images go too, if any.
        images: digest of each part with their manifests, by its name.
    """

    run: str
    platform: str
    clusters: dict[str, str]
    hash: str
    objects: int
    size: int
    parts: dict[str, str]
    registry: str = ""
    images: dict[str, str] = field(default_factory=dict)


def entry(cluster: str, kind: str, verdict: tuple[str, str, int], body: JsonObject) -> Entry:
    """A deletion with its object as a listing shows it; `verdict` is reason, message and observed."""
    metadata = {key: value for key, value in body["metadata"].items() if key != "managedFields"}
    head = {"apiVersion": RESOURCES[kind].api_version, "kind": kind}
    return Entry(cluster, *verdict, is_ours(body), {**body, **head, "metadata": metadata})


def split(entries: Iterable[Entry]) -> tuple[list[bytes], list[Entry]]:
    """The parts, and those entries that are too large for any."""
    oversize = []

    def lines() -> Iterator[bytes]:
        for each in entries:
            line = json.dumps(asdict(each), separators=(",", ":"), sort_keys=True).encode()
            if fits(line):
                yield line
            else:
                oversize.append(each)

    return pack(lines()), oversize


def fits(line: bytes) -> bool:
    """Whether a part can hold it."""
    return len(line) <= _LARGEST or (len(line) < _BOMB // 2 and len(zlib.compress(line)) <= _LARGEST)


def pack(lines: Iterable[bytes]) -> list[bytes]:
    """Lines as parts, each of which fits into a ConfigMap."""
    parts, part, plain, packer = [], b"", 0, zlib.compressobj(wbits=31)
    for line in lines:
        part += packer.compress(line + b"\n") + packer.flush(zlib.Z_SYNC_FLUSH)
        plain += len(line) + 1
        if len(part) >= _FULL or plain >= _BOMB // 2:
            parts.append(part + packer.flush())
            part, plain, packer = b"", 0, zlib.compressobj(wbits=31)
    return [*parts, part + packer.flush()] if part else parts


def join(parts: Iterable[bytes]) -> list[Entry]:
    """The entries of all parts.

    Raises:
        ValueError: that is no backup.
    """
    return [_entry(json.loads(line)) for part in parts for line in unfold(part).splitlines()]


def unfold(part: bytes) -> bytes:
    """The lines of a part.

    Raises:
        ValueError: it is damaged.
    """
    try:
        unpacker = zlib.decompressobj(wbits=31)
        text = unpacker.decompress(part, _BOMB)
    except zlib.error as error:
        raise ValueError(f"a part is damaged ({error})") from None
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise ValueError("a part is cut off, or unfolds to too much")
    return text


def _entry(document: JsonObject) -> Entry:
    try:
        found = Entry(**document)
        known = found.body["kind"] in RESOURCES and all(map(str, (found.ref.name, found.ref.uid)))
    except (TypeError, KeyError, AttributeError):
        raise ValueError("an entry is incomplete") from None
    if not known:
        raise ValueError(f"kind {found.body['kind']} is not one that cleanups delete")
    READERS[found.body["kind"]](found.cluster, found.body)
    return found


def index_name(run: str) -> str:
    """The name of a run's index."""
    return f"{fitting(run, 253 - len('-backup'))}-backup"


def part_name(run: str, part: bytes) -> str:
    """The name of a part: it says what is in it."""
    return f"{fitting(run, 253 - len('-backup-') - 16)}-backup-{_digest(part)[:16]}"


def index(
    run: JsonObject, platform: tuple[str, dict[str, str]], plan: str, parts: Sequence[bytes], objects: int
) -> Index:
    """The index of parts of a run; `platform` is its name, and the identities of its clusters."""
    return Index(run["metadata"]["uid"], *platform, plan, objects, sum(map(len, parts)), _named(run, parts))


def with_images(found: Index, run: JsonObject, registry: str, parts: Sequence[bytes]) -> Index:
    """The index with the manifests of images, too."""
    size = found.size + sum(map(len, parts))
    return replace(found, registry=registry, images=_named(run, parts), size=size)


def _named(run: JsonObject, parts: Sequence[bytes]) -> dict[str, str]:
    return {part_name(run["metadata"]["name"], part): _digest(part) for part in parts}


def config_maps(run: JsonObject, found: Index, parts: Sequence[bytes]) -> list[JsonObject]:
    """The ConfigMaps of a backup, the index last."""
    name = run["metadata"]["name"]
    packed = [_config_map(run, part_name(name, part), binaryData={_KEY: _base64(part)}) for part in parts]
    text = json.dumps(asdict(found), sort_keys=True, indent=1)
    return [*packed, _config_map(run, index_name(name), data={_INDEX: text})]


def read_index(body: JsonObject) -> Index:
    """The index in a ConfigMap.

    Raises:
        Stalled: there is none.
    """
    try:
        found = Index(**json.loads((body.get("data") or {})[_INDEX]))
        clusters, parts, images = map(dict, (found.clusters, found.parts, found.images))
        return replace(found, clusters=clusters, parts=parts, images=images)
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(body, f"its index cannot be read: {error!r}") from None


def read_part(body: JsonObject, digest: str) -> bytes:
    """The part in a ConfigMap.

    Raises:
        Stalled: it is not the one that the index names.
    """
    try:
        part = base64.b64decode((body.get("binaryData") or {})[_KEY], validate=True)
    except (KeyError, TypeError, binascii.Error):
        part = b""
    if _digest(part) != digest:
        raise damaged(body, "it is not what the index names")
    return part


def damaged(body: JsonObject, why: str) -> Stalled:
    """The error for a backup that is none."""
    said = f"ConfigMap {body['metadata']['name']} holds no backup that can be used: {why}."
    return Stalled(
        "BackupDamaged", f"{said} Nothing is deleted or put back from it. Restore the ConfigMap itself first."
    )


def _config_map(run: JsonObject, name: str, **content: JsonObject) -> JsonObject:
    metadata = run["metadata"]
    policy = (metadata.get("labels") or {}).get(POLICY_LABEL)
    labels = {MANAGER: FIELD_MANAGER, RUN_LABEL: label_of(metadata["name"])}
    labels |= {POLICY_LABEL: policy} if policy else {}
    head = {"name": name, "namespace": metadata["namespace"], "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": head, "immutable": True, **content}


def _digest(part: bytes) -> str:
    return hashlib.sha256(part).hexdigest()


def _base64(part: bytes) -> str:
    return base64.b64encode(part).decode()
