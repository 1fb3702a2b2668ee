"""Manifests for the platform: every name and label is one that an API server takes, whatever the package says."""

import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from violet_operator.api.artifact import Publication

LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SUBDOMAIN = re.compile(rf"{LABEL}(\.{LABEL})*")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")

names = st.one_of(st.from_regex(rf"\A{LABEL}(\.{LABEL})?\Z"), st.integers(60, 250).map(lambda size: "x" * size)).filter(
    lambda name: len(name) <= 253
)
tags = st.from_regex(r"\A[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\Z")
publications = st.builds(
    Publication,
    name=names,
    display_name=st.text(max_size=500),
    registry=st.just("registry.example.com:5000"),
    repository=st.just("acp/a-bundle"),
    tag=tags,
    namespace=st.just("cpaas-system"),
    library=names,
    channels=st.lists(st.text(max_size=80), max_size=4).map(tuple),
    default_channel=st.none() | st.text(max_size=80),
)
ONE = Publication(
    name="topolvm-operator",
    display_name="NativeStor " * 100,
    registry="registry.example.com:5000",
    repository="acp/topolvm-operator-bundle",
    tag="v2.3.0",
    namespace="cpaas-system",
    library="platform",
    channels=("stable", "alpha"),
    default_channel="stable",
)


@given(publications)
def test_every_label_is_one_that_kubernetes_takes(publication: Publication) -> None:
    for manifest in (publication.artifact(), publication.version()):
        for value in manifest["metadata"]["labels"].values():
            assert len(value) <= 63
            assert LABEL_VALUE.fullmatch(value)


@given(publications)
def test_what_is_no_label_is_still_an_annotation(publication: Publication) -> None:
    annotations = publication.version()["metadata"]["annotations"]
    assert annotations["cpaas.io/bundle-version"] == publication.tag
    assert annotations.get("cpaas.io/channels", "") == ",".join(publication.channels)
    assert publication.version()["metadata"]["labels"].items() <= annotations.items()


@given(names, tags)
def test_the_name_of_a_version_is_an_rfc_1123_subdomain(name: str, tag: str) -> None:
    publication = Publication(
        name=name, display_name="", registry="", repository="", tag=tag, namespace="", library="platform"
    )
    assert SUBDOMAIN.fullmatch(publication.version_name)
    assert len(publication.version_name) <= 253
    assert publication.version_name.startswith(name[:200])


@given(publications)
def test_an_artifact_selects_its_versions(publication: Publication) -> None:
    wanted = publication.artifact()["spec"]["artifactVersionSelector"]["matchLabels"]
    assert wanted.items() <= publication.version()["metadata"]["labels"].items()


def test_an_artifact() -> None:
    artifact = ONE.artifact()
    assert (artifact["apiVersion"], artifact["kind"]) == ("app.alauda.io/v1alpha1", "Artifact")
    assert artifact["metadata"]["name"] == "topolvm-operator"
    assert artifact["metadata"]["namespace"] == "cpaas-system"
    assert artifact["metadata"]["labels"]["cpaas.io/managed-by"] == "violet"
    assert artifact["metadata"]["labels"]["cpaas.io/library"] == "platform"
    assert artifact["spec"] == {
        "type": "bundle",
        "displayName": "NativeStor " * 100,
        "registry": "registry.example.com:5000",
        "repository": "acp/topolvm-operator-bundle",
        "present": True,
        "artifactVersionSelector": {"matchLabels": {"cpaas.io/artifact-version": "topolvm-operator"}},
    }


def test_a_version_is_named_after_its_artifact_and_tag() -> None:
    version = ONE.version()
    assert version["metadata"]["name"] == "topolvm-operator.v2.3.0"
    assert version["spec"] == {"present": True, "tag": "v2.3.0"}


@pytest.mark.parametrize(
    ("one", "other"),
    [("v1.0.0_1", "v1.0.0-1"), ("v1.0.0-RC1", "v1.0.0-rc1"), ("v1.0..0", "v1.0.0"), ("v1.0.0-", "v1.0.0")],
)
def test_two_tags_are_two_versions_and_a_name_that_loses_nothing_stays(one: str, other: str) -> None:
    names = [dataclasses.replace(ONE, tag=tag).version_name for tag in (one, other)]
    assert names[0].startswith(names[1])
    assert names == [names[0], f"topolvm-operator.{other}"]
    assert len(set(names)) == 2


def test_settings_come_above_our_own_labels() -> None:
    labels = {"cpaas.io/managed-by": "me", "cpaas.io/builtin": "", "team": "storage"}
    found = dataclasses.replace(ONE, labels=labels).artifact()["metadata"]
    for said in (found["labels"], found["annotations"]):
        assert (said["cpaas.io/managed-by"], said["team"]) == ("me", "storage")
        assert "cpaas.io/builtin" not in said


def test_pull_secrets_go_into_the_artifact() -> None:
    assert "imagePullSecrets" not in ONE.artifact()["spec"]
    spec = dataclasses.replace(ONE, pull_secrets=("a", "b")).artifact()["spec"]
    assert spec["imagePullSecrets"] == ["a", "b"]


def test_channels_with_a_comma_are_an_annotation_only() -> None:
    metadata = ONE.version()["metadata"]
    assert "cpaas.io/channels" not in metadata["labels"]
    assert metadata["annotations"]["cpaas.io/channels"] == "stable,alpha"
    assert metadata["labels"]["cpaas.io/default-channel"] == "stable"


def test_long_names_fit_labels_and_stay_different() -> None:
    one, other = (dataclasses.replace(ONE, name=f"{'long-' * 49}{end}", tag="v1") for end in ("one", "other"))
    labels = [item.version()["metadata"]["labels"]["cpaas.io/artifact-version"] for item in (one, other)]
    assert [len(label) for label in labels] == [63, 63]
    assert labels[0] != labels[1]
    assert one.artifact()["spec"]["artifactVersionSelector"]["matchLabels"] == {"cpaas.io/artifact-version": labels[0]}
    assert one.artifact()["metadata"]["name"] == one.name
    assert dataclasses.replace(one, tag="v2" * 20).version_name != dataclasses.replace(one, tag="v2" * 21).version_name
