"""Looking at the registries before anything is written: what is there, what is missing, what would be replaced."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from violet_operator.api.conditions import PUSHED
from violet_operator.api.package_upload import PackageUploadSpec
from violet_operator.clients.referrers import is_listed, tag_to_write
from violet_operator.clients.registry import Registry
from violet_operator.errors import Stalled, Waiting
from violet_operator.package.model import Image, Opened
from violet_operator.package.references import Destination, destination, places
from violet_operator.platform.pushes import Wanted
from violet_operator.platform.resolve import Connection
from violet_operator.support.digests import Digest, sha256_digest
from violet_operator.upload.charts import chart_in_place
from violet_operator.upload.context import JsonObject, Upload
from violet_operator.upload.plan import (
    Inventory,
    PushPlan,
    plan_hash,
    plan_push,
    wanted_blobs,
)
from violet_operator.upload.targets import each_platform
from violet_operator.upload.threads import in_thread

_LOOKUPS = 8
"""HEAD requests at once: answers of a few hundred bytes."""


async def survey(upload: Upload) -> None:
    """Find out what each registry lacks; sets `plans` and the status' `plan`.

    A platform drops out whose registry fails, or has a tag with other content that the spec does not let us replace.
    """
    opened = upload.opened
    assert opened is not None

    connections, found = dict(upload.connections), dict[str, PushPlan]()

    async def look(name: str) -> None:
        found[name] = upload.plans[name] = await _plan(upload, connections[name], opened)
        if not upload.preview:
            _check_allowed(upload.spec, found[name], connections[name].registry.address)

    await each_platform(upload, PUSHED, look)
    looked_at = [connections[name] for name in sorted(found)]
    upload.status.facts["plan"] = plan_facts(found) | {"registries": registry_facts(looked_at)}


async def knock(upload: Upload) -> None:
    """Look which registries let us in, before the package is read for hours to find that none does."""

    async def look(name: str) -> None:
        await in_thread(upload.connections[name].registry.ping, upload)

    await each_platform(upload, PUSHED, look)


async def in_place(upload: Upload) -> bool:
    """Whether every platform still in has every image of the last status (tag and digest), and its chart."""
    known = sorted({(item["source"], item["digest"]) for item in upload.status.facts.get("images", [])})
    whole: set[str] = set()

    async def look(name: str) -> None:
        connection = upload.connections[name]
        if await in_thread(partial(_has_all, connection, known), upload):
            whole.add(name)

    await each_platform(upload, PUSHED, look)
    if not whole or whole < upload.connections.keys() or not await chart_in_place(upload):
        return False
    state_images(upload, known)
    return True


def _has_all(connection: Connection, images: Iterable[tuple[str, Digest]]) -> bool:
    return all(
        tag_digest(connection.registry, destination(source, connection.prefix)) == digest for source, digest in images
    )


def state_images(upload: Upload, images: Iterable[tuple[str, Digest]]) -> None:
    """Set `status.images`; what was said of platforms that have dropped out still holds as far as we know."""
    out = {failure.platform for failure in upload.failures}
    upload.status.facts["images"] = [
        *(item for item in upload.status.facts.get("images", []) if item.get("platform") in out),
        *(
            _image_facts(source, digest, connection)
            for connection in upload.connections.values()
            for source, digest in images
        ),
    ]


def tag_digest(registry: Registry, to: Destination) -> Digest | None:
    """The digest that a tag points at; None where there is no such tag, or its image is not whole or not found.

    The digest is that of what the registry gives out, not what it says in a header. A registry takes an index only with
    its manifests, but lets each of them be deleted by digest later; and a list of referrers that clients keep may lose
    an entry.
    """
    raw = registry.get_manifest(to.repository, to.tag)
    if raw is None or not registry.is_whole(to.repository, raw) or not is_listed(registry, to.repository, raw):
        return None
    return sha256_digest(raw)


def _image_facts(reference: str, digest: str, connection: Connection) -> JsonObject:
    """An entry of `status.images`."""
    to = destination(reference, connection.prefix)
    return {
        "source": reference,
        "destination": f"{connection.pull_address}/{to}",
        "digest": digest,
        "platform": connection.name,
    }


async def _plan(upload: Upload, connection: Connection, opened: Opened) -> PushPlan:
    images, registry, prefix = opened.package.images, connection.registry, connection.prefix
    wanted = places(images, prefix)

    def take_inventory() -> Inventory:
        upload.env.pushes.begin(upload.uid, _manifests(wanted))
        with ThreadPoolExecutor(_LOOKUPS, "registry-look") as pool:
            digests = pool.map(lambda to: tag_digest(registry, to), wanted)
            tags = dict(zip(wanted, digests, strict=True))
            blobs = list(wanted_blobs(images, prefix, tags))
            found = pool.map(lambda item: registry.has_blob(item[0], item[1].digest), blobs)
            there = {(repository, blob.digest) for (repository, blob), yes in zip(blobs, found, strict=True) if yes}
        return Inventory(tags, frozenset(there), frozenset(_lists(registry, images, prefix, tags)))

    return plan_push(images, prefix, await in_thread(take_inventory, upload))


def _manifests(wanted: Mapping[Destination, Image]) -> Wanted:
    """Every manifest of these images, in its repository."""
    return frozenset((to.repository, each.digest) for to, image in wanted.items() for each in image.manifests)


def _lists(
    registry: Registry, images: Iterable[Image], prefix: str, tags: dict[Destination, Digest | None]
) -> Iterator[Destination]:
    """Tags that pushing what is missing would make or extend, as the registry keeps no lists of referrers itself."""
    for image in images:
        to = destination(image.reference, prefix)
        if tags[to] != image.digest:
            for manifest in image.manifests:
                if tag := tag_to_write(registry, to.repository, manifest.raw):
                    yield Destination(to.repository, tag)


def _check_allowed(spec: PackageUploadSpec, plan: PushPlan, address: str) -> None:
    if spec.skip_push and plan.tags:
        raise Waiting(
            "ImagesMissing",
            f"spec.skipPush is true, and registry {address} lacks {_names(to for to, _ in plan.tags)}, or has it with "
            "other content. Push it there as it is in the package, or remove spec.skipPush.",
        )
    if spec.overwrite == "Never" and plan.overwrites:
        raise Stalled(
            "TagExists",
            f"Registry {address} has {_names(plan.overwrites)} with other content. Set spec.overwrite: IfDifferent "
            "to replace it, or remove the tag.",
        )


def _names(places: Iterable[Destination]) -> str:
    return ", ".join(map(str, places))


def registry_facts(connections: Iterable[Connection]) -> list[JsonObject]:
    """`status.plan.registries`: another one, or another prefix, makes another plan."""
    return [
        {
            "platform": each.name,
            "address": "/".join(filter(None, (each.registry.address, each.prefix))),
            "pullAddress": "/".join(filter(None, (each.pull_address, each.prefix))),
        }
        for each in sorted(connections, key=lambda each: each.name)
    ]


def plan_facts(plans: dict[str, PushPlan]) -> JsonObject:
    """`status.plan`."""
    every = list(plans.values())
    return {
        "bytes": sum(plan.bytes for plan in every),
        "blobs": sum(len(plan.uploads) + len(plan.mounts) for plan in every),
        "blobsPresent": sum(plan.present for plan in every),
        "tags": sorted(str(to) for plan in every for to in (*(to for to, _ in plan.tags), *plan.lists)),
        "overwrites": sorted(str(to) for plan in every for to in plan.overwrites),
        "hash": plan_hash(plans, []),
    }
