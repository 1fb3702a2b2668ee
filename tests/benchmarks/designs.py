"""The three control planes as programs."""

from pathlib import Path

from tests.cluster import Cluster
from tests.program import Operator

RIVALS = "tests.benchmarks.kopf_designs"

DESIGNS: dict[str, tuple[str, ...]] = {
    "keyed queue (ours)": ("-m", "violet_operator.cli"),
    "kopf daemons": ("-m", RIVALS, "daemons"),
    "kopf handlers + timer": ("-m", RIVALS, "handlers"),
}


def program(design: str, cluster: Cluster, directory: Path, namespace: str, *flags: str) -> Operator:
    """A design, not started yet; without Python's development mode, which costs memory and time."""
    flags = ("--namespace", namespace, "--log-level", "warning", *flags)
    return Operator(cluster, directory, *flags, python=DESIGNS[design])
