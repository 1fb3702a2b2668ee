"""Who names an image, read from a real API server: whatever may need it counts, and what cannot be read is an error."""

import json
import secrets
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster import Cluster
from tests.cluster.process import free_port
from tests.integration.objects import apply
from tests.integration.test_cleanup_gather import reached
from tests.platform import install_crds
from tests.program import install
from violet_operator.cleanup.images import references
from violet_operator.cleanup.images.mentions import Watch
from violet_operator.clients.kube import Kube
from violet_operator.errors import OperatorError, Waiting

pytestmark = pytest.mark.integration

POD = {"containers": [{"name": "main", "image": "IMAGE"}], "automountServiceAccountToken": False}
TEMPLATE = {"metadata": {"labels": {"app": "a"}}, "spec": POD}
SELECTED = {"selector": {"matchLabels": {"app": "a"}}, "template": TEMPLATE}
PLUGIN = {"deleteable": True, "description": {"en": "a", "zh": "a"}, "logo": "a", "name": "a", "version": "v1"}
VALUES = {"valuesTemplates": {"a": "image: IMAGE"}}
ONCE = {"restartPolicy": "Never"}

CORE: dict[str, tuple[str, dict[str, Any]]] = {
    "pods": ("v1 Pod", POD),
    "deployments": ("apps/v1 Deployment", SELECTED | {"replicas": 0}),
    "statefulsets": ("apps/v1 StatefulSet", SELECTED | {"replicas": 0, "serviceName": "a"}),
    "daemonsets": ("apps/v1 DaemonSet", SELECTED),
    "jobs": ("batch/v1 Job", {"suspend": True, "template": {"spec": POD | ONCE}}),
    "cronjobs": (
        "batch/v1 CronJob",
        {"schedule": "@daily", "suspend": True, "jobTemplate": {"spec": {"template": {"spec": POD | ONCE}}}},
    ),
}
CUSTOM: dict[str, tuple[str, dict[str, Any]]] = {
    "clusterserviceversions": ("ClusterServiceVersion", {"relatedImages": [{"name": "a", "image": "IMAGE"}]}),
    "catalogsources": ("CatalogSource", {"sourceType": "grpc", "image": "IMAGE"}),
    "moduleplugins": ("ModulePlugin", PLUGIN | VALUES),
    "moduleconfigs": ("ModuleConfig", PLUGIN | VALUES),
    "moduleinfoes": ("ModuleInfo", {"version": "v1", "config": {"image": "IMAGE"}}),
    "helmrequests": ("HelmRequest", {"chart": "a/b", "values": {"image": "IMAGE"}}),
}


@pytest.fixture(scope="module")
def platform(cluster: Cluster) -> Iterator[Cluster]:
    """The operator may see what runs, as the documentation says."""
    install(cluster)
    install_crds(cluster.kubectl)
    account = "--serviceaccount=violet-system:violet-operator"
    cluster.kubectl("create", "clusterrolebinding", "violet-images", "--clusterrole=violet-images", account)
    yield cluster
    cluster.kubectl("delete", "clusterrolebinding", "violet-images")


@pytest.fixture
def image(platform: Cluster) -> Iterator[str]:
    """A repository that nobody knows yet."""
    yield f"acp/x{secrets.token_hex(6)}"
    platform.kubectl("delete", "moduleplugins,moduleconfigs,moduleinfoes", "-l", "test=references")


@pytest.fixture
def charts(platform: Cluster, namespace: str) -> Iterator[None]:
    """Whose charts a test has made: they count for the others, too."""
    yield
    platform.kubectl("delete", "charts.app.alauda.io,chartrepos.app.alauda.io", "--all", "-n", namespace)


def create(cluster: Cluster, namespace: str, plural: str, image: str) -> None:
    """An object whose one field names an image."""
    labels = {"labels": {"test": "references"}}
    if plural in CUSTOM:
        kind, spec = CUSTOM[plural]
        found = json.loads(json.dumps(spec).replace("IMAGE", f"{image}:v1"))
        apply(cluster, kind, f"a{secrets.token_hex(4)}", namespace, spec=found, metadata=labels)
        return
    (version, kind), spec = CORE[plural][0].split(), CORE[plural][1]
    body = {"apiVersion": version, "kind": kind, "metadata": {"name": "a"} | labels, "spec": spec}
    text = json.dumps(body).replace("IMAGE", f"r.example.com/{image}:v1")
    cluster.kubectl("apply", "-n", namespace, "-f", "-", stdin=text)


