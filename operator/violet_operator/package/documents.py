"""YAML and JSON written by others, as plain data whose every scalar is text.

PyYAML's loaders are not used, only its parser: the C loader builds nested data by recursion and kills the process on
a document of some hundred kilobytes of brackets; aliases and merge keys can grow without bounds; and a version such
as 1.10 or 2024-01-01 would come back as a number or a date. Here nesting, nodes and merges are counted, tags mean
nothing, and nothing but a missing value is resolved. A document that goes to a cluster is read with `typed`: then
booleans and numbers are resolved as kubectl does. JSON is read as JSON, under the same caps: it allows characters and
escapes that YAML does not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from violet_operator.errors import Stalled

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_DEPTH = 100
"""Levels of nesting; the deepest CRD schemas known have some forty."""

_NODES = 500_000
"""Scalars, lists and mappings of one document, merged ones included; the largest known CSV has 40 000."""

_NULLS = ("", "~", "null", "Null", "NULL")

_TRUE, _FALSE = ("y", "yes", "true", "on"), ("n", "no", "false", "off")
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]{1,3})?|[-+]?[0-9]+[eE][-+]?[0-9]{1,3}")
"""Plain scalars that kubectl takes for a boolean or a number; without those of other bases, with underscores or with
leading zeros, which it takes for numbers too: who writes `0777` or `1_000` rarely means one."""

JsonObject = dict[str, Any]

AGAIN = " Get the package again from its vendor."


class _Refused(ValueError):
    """The document is within the grammar, but not within our caps."""


@dataclass(slots=True)
class _Open:
    """A list or mapping that has begun and not ended."""

    data: Any
    anchor: str | None
    nodes_before: int
    items: list[Any] = field(default_factory=list)


class _Builder:
    """Data from parser events, without recursion. An alias counts as all that it stands for."""

    def __init__(self, *, typed: bool) -> None:
        self._typed = typed
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._nodes = 0
        self._stack: list[_Open] = []
        self.document: Any = None

    def take(self, event: yaml.Event) -> None:
        """One event of the parser."""
        if isinstance(event, yaml.DocumentStartEvent):
            self._anchors.clear()
        elif isinstance(event, yaml.ScalarEvent):
            self._add(event.anchor, self._scalar(event), 1)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise _Refused(f"*{event.anchor} stands for nothing before it")
            value, nodes = self._anchors[event.anchor]
            self._add(None, value, nodes)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            if len(self._stack) >= _DEPTH:
                raise _Refused(f"it nests deeper than {_DEPTH} levels")
            data: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
            self._anchors.pop(event.anchor or "", None)  # until it has ended: nothing may hold itself
            self._stack.append(_Open(data, event.anchor, self._nodes))
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            done = self._stack.pop()
            if isinstance(done.data, dict):
                self._fill(done.data, done.items)
            else:
                done.data.extend(_plain(item) for item in done.items)
            nodes = self._nodes - done.nodes_before
            self._nodes = done.nodes_before
            self._add(done.anchor, done.data, nodes + 1)

    def _scalar(self, event: Any) -> Any:  # noqa: ANN401 - YAML data
        plain = event.style is None or event.style == ""
        if plain and event.value == "<<":
            return _MERGE
        if plain and event.value in _NULLS:
            return None
        return _Plain(event.value) if self._typed and plain and event.implicit[0] else event.value

    def _add(self, anchor: str | None, value: Any, nodes: int) -> None:  # noqa: ANN401 - YAML data
        self._count(nodes)
        if anchor:
            self._anchors[anchor] = (value, nodes)
        if self._stack:
            self._stack[-1].items.append(value)
        else:
            self.document = _plain(value)

    def _fill(self, mapping: JsonObject, items: list[Any]) -> None:
        merged: list[Any] = []
        for key, value in zip(items[::2], items[1::2], strict=True):
            if key is _MERGE:
                merged.extend(value if isinstance(value, list) else [value])
            elif key is None or isinstance(key, str):
                mapping[key or ""] = _plain(value)
        for other in merged:
            if isinstance(other, dict):
                self._count(len(other))
                for key, value in other.items():
                    mapping.setdefault(key, value)

    def _count(self, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > _NODES:
            raise _Refused(f"it has more than {_NODES} values")


_MERGE = object()
"""A plain `<<`: YAML 1.1's merge key."""


class _Plain(str):
    """A scalar without quotes: as a value it may mean something else than text, as a key it never does."""

    __slots__ = ()


def _plain(value: Any) -> Any:  # noqa: ANN401 - YAML data
    if value is _MERGE:
        return "<<"
    return _resolved(str(value)) if isinstance(value, _Plain) else value


def _resolved(value: str) -> bool | int | float | str:
    word = value.lower() if value in (value.lower(), value.upper(), value.capitalize()) else value
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    if _INTEGER.fullmatch(value):
        return int(value)
    return float(value) if _FLOAT.fullmatch(value) else value


