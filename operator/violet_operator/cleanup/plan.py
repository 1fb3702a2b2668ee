"""What a run has to do, as one thing with a hash: the deletions, and the limits that stop them all. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Protocol

from violet_operator.api.cleanup import Limits
from violet_operator.cleanup.images.model import Deletion
from violet_operator.cleanup.judge import Verdict
from violet_operator.cleanup.state import Ref


class Going(Protocol):
    """An object that is to be deleted: a verdict of now, or an entry of a backup."""

    @property
    def ref(self) -> Ref:
        """Which one."""

    @property
    def reason(self) -> str:
        """Why."""

    @property
    def content(self) -> str:
        """Digest of what it was when that was decided."""


def deletions(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """What is to be deleted."""
    return [each for each in verdicts if each.action == "Delete"]


def plan_hash(platform: str, going: Iterable[Going], images: Sequence[Deletion] = ()) -> str:
    """The identity of a plan: the same objects and images to delete on the same platform, for the same reasons.

    What somebody has edited since is another object (`Meta.content`). resourceVersions do not count: the platform
    writes statuses all the time. Each object is looked at again just before its deletion.
    """
    told = [[each.ref.cluster, each.ref.kind, each.ref.name, each.ref.uid, each.reason, each.content] for each in going]
    plan = [platform, sorted(told)]
    if images:
        plan.append(sorted([each.repository, each.manifest.digest, *each.tags] for each in images))
    return hashlib.sha256(json.dumps(plan, separators=(",", ":")).encode()).hexdigest()


def broken_limit(verdicts: Sequence[Verdict], manifests: int, limits: Limits | None) -> str | None:
    """Why the run must not begin, with the numbers; None: it may."""
    doomed = deletions(verdicts)
    if broken := too_many(len(doomed), manifests, limits):
        return broken
    kinds = {each.ref.kind for each in doomed}  # what the run leaves alone must not make its share look small
    wanted, judged = len(doomed), sum(each.ref.kind in kinds for each in verdicts)
    most = limits.max_percent if limits else None
    if most is None or wanted * 100 <= most * judged:
        return None
    share = f"{wanted} of {judged} objects of these kinds ({wanted * 100 / judged:.1f} %)"
    return f"{share} would be deleted, and spec.limits.maxPercent is {most}"


def too_many(objects: int, manifests: int, limits: Limits | None) -> str | None:
    """Why so many objects, and manifests of images, must not be deleted, with the numbers; None: they may."""
    most = limits.max_deletions if limits else None
    if most is None or objects + manifests <= most:
        return None
    what = f"{objects} objects would be deleted"
    if manifests:
        images = f"{manifests} manifest{'' if manifests == 1 else 's'}"
        what = f"{objects} objects and {images} would be deleted, {objects + manifests} together"
    return f"{what}, and spec.limits.maxDeletions is {most}"