def operator(cluster: Cluster) -> AbstractAsyncContextManager[Kube]:
    """The API with the operator's own rights, as for a Platform with `inCluster`."""
    return reached(cluster.service_account_kubeconfig("violet-system", "violet-operator"))


async def named(cluster: Cluster, image: str) -> dict[str, str]:
    watch = Watch([image])
    async with operator(cluster) as kube:
        await references.search(await references.ask({"global": kube}), watch)
    return {place.tag: who for place, who in watch.found.places.items()}


def test_every_kind_that_is_searched_has_a_case() -> None:
    assert {kind.plural for kind in references.KINDS} | {"pods"} == {*CORE, *CUSTOM}


@pytest.mark.parametrize("plural", [*CORE, *CUSTOM])
async def test_whoever_names_an_image_is_found(platform: Cluster, namespace: str, image: str, plural: str) -> None:
    assert await named(platform, image) == {}
    create(platform, namespace, plural, image)
    assert f"{plural} of global" in (await named(platform, image))["v1"]


async def test_what_has_ended_needs_no_image(platform: Cluster, namespace: str, image: str) -> None:
    create(platform, namespace, "pods", image)
    body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "done"}, "spec": CORE["jobs"][1]}
    platform.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(body).replace("IMAGE", f"{image}:v2"))
    assert (await named(platform, image)).keys() == {"v1", "v2"}
    patch = ("-n", namespace, "--subresource=status", "--type=merge", "--patch")
    platform.kubectl("patch", "pod/a", *patch, json.dumps({"status": {"phase": "Succeeded"}}))
    now = "2026-01-02T03:04:05Z"
    ended = [
        {"type": kind, "status": "True", "lastTransitionTime": now, "lastProbeTime": now}
        for kind in ("FailureTarget", "Failed")
    ]
    platform.kubectl("patch", "job/done", *patch, json.dumps({"status": {"startTime": now, "conditions": ended}}))
    assert await named(platform, image) == {}