def load_yaml(name: str, data: bytes, *, typed: bool = False) -> list[Any]:
    """The documents of a YAML file: mappings, lists, text and None.

    Args:
        name: path in the package, for messages.
        data: UTF-8 or UTF-16, with or without a byte order mark.
        typed: whether booleans and numbers are resolved.

    Raises:
        Stalled: it is not YAML, or beyond the caps.
    """
    try:
        return _json_documents(data, typed=typed) or list(parse_yaml(data, typed=typed))
    except (yaml.YAMLError, ValueError) as error:
        raise invalid(name, f"it is not usable YAML ({' '.join(str(error).split())[:200]})") from None


_BLANK = b"\xef\xbb\xbf\xff\xfe\0 \t\r\n"
"""Byte order marks, blanks, and the zeros that UTF-16 has between."""

_SURROGATE = re.compile("[\ud800-\udfff]")
"""Half a character, which JSON may escape alone, and which no encoding has."""


def _looks_like_json(data: bytes) -> bool:
    """Whether it may be JSON, with so few values that it can be read before they are counted."""
    likely = data[:_DEPTH].lstrip(_BLANK).startswith((b"{", b"["))
    return likely and sum(data.count(mark) for mark in (b",", b":", b"[", b"{")) <= _NODES


def _json_documents(data: bytes, *, typed: bool) -> list[Any]:
    """The one document of what is JSON; nothing where it is not."""
    if not _looks_like_json(data):
        return []
    number = _resolved if typed else str
    try:
        document = json.loads(data, parse_int=number, parse_float=number, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return []
    return [_sound(document, (lambda word: word) if typed else (lambda word: str(word).lower()))]


def _no_json(word: str) -> Any:  # noqa: ANN401 - never gives anything
    raise ValueError(word)


def _sound(value: Any, word: Callable[[bool], Any], depth: int = 0) -> Any:  # noqa: ANN401 - JSON data
    """JSON data whose text can be encoded, and whose nesting is within the caps; `word` is given booleans."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, bool):
        return word(value)
    if isinstance(value, dict | list) and depth >= _DEPTH:
        raise _Refused(f"it nests deeper than {_DEPTH} levels")
    if isinstance(value, dict):
        return {_SURROGATE.sub("\ufffd", key): _sound(item, word, depth + 1) for key, item in value.items()}
    return [_sound(item, word, depth + 1) for item in value] if isinstance(value, list) else value


def parse_yaml(data: bytes, *, typed: bool = False) -> Iterator[Any]:
    """The documents of a YAML file that is of no package.

    Raises:
        yaml.YAMLError: it is not YAML.
        ValueError: it is no text, or beyond the caps.
    """
    builder = _Builder(typed=typed)
    for event in yaml.parse(data, Loader=_LOADER):
        builder.take(event)
        if isinstance(event, yaml.DocumentEndEvent):
            yield builder.document
            builder.document = None


def load_mapping(name: str, data: bytes, *, typed: bool = False) -> JsonObject:
    """The first document of a YAML file, which must be a mapping; an empty file is an empty one.

    Raises:
        Stalled: it is not.
    """
    document: Any = next((item for item in load_yaml(name, data, typed=typed) if item is not None), {})
    if not isinstance(document, dict):
        raise invalid(name, "it is not a mapping")
    return document


def load_json(name: str, data: bytes) -> Any:  # noqa: ANN401 - JSON data
    """A JSON document.

    Raises:
        Stalled: it is not JSON, or nests too deep.
    """
    try:
        return _sound(json.loads(data), lambda word: word)
    except (ValueError, RecursionError) as error:
        raise invalid(name, f"it is not usable JSON ({error})") from None


def load_object(name: str, data: bytes) -> JsonObject:
    """A JSON document that must be an object.

    Raises:
        Stalled: it is not.
    """
    document = load_json(name, data)
    if not isinstance(document, dict):
        raise invalid(name, "it is not a JSON object")
    return document


def invalid(name: str, why: str) -> Stalled:
    """A document of the package that cannot be used."""
    return Stalled("InvalidPackage", f"{name} in the package is not usable: {why}.{AGAIN}")


def text(document: Any, *path: str) -> str:  # noqa: ANN401 - YAML or JSON data
    """The text at a path of keys, stripped; empty where there is none."""
    value = at(document, *path)
    return value.strip() if isinstance(value, str) else ""


def mapping(document: Any, *path: str) -> JsonObject:  # noqa: ANN401 - YAML or JSON data
    """The mapping at a path of keys; empty where there is none."""
    value = at(document, *path)
    return value if isinstance(value, dict) else {}


def objects(document: Any, *path: str) -> list[JsonObject]:  # noqa: ANN401 - YAML or JSON data
    """The mappings in the list at a path of keys; what else the list holds is left out."""
    value = at(document, *path)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def at(document: Any, *path: str) -> Any:  # noqa: ANN401 - YAML or JSON data
    """The value at a path of keys, or None."""
    for key in path:
        if not isinstance(document, dict):
            return None
        document = document.get(key)
    return document
