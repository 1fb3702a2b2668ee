"""`manifest.yaml`: what is read, and that whatever it holds ends in one of our errors."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from violet_operator.errors import Stalled
from violet_operator.package.manifest import parse_manifest

GOOD = """\
apiVersion: violet.alauda.io/v1alpha1
kind: Package
metadata:
  name: topolvm-operator
spec:
  type: bundle
  version: "2.3.0"
  artifact: registry.example.com/acp/topolvm-operator-bundle:v2.3.0
  relatedImages:
    - registry.example.com/acp/topolvm:v1
"""


def refused(data: bytes | str) -> str:
    with pytest.raises(Stalled) as caught:
        parse_manifest("top/manifest.yaml", data.encode() if isinstance(data, str) else data)
    assert caught.value.reason == "InvalidPackage"
    assert "top/manifest.yaml" in caught.value.message
    return caught.value.message


@pytest.mark.parametrize(
    "data",
    [GOOD.encode(), GOOD.replace("\n", "\r\n").encode(), b"\xef\xbb\xbf" + GOOD.encode(), f"---\n{GOOD}".encode()],
    ids=["plain", "CRLF", "BOM", "document mark"],
)
def test_what_editors_make_of_it(data: bytes) -> None:
    spec = parse_manifest("manifest.yaml", data).spec
    assert (spec.type, spec.version, spec.lifecycle) == ("bundle", "2.3.0", "agnostic")
    assert spec.related_images == ["registry.example.com/acp/topolvm:v1"]


def test_unknown_fields_belong_to_later_packagers() -> None:
    assert parse_manifest("m", f"{GOOD}  somethingNew: {{a: 1}}\n".encode()).spec.version == "2.3.0"


def test_every_wrong_field_is_named() -> None:
    bad = GOOD.replace("bundle\n", "parcel\n", 1).replace('"2.3.0"', "[2]").replace("topolvm-operator\n", "Topo\n", 1)
    said = refused(bad.replace("    - registry", "    - {a: 7}\n    - registry") + "  lifecycle: eternal\n")
    for field in ("metadata.name", "spec.type", "spec.version", "spec.relatedImages.0", "spec.lifecycle"):
        assert field in said


@pytest.mark.parametrize("field", ["type", "version", "artifact"])
def test_a_missing_field_is_named(field: str) -> None:
    assert f"spec.{field}" in refused("".join(line for line in GOOD.splitlines(True) if f"  {field}:" not in line))


@pytest.mark.parametrize("kind", ["chart", "plugin"])
def test_a_chart_is_no_image_unless_it_says_so(kind: str) -> None:
    chart = "".join(line for line in GOOD.splitlines(True) if "  artifact:" not in line)
    assert parse_manifest("m", chart.replace("bundle\n", f"{kind}\n", 1).encode()).spec.artifact is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"text",
        b"a: [1",
        b"\xff\xfe\x00",
        b"a: b: c",
        b"\t- x",
        b"a: \x00",
        b"--- 1\n--- 2\n",
        b"!!python/object/apply:os.system [id]",
        b"a: !!timestamp no time",
        b"a: !!int ''",
        b"a: !!float ''",
        b"a: !!bool maybe",
        b"a: 0001-01-01T00:00:00+23:59",
        b"a: 2001-99-99",
        b"a: !!binary '*'",
        b"? {a: 1}\n: 2",
        b"a: *nothing",
        b"a: " + b"[" * 100_000,
        b"a: " + b"9" * 5000,
        b"apiVersion: violet.alauda.io/v1\nkind: Package\n",
    ],
)
def test_what_is_no_manifest(data: bytes) -> None:
    refused(data)


def test_aliases_do_not_multiply() -> None:
    lines = ["a0: &a0 {x: 1, y: 2}"]
    lines += [f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}" for i in range(1, 9)]
    start = time.monotonic()
    assert "more than 500000 values" in refused("\n".join(lines))
    assert time.monotonic() - start < 5


@given(st.binary(max_size=200) | st.text(alphabet="&*!<>:{}[]-?|#'\"\n ab1.", max_size=60).map(str.encode))
def test_any_bytes(data: bytes) -> None:
    refused(data)