async def test_what_cannot_be_read_is_an_error(platform: Cluster, namespace: str, tmp_path: Path) -> None:
    config = yaml.safe_load(platform.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{free_port()}"
    nowhere = tmp_path / "nowhere.kubeconfig"
    nowhere.write_text(yaml.safe_dump(config))
    powerless = platform.service_account_kubeconfig(namespace, "default")
    async with operator(platform) as kube:
        for other in (nowhere, powerless):
            async with reached(other, "region1") as lost:
                for look in (
                    references.offers,
                    lambda both: references.charts(both, ""),
                    lambda both: references.search(both, Watch(["a"])),
                    lambda both: references.check_charts(both, set()),
                ):
                    with pytest.raises(OperatorError, match="region1"):
                        await look(await references.ask({"global": kube, "region1": lost}))


@pytest.mark.parametrize(
    ("repository", "kind", "counts"),
    [
        ("ours", "Local", True),
        ("ours.with.dots", "Local", True),
        ("from-registry", "OCI", True),
        ("theirs", "Git", False),
        ("theirs-too", "Chart", False),
    ],
)
async def test_charts_count_that_no_upload_has_brought(
    platform: Cluster, namespace: str, charts: None, repository: str, kind: str, counts: bool
) -> None:
    apply(platform, "ChartRepo", repository, namespace, spec={"type": kind, "url": None})
    versions = [{"name": "web", "version": version} for version in ("1.0.0", "2.0.0")]
    apply(platform, "Chart", f"web.{repository}", namespace, spec={"versions": versions})
    async with operator(platform) as kube:
        clusters = await references.ask({"global": kube})
        await references.check_charts(clusters, {("web", "1.0.0"), ("web", "2.0.0")})
        with pytest.raises(Waiting, match=r"chart web 2\.0\.0 of global") if counts else nullcontext():
            await references.check_charts(clusters, {("web", "1.0.0")})


@pytest.mark.parametrize(("kind", "spec"), [("OperatorView", {}), ("ModuleInfo", {"spec": {"version": "v1"}})])
async def test_a_cluster_of_which_the_platform_speaks_must_be_shown(
    platform: Cluster, namespace: str, kind: str, spec: dict[str, Any]
) -> None:
    """An account that may not see a cluster any more does not know which images that needs."""
    others = ("global", *spoken_of(platform))
    apply(platform, kind, namespace, namespace, metadata={"labels": {"cpaas.io/cluster-name": namespace}}, **spec)
    async with operator(platform) as kube:
        kinds = await references.ask(dict.fromkeys(others, kube))
        with pytest.raises(Waiting, match=f"global speaks of cluster {namespace}, which no Platform"):
            await references.check_clusters(kinds)
        await references.check_clusters(kinds | {f"{namespace} of Platform a/b": kinds["global"]})
    platform.kubectl("delete", kind, namespace, "-n", namespace)


def spoken_of(platform: Cluster) -> set[str]:
    """What other tests have left."""
    path = "{range .items[*]}{.metadata.namespace}{' '}{.metadata.labels.cpaas\\.io/cluster-name}{' '}{end}"
    flags = ("-A", "-o", f"jsonpath={path}")
    return {
        word for kind in ("operatorviews", "moduleinfoes") for word in platform.kubectl("get", kind, *flags).split()
    }


async def test_a_cluster_of_another_platform_is_called_by_its_platform(
    platform: Cluster, namespace: str, image: str, charts: None
) -> None:
    """Each has a cluster `global`, and that is what its own client calls it."""
    create(platform, namespace, "pods", image)
    apply(platform, "ChartRepo", "local", namespace, spec={"type": "Local", "url": None})
    apply(platform, "Chart", "web.local", namespace, spec={"versions": [{"name": "web", "version": "3.0.0"}]})
    name, watch = "global of Platform far/away", Watch([image])
    async with operator(platform) as kube:
        clusters = await references.ask({name: kube})
        await references.search(clusters, watch)
        assert list(watch.found.places.values()) == [f"{namespace}/a (pods of {name})"]
        with pytest.raises(Waiting, match=rf"chart web 3\.0\.0 of {name} needs"):
            await references.check_charts(clusters, set())
    async with reached(platform.service_account_kubeconfig(namespace, "default")) as powerless:
        with pytest.raises(OperatorError, match=f"{name}: "):
            await references.search(await references.ask({name: powerless}), watch)


async def test_what_an_upload_brings_is_known_or_an_error(platform: Cluster, namespace: str, image: str) -> None:
    source = {"url": "s3://packages/a.tgz", "endpoint": "http://127.0.0.1:9"}
    api = {"apiVersion": "violet.alauda.io/v1alpha1", "kind": "PackageUpload"}

    def upload(name: str, **spec: Any) -> None:
        body = api | {"metadata": {"name": name}, "spec": {"source": source} | spec}
        platform.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(body))

    async def brought() -> Watch:
        watch = Watch([f"mirror/{image}"])
        async with operator(platform) as kube:
            assert await references.search_uploads(kube, [namespace], watch) == {("", "")}
        return watch

    upload("only-looks", mode="Preview")
    await brought()
    upload("wants")
    with pytest.raises(Waiting, match=r"PackageUpload .*/wants brings"):
        await brought()
    status = {
        "observedGeneration": 1,
        "source": {"url": source["url"]},
        "package": {"name": "a", "type": "bundle", "version": "1", "relatedImages": [f"harbor.example.com/{image}:v1"]},
    }
    patch = ("-n", namespace, "--subresource=status", "--type=merge", "--patch", json.dumps({"status": status}))
    platform.kubectl("patch", "packageupload/wants", *patch)
    assert {place.tag for place in (await brought()).found.places} == {"v1"}
    upload("wants", catalogSource="custom")  # a new generation, which nobody has looked at yet
    with pytest.raises(Waiting, match=r"PackageUpload .*/wants brings"):
        await brought()


async def test_an_upload_that_is_being_deleted_names_nothing(platform: Cluster, namespace: str) -> None:
    """Somebody else's finalizer may hold it for as long as it likes."""
    body = {
        "apiVersion": "violet.alauda.io/v1alpha1",
        "kind": "PackageUpload",
        "metadata": {"name": "held", "finalizers": ["example.com/held"]},
        "spec": {"source": {"url": "s3://packages/a.tgz", "endpoint": "http://127.0.0.1:9"}},
    }
    platform.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(body))
    async with operator(platform) as kube:
        with pytest.raises(Waiting, match=r"PackageUpload .*/held brings"):
            await references.search_uploads(kube, [namespace], Watch(["acp/a"]))
        platform.kubectl("delete", "packageupload/held", "-n", namespace, "--wait=false")
        assert await references.search_uploads(kube, [namespace], Watch(["acp/a"])) == set()
    free = json.dumps({"metadata": {"finalizers": None}})
    platform.kubectl("patch", "packageupload/held", "-n", namespace, "--type=merge", "--patch", free)
