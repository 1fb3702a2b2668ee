"""Reading fields of objects whose kinds are not ours: a missing one is empty, and one of another type is an error.

Whatever a field of an unknown shape says might protect something. To take it for a missing one would have us delete
what is in use; so its object cannot be understood, and the kind counts as unread. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from violet_operator.errors import Waiting

P = ParamSpec("P")
T = TypeVar("T")


class ShapeError(ValueError):
    """A field is not what it is known to be; the text says which."""


def reader(read: Callable[P, T]) -> Callable[P, T]:
    """A reader of objects, the last argument, that says which of them it does not understand.

    Raises:
        Waiting: a field has a shape that is not known.
    """

    @wraps(read)
    def reading(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return read(*args, **kwargs)
        except ShapeError as error:
            raise Waiting("UnknownShape", f"{_name(args[-1])} cannot be understood: {error}.") from error

    return reading


def _name(body: object) -> str:
    if not isinstance(body, Mapping):
        return "An object"
    metadata = body.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else "without a name"
    return f"{body.get('kind', 'Object')} {name}"


def at(body: object, *path: str) -> object:
    """What a field holds; None: it is missing."""
    for step in path:
        if body is None:
            return None
        if not isinstance(body, Mapping):
            raise _odd(body, path)
        body = body.get(step)
    return body


def text(body: object, *path: str) -> str:
    """A text; empty where it is missing."""
    found = at(body, *path)
    if not isinstance(found, str | None):
        raise _odd(found, path)
    return (found or "").strip()


def texts(body: object, *path: str) -> dict[str, str]:
    """Texts by name, as labels are."""
    found = at(body, *path)
    if not isinstance(found, Mapping | None):
        raise _odd(found, path)
    return {key: text(found, key) for key in found or {}}


def flag(body: object, *path: str) -> bool | None:
    """Yes, no, or nothing."""
    found = at(body, *path)
    if not isinstance(found, bool | None):
        raise _odd(found, path)
    return found


def items(body: object, *path: str, of: type = Mapping) -> list[Any]:
    """A list of objects or texts; empty where it is missing."""
    found = at(body, *path)
    if not isinstance(found, list | None) or not all(isinstance(each, of) for each in found or ()):
        raise _odd(found, path)
    return found or []


def require(body: object, *path: str) -> None:
    """Nothing is known of an object that lacks this field."""
    if at(body, *path) in (None, ""):
        raise ShapeError(f"{'.'.join(path)} is missing")


def _odd(found: object, path: tuple[str, ...]) -> ShapeError:
    return ShapeError(f"{'.'.join(path)} has a shape that is not known ({type(found).__name__})")
