"""Chart, kustomize base and samples, judged by helm, kustomize and a real API server.

The chart and the base must install the same thing.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster import Cluster, KubectlError
from tests.cluster.toolchain import ensure
from tests.integration.base import ROOT, apply_base
from violet_operator import __version__

pytestmark = pytest.mark.integration

CHART = ROOT / "charts" / "violet-operator"
SAMPLES = ROOT / "deploy" / "samples"
Document = dict[str, Any]
ANTI_AFFINITY = {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "kubernetes.io/hostname"}]}


class Helm:
    """helm, on the chart as it is packaged: a file missing from the archive shows."""

    def __init__(self, archive: Path) -> None:
        self.program = ensure("helm")["helm"]
        self.run("package", str(CHART), "--destination", str(archive))
        self.chart = str(archive / f"violet-operator-{__version__}.tgz")

    def run(self, *arguments: str) -> str:
        done = subprocess.run([self.program, *arguments], capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise AssertionError(f"helm {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def template(self, *flags: str) -> str:
        # helm built without release flags believes in Kubernetes 1.20; a real install asks the server.
        where = ("--namespace", "violet-system", "--include-crds", "--kube-version", "1.36.0")
        return self.run("template", "violet-operator", self.chart, *where, *flags)


@pytest.fixture(scope="module")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    return Helm(tmp_path_factory.mktemp("chart"))


@pytest.fixture(scope="module")
def installed(cluster: Cluster) -> Cluster:
    """The cluster with the kustomize base applied for real."""
    return apply_base(cluster)


def documents(text: str) -> dict[tuple[str, str], Document]:
    """Every document by kind and name."""
    return {(d["kind"], d["metadata"]["name"]): d for d in yaml.safe_load_all(text) if d}


def without_helm(document: Document) -> Document:
    """The document without the labels that name its packager, which are all that may differ."""
    for owner in (document, document.get("spec", {}).get("template", {})):
        labels = owner.get("metadata", {}).get("labels", {})
        labels.pop("helm.sh/chart", None)
        labels.pop("app.kubernetes.io/managed-by", None)
    if document["kind"] == "CustomResourceDefinition":  # Helm installs these as they lie there, without labels
        document["metadata"].pop("labels", None)
    return document


def test_chart_and_base_install_the_same(helm: Helm, cluster: Cluster) -> None:
    chart = documents(helm.template())
    base = documents(cluster.kubectl("kustomize", str(ROOT / "deploy")))
    assert base.pop(("Namespace", "violet-system"))  # with Helm: `--create-namespace`
    assert chart.keys() == base.keys()
    for key, document in chart.items():
        assert without_helm(document) == without_helm(base[key]), key


def test_chart_is_clean(helm: Helm) -> None:
    assert "0 chart(s) failed" in helm.run("lint", "--strict", str(CHART))


def test_chart_carries_the_crds_of_the_project() -> None:
    generated = {path.name: path.read_text() for path in (ROOT / "crds").glob("*.yaml")}
    del generated["kustomization.yaml"]
    assert {path.name: path.read_text() for path in (CHART / "crds").iterdir()} == generated


def test_every_version_is_that_of_the_program(helm: Helm) -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)
    deployment = documents(helm.template())["Deployment", "violet-operator"]
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == f"violet-operator:{__version__}"


def test_api_server_accepts_the_chart_with_everything_on(helm: Helm, installed: Cluster) -> None:
    rendered = helm.template(
        "--set=networkPolicy.enabled=true,networkPolicy.metricsFrom[0].podSelector.matchLabels.app=prometheus",
        "--set=inventoryNamespaces={default},cleanupNamespaces={default},cleanupImages=true",
        "--set=settings.namespaces={a,b},settings.concurrency=3,settings.logFormat=text",
        f"--set=settings.minimumPolicy=Require,settings.requireGPG=true,settings.gpgFingerprints={{{'A' * 40}}}",
        f"--set=image.digest=sha256:{'0' * 64},image.pullSecrets[0].name=registry",
        "--set=extraEnv[0].name=HTTPS_PROXY,extraEnv[0].value=http://proxy.example.com:3128",
        "--set=nodeSelector.disk=none,tolerations[0].operator=Exists,podLabels.team=a,podAnnotations.note=b",
        f"--set-json=affinity={json.dumps({'podAntiAffinity': ANTI_AFFINITY})}",
        "--set=serviceAccount.annotations.role=c,metrics.service.annotations.scrape=d,metrics.port=9090",
    )
    flags = ("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict")
    accepted = installed.kubectl(*flags, "-f", "-", stdin=rendered)
    assert len(accepted.splitlines()) == len(documents(rendered))
    pod = documents(rendered)["Deployment", "violet-operator"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"] == f"violet-operator@sha256:{'0' * 64}"
    environment = {entry["name"]: entry["value"] for entry in pod["containers"][0]["env"]}
    assert environment == {
        "VIOLET_LOG_FORMAT": "text",
        "VIOLET_LOG_LEVEL": "info",
        "VIOLET_METRICS_PORT": "9090",
        "VIOLET_HEALTH_PORT": "8081",
        "VIOLET_NAMESPACE": "a,b",
        "VIOLET_CONCURRENCY": "3",
        "VIOLET_MINIMUM_POLICY": "Require",
        "VIOLET_REQUIRE_GPG": "true",
        "VIOLET_GPG_FINGERPRINTS": "A" * 40,
        "HTTPS_PROXY": "http://proxy.example.com:3128",
    }


@pytest.mark.parametrize(
    ("value", "binding", "role"),
    [
        ("cleanupNamespaces={team}", ("RoleBinding", "violet-cleanup"), "violet-cleanup"),
        ("inventoryNamespaces={team}", ("RoleBinding", "violet-inventory"), "violet-inventory"),
        ("cleanupImages=true", ("ClusterRoleBinding", "violet-operator-images"), "violet-images"),
    ],
)
def test_chart_gives_rights_that_go_further_on_request_only(
    helm: Helm, value: str, binding: tuple[str, str], role: str
) -> None:
    assert binding not in documents(helm.template())
    found = documents(helm.template(f"--set={value}"))
    assert found[binding]["roleRef"]["name"] == role
    assert ("ClusterRole", role) in found
    account = found["ServiceAccount", "violet-operator"]["metadata"]["name"]
    assert found[binding]["subjects"][0]["name"] == account


def test_service_monitor_finds_the_service(helm: Helm) -> None:
    rendered = documents(helm.template("--set=metrics.serviceMonitor.enabled=true"))
    service, monitor = (
        rendered["Service", "violet-operator-metrics"],
        rendered["ServiceMonitor", "violet-operator"],
    )
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["spec"]["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        ("settings.loglevel=debug", "loglevel"),
        ("replicas=2", "replicas"),
        ("settings.logFormat=xml", "logFormat"),
        ("image.digest=latest", "digest"),
        ("metrics.port=80", "port"),
        ("metrics.serviceMonitor.enabled=true,metrics.service.enabled=false", "metrics.service.enabled=true"),
    ],
)
def test_chart_refuses(helm: Helm, flags: str, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        helm.template(f"--set={flags}")


def test_pod_is_admitted_under_the_restricted_standard(installed: Cluster) -> None:
    namespace = yaml.safe_load(installed.kubectl("get", "namespace", "violet-system", "-o", "yaml"))
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    deployment = yaml.safe_load(
        installed.kubectl("-n", "violet-system", "get", "deployment", "violet-operator", "-o", "yaml")
    )
    template = deployment["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe"}, "spec": template["spec"]}
    create = ("-n", "violet-system", "create", "--dry-run=server", "-f", "-")
    assert "pod/probe created" in installed.kubectl(*create, stdin=yaml.safe_dump(pod))
    # The judge works: the same pod as root is turned away.
    pod["spec"]["securityContext"]["runAsNonRoot"] = False
    with pytest.raises(KubectlError, match="violates PodSecurity"):
        installed.kubectl(*create, stdin=yaml.safe_dump(pod))


def test_samples_are_accepted(installed: Cluster, namespace: str) -> None:
    flags = ("-n", namespace, "apply", "--dry-run=server", "--validate=strict")
    accepted = installed.kubectl(*flags, "-k", str(SAMPLES)).splitlines()
    assert len(accepted) == 5, accepted
    for name in (path.stem for path in SAMPLES.glob("*.yaml") if path.stem != "kustomization"):  # each by itself, too
        assert installed.kubectl(*flags, "-f", str(SAMPLES / f"{name}.yaml"))


@pytest.mark.parametrize(("kind", "unused"), [("PackageUpload", "PREFIX_URL"), ("PackageUploadSet", "PACKAGE_URL")])
def test_every_setting_of_the_samples_arrives(cluster: Cluster, tmp_path: Path, kind: str, unused: str) -> None:
    shutil.copytree(SAMPLES, tmp_path / "samples")
    settings = tmp_path / "samples" / "settings.env"
    names = [line.partition("=")[0] for line in settings.read_text().splitlines()]
    settings.write_text("".join(f"{name}=value-of-{name}\n" for name in names))
    listed = tmp_path / "samples" / "kustomization.yaml"
    listed.write_text(listed.read_text().replace("- packageupload.yaml", f"- {kind.lower()}.yaml"))
    built = cluster.kubectl("kustomize", str(tmp_path / "samples"))
    assert {found for found, _ in documents(built)} == {"Secret", "Platform", "PackageInventory", kind}
    assert [name for name in names if f"value-of-{name}\n" not in built + "\n"] == [unused]
    assert "example.com" not in built
    assert "change-me" not in built
