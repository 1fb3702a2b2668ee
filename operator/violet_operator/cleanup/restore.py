"""Putting back what a run has deleted, owners first. Done twice it changes nothing; what fails ends nothing."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from violet_operator.api import FIELD_MANAGER
from violet_operator.cleanup.backup import Entry
from violet_operator.cleanup.putback import Owner, PutBack, is_package, key_of, ordered, put_back, references
from violet_operator.clients.kinds import named
from violet_operator.clients.kube import Kube
from violet_operator.errors import OperatorError
from violet_operator.publication.apply import MANAGER
from violet_operator.publication.fields import is_ours

logger = logging.getLogger(__name__)

JsonObject = dict[str, Any]

_TRIES = 3


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
        self._owners: dict[tuple[str, str, str, str], Owner] = {}

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
        for _ in range(_TRIES):
            if found := await self._once(kube, entry):
                return found
        return PutBack(entry, "Failed", "Somebody makes and deletes it at the same time.")

    async def _once(self, kube: Kube, entry: Entry) -> PutBack | None:
        """What became of it; None: somebody has made it just now, and it is to be judged again."""
        live = await kube.get(entry.resource, entry.ref.namespace, entry.ref.name)
        named_by = [*references(entry.body), *filter(is_package, references(live))]
        found = put_back(entry, live, {key_of(each): await self._owner(kube, entry, each) for each in named_by})
        if found.body is None:
            if live is not None and found.outcome != "Failed":
                self._note(entry, live, other=found.outcome == "Skipped")
            if live is not None and found.outcome == "Restored":
                await self._claim(kube, entry, live)
            return found
        try:
            made = await kube.create(entry.resource, entry.ref.namespace, found.body)
        except OperatorError as error:
            if error.reason != "Conflict":
                raise
            return None
        self._note(entry, made)
        await self._claim(kube, entry, made)
        return PutBack(entry, "Restored", found.message)

    async def _claim(self, kube: Kube, entry: Entry, live: JsonObject) -> None:
        """Have it count as published by us if it did, by one label: all other fields stay with whoever sets them."""
        label = (live["metadata"].get("labels") or {}).get(MANAGER)
        if not entry.applied or label != FIELD_MANAGER or is_ours(live):
            return
        head = {key: live["metadata"][key] for key in ("name", "namespace", "uid") if key in live["metadata"]}
        metadata = head | {"labels": {MANAGER: label}}
        body = {"apiVersion": entry.resource.api_version, "kind": entry.ref.kind, "metadata": metadata}
        await kube.apply(entry.resource, body, force=True)

    async def _owner(self, kube: Kube, entry: Entry, reference: JsonObject) -> Owner:
        key = (entry.cluster, *key_of(reference))
        if key not in self._owners:
            self._owners[key] = await _find(kube, entry.ref.namespace, reference)
        return self._owners[key]

    def _note(self, entry: Entry, live: JsonObject, *, other: bool = False) -> None:
        key = (entry.cluster, *key_of(entry.body | {"name": entry.ref.name}))
        self._owners[key] = Owner(live["metadata"]["uid"], other=other)


async def _find(kube: Kube, namespace: str | None, reference: JsonObject) -> Owner:
    """An owner as it is now, of whatever kind.

    Raises:
        OperatorError: the API does not answer as it should.
    """
    _, kind, name = key_of(reference)
    try:
        known = await named(kube, str(reference.get("apiVersion")), kind)
        if known is None:
            return Owner(None, f"is of a kind that cluster {kube.name} does not have")
        resource, is_namespaced = known
        owner = await kube.get(resource, namespace if is_namespaced else None, name)
    except OperatorError as error:
        if error.reason != "TargetForbidden":
            raise
        return Owner(None, f"may not be looked up ({error.message.rstrip('.')})")
    if owner is None or owner["metadata"].get("deletionTimestamp"):
        return Owner(None, "is not there")
    return Owner(owner["metadata"]["uid"])
