"""Putting back what a run has deleted, owners first. Done twice it changes nothing; what fails ends nothing."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from violet_operator.cleanup.backup import RESOURCES, Entry
from violet_operator.cleanup.putback import PutBack, ordered, put_back
from violet_operator.clients.kube import Kube
from violet_operator.errors import OperatorError

logger = logging.getLogger(__name__)

JsonObject = dict[str, Any]


async def restore(entries: Sequence[Entry], clusters: Mapping[str, Kube], system: str) -> list[PutBack]:
    """Put back what is not there; says what became of each object.

    Args:
        entries: the whole backup.
        clusters: of the platform, by name.
        system: its system namespace, the only one that is written to.
    """
    restorer = _Restorer(clusters, system)
    return [await restorer.one(entry) for entry in ordered(entries)]


class _Restorer:
    """Remembers the owners it has seen."""

    def __init__(self, clusters: Mapping[str, Kube], system: str) -> None:
        self._clusters = clusters
        self._system = system
        self._uids: dict[tuple[str, str, str], str] = {}

    async def one(self, entry: Entry) -> PutBack:
        """Put one object back."""
        kube = self._clusters.get(entry.cluster)
        if kube is None:
            return PutBack(entry, "Failed", f"The platform shows no cluster {entry.cluster}.")
        if entry.ref.namespace not in (None, self._system):
            return PutBack(entry, "Failed", f"Objects are put back into namespace {self._system} only.")
        try:
            return await self._try(kube, entry)
        except OperatorError as error:
            logger.warning("Restore of %s %s: %s", entry.ref.kind, entry.ref.name, error.message)
            return PutBack(entry, "Failed", error.message)

    async def _try(self, kube: Kube, entry: Entry) -> PutBack:
        live = await kube.get(entry.resource, entry.ref.namespace, entry.ref.name)
        for reference in entry.body["metadata"].get("ownerReferences") or ():
            await self._look_up(kube, entry, reference)
        for reference in ((live or {}).get("metadata") or {}).get("ownerReferences") or ():
            await self._look_up(kube, entry, reference)
        found = put_back(entry, live, lambda kind, name: self._uids.get((entry.cluster, kind, name)))
        if found.body is None:
            if live is not None and found.outcome != "Failed":
                self._note(entry, live)
            return found
        if entry.applied:
            made = await kube.apply(entry.resource, found.body)
        else:
            made = await kube.create(entry.resource, entry.ref.namespace, found.body)
        self._note(entry, made)
        return PutBack(entry, "Restored", found.message)

    async def _look_up(self, kube: Kube, entry: Entry, reference: JsonObject) -> None:
        kind, name = str(reference.get("kind")), str(reference.get("name"))
        if kind not in RESOURCES or (entry.cluster, kind, name) in self._uids:
            return
        owner = await kube.get(RESOURCES[kind], entry.ref.namespace if kind == "Artifact" else None, name)
        if owner is not None and not owner["metadata"].get("deletionTimestamp"):
            self._uids[entry.cluster, kind, name] = owner["metadata"]["uid"]

    def _note(self, entry: Entry, live: JsonObject) -> None:
        self._uids[entry.cluster, entry.ref.kind, entry.ref.name] = live["metadata"]["uid"]
