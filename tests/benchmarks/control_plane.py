"""Which control plane? Ours and two made of kopf's own means, on the same uploads, with the same reconcile.

`python -m tests.benchmarks.control_plane [--uploads 1000]`: some 15 minutes. Flux looks at 1000 OCIRepositories in
85 s with 67 to 128 MiB (flux-benchmark, v2.8 and v2.9).
"""

import argparse
import json
import math
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.benchmarks.designs import DESIGNS, program
from tests.benchmarks.measure import cpu_seconds, mib, table, threads, wait_for
from tests.benchmarks.site import Site
from tests.cluster import AuditEntry
from tests.faults import FaultProxy
from tests.packages import Bundle, Image
from tests.program import Operator

THOUSAND = "thousand"
FEW = 20
IDLE = 20.0  # seconds over which the CPU at rest is measured
PATIENCE = 90.0  # seconds until a change counts as without effect
RATE = 2 << 20  # bytes per second through the throttled registry
SLOW = Bundle(name="slow", related=(Image(name="slow", platforms=("linux/amd64",), layers=2, layer_size=32 << 20),))
PLATFORM = ("platforms", "namespaces", "selfsubjectaccessreviews", "selfsubjectrulesreviews")
"""What a Platform costs by itself, however many uploads it has."""
WRITES = ("create", "update", "patch", "delete")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uploads", type=int, default=1000)
    parser.add_argument("--parts", default="many,few,changes", help="what to measure, comma separated")
    arguments = parser.parse_args()
    parts = arguments.parts.split(",")
    with Site() as site:
        registry = site.registry("registry").address
        if "few" in parts:
            writes(site, registry)
        if "changes" in parts:
            changes(site)
        if "many" in parts:
            names = store(site, "package", arguments.uploads)
            site.open_namespace(THOUSAND, registry)
            first_time(site, names)
            restarts(site, len(names))


def store(site: Site, prefix: str, count: int) -> list[str]:
    """Small packages in the bucket, each with a name of its own; the names."""
    names = [f"{prefix}-{number:04}" for number in range(count)]
    site.store_small_packages(names)
    return names


def first_time(site: Site, names: list[str]) -> None:
    """All of them from `kubectl apply` to Ready, with the operator and the platform's stand-in running."""
    design = next(iter(DESIGNS))
    with site.marketplace(), program(design, site.cluster, site.directory("first"), THOUSAND) as operator:
        start, before = time.monotonic(), cpu_seconds(operator.pid)
        site.apply([site.upload(name) for name in names], THOUSAND)
        applied = time.monotonic() - start
        wait_for(lambda: _runs(operator, result="success") >= len(names), "every upload Ready", 1800, every=1)
        site.wait_ready(THOUSAND)
        took, used = time.monotonic() - start, cpu_seconds(operator.pid) - before
        row = [len(names), f"{applied:.0f} s", f"{took:.0f} s", f"{used:.0f} s", mib(operator.memory("VmHWM"))]
    head = ["uploads", "kubectl apply", "apply to all Ready", "CPU of the operator", "VmHWM"]
    table("New uploads", head, [row])


def restarts(site: Site, count: int) -> None:
    """A restarted operator meets uploads that are Ready: until each was looked at once, and then at rest."""
    rows = []
    for design in DESIGNS:
        operator = program(design, site.cluster, site.directory(f"restart-{len(rows)}"), THOUSAND)
        with operator:  # the first start of a rival writes finalizers and annotations: not what is measured
            wait_for(lambda operator=operator: _runs(operator) >= count, "the first round", 1800, every=0.5)
            time.sleep(5)
        seen, start = len(site.requests()), time.monotonic()
        with operator:
            wait_for(lambda operator=operator: _runs(operator) >= count, "every upload seen", 1800, every=0.2)
            took, used = time.monotonic() - start, cpu_seconds(operator.pid)
            time.sleep(10)
            entries = site.requests()[seen:]
            before = cpu_seconds(operator.pid)
            time.sleep(IDLE)
            idle = (cpu_seconds(operator.pid) - before) / IDLE * 1000
            written = sum(entry.verb in WRITES for entry in entries)
            runs = _runs(operator)
            memory = [mib(operator.memory()), mib(operator.memory("VmHWM")), threads(operator.pid)]
        asked = [len(entries) - written, written, f"{runs:.0f}"]
        rows.append(
            [design, f"{took:.1f} s", f"{used:.1f} s", *memory, *asked, f"{idle:.1f} mCPU" if idle else "< 0.5 mCPU"]
        )
    head = ["design", "all seen after", "CPU", "VmRSS at rest", "VmHWM", "threads", "reads", "writes", "runs", "idle"]
    table(f"Restart with {count} uploads that are Ready", head, rows)


