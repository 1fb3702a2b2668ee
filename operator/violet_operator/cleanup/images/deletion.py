"""Deleting a plan's manifests, and putting them back while the registry still has their blobs. Blocking: for threads.

Each step can be done twice: a manifest that is gone is deleted, one that is there is back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Literal

from violet_operator.cleanup.images.model import Deletion, ImagePlan
from violet_operator.clients.registry import Registry
from violet_operator.errors import OperatorError, Transient
from violet_operator.platform.pushes import Watch
from violet_operator.support.cancel import CancelToken
from violet_operator.support.digests import Digest

_LOOKUPS = 8
"""Tags looked at at once."""

_FRESH = 3.0
"""Seconds for which is known where the tags of a repository point, from before the first of them was looked at."""


@dataclass(frozen=True, slots=True)
class ImageStep:
    """What became of a manifest.

    Attributes:
        deletion: which.
        outcome: Deleted; Skipped: it stays, as something needs it now; Failed; Restored.
        message: why, for people.
        again: whether another try may help.
    """

    deletion: Deletion
    outcome: Literal["Deleted", "Skipped", "Failed", "Restored"]
    message: str
    again: bool = False


def delete(
    planned: Sequence[Deletion],
    now: ImagePlan,
    registry: Registry,
    uploads: Watch,
    deleted: Callable[[], None],
    cancel: CancelToken,
    clock: Callable[[], float] = time.monotonic,
) -> list[ImageStep]:
    """Delete what was planned and may still go; a registry that refuses once is not asked again.

    Args:
        planned: all of the plan.
        now: the judgement of it as things are now.
        registry: where.
        uploads: what has begun to be pushed since that judgement began.
        deleted: is called for each deletion.
        cancel: checked right before each deletion.
        clock: seconds that only grow.

    Raises:
        Cancelled: the work was called off.
    """
    if now.unknown is not None:
        said = f"Nothing of images is deleted: {now.unknown}"
        return [ImageStep(each, "Failed", said, again=True) for each in planned]
    stays = {(each.image.repository, each.digest): each.message for each in now.verdicts if each.action == "Keep"}
    goes = {_key(each) for each in now.deletions}
    steps = [_left(each, stays.get(_key(each))) for each in planned if _key(each) not in goes]
    error: OperatorError | None = None
    tags = _Tags(registry, now.tags, clock)
    for each in now.deletions:
        error = error or tags.changed(each.repository)
        cancel.check()
        error = error or _delete(each, registry, uploads)
        if error:
            steps.append(ImageStep(each, "Failed", error.message, again=isinstance(error, Transient)))
        else:
            deleted()
            tags.went(each)
            steps.append(ImageStep(each, "Deleted", _GONE))
    return steps


def _left(each: Deletion, why: str | None) -> ImageStep:
    """What is not to be deleted now: it must stay, or is gone."""
    return ImageStep(each, "Skipped", why) if why else ImageStep(each, "Deleted", _GONE)


class _Tags:
    """The tags of the repositories as they were judged, to be compared with what the registry says by now."""

    def __init__(
        self, registry: Registry, judged: Mapping[str, Mapping[str, Digest]], clock: Callable[[], float]
    ) -> None:
        self._registry = registry
        self._tags = {name: dict(tags) for name, tags in judged.items()}
        self._clock = clock
        self._compared: dict[str, float] = {}

    def went(self, it: Deletion) -> None:
        """A manifest is gone, and its tags with it."""
        left = self._tags[it.repository].items()
        self._tags[it.repository] = {tag: digest for tag, digest in left if digest != it.manifest.digest}

    def changed(self, name: str) -> OperatorError | None:
        """Why a repository has to be judged again, if so: somebody has tagged an image in it in the meantime.

        A tag that was there, and was moved, counts as a new one: it may be on what is to be deleted.
        """
        try:
            if self._is_as_judged(name):
                return None
        except OperatorError as error:
            return error
        where = f"Repository {name} of registry {self._registry.address}"
        return Transient("ImagesUnknown", f"{where} has other tags than a moment ago: it is judged again.")

    def _is_as_judged(self, name: str) -> bool:
        """The list is one request; where all of it points is as many as there are tags, and so asked less often."""
        tags = self._tags[name]
        if set(self._registry.tags(name)) != tags.keys():
            return False
        now = self._clock()
        if now - self._compared.get(name, float("-inf")) < _FRESH:
            return True
        with ThreadPoolExecutor(_LOOKUPS, "tag-look") as pool:
            digests = pool.map(lambda tag: self._registry.manifest_digest(name, tag), tags)
            if list(digests) != list(tags.values()):
                return False
        self._compared[name] = now
        return True


def _delete(each: Deletion, registry: Registry, uploads: Watch) -> OperatorError | None:
    try:
        with uploads.deleting(each.repository, each.manifest.digest):
            registry.delete_manifest(each.repository, each.manifest.digest)
    except OperatorError as error:
        return error
    return None


def restore(saved: Iterable[Deletion], registry: Registry, cancel: CancelToken) -> list[ImageStep]:
    """Put manifests and tags back, children before their index; what has another content now is left.

    A registry that fails is not asked again.

    Raises:
        Cancelled: the work was called off; what was put back stays.
    """
    known = {(each.repository, each.manifest.digest): each for each in saved}
    order = TopologicalSorter[tuple[str, Digest]]()
    for (repository, digest), each in known.items():
        children = ((repository, child) for child in each.manifest.children)
        order.add((repository, digest), *(key for key in children if key in known))
    steps: list[ImageStep] = []
    failure: Transient | None = None
    for key in order.static_order():
        cancel.check()
        try:
            if failure is None:
                steps.append(_put_back(known[key], registry))
                continue
        except Transient as error:
            failure = error
        steps.append(ImageStep(known[key], "Failed", failure.message, again=True))
    return steps


def _put_back(it: Deletion, registry: Registry) -> ImageStep:
    where, manifest = it.repository, it.manifest
    try:
        if registry.manifest_digest(where, manifest.digest) is None:
            lost = [digest for digest in manifest.blobs if not registry.has_blob(where, digest)]
            if lost:
                return ImageStep(it, "Failed", f"The registry has collected {len(lost)} of its blobs: {_AGAIN}")
            registry.put_manifest(where, manifest.digest, manifest.raw, manifest.media_type)
        taken = [tag for tag in it.tags if not _put_tag(it, tag, registry)]
    except Transient:
        raise
    except OperatorError as error:
        return ImageStep(it, "Failed", f"{error.message} If its blobs are gone, {_AGAIN}")
    left = f" Left as they are, with another image: {', '.join(taken)}." if taken else ""
    return ImageStep(it, "Restored", f"It is there.{left}")


def _put_tag(it: Deletion, tag: str, registry: Registry) -> bool:
    """Whether a tag points at the manifest now."""
    found = registry.manifest_digest(it.repository, tag)
    if found is None:
        registry.put_manifest(it.repository, tag, it.manifest.raw, it.manifest.media_type)
    return found in (None, it.manifest.digest)


def _key(each: Deletion) -> tuple[str, Digest]:
    return each.repository, each.manifest.digest


_GONE = "It is gone."
_AGAIN = "upload the package again."
