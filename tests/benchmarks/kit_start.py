"""Seconds until the kit is ready once its programs are built: `python -m tests.benchmarks.kit_start [--rounds 5]`."""

import argparse
import time
from statistics import median

from tests.benchmarks.measure import table
from tests.cluster import Kit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    parts = {"one cluster": ("global",), "two clusters": ("global", "region1")}
    rows = []
    for name, clusters in parts.items():
        times = sorted(start(clusters) for _ in range(rounds))
        rows.append([name, *(f"{seconds:.1f} s" for seconds in (times[0], median(times), times[-1]))])
    table(
        f"Start of the kit ({rounds} rounds), with object storage and a registry", ["kit", "min", "median", "max"], rows
    )


def start(clusters: tuple[str, ...]) -> float:
    """Seconds of one start."""
    begin = time.monotonic()
    with Kit(clusters=clusters) as kit:
        kit.registry()
        return time.monotonic() - begin


if __name__ == "__main__":
    main()
