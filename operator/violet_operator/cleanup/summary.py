"""The table that `violet gc` prints of what it has deleted, to the letter. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from violet_operator.cleanup.state import Ref

NOTHING = "No resources were deleted."
_RULE = "-" * 90
_LONGEST = 200_000
"""Characters: a status must fit into one object."""


def summary(deleted: Iterable[Ref]) -> str:
    """The CLI's words on these deletions; rows that do not fit are counted."""
    rows = [f"{ref.kind} {ref.name} {ref.cluster}" for ref in deleted]
    if not rows:
        return NOTHING
    lines, size = ["GC Summary:", "TYPE NAME CLUSTER", _RULE], 0
    for number, row in enumerate(rows):
        size += len(row) + 1
        if size > _LONGEST:
            lines.append(f"... and {len(rows) - number} more")
            break
        lines.append(row)
    return "\n".join(lines)
