"""What an upload writes and where: recorded in its status before it is written, so that deletion can take it back.

What is recorded outlives what it was made for: another package, other targets, `skipResources`. A tag that was there
with the same content, or a chart, was not written by us, and the record says so. It is kept to a size: what is dropped
for that stays where it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from violet_operator.api.module_plugin import MODULE_NAME
from violet_operator.package.references import places
from violet_operator.platform.resolve import Connection
from violet_operator.upload.context import JsonObject, Upload
from violet_operator.upload.publishers import chart_entry, publisher_for
from violet_operator.upload.report import write
from violet_operator.upload.targets import named

_MOST_TAGS, _MOST_VERSIONS = 500, 100
"""Entries of the record: some hundred bytes each, of a megabyte that an object may have. Those of now always stay."""


@dataclass(frozen=True, slots=True)
class Tag:
    """An entry of `status.published.tags`."""

    platform: str
    registry: str
    pull_address: str
    repository: str
    tag: str
    digest: str
    pushed: bool = False

    @property
    def references(self) -> frozenset[str]:
        """What it is called: where it is pushed to, and where it is pulled from."""
        return frozenset(f"{host}/{self}" for host in (self.registry, self.pull_address))

    def __str__(self) -> str:
        return f"{self.repository}:{self.tag}"


@dataclass(frozen=True, slots=True)
class Version:
    """An entry of `status.published.versions`."""

    platform: str
    cluster: str
    registry: str
    pull_address: str
    type: str
    name: str
    version: str
    object: str
    csv: str | None = None
    module: str | None = None
    repository: str | None = None
    digest: str | None = None
    made: bool = False

    @property
    def subject(self) -> tuple[str, ...]:
        """What two uploads share that publish it on one cluster: all versions of a plugin share its ModulePlugin."""
        return (self.cluster, self.type, self.object, "" if self.type == "plugin" else self.version)

    @property
    def key(self) -> tuple[str, ...]:
        """What tells it from the others of its upload."""
        return (self.platform, self.cluster, self.type, self.object, self.version)


@dataclass(frozen=True, slots=True)
class Ledger:
    """`status.published`."""

    tags: tuple[Tag, ...] = ()
    versions: tuple[Version, ...] = ()

    @classmethod
    def of(cls, status: JsonObject) -> Self:
        """As a status has it."""
        found = status.get("published") or {}
        tags = tuple(Tag(**_fields(Tag, item)) for item in found.get("tags") or [])
        return cls(tags, tuple(Version(**_fields(Version, item)) for item in found.get("versions") or []))

    def to_api(self) -> JsonObject:
        """As a status has it."""
        return {"tags": [_to_api(each) for each in self.tags], "versions": [_to_api(each) for each in self.versions]}

    def with_tags(self, now: Sequence[Tag]) -> Ledger:
        """With the tags of a plan. What we have pushed once, with this content, we have pushed."""
        known = {_place(each): each for each in self.tags}
        current = []
        for tag in now:
            before = known.pop(_place(tag), None)
            pushed = tag.pushed or (before is not None and before.pushed and before.digest == tag.digest)
            current.append(replace(tag, pushed=pushed))
        asked = {tag.platform for tag in now}
        earlier = [each for each in known.values() if each.pushed or each.platform not in asked]
        return replace(self, tags=(*_newest(earlier, _MOST_TAGS - len(current)), *current))

    def with_versions(self, now: Sequence[Version]) -> Ledger:
        """With the versions that are about to be published; what we have made once, we have made."""
        known = {each.key: each for each in self.versions}
        current = []
        for version in now:
            before = known.pop(version.key, None)
            current.append(replace(version, made=version.made or (before is not None and before.made)))
        return replace(self, versions=(*_newest(list(known.values()), _MOST_VERSIONS - len(current)), *current))


async def record(upload: Upload) -> None:
    """State in the status, and in the API, what the run is about to write."""
    last = Ledger.of(upload.status.facts)
    now = last.with_tags(list(_tags(upload))).with_versions(list(_versions(upload)))
    if now != last:
        upload.status.facts["published"] = now.to_api()
        await write(upload)


def _tags(upload: Upload) -> Iterable[Tag]:
    """What the plans push, and what they have found in place; an image that is known by digest alone has no tag."""
    images = upload.opened.package.images if upload.opened else ()
    for name, plan in upload.plans.items():
        connection, due = upload.connections[name], {to for to, _ in plan.tags}
        for to, image in places(images, connection.prefix).items():
            if ":" not in to.tag:
                pushed = to in due
                yield Tag(name, *_addresses(connection), to.repository, to.tag, image.digest, pushed=pushed)


def _versions(upload: Upload) -> Iterable[Version]:
    package = upload.status.facts["package"]
    for platform, cluster in named(upload):
        if connection := upload.connections.get(platform):
            yield _version(upload, package, connection, cluster)


def _version(upload: Upload, package: JsonObject, connection: Connection, cluster: str) -> Version:
    publisher = publisher_for(upload, connection)
    found = Version(
        connection.name,
        cluster,
        *_addresses(connection),
        type=package["type"],
        name=package["name"],
        version=package["version"],
        object=publisher.objects[-1]["name"],
        csv=package.get("csv"),
        made=not upload.spec.skip_resources,
    )
    if found.type == "chart":
        chart = chart_entry(upload, connection)
        place = {"name": chart.name, "version": chart.version, "repository": chart.repository, "digest": chart.digest}
        return replace(found, **place, made=connection.name in upload.chart_due)
    if found.type == "plugin":
        return replace(found, module=publisher.pieces[0].body["metadata"]["labels"].get(MODULE_NAME, found.name))
    return found


def _addresses(connection: Connection) -> tuple[str, str]:
    return connection.registry.address, connection.pull_address


def _place(tag: Tag) -> tuple[str, ...]:
    return (tag.platform, tag.registry, tag.repository, tag.tag)


def _newest(items: list[Any], room: int) -> list[Any]:
    return items[max(0, len(items) - max(0, room)) :]


def _fields(kind: type[Tag | Version], item: JsonObject) -> JsonObject:
    """Arguments from an entry; what a later version of the operator has added is passed over."""
    told = {"pull_address" if key == "pullAddress" else key: value for key, value in item.items()}
    return {key: value for key, value in told.items() if key in kind.__dataclass_fields__}


def _to_api(entry: Tag | Version) -> JsonObject:
    told = {"pullAddress" if key == "pull_address" else key: value for key, value in asdict(entry).items()}
    return {key: value for key, value in told.items() if value not in (None, False, "")}
