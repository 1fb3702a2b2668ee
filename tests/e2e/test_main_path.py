"""The main path: one package from the bucket to Ready, and everything that a user can see of it on the way.

One package goes through a slowed registry once; each test looks at another side of what that left behind.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import Cluster, Kit
from tests.faults import FaultProxy
from tests.harness import SYSTEM, Site, condition, installation, is_ready, platform, to_platform
from tests.observe import Watch, transferred, until
from tests.packages import Built, Bundle, Image

pytestmark = pytest.mark.e2e

INTERVAL = 1.0
MANAGER = "violet-operator"
SPEC = Bundle(
    name="topolvm-operator",
    version="2.3.0",
    tag="v2.3.0",
    display_name="NativeStor",
    channels=("stable", "candidate"),
    related=(Image("topolvm", "v3", layers=2, layer_size=4 << 20), Image("csi", layers=1, layer_size=300 << 10)),
)


@dataclass(frozen=True)
class Journey:
    """What there is to look at after the package has gone through."""

    site: Site
    built: Built
    proxy: FaultProxy
    watch: Watch
    upload: dict[str, Any]
    home: Path
    written: int

    @property
    def status(self) -> dict[str, Any]:
        return dict(self.upload["status"])

    def published(self, kind: str, name: str) -> dict[str, Any]:
        found = self.site.cluster.kubectl("get", kind, name, "-n", SYSTEM, "-o", "json", "--show-managed-fields")
        return dict(json.loads(found))


@pytest.fixture(scope="module")
def journey(kit: Kit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    """The package of SPEC, pushed through a slow proxy and pulled by the platform from the registry itself."""
    directory, home = tmp_path_factory.mktemp("main"), tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as environment, FaultProxy(kit.registry().address) as proxy:
        for variable in ("HOME", "TMPDIR"):
            environment.setenv(variable, str(home))
        environment.setenv("PYTHONDONTWRITEBYTECODE", "1")
        with installation(kit, directory, "--progress-interval", str(INTERVAL)) as site:
            pull = {"anonymous": True, "plainHTTP": True, "pullAddress": site.registry.address}
            site.apply(platform("slow", proxy.address, **pull))
            built = site.put_package("topolvm", SPEC)
            proxy.limit(4 << 20)
            site.apply(site.package_upload("topolvm", targets=to_platform("slow")))
            with Watch(site.cluster, site.namespace, "topolvm") as watch:
                site.wait("topolvm", is_ready, 120)
            # kubectl's own answer to "is it done", as scripts ask it
            site.cluster.kubectl(
                "wait", "--for=condition=Ready", "packageupload/topolvm", "-n", site.namespace, "--timeout=10s"
            )
            yield Journey(site, built, proxy, watch, site.upload("topolvm"), home, site.operator.bytes_written())


def test_every_condition_is_true(journey: Journey) -> None:
    found = {each["type"]: each for each in journey.status["conditions"]}
    assert list(found) == ["Fetched", "Verified", "Pushed", "Published", "Ready"]  # neither Reconciling nor Stalled
    for each in found.values():
        assert each["status"] == "True", each
        assert each["observedGeneration"] == journey.upload["metadata"]["generation"], each
        assert each["message"], each
    assert found["Ready"]["reason"] == "Installable"
    assert found["Ready"]["message"] == "topolvm-operator 2.3.0 can be installed on global of slow."


def test_status_tells_what_the_package_is(journey: Journey) -> None:
    status, built = journey.status, journey.built
    assert status["observedGeneration"] == 1
    url = journey.site.storage.url("topolvm.tgz")
    assert status["source"].pop("etag")
    assert status["source"] == {"url": url, "size": built.size, "sha256": built.sha256}
    assert status["verification"].pop("verifiedAt").endswith("Z")
    assert len(status["verification"].pop("evidence")) == len(status["verification"].pop("trust")) == 64
    assert status["verification"] == {"method": "Checksum", "sha256": built.sha256}
    assert status["package"] == {
        "name": "topolvm-operator",
        "displayName": "NativeStor",
        "type": "bundle",
        "version": "2.3.0",
        "architectures": ["linux/amd64", "linux/arm64"],
        "lifecycle": "agnostic",
        "artifact": SPEC.artifact,
        "csv": SPEC.csv_name,
        "channels": ["stable", "candidate"],
        "defaultChannel": "stable",
        "relatedImages": list(SPEC.related_references),
    }
    assert "plan" not in status  # nothing is left to do


def test_status_tells_what_is_where(journey: Journey) -> None:
    status, address = journey.status, journey.site.registry.address
    images = {each["source"]: each for each in status["images"]}
    assert set(images) == {image.ref for image in journey.built.images}
    for image in journey.built.images:
        assert images[image.ref]["digest"] == image.digest
        assert images[image.ref]["destination"] == image.ref.replace("harbor.example.com", address)
        assert images[image.ref]["platform"] == "slow"
    (target,) = status["targets"]
    assert (target["platform"], target["cluster"], target["phase"]) == ("slow", "global", "Ready")
    assert [(each["kind"], each["namespace"], each["name"]) for each in target["objects"]] == [
        ("Artifact", SYSTEM, "topolvm-operator"),
        ("ArtifactVersion", SYSTEM, "topolvm-operator.v2.3.0"),
    ]
    blobs = {(image.ref, digest) for image in journey.built.images for digest in image.blobs}
    progress = status["progress"]
    assert (progress["percent"], progress["bytesDone"]) == (100, progress["bytesTotal"])
    assert (progress["blobsTotal"], progress["blobsDone"], progress["blobsSkipped"]) == (len(blobs), len(blobs), 0)


def test_registry_holds_the_packed_bytes(journey: Journey) -> None:
    registry = journey.site.registry
    for image in journey.built.images:
        repository, _, tag = image.ref.partition("/")[2].rpartition(":")
        assert registry.manifest(repository, tag) == image.manifests[image.digest]
        for digest, content in image.manifests.items():
            assert registry.manifest(repository, digest) == content
    assert [len(image.manifests) for image in journey.built.images] == [1, 3, 3]  # an index with two children
    once = transferred(journey.proxy.requests).uploaded
    assert len(once) == len(set(once)), "a blob was sent twice"


def test_tag_comes_last(journey: Journey) -> None:
    written = [record.path for record in journey.proxy.requests if record.method == "PUT"]
    assert written[-1] == "/v2/acp/topolvm-operator-bundle/manifests/v2.3.0"
    tags = [path.rpartition("/")[2] for path in written if "/manifests/" in path]
    assert [tag for tag in tags if not tag.startswith("sha256:")] == tags[-3:]


def test_artifact_is_what_the_marketplace_wants(journey: Journey) -> None:
    artifact = journey.published("artifact", "topolvm-operator")
    assert artifact["spec"] == {
        "type": "bundle",
        "displayName": "NativeStor",
        "registry": journey.site.registry.address,
        "repository": "acp/topolvm-operator-bundle",
        "present": True,
        "artifactVersionSelector": {"matchLabels": {"cpaas.io/artifact-version": "topolvm-operator"}},
    }
    for texts in (artifact["metadata"]["labels"], artifact["metadata"]["annotations"]):
        assert texts["cpaas.io/managed-by"] == "violet"
        assert texts["cpaas.io/library"] == "platform"
    assert applied_by(artifact) == MANAGER


def test_version_belongs_to_the_artifact(journey: Journey) -> None:
    artifact = journey.published("artifact", "topolvm-operator")
    version = journey.published("artifactversion", "topolvm-operator.v2.3.0")
    assert version["spec"] == {"present": True, "tag": "v2.3.0"}
    (owner,) = version["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == (
        "Artifact",
        "topolvm-operator",
        artifact["metadata"]["uid"],
    )
    assert version["metadata"]["labels"]["cpaas.io/artifact-version"] == "topolvm-operator"
    assert version["metadata"]["annotations"]["cpaas.io/channels"] == "stable,candidate"
    assert (version["status"]["phase"], version["status"]["reason"]) == ("Present", "Success")
    assert applied_by(version) == MANAGER


def test_events_are_transitions_alone(journey: Journey) -> None:
    until(lambda: len(journey.site.events("topolvm")) >= 2)  # they follow the status they belong to
    events = {(each["type"], each["reason"]) for each in journey.site.events("topolvm")}
    assert events == {("Normal", "ChecksumMatches"), ("Normal", "Installable")}
    assert len(journey.site.events("topolvm")) == 2


def test_progress_never_falls_and_is_written_seldom(journey: Journey) -> None:
    during = [(moment, each["progress"]) for moment, each in journey.watch.statuses if each.get("progress")]
    assert len(during) >= 4, "the transfer was too short to show progress"
    for field in ("percent", "bytesDone", "blobsDone", "blobsTotal"):
        values = [progress[field] for _, progress in during]
        assert values == sorted(values), field
    assert all(
        progress["bytesDone"] <= progress["bytesTotal"] for _, progress in during
    )  # the total is a guess at first
    assert any(0 < progress["percent"] < 100 for _, progress in during)
    pushing = [
        moment
        for moment, each in journey.watch.statuses
        if condition({"status": each}, "Reconciling")["reason"] == "Pushing"
    ]
    # The first of them and the last, which tells the end, need not wait for their turn.
    assert len(pushing) <= (pushing[-1] - pushing[0]) / INTERVAL + 3, pushing


def test_user_sees_it_with_kubectl(journey: Journey) -> None:
    where = ("-n", journey.site.namespace)
    header, row = journey.site.cluster.kubectl("get", "pu", *where, "-o", "wide").splitlines()
    titles = ("NAME", "READY", "REASON", "PROGRESS", "PACKAGE", "VERSION", "AGE", "TYPE", "SOURCE", "VERIFIED")
    assert header.split() == [*titles, "MESSAGE"]
    assert row.split()[:6] == ["topolvm", "True", "Installable", "100", "topolvm-operator", "2.3.0"]
    assert "s3://packages/topolvm.tgz" in row
    assert "can be installed on global of slow" in row
    described = journey.site.cluster.kubectl("describe", "pu", "topolvm", *where)
    for text in ("topolvm-operator.v2.3.0 is Present", "ChecksumMatches", "Events:", journey.built.sha256):
        assert text in described
    assert "topolvm" in journey.site.cluster.kubectl("get", "violet", *where)  # the category


def test_nothing_is_written_to_disk(journey: Journey) -> None:
    # The Kubernetes client puts the certificate inside a kubeconfig into a file; a pod has it as a file already.
    left = [path.read_bytes() for path in journey.home.rglob("*")]
    assert left in ([], [journey.site.cluster.ca_file.read_bytes()])
    assert journey.written < 1 << 20  # its log, while the package has 9 MB


def test_writes_to_the_api_are_few(journey: Journey) -> None:
    about = writes(journey.site.cluster, journey.site.namespace)
    reports = [each for each in about if each == ("patch", "packageuploads", "status")]
    others = [each for each in about if each not in reports and not each[1].startswith("selfsubject")]
    assert others == [("create", "events", "")] * 4  # of each Platform that it is connected, and two of the upload
    seconds = journey.watch.statuses[-1][0] - journey.watch.statuses[0][0]
    assert len(reports) <= seconds / INTERVAL + 6  # the rest are transitions


def applied_by(body: dict[str, Any]) -> str:
    """Who holds the spec by server-side apply."""
    (manager,) = [each["manager"] for each in body["metadata"]["managedFields"] if each["operation"] == "Apply"]
    return str(manager)


def writes(cluster: Cluster, namespace: str) -> list[tuple[str, str, str]]:
    """What the operator has written into a namespace about its uploads."""
    found = list(cluster.audit_writes(f"system:serviceaccount:violet-system:{MANAGER}"))
    return [
        (each.verb, each.resource, each.subresource)
        for each in found
        if each.namespace == namespace and each.resource != "platforms"
    ]
