"""What does a PackageUploadSet cost? The same packages by a Set, and by as many PackageUploads from kubectl.

`python -m tests.benchmarks.upload_set [--packages 500]`: some 10 minutes.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable

from tests.benchmarks.measure import cpu_seconds, mib, table, wait_for
from tests.benchmarks.site import API, Document, Site
from tests.cluster import AuditEntry
from tests.packages import Bundle, build
from tests.program import Operator

LOOK = "violet.alauda.io/reconcile-requested-at=benchmark"
KINDS = ("packageuploads", "packageuploadsets", "events")
QUIET = 8.0  # seconds after which the last wake-up call has had its run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages", type=int, default=500)
    count = parser.parse_args().packages
    with Site() as site:
        rows, requests = [], {}
        for way, start in (("kubectl, one PackageUpload each", by_kubectl), ("PackageUploadSet", by_set)):
            prefix = "set" if start is by_set else "one"
            names = store(site, prefix, count)
            site.open_namespace(prefix, site.registry(prefix).address)
            seen = len(site.requests())
            with site.marketplace(), operator(site, prefix) as program:
                rows.append([way, count, *first_time(site, program, prefix, names, start)])
                requests[way] = Counter(_named(entry) for entry in site.requests()[seen:] if entry.resource in KINDS)
            if start is by_set:
                at_rest(site, prefix)
    table("From apply to Ready", ["way", "packages", "wall", "CPU of the operator", "VmHWM"], rows)
    kinds = sorted(set().union(*requests.values()))
    table("API requests until then", ["request", *requests], [[k, *(c[k] for c in requests.values())] for k in kinds])


def operator(site: Site, namespace: str) -> Operator:
    flags = ("--namespace", namespace, "--log-level", "warning")
    return Operator(site.cluster, site.directory(f"operator-{namespace}"), *flags, python=("-m", "violet_operator.cli"))


def store(site: Site, prefix: str, count: int) -> list[str]:
    """Packages of some 10 KB below a prefix, each with its checksum; their names."""
    folder = site.directory("packages")
    names = [f"{prefix}-{number:04}" for number in range(count)]
    for name in names:
        built = build(Bundle(name=name), folder / f"{name}.tgz")
        assert built.sidecar is not None
        for path in (built.path, built.sidecar):
            site.kit.storage.put(f"{prefix}/{path.name}", path)
    return names


def source(site: Site, key: str) -> Document:
    storage = site.kit.storage
    return {"url": storage.url(key), "endpoint": storage.endpoint, "credentialsSecretRef": {"name": "bucket"}}


def by_kubectl(site: Site, names: list[str]) -> None:
    specs = {name: {"source": source(site, f"one/{name}.tgz")} for name in names}
    head = {"apiVersion": API, "kind": "PackageUpload"}
    site.apply([head | {"metadata": {"name": name}, "spec": spec} for name, spec in specs.items()], "one")


def by_set(site: Site, names: list[str]) -> None:
    spec = {"source": source(site, "set/")}
    site.apply([{"apiVersion": API, "kind": "PackageUploadSet", "metadata": {"name": "all"}, "spec": spec}], "set")


def first_time(
    site: Site, program: Operator, namespace: str, names: list[str], start: Callable[[Site, list[str]], None]
) -> list[str]:
    """Wall, CPU and memory from apply until every upload is Ready, and the Set too."""
    began, before = time.monotonic(), cpu_seconds(program.pid)
    start(site, names)
    done = program.metric
    wait_for(
        lambda: done("violet_reconcile_total", kind="PackageUpload", result="success") >= len(names), "all", 1800, 1
    )
    site.wait_ready(namespace)
    if start is by_set:
        site.cluster.kubectl("wait", "pus/all", "-n", namespace, "--for=condition=Ready", "--timeout=60s")
    took, used = time.monotonic() - began, cpu_seconds(program.pid) - before
    return [f"{took:.0f} s", f"{used:.0f} s", mib(program.memory("VmHWM"))]


def at_rest(site: Site, namespace: str) -> None:
    """A restart, and one look at a Set of which nothing has changed."""
    seen, began = len(site.requests()), time.monotonic()
    with operator(site, namespace) as program:
        runs = lambda kind: program.metric("violet_reconcile_total", kind=kind)  # noqa: E731
        total = len(json.loads(site.cluster.kubectl("get", "pu", "-n", namespace, "-o", "json"))["items"])
        wait_for(lambda: runs("PackageUpload") >= total and runs("PackageUploadSet") >= 1, "every object seen", 1800)
        restart = [f"{time.monotonic() - began:.1f} s", f"{cpu_seconds(program.pid):.1f} s", mib(program.memory())]
        time.sleep(QUIET)
        restart.append(_listed(site.requests()[seen:]))
        seen, before, looks = len(site.requests()), cpu_seconds(program.pid), runs("PackageUploadSet")
        site.cluster.kubectl("annotate", "pus/all", "-n", namespace, LOOK)
        wait_for(lambda: runs("PackageUploadSet") > looks, "a look", 60)
        used = cpu_seconds(program.pid) - before
        time.sleep(QUIET)
        look = ["one look", "-", f"{used:.2f} s", mib(program.memory()), _listed(site.requests()[seen:])]
        size = len(site.cluster.kubectl("get", "pus/all", "-n", namespace, "-o", "json"))
    rows = [["restart", *restart], look, ["size of the Set", "-", "-", f"{size / 1024:.0f} KiB", "-"]]
    table("The Set when all is Ready", ["what", "wall", "CPU", "memory", "API requests about Sets and uploads"], rows)


def _listed(entries: list[AuditEntry]) -> str:
    counts = Counter(_named(entry) for entry in entries if entry.resource in KINDS and entry.verb != "watch")
    return ", ".join(f"{number} {name}" for name, number in sorted(counts.items()))


def _named(entry: AuditEntry) -> str:
    return f"{entry.verb} {entry.resource}{'/' + entry.subresource if entry.subresource else ''}"


if __name__ == "__main__":
    main()
