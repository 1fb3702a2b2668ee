"""The export: what is installed where, as the `applications` map that `violet list` writes. Pure.

Its readers know types, names, clusters and versions, and nothing else of a platform; so this does not either.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import yaml

from violet_operator.api.model import ApiModel
from violet_operator.api.package_inventory_status import Action, Change, Type
from violet_operator.package.documents import parse_yaml
from violet_operator.package.versions import newest

JsonObject = dict[str, Any]

TYPES: tuple[Type, ...] = ("OperatorBundle", "ModulePlugin", "Chart")
"""In the order of the manual's sample, which is not that of the names."""

Area = tuple[str, Type]
"""A cluster and a type: what can be read, or not, by itself."""

_Key = tuple[Type, str, str]
"""A type, a package and a cluster."""

_WIDE = 1 << 30
"""Columns: no value is ever folded."""


@dataclass(frozen=True, slots=True, order=True)
class Installed:
    """One version of one package on one cluster."""

    type: Type
    name: str
    cluster: str
    version: str
    display_name: str


def merge(found: Iterable[Installed], unread: Collection[Area], last: Iterable[Installed]) -> set[Installed]:
    """What was found; where nothing could be read, what the last export says."""
    fresh = {item for item in found if (item.cluster, item.type) not in unread}
    return fresh | {item for item in last if (item.cluster, item.type) in unread}


def without_namesakes(items: Iterable[Installed]) -> tuple[set[Installed], list[str]]:
    """What the map can hold, as its keys are names alone, and in words what it cannot: the later types lose."""
    types: dict[str, set[Type]] = defaultdict(set)
    items = set(items)
    for item in items:
        types[item.name].add(item.type)
    first = {name: min(found, key=TYPES.index) for name, found in types.items()}
    lost = {f"{item.type} {item.name}" for item in items if item.type != first[item.name]}
    return {item for item in items if item.type == first[item.name]}, sorted(lost)


def render(items: Iterable[Installed]) -> str:
    """`apps.yaml`: by type, name, cluster and version, so that the same is always the same text."""
    packages: dict[tuple[int, str], list[Installed]] = defaultdict(list)
    for item in sorted(items):
        packages[TYPES.index(item.type), item.name].append(item)
    applications = {name: _application(packages[rank, name]) for rank, name in sorted(packages)}
    document = {"applications": applications}
    return str(yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=_WIDE))


def _application(items: list[Installed]) -> JsonObject:
    places = dict.fromkeys((item.cluster, item.version) for item in items)
    return {
        "displayName": items[0].display_name,
        "type": items[0].type,
        "installed": [{"clusterName": cluster, "version": version} for cluster, version in places],
    }


def parse(text: str) -> set[Installed]:
    """An export of ours, read back.

    Raises:
        ValueError: it is none.
    """
    try:
        document = _Document.model_validate(next(parse_yaml(text.encode()), None))
    except (yaml.YAMLError, ValueError):
        raise ValueError("This is no export.") from None
    return {
        Installed(each.type, name, place.cluster_name, place.version, each.display_name)
        for name, each in document.applications.items()
        for place in each.installed
    }


class _Place(ApiModel):
    cluster_name: str
    version: str


class _Application(ApiModel):
    display_name: str
    type: Type
    installed: list[_Place]


class _Document(ApiModel):
    applications: dict[str, _Application]


def differences(before: Iterable[Installed], after: Iterable[Installed]) -> list[Change]:
    """What became of each package on each cluster, in a stable order; a new display name is no change."""
    old, new = _versions(before), _versions(after)
    changes: list[Change] = []
    for key in sorted(old.keys() | new.keys()):
        gone, come = old[key] - new[key], new[key] - old[key]
        if len(gone) == len(come) == 1:
            (was,), (now,) = gone, come
            upgraded = newest((now, was), str) == now
            changes.append(_change("Upgraded" if upgraded else "Downgraded", key, was, now))
            continue
        changes += [_change("Removed", key, before=version) for version in sorted(gone)]
        changes += [_change("Added", key, after=version) for version in sorted(come)]
    return changes


def _change(action: Action, key: _Key, before: str | None = None, after: str | None = None) -> Change:
    kind, name, cluster = key
    return Change(action=action, type=kind, name=name, cluster=cluster, before=before, after=after)


def _versions(items: Iterable[Installed]) -> dict[_Key, set[str]]:
    found: dict[_Key, set[str]] = defaultdict(set)
    for item in items:
        found[item.type, item.name, item.cluster].add(item.version)
    return found
