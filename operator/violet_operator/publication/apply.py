"""Applying what we publish: an unchanged object costs a read, drift is repaired, other appliers are not overruled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from violet_operator.api import FIELD_MANAGER
from violet_operator.api.artifact import MADE_BY, UPLOADED_BY
from violet_operator.clients.kube import Kube, Resource
from violet_operator.errors import Waiting
from violet_operator.publication.fields import is_applied, is_as_wanted, is_claimed, is_ours

JsonObject = dict[str, Any]

_UNKNOWN_UID = ""
"""Stands for the uid of an owner that does not exist yet; what it owns does not either."""


MANAGER = "app.kubernetes.io/managed-by"
"""Label: who keeps an object (Kubernetes' recommended labels)."""

OURS = f"{MANAGER}={FIELD_MANAGER}"
"""Selector of the label that every object gets from us, beside those that the platform knows."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One object to publish.

    Attributes:
        resource: its kind.
        body: apiVersion, kind, metadata and the fields we own.
        owned: whether it belongs to the first piece, and goes with it.
        yields_to: says of the object that is there whether it is to stay as it is.
    """

    resource: Resource
    body: JsonObject
    owned: bool = False
    yields_to: Callable[[JsonObject], bool] = lambda _: False

    @property
    def namespace(self) -> str | None:
        """Its namespace; None for kinds that have none."""
        namespace: str | None = self.body["metadata"].get("namespace")
        return namespace

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.body["metadata"]["name"])

    def about(self) -> JsonObject:
        """What a status says of it."""
        place = {"namespace": self.namespace} if self.namespace else {}
        return {"kind": self.body["kind"], **place, "name": self.name}


@dataclass(frozen=True, slots=True)
class Applied:
    """A piece as it is now on a cluster.

    Attributes:
        piece: what it came from.
        wanted: what we say of it, all told.
        live: the object.
        action: what was done: Create, Change or Keep.
    """

    piece: Piece
    wanted: JsonObject
    live: JsonObject
    action: str


async def apply_all(
    kube: Kube,
    pieces: Sequence[Piece],
    *,
    dry_run: bool = False,
    take_over: bool = False,
    permit: Callable[[JsonObject | None, JsonObject], Awaitable[bool]] | None = None,
) -> list[Applied]:
    """Bring every piece to what we want, the owner first.

    Args:
        kube: the cluster.
        pieces: what we want there.
        dry_run: have the API judge it, and store nothing.
        take_over: put our upload's name on what another upload has published.
        permit: asked before an object is written, given as it is, if it is, and as we want it: whether to take over
            that one.

    Raises:
        Waiting: one is being deleted.
        OperatorError: the API refuses one, or fails.
    """
    applied: list[Applied] = []
    for piece in pieces:
        live = await read(kube, piece)
        if live is not None and piece.yields_to(live):
            applied.append(Applied(piece, {"metadata": {}}, live, "Keep"))
            continue
        wanted = _labelled(_with_owner(piece.body, applied[0].live) if piece.owned else piece.body)
        take = take_over
        if permit is not None and _due(live, agreed(live, wanted)) != "Keep":
            take = await permit(live, wanted) or take_over
        wanted = agreed(live, wanted, take_over=take)
        applied.append(await _ensure(kube, piece, live, wanted, dry_run=dry_run))
    return applied


async def compare_all(kube: Kube, pieces: Sequence[Piece]) -> list[JsonObject]:
    """What `apply_all` would do: `about` and `action` (Create, Change, Keep) of each piece. Reads only.

    Raises:
        OperatorError: the API refuses to be read.
    """
    found, owner = [], None
    for number, piece in enumerate(pieces):
        live = await kube.get(piece.resource, piece.namespace, piece.name)
        wanted = _labelled(_with_owner(piece.body, owner) if piece.owned else piece.body)
        keep = live is not None and piece.yields_to(live)
        found.append(piece.about() | {"action": "Keep" if keep else _due(live, agreed(live, wanted))})
        if number == 0:
            owner = live
    return found


