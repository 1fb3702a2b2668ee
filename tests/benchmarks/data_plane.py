"""Moving a package: the operator against `curl | sha256sum | tar` and `skopeo copy`, each into a fresh registry.

`python -m tests.benchmarks.data_plane [--sizes 200,2048]` (MiB); needs curl and skopeo, and free disk space of four
times the largest size.
"""

import argparse
import hashlib
import resource
import shutil
import subprocess
import tempfile
import time
import zlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import obstore

from tests.benchmarks.designs import DESIGNS, program
from tests.benchmarks.measure import Cost, cpu_seconds, mib, table
from tests.benchmarks.site import Site
from tests.cluster import Registry
from tests.packages import Built, Bundle, Image, build
from tests.packages.spec import PLATFORMS
from violet_operator.package.archive import Archive
from violet_operator.package.source import FileSource

MIB = 1 << 20
IMAGES, LAYERS = 5, 2  # each for two architectures: 20 layers, which have no byte in common
PEER = Path(__file__).with_name("peer.sh")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="200,2048", help="MiB, comma separated")
    parser.add_argument("--rounds", type=int, default=2, help="the best one counts")
    arguments = parser.parse_args()
    sizes = [int(size) for size in arguments.sizes.split(",")]
    rows, scans = [], []
    with tempfile.TemporaryDirectory(prefix="violet-bench-") as folder, Site() as site:
        for size in sizes:
            built = build(package(size), Path(folder) / f"package-{size}.tgz")
            site.kit.storage.put(built.path.name, built.path)
            site.kit.storage.put(f"{built.path.name}.sha256", built.sidecar)
            scans.append([mib(built.size), *inspection(built.path, arguments.rounds)])
            peer = best(lambda n, built=built: by_hand(site, built, n), arguments.rounds)
            runs = [by_operator(site, built, n) for n in range(arguments.rounds)]
            ours = min((cost for cost, _ in runs), key=lambda cost: cost.wall)
            built.path.unlink()
            rows.append([mib(built.size), *show(ours, peer), mib(min(memory for _, memory in runs))])
    head = ["package", "operator", "by hand", "ratio of wall", "ratio of CPU", "VmHWM of the operator"]
    table("From the bucket into a fresh registry, verified (wall / CPU of the client)", head, rows)
    head = ["package", "Archive.scan", "sha256 and gunzip alone", "ratio of wall", "ratio of CPU"]
    table("Inspection: one read that verifies, lists and digests everything (wall / CPU)", head, scans)


def package(size: int) -> Bundle:
    """A bundle with related images of this size together."""
    layer = size * MIB // (IMAGES * LAYERS * len(PLATFORMS))
    images = tuple(
        Image(name=f"image-{n}", layers=LAYERS, layer_size=layer, platforms=PLATFORMS) for n in range(IMAGES)
    )
    return Bundle(name=f"package-{size}", related=images)


def by_operator(site: Site, built: Built, number: int) -> tuple[Cost, int]:
    """Apply the object, wait until everything is pushed; the operator was started just for this."""
    name = built.path.stem
    namespace = f"{name}-{number}"
    registry = site.registry(f"{namespace}-operator")
    site.open_namespace(namespace, registry.address)
    with program(next(iter(DESIGNS)), site.cluster, site.directory(namespace), namespace) as operator:
        start, before = time.monotonic(), cpu_seconds(operator.pid)
        site.apply([site.upload(name)], namespace)
        site.cluster.kubectl(
            "wait", f"pu/{name}", "-n", namespace, "--for=condition=Pushed", "--timeout=900s", timeout=960
        )
        cost = Cost(time.monotonic() - start, cpu_seconds(operator.pid) - before)
        memory = operator.memory("VmHWM")
    forget(site, registry, f"{namespace}-operator")
    return cost, memory


def by_hand(site: Site, built: Built, number: int) -> Cost:
    """The shell pipeline."""
    storage, place = site.kit.storage, f"{built.path.stem}-{number}-peer"
    registry = site.registry(place)
    url = obstore.sign(storage.store(), "GET", built.path.name, timedelta(hours=1))
    with tempfile.TemporaryDirectory(prefix="violet-bench-") as unpacked:
        images = [image.ref for image in built.images]
        command = [PEER, url, built.sha256, unpacked, registry.address, *images]
        cost = timed(lambda: subprocess.run(command, check=True), resource.RUSAGE_CHILDREN)
    forget(site, registry, place)
    return cost


def forget(site: Site, registry: Registry, name: str) -> None:
    """End a registry and free its disk space."""
    registry.stop()
    shutil.rmtree(site.directory(name))


def inspection(path: Path, rounds: int) -> tuple[str, ...]:
    """Our first pass against the least that anybody has to do: hash the file and inflate it."""
    ours = best(lambda _: timed(lambda: Archive.scan(FileSource(path))), rounds)
    return show(ours, best(lambda _: timed(lambda: plain_read(path)), rounds))


def plain_read(path: Path) -> None:
    """One read through sha256 and gunzip, in one thread."""
    digest, inflater = hashlib.sha256(), zlib.decompressobj(wbits=31)
    with path.open("rb") as file:
        while data := file.read(MIB // 16):
            digest.update(data)
            inflater.decompress(data)


def timed(work: Callable[[], object], whose: int = resource.RUSAGE_SELF) -> Cost:
    """What one call costs."""
    start, before = time.monotonic(), resource.getrusage(whose)
    work()
    after = resource.getrusage(whose)
    return Cost(time.monotonic() - start, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def best(run: Callable[[int], Cost], rounds: int) -> Cost:
    """The round with the least wall time: noise only ever adds."""
    return min((run(number) for number in range(rounds)), key=lambda cost: cost.wall)


def show(ours: Cost, theirs: Cost) -> tuple[str, ...]:
    """Two costs and their ratios."""
    ratio = ours / theirs
    pair = [f"{cost.wall:.1f} s / {cost.cpu:.1f} s" for cost in (ours, theirs)]
    return (*pair, f"{ratio.wall:.2f}", f"{ratio.cpu:.2f}")


if __name__ == "__main__":
    main()
