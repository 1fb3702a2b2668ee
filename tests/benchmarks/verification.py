"""The first pass with GPG and sha256, against `gpg --verify` alone on the same file.

`python -m tests.benchmarks.verification`. Every measurement is a process of its own, in turns, so that each meets the
same machine. CPU is that of the process with gpg under it; RSS is the highest value of each.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

from tests.packages import Bundle, Image, SigningKey, build
from violet_operator.package.source import FileSource
from violet_operator.support.meter import Meter
from violet_operator.upload.fetch import scan
from violet_operator.verification.checks import weigh
from violet_operator.verification.evidence import gather
from violet_operator.verification.judge import judge
from violet_operator.verification.keys import KeySet, key_set
from violet_operator.verification.rules import Rules

GIB = 1 << 30
WAYS = ("gpg --verify", "pass one, sha256", "pass one, sha256 + GPG")


def gpg_alone(package: Path, key: Path) -> None:
    """What anyone would run."""
    with tempfile.TemporaryDirectory(prefix="gpg-") as home:
        gpg = ["gpg", "--homedir", home, "--batch", "--quiet", "--no-autostart", "--trust-model", "always"]
        subprocess.run([*gpg, "--import", str(key)], check=True, stderr=subprocess.DEVNULL)
        subprocess.run([*gpg, "--verify", f"{package}.sig", str(package)], check=True, stderr=subprocess.DEVNULL)


def first_pass(package: Path, keys: KeySet | None) -> None:
    """The operator's own."""
    if keys is None:
        scan(FileSource(package), weigh(gather("", None, lambda _: None), Rules("Skip")), Meter())
        return
    checks = weigh(gather(str(package), None, _read), Rules("Require", keys, signature=True))
    archive, findings = scan(FileSource(package), checks, Meter())
    assert judge(checks, archive.sha256, findings).method == "GPG"


def _read(name: str) -> bytes | None:
    path = Path(name)
    return path.read_bytes() if path.exists() else None


def one(way: str, package: Path, key: Path) -> None:
    """One measurement, printed as JSON."""
    highest: list[int] = []
    threading.Thread(target=watch_gpg, args=(highest,), daemon=True).start()
    begun = time.monotonic()
    if way == WAYS[0]:
        gpg_alone(package, key)
    else:
        first_pass(package, key_set("key", {"key": key.read_bytes()}) if way == WAYS[2] else None)
    wall = time.monotonic() - begun
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = sum(usage.ru_utime + usage.ru_stime for usage in (own, children))
    rss = {"python": own.ru_maxrss >> 10, "gpg": max(highest, default=0) >> 10}
    print(json.dumps({"wall": wall, "cpu": cpu, **rss}))


def watch_gpg(highest: list[int]) -> None:
    """Note the highest memory in KiB of our gpg; getrusage counts Python's own before the exec."""
    while True:
        for children in Path("/proc/self/task").glob("*/children"):
            with suppress(OSError):
                for pid in children.read_text().split():
                    status = Path(f"/proc/{pid}/status").read_text()
                    if status.startswith("Name:\tgpg\n") and "VmHWM:" in status:
                        highest.append(int(status.partition("VmHWM:")[2].split()[0]))
        time.sleep(0.1)


def measure(way: str, package: Path, key: Path) -> dict[str, float]:
    """One measurement in a process of its own."""
    command = [sys.executable, "-m", __spec__.name if __spec__ else __name__, "--one", way]
    done = subprocess.run([*command, str(package), str(key)], check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def main() -> None:
    """Make the package, and measure every way in turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--gib", type=float, default=2.0, help="size of the package (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each (default %(default)s)")
    options = parser.parse_args()
    if options.one:
        one(options.one[0], Path(options.one[1]), Path(options.one[2]))
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, SigningKey(Path(folder) / "gpg") as vendor:
        layers = Image("app", platforms=("linux/amd64",), layers=8, layer_size=int(options.gib * GIB / 8))
        package = build(Bundle(name="large", related=(layers,)), Path(folder) / "large.tgz").path
        vendor.sign(package, "--digest-algo", "SHA256")
        key = Path(folder) / "key.asc"
        key.write_text(vendor.public_key)
        print(f"{package.stat().st_size / GIB:.2f} GiB, signature over SHA-256, {options.rounds} rounds, best of each")
        rounds = [{way: measure(way, package, key) for way in WAYS} for _ in range(options.rounds)]
    print(f"{'':24}{'wall s':>8}{'CPU s':>8}{'RSS MiB':>9}{'gpg MiB':>9}")
    best = {way: {field: min(each[way][field] for each in rounds) for field in ("wall", "cpu")} for way in WAYS}
    for way in WAYS:
        rss = [max(each[way][field] for each in rounds) for field in ("python", "gpg")]
        print(f"{way:24}{best[way]['wall']:8.2f}{best[way]['cpu']:8.2f}{rss[0]:9.0f}{rss[1]:9.0f}")
    print(f"with GPG : gpg alone = {best[WAYS[2]]['wall'] / best[WAYS[0]]['wall']:.2f} (wall)")


if __name__ == "__main__":
    main()
