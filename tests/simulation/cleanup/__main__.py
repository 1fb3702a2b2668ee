"""`python -m tests.simulation.cleanup --clusters 100000`: the simulation at full length, with its numbers."""

import argparse
import sys
import time
from collections import Counter
from random import Random

from tests.simulation.cleanup.acting import simulate_acting
from tests.simulation.cleanup.simulate import WrongDeletionError, simulate


def main() -> int:
    """Simulate until so many clusters were judged."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clusters", type=int, default=100_000, help="clusters to judge (default 100000)")
    parser.add_argument("--seed", type=int, default=0, help="number of the first platform (default 0)")
    flags = parser.parse_args()
    seen: Counter[str] = Counter()
    seed, start = flags.seed, time.monotonic()
    while seen["clusters"] < flags.clusters:
        try:
            simulate(Random(seed), seen)
            simulate_acting(Random(seed), seen)
        except WrongDeletionError as error:
            print(f"platform {seed}: {error}", file=sys.stderr)
            return 1
        seed += 1
    took = time.monotonic() - start
    print(f"{seen.pop('clusters')} clusters of {seed - flags.seed} platforms in {took:.0f} s: no wrong deletion")
    for what, count in sorted(seen.items()):
        print(f"{count:>10} {what}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
