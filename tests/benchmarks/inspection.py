"""Inspecting a package against the least that anybody has to do: one plain read of it through sha256 and gunzip.

`python -m tests.benchmarks.inspection [--size 2048] [--rounds 3]` (MiB; needs that much free disk space). Each round
runs both in turn, each in a process of its own, so that its memory can be told; the best round counts, as noise only
ever adds. What is measured is all that `violet-operator show` does: hash, inflate, list, digest, understand.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path

from tests.packages import Bundle, Image, build

MIB = 1 << 20
IMAGES, LAYERS = 5, 2


def package(size: int) -> Bundle:
    """A bundle whose related images have this many MiB together."""
    layer = size * MIB // (IMAGES * LAYERS * 2)
    return Bundle(
        name="bench", related=tuple(Image(f"image-{n}", layers=LAYERS, layer_size=layer) for n in range(IMAGES))
    )


def plain(path: Path) -> None:
    """One read through sha256 and gunzip, in one thread."""
    digest, inflater = hashlib.sha256(), zlib.decompressobj(wbits=31)
    with path.open("rb") as file:
        while data := file.read(MIB // 16):
            digest.update(data)
            inflater.decompress(data)
    assert inflater.eof


def ours(path: Path) -> None:
    """Everything that is done with a package before anything is written."""
    from violet_operator.commands.show import read  # noqa: PLC0415 - its imports count for our memory alone

    assert read(path).name == "bench"


WORK: dict[str, Callable[[Path], None]] = {"ours": ours, "plain": plain}


def measured(name: str, path: Path) -> dict[str, float]:
    """Wall and CPU seconds and peak memory of one run in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.inspection", "--work", name, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def work(name: str, path: Path) -> None:
    """Do it here, and print what it cost."""
    wall, before = time.monotonic(), os.times()
    WORK[name](path)
    wall, after = time.monotonic() - wall, os.times()
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert peak is not None
    cpu = after.user + after.system - before.user - before.system
    print(json.dumps({"wall": wall, "cpu": cpu, "peak": int(peak[1]) / 1024}))


def main() -> None:
    """Build the package, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=2048, help="MiB")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", nargs=2, metavar=("NAME", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work[0], Path(options.work[1]))
        return
    with tempfile.TemporaryDirectory(prefix="violet-bench-") as folder:
        path = build(package(options.size), Path(folder) / "bench.tgz").path
        rounds = [{name: measured(name, path) for name in WORK} for _ in range(options.rounds)]
        size = path.stat().st_size / MIB
    print(f"{size:.0f} MiB, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {time.strftime('%Y-%m-%d')}\n")
    print("| | wall | CPU | peak memory |\n|---|---|---|---|")
    best = {name: min((one[name] for one in rounds), key=lambda cost: cost["wall"]) for name in WORK}
    for name, cost in best.items():
        print(f"| {name} | {cost['wall']:.2f} s | {cost['cpu']:.2f} s | {cost['peak']:.0f} MiB |")
    print(f"| ratio | {best['ours']['wall'] / best['plain']['wall']:.2f} | ", end="")
    print(f"{best['ours']['cpu'] / best['plain']['cpu']:.2f} | |")


if __name__ == "__main__":
    main()
