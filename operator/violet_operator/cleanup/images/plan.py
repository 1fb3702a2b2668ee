"""Which images go with the objects of a run: the registry is looked at first, then everybody who may name an image.

In this order, so that a reference that is made meanwhile is seen. What cannot be known keeps all images, and says why.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from violet_operator.cleanup.images import references
from violet_operator.cleanup.images.contents import files_of, needed, texts
from violet_operator.cleanup.images.inventory import take_inventory, there
from violet_operator.cleanup.images.judge import judge
from violet_operator.cleanup.images.mentions import Watch
from violet_operator.cleanup.images.model import Deletion, ImagePlan, Mentions, Repository
from violet_operator.cleanup.images.offers import Offer
from violet_operator.cleanup.images.whereabouts import Where, whereabouts
from violet_operator.errors import OperatorError, Waiting
from violet_operator.package.references import Destination
from violet_operator.platform.environment import Environment
from violet_operator.platform.resolve import Connection
from violet_operator.support.digests import Digest

logger = logging.getLogger(__name__)

_READERS = 2
"""Bundles and charts read at once; each may have some ten megabytes."""

_MOST_LOOKUPS = 200_000
"""Digests times repositories that are asked for: some minutes of small requests."""

_LOOK = "so it is not known which tags need which images. Look at that list, and start another run once it is right."

Planned = Mapping[tuple[str, Digest], Deletion]
"""Of a plan, by repository and digest: the same manifest may have to stay in another repository."""


async def plan(going: Collection[str], connection: Connection, namespace: str, env: Environment) -> ImagePlan:
    """What may go in the registry of a Platform of this namespace, once the objects with these uids are gone."""
    try:
        where = await whereabouts(connection, namespace, env)
        offers = await references.offers(where.clusters)
        leaving = [each for each in offers if each.uid in going and each.registry in where.names]
        if not leaving:
            return ImagePlan()
        candidates = await asyncio.to_thread(_candidates, where, leaving)
        staying = [each for each in offers if each.uid not in going]
        return await _judged(candidates, staying, where)
    except OperatorError as error:
        logger.warning("Cleanup of images: %s", error.message)
        return ImagePlan(unknown=error.message)


async def again(planned: Iterable[Deletion], connection: Connection, namespace: str, env: Environment) -> ImagePlan:
    """What of a plan may still go; nothing that is not in it."""
    wanted = {(each.repository, each.manifest.digest): each for each in planned}
    candidates = {Destination(name, digest) for name, digest in wanted}
    candidates |= {Destination(name, tag) for (name, _), each in wanted.items() for tag in each.tags}
    try:
        where = await whereabouts(connection, namespace, env)
        offers = await references.offers(where.clusters)
        return await _judged(candidates, offers, where, wanted)
    except OperatorError as error:
        logger.warning("Cleanup of images: %s", error.message)
        return ImagePlan(unknown=error.message)


async def _judged(
    candidates: set[Destination], staying: Sequence[Offer], where: Where, planned: Planned | None = None
) -> ImagePlan:
    """The judgement of these images; of a plan nothing else is deleted.

    Raises:
        OperatorError: something is not known.
    """
    repositories = await asyncio.to_thread(take_inventory, where.registry, candidates)
    watch = Watch(repositories)
    brought = await references.search_uploads(where.own, where.namespaces, watch)
    await references.check_charts(where.clusters, brought)
    await references.search(where.clusters, watch)
    charts = await references.charts(where.clusters, where.prefix)
    await asyncio.to_thread(read_all, where, [*staying, *charts], watch)
    unseen = await asyncio.to_thread(there, where.registry, _not_seen(candidates, watch.found, repositories))
    if unseen:
        repositories = await asyncio.to_thread(take_inventory, where.registry, candidates | unseen)
    _check_tags(repositories, unseen, planned)
    mentions = watch.found
    while True:
        found = await asyncio.to_thread(judge, candidates, repositories, mentions)
        keys = {(each.repository, each.manifest.digest) for each in found.deletions}
        extra = keys - (keys if planned is None else planned.keys())
        if not extra:
            return found
        others = {Destination(name, digest): "Whoever pushed it since" for name, digest in extra}
        mentions = replace(mentions, places=mentions.places | others)


def _check_tags(repositories: Mapping[str, Repository], unseen: Iterable[Destination], planned: Planned | None) -> None:
    """Some registries answer, for a while, that a repository is not there: then its tags keep nothing.

    Raises:
        Waiting: a tag is there, or must be, and is not listed.
    """
    if planned is None:
        doubtful = [name for name, each in repositories.items() if each.manifests and not each.tags]
    else:
        kept = [each for (name, digest), each in planned.items() if digest in _manifests(repositories, name)]
        doubtful = [each.repository for each in kept if set(each.tags) - repositories[each.repository].tags.keys()]
    hidden = [to for to in unseen if ":" not in to.tag and to.tag not in repositories[to.repository].tags]
    if hidden:
        raise Waiting("ImagesUnknown", f"The registry does not list tag {hidden[0]}, although it is there: {_LOOK}")
    if doubtful:
        said = f"The registry lists not all tags of repository {doubtful[0]}, although their manifests are there"
        raise Waiting("ImagesUnknown", f"{said}: {_LOOK}")


def _manifests(repositories: Mapping[str, Repository], name: str) -> Collection[Digest]:
    return repositories[name].manifests if name in repositories else ()


def _not_seen(
    candidates: Iterable[Destination], mentions: Mentions, repositories: Mapping[str, Repository]
) -> set[Destination]:
    """What the registry may have although nothing that it lists leads there: names, and every digest that is named.

    A digest may be named by another path, or beside a name that is split; so each repository is asked for each.

    Raises:
        Waiting: these are too many.
    """
    named = {to for to in (*candidates, *mentions.places) if ":" not in to.tag}
    found = {to for to in named if to.tag not in repositories[to.repository].tags}
    for name, each in repositories.items():
        if each.manifests:
            found |= {Destination(name, digest) for digest in mentions.digests.keys() - each.manifests.keys()}
        if len(found) > _MOST_LOOKUPS:
            raise Waiting(
                "ImagesUnknown",
                f"{len(mentions.digests)} digests are named, and each may be in each of {len(repositories)} "
                "repositories: too many to look for. Delete fewer versions at once.",
            )
    return found


def _candidates(where: Where, leaving: Sequence[Offer]) -> set[Destination]:
    """The images of versions that go: themselves, and those that they need."""
    with ThreadPoolExecutor(_READERS, "bundle-read") as pool:
        places = sorted({place for each in leaving for place in each.places}, key=str)
        found = pool.map(partial(_needed_by, where), places)
        return {*places, *(to for each in found for to in each)}


def _needed_by(where: Where, to: Destination) -> set[Destination]:
    return needed(files_of(where.registry, to) or {}, where.prefix)


def read_all(where: Where, offers: Sequence[Offer], watch: Watch) -> None:
    """Note what everything names that can be installed.

    Raises:
        OperatorError: one of these cannot be read.
    """
    by_places = {each.places: each for each in offers}
    with ThreadPoolExecutor(_READERS, "bundle-read") as pool:
        for offer in offers:
            watch.look([f"{where.registry.address}/{to}" for to in offer.places], offer.who)
        list(pool.map(partial(_read, where, watch), by_places.values()))


def _read(where: Where, watch: Watch, offer: Offer) -> None:
    for to in offer.places:
        found = files_of(where.registry, to)
        if found is not None:
            watch.look(texts(found.values()), offer.who)
            return
    said = f" ({offer.registry})" if offer.registry and offer.registry not in where.names else ""
    raise Waiting(
        "ImagesUnknown",
        f"{offer.who} refers to {offer.places[0]}{said}, which registry {where.registry.address} does not have: so it "
        "is not known which images it needs. Push it again, or delete that object.",
    )
