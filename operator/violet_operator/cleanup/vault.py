"""The backup in the cluster: read from every listing once, written as ConfigMaps before the first deletion."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from violet_operator.cleanup import backup
from violet_operator.cleanup.backup import RESOURCES, Entry, Index
from violet_operator.cleanup.images import saved
from violet_operator.cleanup.images.model import Deletion
from violet_operator.cleanup.judge import Verdict
from violet_operator.cleanup.plan import plan_hash
from violet_operator.clients.kube import CONFIG_MAPS, Kube
from violet_operator.errors import OperatorError, Stalled, Waiting
from violet_operator.platform.kubeconfig import GLOBAL

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup as it was found, whole: what it holds is the plan that it names.

    Attributes:
        index: what it consists of.
        entries: the objects.
        images: the manifests.
        fault: why there are none although there should be, if only objects were asked for.
    """

    index: Index
    entries: list[Entry]
    images: list[Deletion]
    fault: OperatorError | None = None


async def fetch(clusters: Mapping[str, Kube], verdicts: Sequence[Verdict]) -> list[Entry]:
    """The objects to delete, whole, as they were judged.

    Raises:
        Waiting: one has changed since, or is gone: the plan has to be made again.
        OperatorError: they cannot be read.
    """
    wanted: defaultdict[tuple[str, str, str | None], dict[str, Verdict]] = defaultdict(dict)
    for each in verdicts:
        wanted[each.ref.cluster, each.ref.kind, each.ref.namespace][each.ref.uid] = each
    entries = []
    for (cluster, kind, namespace), found in wanted.items():
        async for page in clusters[cluster].pages(RESOURCES[kind], namespace):
            for body in page:
                if verdict := found.get(body["metadata"]["uid"]):
                    said = (verdict.reason, verdict.message, verdict.observed)
                    entries.append(backup.entry(cluster, kind, said, body))
    same = {each.ref.uid: each.content for each in entries}
    if other := next((each.ref for each in verdicts if same.get(each.ref.uid) != each.content), None):
        what = f"{other.kind} {other.name} of cluster {other.cluster} has changed or gone since it was judged"
        raise Waiting("ObjectChanged", f"{what}. Nothing is deleted yet: the plan is made again.")
    return entries


async def store(kube: Kube, run: JsonObject, found: Index, parts: Sequence[bytes]) -> None:
    """Write a backup, its index last; whoever finds the index has all of it.

    Raises:
        Waiting: it cannot be written.
        OperatorError: the API does not answer as it should.
    """
    for body in backup.config_maps(run, found, parts):
        try:
            await kube.create(CONFIG_MAPS, body["metadata"]["namespace"], body)
        except OperatorError as error:
            if error.reason != "Conflict":
                raise _not_written(body, error) from None
            if "binaryData" in body:
                await _check(kube, body)  # of the index, whose it is is seen when it is read


async def load(kube: Kube, namespace: str, run: str, *, lenient: bool = False) -> Backup | None:
    """The backup of a run of that name, if there is one; `lenient`: its objects even if manifests are lost.

    Raises:
        OperatorError: it is damaged, is not the plan that it names, or cannot be read.
    """
    body = await kube.get(CONFIG_MAPS, namespace, backup.index_name(run))
    if body is None:
        return None
    index = backup.read_index(body)
    objects = await _parts(kube, body, index.parts)
    images, fault = await _manifests(kube, body, index)
    if fault and not lenient:
        raise fault
    try:
        found = await asyncio.to_thread(lambda: Backup(index, backup.join(objects), images, fault))
        why = await asyncio.to_thread(_not_the_plan, found)
    except (ValueError, KeyError, TypeError, AttributeError, OperatorError) as error:
        raise backup.damaged(body, str(error)) from None
    if why:
        raise backup.damaged(body, why)
    return found


async def _manifests(kube: Kube, body: JsonObject, index: Index) -> tuple[list[Deletion], OperatorError | None]:
    try:
        return saved.unpack(await _parts(kube, body, index.images)), None
    except OperatorError as error:
        return [], error
    except (ValueError, KeyError, TypeError) as error:
        return [], backup.damaged(body, str(error))


def _not_the_plan(found: Backup) -> str | None:
    """Why what a backup holds is not what its index says, whoever has written that."""
    if {GLOBAL, *(each.cluster for each in found.entries)} - found.index.clusters.keys():
        return "it does not say which clusters it is of"
    if not found.fault and plan_hash(found.index.platform, found.entries, found.images) != found.index.hash:
        return f"what it holds is not what plan {found.index.hash} says"
    return None


async def holds(kube: Kube, namespace: str, run: str, found: Index) -> bool:
    """Whether the backup of a run is still the one that it has begun with.

    Raises:
        OperatorError: that cannot be told.
    """
    body = await kube.get(CONFIG_MAPS, namespace, backup.index_name(run))
    return body is not None and backup.read_index(body) == found


async def _parts(kube: Kube, index: JsonObject, named: Mapping[str, str]) -> list[bytes]:
    """The parts that an index names."""
    parts = []
    for name, digest in named.items():
        part = await kube.get(CONFIG_MAPS, index["metadata"]["namespace"], name)
        if part is None:
            raise backup.damaged(index, f"ConfigMap {name} is missing")
        parts.append(backup.read_part(part, digest))
    return parts


async def _check(kube: Kube, body: JsonObject) -> None:
    """A ConfigMap of that name is there: the same one, or we must not go on."""
    metadata = body["metadata"]
    there = await kube.get(CONFIG_MAPS, metadata["namespace"], metadata["name"])
    if there is None or there.get("binaryData") != body["binaryData"]:
        said = f"ConfigMap {metadata['name']} is there with something else in it than its name says"
        raise Stalled("BackupExists", f"{said}. Nothing is deleted: remove it, and start another run.")


def _not_written(body: JsonObject, error: OperatorError) -> OperatorError:
    if not isinstance(error, Waiting | Stalled):
        return error
    return Waiting(
        "BackupNotWritten",
        f"ConfigMap {body['metadata']['name']} of the backup cannot be written, so nothing is deleted: {error.message} "
        "The operator may write them where role violet-cleanup is bound (docs/cleanuprun.md).",
    )
