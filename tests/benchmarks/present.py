"""A package whose images are in the registry already: until it can be installed, and what a look at it costs at rest.

`python -m tests.benchmarks.present [--sizes 1,200] [--rounds 3]` (MiB), against curl, tar, `skopeo copy` and
`kubectl apply` of the same images and objects in the same run; needs curl and skopeo.
"""

import argparse
import resource
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Self

import obstore
import yaml

from tests.benchmarks.data_plane import PEER, best, package, show, timed
from tests.benchmarks.designs import DESIGNS, program
from tests.benchmarks.measure import Cost, cpu_seconds, mib, table, wait_for
from tests.benchmarks.site import Site
from tests.cluster import Access
from tests.faults import FaultProxy
from tests.packages import Built, Bundle, Image, build
from tests.program import ACCOUNT, NAMESPACE, Operator
from violet_operator.api.artifact import Publication

SYSTEM = "cpaas-system"
OURS = next(iter(DESIGNS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1,200", help="MiB, comma separated")
    parser.add_argument("--rounds", type=int, default=3, help="the best one counts")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="violet-bench-") as folder, Site() as site, site.marketplace():
        rows = []
        for size in map(int, arguments.sizes.split(",")):
            built = build(package(size), Path(folder) / f"package-{size}.tgz")
            rows.append([mib(built.size), *until_ready(site, built, arguments.rounds)])
        head = ["package", "operator", "by hand", "ratio of wall", "ratio of CPU"]
        table("From apply to Ready, images present (wall / CPU of the client)", head, rows)
        unchanged(site, Path(folder))


def until_ready(site: Site, built: Built, rounds: int) -> tuple[str, ...]:
    """Both ways, in turns."""
    name = built.path.stem
    registry = site.registry(name)
    put(site, built)
    by_hand(site, built, registry.address)  # now the images are there
    ours, theirs = [], []
    for number in range(rounds):
        ours.append(by_operator(site, built, registry.address, f"{name}-{number}"))
        theirs.append(by_hand(site, built, registry.address))
    return show(best(ours.__getitem__, rounds), best(theirs.__getitem__, rounds))


def put(site: Site, built: Built) -> None:
    """Into the bucket, with its checksum file."""
    assert built.sidecar is not None
    for path in (built.path, built.sidecar):
        site.kit.storage.put(path.name, path)


def by_operator(site: Site, built: Built, registry: str, namespace: str) -> Cost:
    """Apply the object and wait until the platform can install the package."""
    name = built.path.stem
    site.open_namespace(namespace, registry)
    with program(OURS, site.cluster, site.directory(namespace), namespace) as operator:
        site.cluster.kubectl("wait", "platform/default", "-n", namespace, "--for=condition=Ready", "--timeout=60s")
        start, before = time.monotonic(), cpu_seconds(operator.pid)
        site.apply([site.upload(name)], namespace)
        site.cluster.kubectl("wait", f"pu/{name}", "-n", namespace, "--for=condition=Ready", "--timeout=60s")
        cost = Cost(time.monotonic() - start, cpu_seconds(operator.pid) - before)
    clear(site)
    return cost


def by_hand(site: Site, built: Built, registry: str) -> Cost:
    """Fetch, check, unpack, copy what is missing, apply the objects, wait for the same sign."""
    url = obstore.sign(site.kit.storage.store(), "GET", built.path.name, timedelta(hours=1))
    with tempfile.TemporaryDirectory(prefix="violet-bench-") as unpacked:
        command = [PEER, url, built.sha256, unpacked, registry, *(image.ref for image in built.images)]

        def work() -> None:
            subprocess.run(command, check=True)
            apply(site.cluster, built, registry)
            version = f"artifactversion/{publication(built, registry).version_name}"
            sign = ("--for=jsonpath={.status.phase}=Present", "--timeout=300s")
            site.cluster.kubectl("wait", version, "-n", SYSTEM, *sign)

        cost = timed(work, resource.RUSAGE_CHILDREN)
    clear(site)
    return cost


def publication(built: Built, registry: str) -> Publication:
    """What the bundle is published as."""
    repository, _, tag = built.artifact.partition("/")[2].rpartition(":")
    name = repository.rpartition("/")[2].removesuffix("-bundle")
    return Publication(name, name, registry, repository, tag, SYSTEM, "platform", upload="by/hand")


def apply(cluster: Access, built: Built, registry: str, kubeconfig: Path | None = None) -> None:
    """The same objects by `kubectl apply`, the version owned by its Artifact."""
    wanted = publication(built, registry)
    how = ("apply", "--server-side", "--force-conflicts", "-f", "-", "-o", "yaml")
    made = yaml.safe_load(cluster.kubectl(*how, stdin=yaml.safe_dump(wanted.artifact()), kubeconfig=kubeconfig))
    owner = {key: made[key] for key in ("apiVersion", "kind")} | {key: made["metadata"][key] for key in ("name", "uid")}
    version = wanted.version()
    version["metadata"]["ownerReferences"] = [owner]
    cluster.kubectl(*how, stdin=yaml.safe_dump(version), kubeconfig=kubeconfig)


def clear(site: Site) -> None:
    """Nothing is published any more; the images stay."""
    site.cluster.kubectl("delete", "artifacts,artifactversions", "--all", "-n", SYSTEM)


def unchanged(site: Site, folder: Path) -> None:
    """Every request to the API, the bucket and the registry: one look, and the same by hand."""
    built = build(Bundle(name="one", related=(Image(name="one", layer_size=1 << 10),)), folder / "one.tgz")
    put(site, built)
    with Ground(site) as ground, ground.operator(built) as operator:
        runs = lambda: operator.metric("violet_reconcile_total", kind="PackageUpload")  # noqa: E731
        look = "violet.alauda.io/reconcile-requested-at=benchmark"

        def ours() -> None:
            before = runs()
            site.cluster.kubectl("annotate", "pu", "one", "-n", "one", look)
            wait_for(lambda: runs() > before, "a second run", 60)
            time.sleep(1)

        mine = ground.requests(ours)
        apply(site.cluster, built, ground.registry.address, ground.account)  # the kinds are known from now on
        theirs = ground.requests(lambda: ground.again_by_hand(built, folder))
    theirs["bucket", "GET"] = 1  # the whole package: a signed URL fits no proxy
    rows = [[*key, mine[key], theirs[key]] for key in sorted(mine | theirs)]
    everything = ["all", "", mine.total(), theirs.total()]
    table(
        "Requests for one unchanged upload (two images)", ["to", "request", "operator", "by hand"], [*rows, everything]
    )


class Ground:
    """A registry and a bucket that tell what they were asked. Use within `with`."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.registry = FaultProxy(site.registry("one").address)
        self.bucket = FaultProxy(site.kit.storage.endpoint.partition("//")[2])
        self.account = site.cluster.service_account_kubeconfig(NAMESPACE, ACCOUNT)

    def __enter__(self) -> Self:
        self.registry.__enter__()
        self.bucket.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.bucket.__exit__(None, None, None)
        self.registry.__exit__(None, None, None)

    @contextmanager
    def operator(self, built: Built) -> Iterator[Operator]:
        """At work, with the upload Ready and nothing of it remembered that is forgotten in seconds."""
        site, name = self.site, built.path.stem
        site.open_namespace(name, self.registry.address)
        with program(OURS, site.cluster, site.directory("one-operator"), name) as operator:
            site.apply([site.upload(name, endpoint=f"http://{self.bucket.address}")], name)
            site.wait_ready(name)
            time.sleep(6)  # the operator remembers a Platform and its Secrets for five seconds
            yield operator

    def requests(self, work: Callable[[], None]) -> Counter[tuple[str, str]]:
        """What some work asks for."""
        site = self.site
        seen = len(site.requests()), len(self.registry.requests), len(self.bucket.requests)
        work()
        asked = Counter(("API", f"{each.verb} {each.resource}") for each in site.requests()[seen[0] :])
        asked += Counter(("registry", each.method) for each in self.registry.requests[seen[1] :])
        asked += Counter(("bucket", each.method) for each in self.bucket.requests[seen[2] :])
        return asked

    def again_by_hand(self, built: Built, folder: Path) -> None:
        """Everything once more, as nobody knows whether it is still there."""
        url = obstore.sign(self.site.kit.storage.store(), "GET", built.path.name, timedelta(hours=1))
        with tempfile.TemporaryDirectory(dir=folder) as unpacked:
            images = [image.ref for image in built.images]
            subprocess.run([PEER, url, built.sha256, unpacked, self.registry.address, *images], check=True)
        apply(self.site.cluster, built, self.registry.address, self.account)


if __name__ == "__main__":
    main()
