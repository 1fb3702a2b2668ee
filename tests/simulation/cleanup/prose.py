"""Words of the rules in prose, read from raw objects: versions, labels, selectors. Nothing of the operator."""

import re
from typing import Any

from tests.simulation.cleanup.world import Object


def dig(body: Any, *path: str) -> Any:
    """A value deep in an object, or None."""
    for step in path:
        body = body.get(step) if isinstance(body, dict) else None
    return body


def number(version: str) -> tuple[list[int], str] | None:
    """The numbers of a version, which compare, and its suffix, which does not; of `x.v1.2.3` that behind the name."""
    found = re.search(r"(?:^|[.-])v?(\d+)\.(\d+)\.(\d+)(-[0-9A-Za-z.-]+)?$", version)
    if not found:
        return None
    *numbers, suffix = found.groups()
    return [int(part) for part in numbers], suffix or ""


def suffix_alone(mine: tuple[list[int], str], used: list[tuple[list[int], str] | None]) -> list[str]:
    """Nobody can tell which is newer of 1.0.0 and 1.0.0-1, if one of them is used."""
    twins = [each for each in used if each and each[0] == mine[0] and each[1] != mine[1]]
    return ["it may be newer than what is installed, by its suffix"] if twins else []


def is_own(body: Object) -> bool:
    """Whether it is the platform's own: built in, or of the catalog system."""
    metadata = body["metadata"]
    said = [*(metadata.get("labels") or {}).items(), *(metadata.get("annotations") or {}).items()]
    builtin = [(f"cpaas.io/{key}", "true") for key in ("builtin", "built-in-plugin")]
    return any(each in said for each in (*builtin, ("cpaas.io/library", "system")))


def is_selected(selector: Any, labels: dict[str, str]) -> bool:
    """Whether a label selector as users write it takes an object with these labels."""
    for key, value in (selector.get("matchLabels") or {}).items():
        if key not in labels or labels[key] != value:
            return False
    for each in selector.get("matchExpressions") or ():
        mine = labels.get(each["key"])
        right = {
            "In": mine is not None and mine in each.get("values", ()),
            "NotIn": mine is None or mine not in each.get("values", ()),
            "Exists": mine is not None,
            "DoesNotExist": mine is None,
        }
        if not right[each["operator"]]:
            return False
    return True


def is_present(version: Object) -> bool:
    """Whether the platform can install it; it does not always write that with a capital letter."""
    return str(version["status"]["phase"]).lower() == "present"
