"""The committed CRDs are the models', and hold the promises made to users: fields, words and defaults."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from violet_operator.api.crds import all_crds, main, render

ROOT = Path(__file__).parents[3]
FOLDERS = ("crds", "charts/violet-operator/crds")

# what users were promised: the field, its words or default; a None says no more than that it is there
PACKAGE_UPLOAD: dict[str, Any] = {
    "source.url": None,
    "source.endpoint": None,
    "source.region": None,
    "source.credentialsSecretRef.name": None,
    "source.caBundleRef.kind": "ConfigMap",
    "source.caBundleRef.name": None,
    "source.caBundleRef.key": "ca.crt",
    "source.sha256": None,
    "verification.policy": "Require",
    "verification.gpg.keysRef.kind": "Secret",
    "verification.gpg.keysRef.name": None,
    "verification.gpg.fingerprints": None,
    "targets[].platformRef.name": "default",
    "targets[].clusters": ["global"],
    "catalogSource": "platform",
    "chartRepository": "public-charts",
    "imagePlatforms": None,
    "mode": "Upload",
    "skipPush": False,
    "skipResources": False,
    "overwrite": "Never",
    "suspend": False,
    "deletionPolicy": "Retain",
    "interval": "1h",
}
PLATFORM: dict[str, Any] = {
    "inCluster": None,
    "address": None,
    "credentialsSecretRef.name": None,
    "kubeconfigSecretRef.name": None,
    "clientID": "alauda-auth",
    "caBundleRef.kind": "ConfigMap",
    "caBundleRef.name": None,
    "caBundleRef.key": "ca.crt",
    "insecureSkipTLSVerify": False,
    "registry.address": None,
    "registry.credentialsSecretRef.name": None,
    "registry.anonymous": False,
    "registry.plainHTTP": False,
    "registry.caBundleRef.kind": "ConfigMap",
    "registry.caBundleRef.name": None,
    "registry.caBundleRef.key": "ca.crt",
    "registry.repositoryPrefix": None,
    "registry.pullAddress": None,
    "registry.imagePullSecrets": None,
    "charts.backend": "catalogApi",
    "charts.address": None,
    "charts.credentialsSecretRef.name": None,
    "charts.caBundleRef.kind": "ConfigMap",
    "charts.caBundleRef.name": None,
    "charts.caBundleRef.key": "ca.crt",
}
PACKAGE_INVENTORY: dict[str, Any] = {
    "platformRef.name": "default",
    "clusters": None,
    "interval": None,
    "schedule": None,
    "timeZone": None,
    "suspend": False,
    "output.configMapRef.name": None,
    "output.configMapRef.key": "apps.yaml",
    "output.url": None,
    "output.endpoint": None,
    "output.region": None,
    "output.credentialsSecretRef.name": None,
    "output.caBundleRef.kind": "ConfigMap",
    "output.caBundleRef.name": None,
    "output.caBundleRef.key": "ca.crt",
}
PACKAGE_UPLOAD_SET: dict[str, Any] = {
    "source.url": None,
    "source.endpoint": None,
    "source.region": None,
    "source.credentialsSecretRef.name": None,
    "source.caBundleRef.kind": "ConfigMap",
    "source.caBundleRef.name": None,
    "source.caBundleRef.key": "ca.crt",
    "include": None,
    "exclude": None,
    "template.metadata.labels": None,
    "template.metadata.annotations": None,
    **{f"template.spec.{path}": default for path, default in PACKAGE_UPLOAD.items() if not path.startswith("source.")},
    "interval": "5m",
    "prune": False,
    "suspend": False,
}
CLEANUP: dict[str, Any] = {
    "platformRef.name": "default",
    "clusters": None,
    "mode": "DryRun",
    "kinds": ["Artifact", "ArtifactVersion", "ModulePlugin", "ModuleConfig"],
    "exclude.names": None,
    "exclude.selector.matchLabels": None,
    "exclude.selector.matchExpressions[].key": None,
    "exclude.selector.matchExpressions[].operator": None,
    "exclude.selector.matchExpressions[].values": None,
    "retention.keepNewerThanInstalled": True,
    "retention.keepLast": 0,
    "retention.minAge": None,
    "retention.observations": 1,
    "limits.maxDeletions": None,
    "limits.maxPercent": None,
    "images": "Retain",
}
CLEANUP_POLICY: dict[str, Any] = {
    "schedule": None,
    "timeZone": None,
    "startingDeadlineSeconds": None,
    "suspend": False,
    "successfulRunsHistoryLimit": 3,
    "failedRunsHistoryLimit": 1,
}
CLEANUP_RUN: dict[str, Any] = {"approvedPlan": None, "restore": False}
WORDS = {
    "verification.policy": ["Require", "IfPresent", "Skip"],
    "verification.gpg.keysRef.kind": ["Secret", "ConfigMap"],
    "source.caBundleRef.kind": ["ConfigMap", "Secret"],
    "mode": ["Upload", "Preview"],
    "overwrite": ["Never", "IfDifferent"],
    "deletionPolicy": ["Retain", "Delete"],
}
CONDITION = {"type", "status", "reason", "message", "lastTransitionTime", "observedGeneration"}
UPLOAD_STATUS = {
    "source": {"url", "etag", "version", "size", "sha256"},
    "verification": {"method", "fingerprint", "keyID", "userID", "signedAt", "sha256", "verifiedAt"},
    "package": {"name", "displayName", "type", "version", "architectures", "lifecycle", "artifact", "relatedImages"},
    "progress": {"bytesTotal", "bytesDone", "blobsTotal", "blobsDone", "blobsSkipped", "percent"},
    "plan": set(),
    "targets": {"platform", "cluster", "objects", "phase", "message"},
    "images": {"source", "destination", "digest"},
    "conditions": CONDITION,
}


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_committed_files_are_what_the_models_say(folder: str) -> None:
    files = {path.name: path.read_text() for path in (ROOT / folder).glob("*.yaml") if path.stem != "kustomization"}
    assert files == {name: render(document) for name, document in all_crds().items()}


def test_the_generator_writes_every_file_into_every_folder(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    main([str(folder) for folder in folders])
    for folder in folders:
        assert {path.name for path in folder.iterdir()} == set(all_crds())


@pytest.mark.parametrize("name", all_crds())
def test_kustomize_takes_every_file(name: str) -> None:
    assert name in yaml.safe_load((ROOT / "crds/kustomization.yaml").read_text())["resources"]


@pytest.mark.parametrize(
    ("name", "promised"),
    [
        ("cleanuppolicies", CLEANUP | CLEANUP_POLICY),
        ("cleanupruns", CLEANUP | CLEANUP_RUN),
        ("packageinventories", PACKAGE_INVENTORY),
        ("packageuploads", PACKAGE_UPLOAD),
        ("packageuploadsets", PACKAGE_UPLOAD_SET),
        ("platforms", PLATFORM),
    ],
)
def test_the_spec_has_the_promised_fields_and_defaults(name: str, promised: dict[str, Any]) -> None:
    fields = dict(_leaves(_part(name, "spec")))
    assert {path: part.get("default") for path, part in fields.items()} == promised


@pytest.mark.parametrize("path", WORDS)
def test_a_field_takes_the_promised_words(path: str) -> None:
    assert dict(_leaves(_part("packageuploads", "spec")))[path]["enum"] == WORDS[path]


def test_the_status_of_a_set_has_the_promised_fields() -> None:
    properties = _part("packageuploadsets", "status")["properties"]
    assert {"conditions", "found", "ready", "failed", "progressing", "gone", "observedGeneration"} <= set(properties)
    assert set(properties["failures"]["items"]["properties"]) == {"package", "upload", "reason", "message"}
    classes = properties["verification"]["properties"]
    assert set(classes) == {"gpg", "checksum", "failed", "noFile"}
    for part in classes.values():
        assert set(part["properties"]) == {"count", "packages"}


@pytest.mark.parametrize("field", UPLOAD_STATUS)
def test_the_status_of_an_upload_has_the_promised_fields(field: str) -> None:
    part = _part("packageuploads", "status")["properties"][field]
    assert set(part.get("items", part)["properties"]) >= UPLOAD_STATUS[field]


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("cleanuppolicies", "vcp"),
        ("cleanupruns", "vcr"),
        ("packageinventories", "pi"),
        ("packageuploads", "pu"),
        ("packageuploadsets", "pus"),
        ("platforms", "vp"),
    ],
)
def test_a_kind_is_namespaced_with_a_short_name_a_category_and_a_status(name: str, short: str) -> None:
    spec = all_crds()[f"{name}.yaml"]["spec"]
    assert (spec["group"], spec["scope"]) == ("violet.alauda.io", "Namespaced")
    assert (spec["names"]["shortNames"], spec["names"]["categories"]) == ([short], ["violet"])
    assert [(version["name"], version["subresources"]) for version in spec["versions"]] == [
        ("v1alpha1", {"status": {}})
    ]


@pytest.mark.parametrize("name", [name.removesuffix(".yaml") for name in all_crds()])
def test_every_field_is_explained(name: str) -> None:
    for top in ("spec", "status"):
        assert [path for path, part in _leaves(_part(name, top)) if not part.get("description")] == []


def _part(name: str, top: str) -> dict[str, Any]:
    (version,) = all_crds()[f"{name}.yaml"]["spec"]["versions"]
    return dict(version["schema"]["openAPIV3Schema"]["properties"][top])


def _leaves(part: dict[str, Any], path: str = "") -> list[tuple[str, dict[str, Any]]]:
    """The fields that hold a value, or a list of values."""
    if part.get("properties"):
        below = f"{path}." if path else ""
        return [leaf for field, value in part["properties"].items() for leaf in _leaves(value, below + field)]
    if "properties" in part.get("items", {}):
        return _leaves(part["items"], f"{path}[]")
    return [(path, part)]


def test_whatever_a_field_may_hold_is_kept() -> None:
    package = _part("packageuploads", "status")["properties"]["package"]["properties"]
    for field in ("affinity", "module"):
        assert package[field]["x-kubernetes-preserve-unknown-fields"] is True
        assert "additionalProperties" not in package[field]  # it would prune what lies below the first level