async def _ensure(kube: Kube, piece: Piece, live: JsonObject | None, wanted: JsonObject, *, dry_run: bool) -> Applied:
    action = _due(live, wanted)
    if live is not None and action == "Keep":
        return Applied(piece, wanted, live, action)
    force = live is not None and not is_claimed(live, wanted)
    now = await kube.apply(piece.resource, wanted, force=force, dry_run=dry_run)
    if live is None and not dry_run and _has_other_managers(now):  # somebody was faster: it is his
        wanted = _annotated(wanted, MADE_BY, None)
        now = await kube.apply(piece.resource, wanted)
    return Applied(piece, wanted, now, "Keep" if now == live else action)  # the API keeps not all that we say


async def read(kube: Kube, piece: Piece) -> JsonObject | None:
    """An object as it is; None where there is none.

    Raises:
        Waiting: it is being deleted: what is written to it now goes with it.
        OperatorError: the API fails.
    """
    live = await kube.get(piece.resource, piece.namespace, piece.name)
    if live is not None and live["metadata"].get("deletionTimestamp"):
        held = ", ".join(live["metadata"].get("finalizers") or []) or "none"
        raise Waiting(
            "BeingDeleted",
            f"{live['kind']} {piece.name} of {kube.name} is being deleted, and made anew once it is gone (finalizers "
            f"that hold it: {held}). If it stays, look at whoever set them.",
        )
    return live


def _due(live: JsonObject | None, wanted: JsonObject) -> str:
    if live is None or live["metadata"].get("deletionTimestamp"):
        return "Create"
    return "Keep" if is_as_wanted(live, wanted) else "Change"


def _labelled(body: JsonObject) -> JsonObject:
    labels = {**(body["metadata"].get("labels") or {}), MANAGER: FIELD_MANAGER}
    return body | {"metadata": body["metadata"] | {"labels": labels}}


def _with_owner(body: JsonObject, owner: JsonObject | None) -> JsonObject:
    """The object, owned: it goes when its owner goes."""
    reference = {"apiVersion": "", "kind": "", "name": "", "uid": _UNKNOWN_UID}
    if owner is not None:
        metadata = owner["metadata"]
        reference = {
            "apiVersion": owner["apiVersion"],
            "kind": owner["kind"],
            "name": metadata["name"],
            "uid": metadata["uid"],
        }
    return body | {"metadata": body["metadata"] | {"ownerReferences": [reference]}}


def agreed(live: JsonObject | None, wanted: JsonObject, *, take_over: bool = False) -> JsonObject:
    """What we want, with what those who came first have settled: an Artifact's display name, a version's upload.

    Versions that name their package differently share its Artifact, and two uploads of one version share its
    ArtifactVersion: they must not take turns in renaming it. A name that was altered by hand is not settled.
    """
    if live is None:
        return _annotated(wanted, MADE_BY, FIELD_MANAGER)
    if is_made_by_us(live):
        wanted = _annotated(wanted, MADE_BY, FIELD_MANAGER)
    name = (live.get("spec") or {}).get("displayName")
    settled = not is_ours(live) or is_applied(live, "spec", "displayName")
    if name and settled and "displayName" in wanted["spec"]:
        wanted = wanted | {"spec": wanted["spec"] | {"displayName": name}}
    first = uploaded_by(live)
    if first and uploaded_by(wanted) and not take_over:
        wanted = _annotated(wanted, UPLOADED_BY, first)
    return wanted


def _annotated(body: JsonObject, key: str, value: str | None) -> JsonObject:
    """An object with an annotation, or without it."""
    annotations = {**(body["metadata"].get("annotations") or {}), key: value}
    annotations = {name: text for name, text in annotations.items() if text is not None}
    return body | {"metadata": body["metadata"] | {"annotations": annotations}}


def uploaded_by(body: JsonObject) -> str:
    """namespace/name of the upload that keeps an object; empty where none does."""
    return str((body["metadata"].get("annotations") or {}).get(UPLOADED_BY, ""))


def is_made_by_us(live: JsonObject) -> bool:
    """Whether the operator has created this object, and not merely adopted it."""
    return bool((live["metadata"].get("annotations") or {}).get(MADE_BY) == FIELD_MANAGER)


def _has_other_managers(live: JsonObject) -> bool:
    return any(each["manager"] != FIELD_MANAGER for each in live["metadata"].get("managedFields", []))
