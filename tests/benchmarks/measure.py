"""Reading what a process costs from /proc, and printing it as Markdown."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


class TookTooLongError(Exception):
    """What a measurement waits for does not come: the result would be a lie."""


@dataclass(frozen=True)
class Cost:
    """Wall and CPU seconds."""

    wall: float
    cpu: float

    def __truediv__(self, other: "Cost") -> "Cost":
        return Cost(self.wall / other.wall, self.cpu / other.cpu)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its threads so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def threads(pid: int) -> int:
    """Threads of a process."""
    return sum(1 for _ in Path(f"/proc/{pid}/task").iterdir())


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 600, every: float = 0.1) -> float:
    """Seconds until something holds."""
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > seconds:
            raise TookTooLongError(f"{what}: not within {seconds:.0f} s")
        time.sleep(every)
    return time.monotonic() - start


def mib(size: float) -> str:
    """Bytes as MiB."""
    return f"{size / 2**20:.0f} MiB"


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a Markdown table; the load tells whether the machine had other work."""
    print(f"\n### {title}\n")
    for row in (head, ["---"] * len(head), *rows):
        print("| " + " | ".join(str(cell) for cell in row) + " |", flush=True)
    load = Path("/proc/loadavg").read_text().split()[0]
    print(f"\n{os.cpu_count()} cores, load {load} at the end, {time.strftime('%Y-%m-%d', time.gmtime())}", flush=True)
