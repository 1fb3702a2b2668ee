"""Refuses, by name, what this version does not do yet: a field that is ignored is worse than one that is missing."""

from __future__ import annotations

from violet_operator.api.cleanup import Cleanup
from violet_operator.errors import Stalled


def check_supported(wish: Cleanup) -> None:
    """Every field set must have its behaviour.

    Raises:
        Stalled: one has not.
    """
    if wish.images != "Retain":
        raise Stalled(
            "NotSupportedYet",
            "spec.images: Delete is not supported by this version of the operator. Use Retain, the default.",
        )
