"""Who names an image: whatever way it is written, and nobody who does not."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.cleanup.images_world import image
from violet_operator.cleanup.images.contents import related_images, texts
from violet_operator.cleanup.images.mentions import Watch
from violet_operator.cleanup.images.model import Mentions
from violet_operator.package.references import Destination

DEMO = "mirror/acp/demo"
DIGEST = image("a").digest


def found(document: object, *repositories: str) -> Mentions:
    watch = Watch(repositories or (DEMO,))
    watch.look(document, "somebody")
    return watch.found


def tags(document: object, *repositories: str) -> set[str]:
    return {place.tag for place in found(document, *repositories).places}


@pytest.mark.parametrize(
    "text",
    [
        "registry.example.com:11443/mirror/acp/demo:v1",
        "mirror/acp/demo:v1",
        "harbor.example.com/acp/demo:v1",
        "acp/demo:v1",
        "demo:v1",
        "localhost/demo:v1",
        "[2001:db8::1]:5000/mirror/acp/demo:v1",
        "docker://registry.example.com/mirror/acp/demo:v1",
        f"registry.example.com/mirror/acp/demo:v1@{DIGEST}",
        "--image=registry.example.com/acp/demo:v1,other",
        "image: 'acp/demo:v1'\nreplicas: 1",
        "see acp/demo:v1.",
        '{"image":"acp/demo:v1"}',
        "other.example.com/far/mirror/acp/demo:v1",
    ],
)
@pytest.mark.parametrize("wrap", [lambda it: it, lambda it: {"spec": [{"x": it}]}, lambda it: {it: None}])
def test_a_name_counts_wherever_and_however_it_is_written(text: str, wrap: Any) -> None:
    assert "v1" in tags(wrap(text))


@pytest.mark.parametrize(
    "text",
    [
        "acp/demo-bundle:v1",
        "acp/my-demo:v1",
        "acp/my.demo:v1",
        "other/demo:v1",
        "acp/demo/more:v1",
        "demos:v1",
        "acp/demo",
        "",
        "the demo is over",
    ],
)
def test_other_names_do_not(text: str) -> None:
    assert tags(text) == set()


def test_a_digest_counts_with_and_without_a_name() -> None:
    assert found(f"x.example.com/acp/demo@{DIGEST}").places == {Destination(DEMO, DIGEST): "somebody"}
    assert found({"imageID": f"sha256:{'0' * 64} {DIGEST}"}).digests.keys() == {f"sha256:{'0' * 64}", DIGEST}


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("acp/demo", True),
        ("x.example.com/mirror/acp/demo", True),
        ("{{ .Values.registry }}/acp/demo:{{ .Values.tag }}", True),
        ("repository: acp/demo\ntag: v7", True),
        ("demo", True),
        ("registry.k8s.io/demo", True),
        ("image: quay.example.com/demo\ntag: v7", True),
        ("{{ .Values.registry }}/demo:{{ .Values.tag }}", True),
        ("$(REGISTRY)/demo", True),
        ("acp/demo:v1", False),
        ("/demo", False),
        ("other/demo", False),
    ],
)
def test_a_repository_without_a_tag_may_mean_any_of_it(text: str, whole: bool) -> None:
    assert (DEMO in found(text).repositories) is whole


def test_a_repository_of_one_word_is_meant_only_by_a_value_of_its_own() -> None:
    assert "demo" in found({"repository": "demo"}, "demo").repositories
    assert "demo" in found("x.example.com/demo", "demo").repositories
    assert found("the demo is over", "demo").repositories == {}


SPLIT = {"registry": "r.example.com/acp", "repository": "demo", "tag": "v1"}


@pytest.mark.parametrize(
    "values",
    [
        {"image": SPLIT},
        {"image": {"repository": "demo", "digest": DIGEST}},
        {"image": {"name": "demo", "tag": "v1"}},
        {"images": {"first": {"name": "demo", "tag": "v1"}}},
        {"images": ["demo"]},
        {"imageName": "demo"},
        {"env": [{"name": "OPERAND", "value": "demo"}]},
        {"metadata": {"annotations": {"example.com/image-repository": "demo"}}},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "write",
    [
        lambda it: it,
        lambda it: {"values": it},
        lambda it: {"annotations": {"values": json.dumps(it)}},
        lambda it: texts([json.dumps(it).encode()]),
        lambda it: texts([json.dumps(it, indent=2).encode()]),
        lambda it: texts([yaml.safe_dump(it).encode()]),
        lambda it: texts([b"a: b\n---\n" + yaml.safe_dump(it).encode()]),
    ],
    ids=["object", "values", "text-in-object", "json", "json-lines", "yaml", "yaml-documents"],
)
def test_a_name_that_is_split_into_values_means_the_repository(values: Any, write: Any) -> None:
    for repository in ("demo", "acp/demo", DEMO):
        assert repository in found(write(values), repository).repositories


@pytest.mark.parametrize(
    "text",
    [
        "{{- if .Values.on }}\nimage:\n  repository: demo\n  tag: {{ .Values.tag }}\n{{- end }}",
        "{{- $image := dict }}\n  repository: 'demo'  # the manager",
        '{{ if }} {"registry": "r", "repository": "demo", "tag": "v1"} {{ end }}',
        "{{ if }}\n- {repository: demo, tag: {{ .Values.tag }}}",
        'FROM x\nENV REPOSITORY="demo" TAG=v1',
        "REPOSITORY=demo\nTAG=v1",
    ],
)
def test_so_does_a_value_in_a_text_that_is_no_document(text: str) -> None:
    assert DEMO in found(texts([text.encode()])).repositories


@pytest.mark.parametrize(
    "document",
    [
        {"kind": "Deployment", "metadata": {"name": "demo", "labels": {"app": "demo"}}},
        {"spec": {"selector": {"matchLabels": {"app": "demo"}}, "serviceName": "demo"}},
        {"spec": {"containers": [{"name": "demo", "image": "acp/other:v1"}], "serviceAccount": "demo"}},
        {"spec": {"containers": [{"name": "demo", "command": ["demo"], "ports": [{"name": "demo"}]}]}},
        {"spec": {"relatedImages": [{"name": "demo", "image": "acp/demo:v2"}], "keywords": ["demo"]}},
        {"spec": {"names": {"plural": "demos", "singular": "demo"}, "displayName": "demo"}},
        {"name": "demo", "version": "1.0.0", "description": "the demo of demo"},
        {"demo": {"enabled": True}},
        "demo is a demo: the demo",
    ],
    ids=str,
)
@pytest.mark.parametrize("write", [lambda it: it, lambda it: texts([yaml.safe_dump(it).encode()])], ids=["it", "file"])
def test_what_is_called_like_a_repository_names_no_image(document: Any, write: Any) -> None:
    assert found(write(document)).repositories == {}


@given(
    host=st.sampled_from(["", "r.example.com/", "r.example.com:443/", "localhost:5000/", "10.0.0.1:11443/"]),
    path=st.from_regex(r"[a-z0-9]+([._-][a-z0-9]+)?(/[a-z0-9]+([._-][a-z0-9]+)?){0,3}", fullmatch=True),
    tag=st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,20}", fullmatch=True),
    around=st.sampled_from([("", ""), ('"', '"'), (" ", " "), ("=", ","), ("\n", "\n"), ("(", ")"), ("- ", "")]),
)
def test_any_reference_is_found_in_any_text(host: str, path: str, tag: str, around: tuple[str, str]) -> None:
    text = f"{around[0]}{host}{path}:{tag}{around[1]}"
    assert tag in tags({"a": [text]}, path)
    assert tag in tags(text, f"prefix/{path}")


CSV = b"""
kind: ClusterServiceVersion
metadata: {name: demo.v1, annotations: {containerImage: x.example.com/acp/annotated:v1}}
spec:
  description: Replaces x.example.com/acp/described:v1
  relatedImages: [{name: a, image: "x.example.com/acp/related:v1"}]
  install:
    spec:
      deployments:
      - spec:
          template:
            spec:
              initContainers: [{image: "x.example.com/acp/init:v1"}]
              containers:
              - image: x.example.com/acp/main:v1
                env:
                - {name: RELATED_IMAGE_X, value: "x.example.com/acp/variable:v1"}
                - {name: NOTE, value: "x.example.com/acp/note:v1"}
"""


def test_what_goes_needs_what_its_fields_say_and_what_stays_needs_what_it_says_anywhere() -> None:
    related = related_images(
        {"manifests/csv.yaml": CSV, "manifests/broken.yaml": b"ClusterServiceVersion: [", "a": b""}
    )
    assert [each.rpartition("/")[2].removesuffix(":v1") for each in related] == ["related", "init", "main", "variable"]
    names = ["annotated", "described", "related", "init", "main", "variable", "note"]
    watch = Watch(f"mirror/acp/{each}" for each in names)
    watch.look(texts([CSV]), "somebody")
    assert {place.repository.rpartition("/")[2] for place in watch.found.places} == set(names)
