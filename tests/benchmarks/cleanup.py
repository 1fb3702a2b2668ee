"""What a cleanup thinks: parsing, judging and reporting 50 clusters with 10,000 objects, without a network.

`python -m tests.benchmarks.cleanup [--rounds 5]`: CPU seconds of the best round, as noise only ever adds.
"""

import argparse
import time
from datetime import UTC, datetime

from tests.simulation.cleanup.world import GLOBAL, World
from violet_operator.api.cleanup import Cleanup
from violet_operator.cleanup.judge import judge
from violet_operator.cleanup.report import results

CLUSTERS, OPERATORS, VERSIONS = 50, 20, 9


def platform() -> World:
    """Half of the operators are installed, in the last version but one."""
    world = World(GLOBAL, *(f"region{number}" for number in range(CLUSTERS - 1)))
    for cluster in world.clusters:
        for number in range(OPERATORS):
            world.artifact(cluster, f"operator{number}", *(f"{version}.0.0" for version in range(VERSIONS)))
            if number % 2:
                world.install(cluster, f"operator{number}", f"{VERSIONS - 2}.0.0")
            else:
                world.view(cluster, f"operator{number}", "Ready")
    return world


def main() -> None:
    """Print the best of some rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    world, now, rounds = platform(), datetime.now(UTC), []
    count = 0
    for _ in range(parser.parse_args().rounds):
        start = time.process_time()
        state = world.state()
        parsed = time.process_time()
        verdicts = judge(state, Cleanup(), now, {})
        judged = time.process_time()
        results("default", state, verdicts)
        rounds.append((parsed - start, judged - parsed, time.process_time() - judged))
        count = len(verdicts)
    for what, seconds in zip(("parse", "judge", "report"), map(min, zip(*rounds, strict=True)), strict=True):
        print(f"{what}: {seconds:.2f} s for {count} objects on {CLUSTERS} clusters")


if __name__ == "__main__":
    main()