def writes(site: Site, registry: str) -> None:
    """API writes of an upload's life, from create to Ready to deleted."""
    found = {}
    for number, design in enumerate(DESIGNS):
        namespace = f"few-{number}"
        names = store(site, namespace, FEW)
        site.open_namespace(namespace, registry)
        seen = len(site.requests())
        with site.marketplace(), program(design, site.cluster, site.directory(namespace), namespace):
            site.apply([site.upload(name) for name in names], namespace)
            site.wait_ready(namespace)
            time.sleep(3)
            site.cluster.kubectl("delete", "pu", "--all", "-n", namespace)
            time.sleep(2)
        entries = [e for e in site.requests()[seen:] if e.verb in WRITES and not e.resource.startswith(PLATFORM)]
        found[design] = Counter(f"{entry.verb} {_kind(entry)}" for entry in entries)
    kinds = sorted(set().union(*found.values()))
    rows = [[kind, *(f"{counts[kind] / FEW:.2f}" for counts in found.values())] for kind in kinds]
    rows.append(["all", *(f"{counts.total() / FEW:.2f}" for counts in found.values())])
    table(f"API writes per upload (mean of {FEW}), create to Ready to deleted", ["write", *DESIGNS], rows)


def changes(site: Site) -> None:
    """A DELETE and a new spec while a transfer of half a minute runs."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        site.store(SLOW, Path(folder))
    for number, design in enumerate(DESIGNS):
        row = [design]
        for change in ("suspend", "delete"):
            namespace = f"slow-{number}-{change}"
            with FaultProxy(site.registry(f"{namespace}-registry").address) as proxy, site.marketplace():
                proxy.limit(RATE)
                site.open_namespace(namespace, proxy.address)
                with program(design, site.cluster, site.directory(namespace), namespace) as operator:
                    row += [f"{seconds:.1f} s" for seconds in _react(site, operator, proxy, namespace, change)]
        rows.append(row)
    head = ["design", "new spec: status says so", "old run ended", "DELETE: object gone", "run ended"]
    length = SLOW.related[0].layers * SLOW.related[0].layer_size / RATE
    table(f"A change during a transfer of {length:.0f} s: seconds until it takes effect", head, rows)


def _react(site: Site, operator: Operator, proxy: FaultProxy, namespace: str, change: str) -> tuple[float, float]:
    """Seconds until the API shows the effect, and until the run that was under way has ended."""
    site.apply([site.upload("slow")], namespace)
    wait_for(lambda: sum(request.bytes_in for request in proxy.requests) > RATE, "the transfer", 60)
    runs, start = _runs(operator), time.monotonic()
    if change == "delete":
        site.cluster.kubectl("delete", "pu", "slow", "-n", namespace, "--wait=false")
    else:
        patch = json.dumps({"spec": {"suspend": True}})
        site.cluster.kubectl("patch", "pu", "slow", "-n", namespace, "--type=merge", "-p", patch)
    effect = ended = math.inf
    while math.inf in (effect, ended) and time.monotonic() - start < PATIENCE:
        if effect == math.inf and _took_effect(site.get("slow", namespace), change):
            effect = time.monotonic() - start
        if ended == math.inf and _runs(operator) > runs:
            ended = time.monotonic() - start
        time.sleep(0.05)
    return effect, ended


def _took_effect(upload: dict, change: str) -> bool:
    if change == "delete":
        return not upload
    return upload["status"].get("observedGeneration") == upload["metadata"]["generation"]


def _runs(operator: Operator, **labels: str) -> float:
    return operator.metric("violet_reconcile_total", kind="PackageUpload", **labels)


def _kind(entry: AuditEntry) -> str:
    return f"{entry.resource}/{entry.subresource}" if entry.subresource else entry.resource


def _flat(rows: Counter[tuple[str, str]]) -> list[list[object]]:
    return [[*key, times] for key, times in sorted(rows.items())]


if __name__ == "__main__":
    main()
