"""Kubernetes duration strings (`1h30m`), backoff with jitter, and sizes for people."""

from __future__ import annotations

import random
import re

_PART = re.compile(r"([0-9]+)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_duration(text: str) -> float:
    """Seconds of a duration such as `90s` or `1h30m` (a subset of Go's format, as in the CRD's pattern).

    Raises:
        ValueError: not such a duration.
    """
    if not re.fullmatch(r"([0-9]+(ms|s|m|h))+", text):
        raise ValueError(f"not a duration: {text!r}")
    return sum(int(number) * _SECONDS[unit] for number, unit in _PART.findall(text))


def backoff(attempt: int, *, first: float, longest: float) -> float:
    """Seconds before try `attempt` + 1 (attempt 0 has just failed): doubling, capped, with up to 20 % jitter.

    The jitter keeps a thousand objects that failed together from coming back together.
    """
    delay = min(longest, first * 2.0 ** min(attempt, 30))
    return delay * random.uniform(0.8, 1.0)  # noqa: S311 - spreads load, protects nothing


def human_bytes(count: int) -> str:
    """A size as people read it: `1.9 GiB`."""
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:  # noqa: PLR2004
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"
