"""What a cleanup costs over the network: gather, judge and plan for 50 clusters with 10,000 objects.

`python -m tests.benchmarks.cleanup_gather [--clusters 50]`: every cluster is a client of its own to one real API
server, which serves each of them the same 200 objects and 20 views: as much to read and to judge as on 50.
"""

import argparse
import asyncio
import json
import resource
import time
from datetime import UTC, datetime
from typing import Any

from tests.cluster import Cluster, Kit
from tests.harness import SYSTEM, ensure_namespace
from tests.platform import install_crds
from tests.platform.crds import KINDS
from tests.program import install
from violet_operator.api.cleanup import Cleanup
from violet_operator.cleanup.gather import Scope, gather
from violet_operator.cleanup.judge import judge
from violet_operator.cleanup.report import results
from violet_operator.clients.kube import Kube, Resource

OPERATORS, VERSIONS = 20, 9
Object = dict[str, Any]


class Counting(Kube):
    """A client that counts."""

    requests = 0

    async def _open(self, *arguments: Any, **options: Any) -> Any:
        Counting.requests += 1
        return await super()._open(*arguments, **options)


def body(kind: str, name: str, namespace: str, status: Object, spec: Object, **metadata: Any) -> Object:
    """An object of the platform."""
    known = KINDS[kind]
    head = {"apiVersion": f"{known.group}/{known.versions[0]}", "kind": kind, "spec": spec, "status": status}
    return head | {"metadata": {"name": name, "namespace": namespace} | metadata}


def operator(number: int) -> list[Object]:
    """An Artifact, what is installed of it, and its view's status; every other operator is installed."""
    name = f"operator{number}"
    csv = f"{name}.v{VERSIONS - 2}.0.0"
    spec = {"type": "bundle", "present": True, "registry": "r", "repository": name, "artifactVersionSelector": {}}
    found = [body("Artifact", name, SYSTEM, {}, spec)]
    if number % 2:
        known = {
            "state": "AtLatestKnown",
            "installedCSV": csv,
            "currentCSV": csv,
            "lastUpdated": "2026-01-01T00:00:00Z",
        }
        wants = {"name": name, "source": "platform", "sourceNamespace": SYSTEM}
        found.append(body("Subscription", name, SYSTEM, known, wants))
        found.append(
            body("ClusterServiceVersion", csv, SYSTEM, {"phase": "Succeeded"}, {"version": f"{VERSIONS - 2}.0.0"})
        )
    return found


def versions(number: int, uid: str) -> list[Object]:
    """The versions of an Artifact."""
    name = f"operator{number}"
    owner = {"apiVersion": "app.alauda.io/v1alpha1", "kind": "Artifact", "name": name, "uid": uid}
    return [
        body(
            "ArtifactVersion",
            f"{name}.v{version}.0.0",
            SYSTEM,
            {"phase": "Present", "reason": "Success", "name": name, "version": f"{name}.v{version}.0.0"},
            {"present": True, "tag": f"v{version}.0.0"},
            labels={"cpaas.io/artifact-version": name},
            ownerReferences=[owner],
        )
        for version in range(VERSIONS)
    ]


def view(number: int, cluster: str) -> Object:
    """The platform's word on an operator."""
    name = f"operator{number}"
    phase: Object = {"phase": "Ready"}
    if number % 2:
        csv = f"{name}.v{VERSIONS - 2}.0.0"
        phase = {"phase": "Installed", "installation": {"artifactName": name, "subscription": {"installedCSV": csv}}}
    return body("OperatorView", name, cluster, {"operatorStatus": phase}, {})


async def put(kube: Kube, bodies: list[Object]) -> list[Object]:
    """Create objects with their status, sixteen at once."""
    slots = asyncio.Semaphore(16)

    async def one(wanted: Object) -> Object:
        known = KINDS[wanted["kind"]]
        where = Resource(wanted["apiVersion"], known.plural)
        metadata = wanted["metadata"]
        async with slots:
            made = await kube.create(where, metadata["namespace"], wanted)
            if wanted["status"] and known.has_status:
                await kube.write_status(where, made, wanted["status"])
        return made

    return list(await asyncio.gather(*map(one, bodies)))


async def measure(cluster: Cluster, names: list[str], rounds: int) -> None:
    """Fill the API server, then read, judge and plan some times."""
    kubes = {name: await Counting.connect(cluster.kubeconfig, name) for name in names}
    own = kubes["global"]
    made = await put(own, [each for number in range(OPERATORS) for each in operator(number)])
    uids = {each["metadata"]["name"]: each["metadata"]["uid"] for each in made if each["kind"] == "Artifact"}
    await put(own, [each for number in range(OPERATORS) for each in versions(number, uids[f"operator{number}"])])
    await put(own, [view(number, name) for name in names for number in range(OPERATORS)])
    print(f"before: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB at most")
    for _ in range(rounds):
        Counting.requests, start, cpu = 0, time.monotonic(), time.process_time()
        state = await gather(Scope(kubes, None, own, (), SYSTEM))
        gathered = time.monotonic()
        verdicts = judge(state, Cleanup(), datetime.now(UTC), {})
        plan = results("default", state, verdicts)["plan"]
        end = time.monotonic()
        print(
            f"gather {gathered - start:.2f} s, judge and plan {end - gathered:.2f} s, "
            f"CPU {time.process_time() - cpu:.2f} s, "
            f"{Counting.requests} requests, {plan['judged']} objects, {plan['deletions']} to delete, "
            f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB at most"
        )
    for kube in kubes.values():
        await kube.close()


def main() -> None:
    """Start a kit, measure, stop it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clusters", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    flags = parser.parse_args()
    names = ["global", *(f"region{number}" for number in range(flags.clusters - 1))]
    with Kit() as kit:
        cluster = kit.cluster()
        install(cluster)
        install_crds(cluster.kubectl)
        ensure_namespace(cluster, SYSTEM)
        documents = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in names]
        cluster.kubectl("apply", "-f", "-", stdin="\n".join(map(json.dumps, documents)))
        asyncio.run(measure(cluster, names, flags.rounds))


if __name__ == "__main__":
    main()
